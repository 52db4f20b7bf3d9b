/*
 * pipeline.h - MOONBIRD_BIND_EACH: one prepared statement, many rows, few round trips.
 */
#ifndef MOONBIRD_POSTGRES_PIPELINE_H
#define MOONBIRD_POSTGRES_PIPELINE_H

#include "connection.h"

/* Runs `plan` once for each row of the batch; types were declared by params_declare. `*affected` gets the sum, also of
 * the rows before one that fails. */
bool pipeline_run(moonbird_conn *conn, const struct plan *plan, const moonbird_batch *batch, int64_t *affected,
                  moonbird_error *error);

#endif
