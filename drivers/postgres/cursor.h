/*
 * cursor.h - streaming inside a transaction: a server-side cursor, beside which other statements may run. The cursor
 * belongs to its result.
 */
#ifndef MOONBIRD_POSTGRES_CURSOR_H
#define MOONBIRD_POSTGRES_CURSOR_H

#include "result.h"

/* Declares a cursor for the connection's statement with its encoded parameters; makes `result` read from it. */
bool cursor_open(moonbird_result *result, moonbird_error *error);

/* Brings the next rows into result->rows, or sets is_ended. */
bool cursor_fetch(moonbird_result *result, uint64_t wanted, moonbird_error *error);

/* Closes it at the server if it is still there: an open cursor would block DDL on its tables. */
void cursor_close(moonbird_result *result);

#endif
