/*
 * result.h - rows on their way to the host.
 *
 * A result belongs to the host until result_free. It either holds all rows in columnar memory (result_read_all) or
 * steps its statement page by page (a stream); a stream owns the statement.
 */
#ifndef SQLITE_DRIVER_RESULT_H
#define SQLITE_DRIVER_RESULT_H

#include "statement.h"

/* Makes a result for a statement that has been stepped once and describes its columns. NULL and the error set when
 * memory is short. */
moonbird_result *result_new(moonbird_conn *conn, sqlite3_stmt *stmt, moonbird_error *error);

uint32_t result_column_count(const moonbird_result *result);

/* Reads rows to the end; `step_code` is what the first sqlite3_step returned. */
int32_t result_read_all(moonbird_result *result, sqlite3_stmt *stmt, int step_code, moonbird_error *error);

/* Makes it a stream: the result takes the statement over, and empties `held`. */
void result_take_statement(moonbird_result *result, struct held_statement *held, int step_code);

/* moonbird_driver.fetch and .result_free */
int32_t result_fetch(moonbird_result *result, uint64_t max_rows, moonbird_batch *batch, moonbird_error *error);
void result_free(moonbird_result *result);

#endif
