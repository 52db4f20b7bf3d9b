/*
 * versions.h - the version table: exactly Alembic's, one row for each current head.
 *
 * Ownership: rows are vectors of owned strings (strvec_release).
 */
#ifndef RUN_VERSIONS_H
#define RUN_VERSIONS_H

#include "graph/plan.h"
#include "run/session.h"

/* The rows, sorted; none where there is no table. Sets session->has_version_table. */
bool versions_read(struct session *session, struct vec *rows, struct error *err) MUST_CHECK;

/* Makes the table if it is not there; in the transaction of whoever calls. */
bool versions_ensure_table(struct session *session, struct error *err) MUST_CHECK;

/* Does the row changes of a step; each must hit exactly one row. */
bool versions_apply(struct session *session, const struct plan_step *step, struct error *err) MUST_CHECK;

#endif
