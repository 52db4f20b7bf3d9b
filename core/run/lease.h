/*
 * lease.h - a lock that is a row with an end: for connections behind a pooler, where no session can hold one.
 *
 * The row (moonbird_lock) names the owner and says until when, by the database's clock. While it is ours, a heartbeat
 * on the loop puts the end off, on a new connection when the old one is lost; after a crash the lock is free when the
 * end has come. lease_confirm locks the row in the transaction that is about to commit, so that nobody can take the
 * lock over before the commit has come back.
 *
 * Main thread only. Ownership: the caller owns the lease; it borrows session and connection, on which nobody else may
 * have a call in flight.
 */
#ifndef RUN_LEASE_H
#define RUN_LEASE_H

#include "run/session.h"

struct lease;

/* Life: new, try until it is ours, keep, free (which gives it back). `conn` may be changed while none is in flight. */
struct lease *lease_new(struct session *session, const char *name);
void lease_free(struct lease *lease); /* NULL is allowed */

/* Tries to take it. `create`: makes the table where there is none; else a missing table means that nobody uses leases,
 * and `needed` is false. `busy` tells whether somebody else has it, `holder` who. */
bool lease_try(struct lease *lease, struct conn *conn, bool create, bool *needed, bool *busy, char *holder,
               size_t holder_size, struct error *err) MUST_CHECK;

/* Begins the heartbeat; gives the lease back. Nothing happens while it is not ours. */
void lease_keep(struct lease *lease);
void lease_release(struct lease *lease);

/* Is it still ours? In the open transaction of the main connection. ERROR_LOCK when somebody has taken it over. */
bool lease_confirm(struct lease *lease, struct error *err) MUST_CHECK;

/* Has the heartbeat opened the connection anew since the last look? What its session held is gone then. */
bool lease_take_reopened(struct lease *lease);

/* Goes on with another connection, after the first one was lost. */
void lease_move(struct lease *lease, struct conn *conn);

#endif
