/*
 * bind.h - from the host's columnar parameters to sqlite3_bind calls.
 *
 * Texts and bytes are bound in place: the batch must live until the bindings are cleared.
 */
#ifndef SQLITE_DRIVER_BIND_H
#define SQLITE_DRIVER_BIND_H

#include "connection.h"

/* Does the batch fit the statement: as many columns as parameters (SQLSTATE 07001), and types that exist. */
int32_t bind_check(sqlite3_stmt *stmt, const moonbird_batch *params, moonbird_error *error);

/* Binds one row of a batch that bind_check has accepted. */
int32_t bind_row(moonbird_conn *conn, sqlite3_stmt *stmt, const moonbird_batch *params, uint64_t row,
                 moonbird_error *error);

#endif
