/*
 * job.h - what all workers of one process work on, and what they must know of each other.
 *
 * The runner owns it; workers read it and say in it why the whole must end. Main thread only.
 */
#ifndef BACKFILL_JOB_H
#define BACKFILL_JOB_H

#include "backfill/definition.h"
#include "backfill/metrics.h"
#include "run/session.h"
#include "throttle/throttle.h"

/* Why no worker begins another batch; the first reason stays. */
enum job_end {
  JOB_GOES_ON,
  JOB_FINISHED,    /* no unfinished range exists */
  JOB_STOPPED,     /* the first interrupt, or a limit of this run (`limit` names it) */
  JOB_INTERRUPTED, /* the second one: batches were rolled back */
  JOB_PAUSED,      /* the operator wants it, or a batch was cancelled on the server */
  JOB_CANCELLED,   /* the operator wants it */
  JOB_FAILED,      /* `err` says why */
};

/* What happened to a batch, for counters. */
struct batch_news {
  enum batch_result result;
  int64_t rows;         /* gone through; 0 unless committed */
  int64_t bad;          /* of them put aside */
  double seconds;       /* from BEGIN to COMMIT, or to the failure */
  int64_t size;         /* rows asked for */
  const char *sqlstate; /* of what failed; "" for a Lua error, NULL when committed */
};

struct job {
  struct session *session;
  const struct definition *definition;
  const char *style;       /* of placeholders */
  const char *runner;      /* id of this process in moonbird_backfill_worker */
  const char *fingerprint; /* of the code that it runs */
  bool exclusive;          /* nobody else can be at work: whoever had a range is dead */
  int64_t range_rows;      /* of the first ranges that are planned (size_range_at); 0: all that is left */
  int64_t run_seed;        /* of math.random() */
  double reconnect_s;      /* for so long a lost connection is opened anew */
  struct throttle throttle;

  /* settings that the operator may change meanwhile */
  char *overrides; /* as they were read last, or NULL */
  int settings;    /* rises with every change */
  double nice;
  int64_t max_bad;
  int64_t size, target_ms, min, max; /* 0: as the definition says */
  int workers;
  int forced_workers; /* --workers: instead of the definition's; 0: not given */
  bool braked;
  char *brake_why; /* "braked by an operator: ann@db1: incident 4711", or NULL: not known */

  enum job_end end;
  const char *limit;
  char *pause_reason; /* why the engine itself wants a pause, or NULL */
  struct error err;
  bool has_committed; /* this run has committed a batch */
  bool has_inserted;  /* its row function has inserted into other tables */
  int looks;          /* see struct chunk_work */
  bool told_kept;     /* that rows were not written although they were locked */

  void *data;
  void (*on_batch)(void *data, const struct batch_news *news);
};

/* Ends the job after the batches that run; `err` (may be NULL) is moved, for JOB_FAILED. */
void job_end(struct job *job, enum job_end why, struct error *err);

/* What was read from the backfill's row: wishes of the operator, and the code that all processes must run. */
void job_take_wishes(struct job *job, const char *desired, const char *overrides, bool braked, const char *fingerprint);

/* Why no batch may start now, or NULL. */
const char *job_held(const struct job *job);

void job_release(struct job *job);

#endif
