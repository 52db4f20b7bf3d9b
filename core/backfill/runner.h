/*
 * runner.h - the workers of one process on one backfill, side by side on the loop, until it ends or must stop.
 *
 * The backfill is registered and its first and last key are written down (start.h). What the outcome means for a
 * revision or a command is the caller's business.
 */
#ifndef BACKFILL_RUNNER_H
#define BACKFILL_RUNNER_H

#include "backfill/job.h"
#include "backfill/limits.h"
#include "backfill/state.h"

struct runner_request {
  struct session *session;
  const struct definition *definition;
  const struct backfill_row *row; /* as it was read before the run */
  const char *fingerprint;        /* of the code that this process runs */
  bool exclusive;                 /* the runner's lock is held: no other process can work on it */
  bool resumed;                   /* an earlier run had begun it */
  struct runner_limits limits;
};

/* The caller frees it: outcome_release. */
struct runner_outcome {
  enum job_end end;
  char *reason;      /* of JOB_STOPPED by a limit or JOB_PAUSED by the engine, or NULL */
  char *lost;        /* why the database could not be asked when the run was told to end, or NULL */
  int64_t rows_done; /* over all runs, ranges and processes; with `lost` those that are known of */
  int64_t batch_size;
};

/* Runs; false with the error for JOB_FAILED and for what went wrong on the way. */
bool runner_run(const struct runner_request *request, struct runner_outcome *outcome, struct error *err) MUST_CHECK;

#endif
