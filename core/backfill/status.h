/*
 * status.h - the state of backfills as anybody can read it from the target database.
 *
 * Only reads: it needs no permission to write, and a database without any backfill tables has no backfills. Ages are
 * counted on the database's clock.
 * Ownership: the caller owns the structs (status_free), which own their texts.
 */
#ifndef BACKFILL_STATUS_H
#define BACKFILL_STATUS_H

#include "backfill/state.h"
#include "run/session.h"

/* Something that somebody has asked for, or that has ended a run; from the log. */
struct status_event {
  char *at;  /* NULL: there is none, and the texts are NULL too */
  char *by;  /* "ann@db1" */
  char *why; /* or NULL */
  double age_s;
};

/* A connection that works, or that did until it died. */
struct status_worker {
  char *id;
  char *host;
  int64_t pid;
  int64_t range; /* 0: none */
  int64_t batch_size;
  int64_t rate_1m; /* rows a second; -1 unknown, and the next two */
  int64_t rate_10m;
  int64_t lag_ms;
  double heartbeat_age_s;
  bool alive; /* its lease holds */
};

struct backfill_status {
  char *name;
  char *table;
  char *key_columns; /* JSON */
  char *first_key;   /* JSON; NULL: not begun, or the table is empty */
  char *last_key;
  char *desired;         /* what was asked for: DESIRED_... */
  char *observed;        /* what it is: OBSERVED_... */
  char *overrides;       /* a JSON object, or NULL */
  char *throttle_reason; /* why no batch may start, or NULL */
  char *last_error;
  char *registered_at; /* moments as the database writes them; NULL: not yet */
  char *started_at;
  char *finished_at;
  char *verified_at;
  int64_t batch_size;
  int64_t rows_done;
  int64_t rows_estimated; /* -1 unknown */
  int64_t bad_rows;
  int64_t ranges;
  int64_t ranges_done;
  int64_t ranges_failed;
  double frontier;           /* up to which ranges are planned, 0 to 1; -1: keys have no such place */
  double fraction;           /* 0 to 0.999; 1 when it is done; -1 unknown */
  bool is_estimate;          /* the fraction: from the estimated rows, and not from the keys */
  double elapsed_s;          /* from its start to its end or to now; -1 not begun */
  double commit_age_s;       /* of the last commit; -1 none */
  double throttled_for_s;    /* of the pause that goes on; -1 none */
  double throttled_s;        /* altogether, with the pause that goes on */
  double braked_for_s;       /* what is left of an operator's brake; 0 none */
  struct status_event held;  /* the pause, the cancelling, or the end of the last run, after which nothing ran */
  struct status_event brake; /* who brakes, and why; while it lasts */
  int64_t rate_1m;           /* rows a second of all living workers; -1 unknown, and the next two */
  int64_t rate_10m;
  int64_t lag_ms;
  double eta_s; /* -1 until it means something */
  size_t workers_alive;
  struct vec workers; /* struct status_worker * */
};

void status_free(struct backfill_status *status);
void status_free_all(struct vec *list);

/* Appends a struct backfill_status * for each backfill, in the order in which they were registered, or only for the one
 * called `name`; nothing where there is none. Outside of a transaction. */
bool status_read(struct session *session, const char *name, struct vec *list, struct error *err) MUST_CHECK;

/* Is it done, with bad rows or without? */
bool status_is_done(const struct backfill_status *status);

/* Has it ended, well or not? */
bool status_has_ended(const struct backfill_status *status);

/* Share of its time in which it was throttled, 0 to 1. */
double status_throttled_share(const struct backfill_status *status);

#endif
