/*
 * runner_parts.h - between the files of the runner: runner.c (life, turns), crew.c (its workers), upkeep.c (what
 * it looks after beside the batches), report.c (what it tells its listener).
 */
#ifndef BACKFILL_RUNNER_PARTS_H
#define BACKFILL_RUNNER_PARTS_H

#include "backfill/runner.h"

#include "backfill/control.h"
#include "backfill/estimate.h"
#include "backfill/worker.h"
#include "throttle/lookout.h"

struct runner {
  const struct runner_request *request;
  struct session *session;
  struct conn *own_conn; /* session->conn as it was */
  struct job job;
  char *id;
  struct vec workers; /* struct worker * */
  double add_at_s;    /* when further ones may connect */
  struct control control;
  struct lookout *lookout;
  struct throttle throttle;
  bool shares_conn; /* the control statements run on the one worker's connection */
  uv_timer_t watch;
  bool watch_due;
  bool is_gone; /* the database, for longer than it is waited for: nothing is asked any more */
  bool watch_closed;
  double lease_s;
  double beat_s; /* of the last heartbeat */
  double begun_s;
  int interrupts; /* at the start */
  int64_t rows;   /* of this process, in this run */
  struct estimate estimate;
  struct rate_window window; /* rows of this process */
  char *throttle_text;       /* what holds the workers, as the table says it; or NULL */
  double throttled_s;        /* since */
  double held_s;             /* all that time, until it last ended */
  bool asks_brake;           /* who has braked, and why: asked, and not answered yet */
  bool knows_brake;
};

/* --- runner.c --- */

/* Once it is to end, a database that has not answered for so long is not waited for. */
double runner_end_patience_s(const struct runner *r);

/* Does a worker wait for a new connection? */
bool runner_is_cut_off(const struct runner *r);

/* The batches under way are the last ones. `limit` is static, or NULL; the first one who ends it counts. */
void runner_end(struct runner *r, enum job_end why, const char *limit);

/* Of the slowest replica; below 0: not known. */
double runner_lag_s(const struct runner *r);

/* --- crew.c --- */

struct worker *crew_at(const struct runner *r, size_t index);

/* The first one works on the session's own connection. */
bool crew_add(struct runner *r, struct error *err) MUST_CHECK;

/* As many as the settings want: new ones, or those that had ended because there were too many. */
bool crew_adjust(struct runner *r, struct error *err) MUST_CHECK;

bool crew_has_ended(const struct runner *r);
void crew_wake(struct runner *r);

/* Takes away what processes that are gone have left, before the first worker. */
bool crew_sweep(struct runner *r, struct error *err) MUST_CHECK;

/* Ranges and rows of workers are given back, so that others need not wait for the lease's end. What cannot be written
 * (the server is gone) ends with the lease. */
void crew_give_back(struct runner *r);

/* With their connections, but for the session's own. */
void crew_release(struct runner *r);

/* --- upkeep.c --- */

void upkeep_start(struct runner *r);
void upkeep_stop(struct runner *r);

/* Looks, once a second. */
void upkeep_go_on(struct runner *r);

/* What holds the workers, or that nothing does any more; for the table and the log. */
void upkeep_tell_throttle(struct runner *r);

/* After the last worker: waits for what was to be written, unless the database is gone (`is_gone`). */
void upkeep_finish(struct runner *r);

/* --- report.c --- */

/* `ended`: it is the last one. */
void runner_report(struct runner *r, bool ended);

#endif
