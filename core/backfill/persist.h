/*
 * persist.h - what must be written between the batches and the end of a backfill, over lost connections.
 *
 * Main thread only; nothing is owned.
 */
#ifndef BACKFILL_PERSIST_H
#define BACKFILL_PERSIST_H

#include "backfill/limits.h"
#include "run/session.h"

typedef bool (*persist_fn)(void *data, struct error *err);

/* Has the connection been lost, or does the server refuse to write for now? A new connection may help. */
bool persist_is_lost(const struct error *err);

/* Runs `write` on the session's connection; when that is lost, rolls back, opens it anew and runs it again, until it
 * was done, failed for another reason, or `reconnect` of [backfill] is over. An interrupt and the limits of time (may
 * be NULL) end the wait with ERROR_PENDING. So `write` must do no harm when it is done twice: what it commits last may
 * have been committed although its answer was lost. */
bool persist(struct session *session, const struct runner_limits *limits, persist_fn write, void *data,
             struct error *err) MUST_CHECK;

/* `reconnect` of [backfill]: for so many seconds a lost connection is opened anew. */
double persist_seconds(const struct session *session);

/* Makes the last failure the error of a run that gives up after so long. */
void persist_explain(const struct session *session, struct error *err);

/* An address that does not answer when the connection is opened anew is given up soon. */
void persist_limit_opening(const struct session *session, struct conn *conn);

#endif
