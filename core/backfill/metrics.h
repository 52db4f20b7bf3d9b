/*
 * metrics.h - what a runner counts, and the same in Prometheus' text form (version 0.0.4).
 *
 * The counters are of this process and begin at 0 with it; the gauges tell what was true last. Pure: no clock, no file.
 * Ownership: the caller owns the struct (metrics_init, metrics_release), which owns its texts. Main thread only.
 */
#ifndef BACKFILL_METRICS_H
#define BACKFILL_METRICS_H

#include "base/strbuf.h"
#include "base/vec.h"

#include <stdint.h>

/* How a batch ended. */
enum batch_result {
  BATCH_COMMITTED,
  BATCH_RETRIED, /* rolled back, to be done again: lock time-outs, deadlocks, lost connections */
  BATCH_SHRUNK,  /* rolled back by a time-out; the next one is smaller */
  BATCH_SPLIT,   /* rolled back; a bad row is looked for in it */
  BATCH_FAILED,  /* rolled back, and the backfill stopped */
  BATCH_RESULT_COUNT,
};

/* Upper bounds of the histogram's buckets, in seconds; the last bucket has none. */
enum { METRICS_BUCKETS = 13 };

struct metrics {
  char *backfill; /* its name */
  int64_t rows;   /* committed */
  int64_t batches[BATCH_RESULT_COUNT];
  int64_t buckets[METRICS_BUCKETS + 1]; /* committed batches, each in one bucket */
  double batch_seconds;                 /* of all committed batches */
  int64_t bad_rows;                     /* put aside by this process */
  int64_t batch_size;                   /* of the next batch */
  int64_t workers;
  double lag_s;         /* of the worst replica; below 0: not known */
  double last_commit_s; /* since 1970; 0: none yet */
  double progress;      /* 0 to 1; below 0: not known */
  bool throttled;       /* now */
  struct vec throttles; /* struct metrics_part *: seconds by reason */
  struct vec retries;   /* struct metrics_part *: number by SQLSTATE */
};

void metrics_init(struct metrics *m, const char *backfill);
void metrics_release(struct metrics *m);

/* A batch has been committed at the moment `now_s` (since 1970), after so many seconds. */
void metrics_committed(struct metrics *m, int64_t rows, double seconds, double now_s);

/* A batch came to nothing. `sqlstate` may be NULL or "": no database was involved. */
void metrics_rolled_back(struct metrics *m, enum batch_result result, const char *sqlstate);

/* Workers have waited so long for this reason, in the words of throttle.h: "replica lag 12 s, above 5 s" is counted
 * under "replica lag". */
void metrics_throttled(struct metrics *m, const char *reason, double seconds);

/* Appends all of it. */
void metrics_write(const struct metrics *m, struct strbuf *text);

#endif
