/*
 * outcome.c - see outcome.h.
 */
#include "backfill/outcome.h"

#include "base/log.h"

#include <stdlib.h>

void outcome_release(struct runner_outcome *outcome) {
  free(outcome->reason);
  *outcome = (struct runner_outcome){.end = JOB_GOES_ON};
}

/* The end itself is what counts; that it could not be written is a warning. */
static void observe(struct session *session, const char *name, const char *observed, const char *why) {
  struct error err = ERROR_INIT;
  if (!state_observe(session, name, observed, why, &err))
    log_warn("the state of backfill %s was not written: %s", name, err.message);
  error_release(&err);
}

static bool stopped(struct session *session, const struct definition *d, const struct runner_outcome *outcome,
                    struct error *err) {
  const char *reason = outcome->reason;
  observe(session, d->name, OBSERVED_PAUSED, reason ? reason : "stopped by a signal");
  error_set(err, ERROR_PENDING, "the backfill of %s was stopped at a safe point, after %lld rows%s%s", d->table,
            (long long)outcome->rows_done, reason ? ": " : "", reason ? reason : "");
  return error_hint(err, "run the same command again: it goes on from there");
}

static bool paused(struct session *session, const struct definition *d, const struct runner_outcome *outcome,
                   struct error *err) {
  observe(session, d->name, OBSERVED_PAUSED, outcome->reason);
  error_set(err, ERROR_PENDING, "the backfill of %s is paused, after %lld rows%s%s", d->table,
            (long long)outcome->rows_done, outcome->reason ? ": " : "", outcome->reason ? outcome->reason : "");
  return error_hint(err, "`moonbird backfill resume %s` ends the pause; then run the same command again", d->name);
}

static bool cancelled(struct session *session, const struct definition *d, const struct runner_outcome *outcome,
                      struct error *err) {
  observe(session, d->name, OBSERVED_CANCELLED, NULL);
  error_set(err, ERROR_PENDING, "the backfill of %s is cancelled, after %lld rows", d->table,
            (long long)outcome->rows_done);
  return error_hint(err,
                    "what is committed stays; `moonbird backfill resume %s` takes it up again, `moonbird backfill "
                    "forget %s` drops its state",
                    d->name, d->name);
}

bool outcome_settle(struct session *session, const struct definition *d, const struct runner_outcome *outcome, bool run,
                    struct error *err) {
  if (!run) {
    observe(session, d->name, OBSERVED_FAILED, err->message);
    return false;
  }
  switch (outcome->end) {
  case JOB_FINISHED:
    return true;
  case JOB_STOPPED:
    return stopped(session, d, outcome, err);
  case JOB_INTERRUPTED:
    observe(session, d->name, OBSERVED_PAUSED, "interrupted");
    error_set(err, ERROR_INTERRUPTED, "the backfill of %s was interrupted, and the batch was rolled back", d->table);
    return error_hint(err, "run the same command again: it goes on from the last commit");
  case JOB_PAUSED:
    return paused(session, d, outcome, err);
  case JOB_CANCELLED:
    return cancelled(session, d, outcome, err);
  case JOB_GOES_ON:
  case JOB_FAILED:
    break;
  }
  BUG("a backfill has ended with %d", (int)outcome->end);
}
