/*
 * statement.h - runs one statement. The result belongs to the caller.
 */
#ifndef MOONBIRD_POSTGRES_STATEMENT_H
#define MOONBIRD_POSTGRES_STATEMENT_H

#include "connection.h"

int32_t statement_execute(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                          moonbird_summary *summary, moonbird_error *error);

#endif
