/*
 * requirement.h - a revision with `requires_backfill` runs only when those backfills have ended.
 */
#ifndef RUN_REQUIREMENT_H
#define RUN_REQUIREMENT_H

#include "graph/plan.h"
#include "run/session.h"

/* Before the first step, outside of a transaction: are there backfills at all? */
bool requirement_probe(struct session *session, struct error *err) MUST_CHECK;

/* Does the step want backfills to have ended, so that the run may end before it? */
bool requirement_has_one(const struct plan_step *step);

/* Before each step: one before it may have run the backfill. ERROR_PENDING with the command to type, or
 * ERROR_FINDINGS where it has ended with bad rows. */
bool requirement_check(struct session *session, const struct plan_step *step, struct error *err) MUST_CHECK;

#endif
