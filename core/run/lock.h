/*
 * lock.h - the runner's lock: one run at a time for each version table of each database.
 *
 * The driver's lock, which a crash frees; behind a pooler, where that would not hold, a lease (lease.h). Each side
 * looks at the other's lock too, so that a run with a direct connection and one through a pooler exclude each other.
 *
 * Ownership: what is held belongs to the session; session_close gives it back by lock_release. Main thread only.
 */
#ifndef RUN_LOCK_H
#define RUN_LOCK_H

#include "run/session.h"

/* Waits for the lock; ERROR_LOCK when request->lock_timeout_s is over. A script needs none. */
bool lock_take(struct session *session, struct error *err) MUST_CHECK;

/* Is it still ours? In the transaction that is about to commit. Takes it again where only the connection was lost;
 * ERROR_LOCK when somebody else has it. True where no lock is needed. */
bool lock_confirm(struct session *session, struct error *err) MUST_CHECK;

void lock_release(struct session *session);

#endif
