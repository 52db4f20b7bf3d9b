/*
 * signal.h - one thing that may hold a backfill up: what it asks, what it has read last, what it says about it.
 *
 * Pure but for the script's functions, a flag file and the clock that the caller passes in: connections are
 * lookout.c's. Main thread only. Ownership: the caller owns the struct (signal_read, signal_release); texts returned
 * live until the next call.
 */
#ifndef THROTTLE_SIGNAL_H
#define THROTTLE_SIGNAL_H

#include "base/error.h"
#include "base/strbuf.h"
#include "db/batch.h"
#include "lua/host.h"
#include "throttle/gauge.h"
#include "throttle/lag.h"
#include "throttle/window.h"

#include <jansson.h>

enum signal_kind {
  SIGNAL_GAUGE,    /* rows of name and number; the worst counts */
  SIGNAL_REPLICAS, /* positions of the writer and of replicas */
  SIGNAL_WAITERS,  /* sessions that wait for us */
  SIGNAL_PROBE,    /* the script's SQL: its first value */
  SIGNAL_FUNCTION, /* the script's function */
  SIGNAL_FILE,     /* holds while the file is there */
  SIGNAL_WINDOW,   /* holds outside of a time of the week */
};

struct replica {
  char *name;
  bool stays;    /* it is missed when it is not there any more */
  bool is_gone;  /* named, and no replica any more: it has been promoted */
  char *trouble; /* why it could not be asked the last time, or NULL; of those that are named */
  struct gauge lag;
  struct gauge bytes;
};

struct signal {
  enum signal_kind kind;
  char *name;           /* of its limit, as operators set it, or NULL */
  char *what;           /* for people */
  char *unit;           /* "bytes", "seconds", "count" */
  char *sql;            /* NULL: nothing is asked of the database */
  char *before, *after; /* statements around it, or NULL; `after` also where it has failed */
  char *text;           /* path, window */
  int call_ref;
  int ready_ref; /* function(limit): is there anything to ask? or LUA_NOREF */
  int value_ref; /* function(row ...): the number; or LUA_NOREF: the row is name and number */
  double limit;  /* as the definition says; below 0: off */

  struct gauge gauge; /* of a probe or a function: only how old its answer is */
  char *worst;        /* whose value the gauge has, or NULL */
  char *says;         /* the reason of a probe, function or file; NULL: go on */
  char *trouble;      /* why it could not be read the last time, or NULL */

  /* replicas */
  double lag_limit, bytes_limit; /* as the definition says */
  double lag_now, bytes_now;     /* as the operator wants them */
  char *replica_sql;             /* on a replica itself */
  int64_t writer;                /* the line of history that is written, or 0; another server writes another one */
  struct vec urls;               /* owned strings */
  struct vec replicas;           /* struct replica */
  struct lag_history history;

  /* waiters */
  double yield_s, blocked_s; /* below 0: off */
  double yield_now, blocked_now;
  double yield_until_s;
  char *waiter;
  int divisor;
  double blocked_at_s; /* when somebody was last seen blocked */

  struct window window;
};

/* Reads the table at `index` (core/lua/lib/throttle.lua made it); throws Lua errors, so only in a protected call. */
struct signal *signal_read(lua_State *L, int index);
/* ERROR_USAGE for a window that cannot be understood. */
bool signal_prepare(struct signal *signal, double now_s, struct error *err) MUST_CHECK;
void signal_free(struct signal *signal, lua_State *L);

/* What the operator has set, or NULL for nothing. */
void signal_override(struct signal *signal, const json_t *overrides);

/* Is there something to ask the database? What need not be asked is looked at here: functions, files, the clock. */
bool signal_look(struct signal *signal, struct host *host, double now_s);

/* What the database has answered. False with an error when it is not what the signal asks for. */
bool signal_take(struct signal *signal, struct host *host, const moonbird_batch *rows, double now_s,
                 struct error *err) MUST_CHECK;

/* It could not be read; `why` is kept for the reason. */
void signal_fail(struct signal *signal, const char *why);

/* A replica that is asked by itself: position, and what it says of its lag in seconds (below 0: nothing). */
void signal_take_replica(struct signal *signal, struct replica *replica, int64_t position, double told_s, double now_s);
struct replica *signal_add_replica(struct signal *signal, const char *name, bool stays, double now_s);
void signal_free_replica(struct replica *replica);
/* It could not be asked. */
void signal_fail_replica(struct replica *replica, const char *why);
/* It has answered that it is no replica any more: it holds nothing up, until it is one again. Said once in the log. */
void signal_lose_replica(struct replica *replica);

/* Appends why no batch may start now, after "; " where something is there already. */
void signal_add_reason(const struct signal *signal, double now_s, struct strbuf *reason);

/* Seconds that the slowest replica is behind; below 0: it knows of none. */
double signal_lag_s(const struct signal *signal);

/* 1, or what the size of batches is divided by. */
int signal_divisor(struct signal *signal, double now_s);

#endif
