/*
 * lock_tries.h - repeats a revision whose DDL did not get its lock in time.
 *
 * An ALTER TABLE that waits behind a long query makes everybody else wait behind itself. So DDL waits for a short time
 * only (lib/lock_wait.lua), the revision is taken back, which frees what it holds, and is run again after a pause.
 * Where revisions share a transaction all of them are.
 */
#ifndef RUN_LOCK_TRIES_H
#define RUN_LOCK_TRIES_H

#include "run/step.h"

/* How long a statement of DDL may wait for its lock, in ms; 0: without end. */
int64_t lock_tries_timeout_ms(const struct session *session);

/* The step has failed with `err`: was it for our limit? Also where what failed were its version rows. */
bool lock_tries_missed(const struct session *session, const struct step *step, const struct error *err);

/* After try number `tries` of a step that has missed a lock: may there be another one? Else `err` says that all were in
 * vain. */
bool lock_tries_are_left(const struct session *session, const char *revision, int64_t tries, struct error *err);

/* The pause before the next try; empties `err`. False: it was interrupted, and `err` says so. */
bool lock_tries_pause(struct session *session, const char *revision, int64_t tries, struct error *err);

#endif
