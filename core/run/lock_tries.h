/*
 * lock_tries.h - repeats a revision whose DDL did not get its lock in time.
 *
 * An ALTER TABLE that waits behind a long query makes everybody else wait behind itself. So DDL waits for a short time
 * only (lib/lock_wait.lua), the revision is taken back, which frees what it holds, and is run again after a pause.
 */
#ifndef RUN_LOCK_TRIES_H
#define RUN_LOCK_TRIES_H

#include "run/step.h"

/* How long a statement of DDL may wait for its lock, in ms; 0: without end, because the step cannot be repeated. */
int64_t lock_tries_timeout_ms(const struct session *session, const struct step *step);

/*
 * After try number `tries` has failed with `err` and was rolled back: true, after a pause, when the step is to be run
 * again, and `err` is empty. Else false, and `err` says what failed; it is ERROR_INTERRUPTED when that was the pause.
 */
bool lock_tries_pause(struct session *session, const struct step *step, int64_t tries, struct error *err);

#endif
