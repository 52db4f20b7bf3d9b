/*
 * run.h - what the commands ask for: upgrade, downgrade, stamp, and the version rows as they are.
 *
 * One call opens the connection, takes the lock where it writes, does the work, closes. Ownership: the request is
 * borrowed for the call. Main thread only.
 */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "config/config.h"
#include "graph/plan.h"
#include "script/environment.h"

#include <stdint.h>

/* How far a backfill is; a snapshot for one moment, all texts borrowed for the call. */
struct backfill_progress {
  const char *name;
  const char *table;
  const char *state;      /* "planned", "running", "done", ... */
  const char *reason;     /* why it waits ("throttled: ..."), or NULL */
  int64_t rows_done;      /* over all runs */
  int64_t rows_now;       /* of this process, in this run */
  int64_t rows_estimated; /* -1 unknown */
  double fraction;        /* 0 to 0.999 while it runs; -1 unknown; 1 only when done */
  bool is_estimate;       /* the fraction: from the estimated rows, and not from the position of the key */
  double rows_per_s;      /* over the last seconds; 0 before it is known */
  double eta_s;           /* -1 until it means something */
  int64_t batch_size;
  double elapsed_s; /* of this run */
  size_t workers;   /* of this process */
  double lag_s;     /* of the slowest replica; -1 unknown */
  bool resumed;     /* an earlier run had begun it */
  bool ended;       /* the last call for this backfill */
};

struct batch_news;
struct loop;

/* What the command wants to hear while the work goes on; any may be NULL. */
struct run_listener {
  void *data;
  void (*step_started)(void *data, const struct plan_step *step);
  void (*step_finished)(void *data, const struct plan_step *step, double seconds); /* after the commit has returned */
  void (*step_failed)(void *data, const struct plan_step *step, const struct error *err);
  void (*step_resumed)(void *data, const struct plan_step *step, size_t statements_passed_over);
  void (*backfill)(void *data, const struct backfill_progress *progress);
  void (*batch)(void *data, const char *backfill, const struct batch_news *news); /* backfill/job.h */
  bool (*opened)(void *data, struct loop *loop, struct error *err); /* a named backfill's run; false: it ends */
  void (*closing)(void *data);                                      /* after `opened`, while the loop still lives */
  void (*lock_waiting)(void *data, const char *holder, double waited_s);
  void (*tick)(void *data, double step_elapsed_s); /* about four times a second while something runs */
};

struct run_request {
  const struct config *config;
  struct environment *env;
  const struct run_listener *listener;
  const struct vec *x_args; /* const char *: -x K=V as given; NULL for none */
  const char *url;          /* another database than the settings name; NULL: theirs */
  const char *tag;          /* --tag: context.tag of scripts; NULL for none */
  double lock_timeout_s;    /* -1: wait without end */
  bool accept_code_change;  /* a backfill that has begun goes on with changed code */
};

bool run_upgrade(const struct run_request *request, const char *target, struct error *err) MUST_CHECK;
bool run_downgrade(const struct run_request *request, const char *target, struct error *err) MUST_CHECK;

/* `targets`: const char *. With `purge` the version table is emptied first. */
bool run_stamp(const struct run_request *request, const struct vec *targets, bool purge, struct error *err) MUST_CHECK;

/* Makes the version table, and nothing else, where it is not there. */
bool run_ensure_version(const struct run_request *request, struct error *err) MUST_CHECK;

/*
 * The same as SQL (--sql): what psql or sqlite3 must run instead. No connection is opened; the driver of the URL's
 * scheme is loaded for its dialect. `range` is TO, counted from base, or FROM:TO; a downgrade needs both. `script` is
 * appended to only when all went well. What a script asks of the database, or can be done by a program only, is an
 * error (ERROR_FAILED) that names it. Nobody is told of steps (`listener`).
 */
bool run_upgrade_sql(const struct run_request *request, const char *range, struct strbuf *script,
                     struct error *err) MUST_CHECK;
bool run_downgrade_sql(const struct run_request *request, const char *range, struct strbuf *script,
                       struct error *err) MUST_CHECK;

/* `targets`: const char *, each TO or FROM:TO, with one and the same FROM. */
bool run_stamp_sql(const struct run_request *request, const struct vec *targets, struct strbuf *script,
                   struct error *err) MUST_CHECK;
bool run_ensure_version_sql(const struct run_request *request, struct strbuf *script, struct error *err) MUST_CHECK;

/* Runs env.lua on the database, or with `offline` without a connection, and does nothing more. */
bool run_environment(const struct run_request *request, bool offline, struct error *err) MUST_CHECK;

/* The version rows, sorted; owned strings. Writes nothing, needs no permission to write; no version table gives no
 * rows. `url_shown` gets the URL without its password, if not NULL; the caller frees. `partial` gets the id of a
 * revision that was interrupted and waits for its next run, or NULL; the caller frees. */
bool run_current(const struct run_request *request, struct vec *rows, char **url_shown, char **partial,
                 struct error *err) MUST_CHECK;

#endif
