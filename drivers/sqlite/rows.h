/*
 * rows.h - the table moonbird_rows: the parameters of the statement that runs, a row for each row of the batch, columns
 * c1 to c64. So one UPDATE writes a whole batch, instead of one for each row.
 */
#ifndef SQLITE_DRIVER_ROWS_H
#define SQLITE_DRIVER_ROWS_H

#include "connection.h"

enum { ROWS_MOST_COLUMNS = 64 };

/* Makes the table known to a connection that has just been opened; an SQLite code. */
int rows_install(moonbird_conn *conn);

/* Does the statement take its parameters from the table? Then it has no placeholders. */
bool rows_are_wanted(sqlite3_stmt *stmt, const moonbird_batch *params);

/* The batch is what the table holds until rows_withdraw. SQLSTATE 22003 for NaN, which SQLite would store as NULL. */
int32_t rows_offer(moonbird_conn *conn, const moonbird_batch *params, moonbird_error *error);
void rows_withdraw(moonbird_conn *conn);

#endif
