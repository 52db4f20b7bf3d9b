/*
 * outcome.h - what the end of a run means: the state that others see, and the error that the caller gets.
 */
#ifndef BACKFILL_OUTCOME_H
#define BACKFILL_OUTCOME_H

#include "backfill/runner.h"

/*
 * `run` is what runner_run said, with `err` if it failed. JOB_FINISHED: true, and nothing is written (the caller does,
 * with what belongs to it). Else false: what is seen is written (paused, cancelled, failed), and `err` says why it
 * ended: ERROR_PENDING where the same command goes on later, ERROR_INTERRUPTED, or what went wrong.
 */
bool outcome_settle(struct session *session, const struct definition *definition, const struct runner_outcome *outcome,
                    bool run, struct error *err) MUST_CHECK;

/* Rows that were put aside and are neither mended nor ignored: ERROR_FINDINGS for the run that finishes the backfill,
 * and for each that finds it finished. */
bool outcome_check_bad(const char *name, int64_t bad, struct error *err) MUST_CHECK;

void outcome_release(struct runner_outcome *outcome);

#endif
