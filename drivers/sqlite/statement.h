/*
 * statement.h - preparing, binding and running statements.
 *
 * A held statement belongs to who acquired it until it is released: it is either a cached one, which goes back into the
 * connection's cache, or one of its own, which is finalized.
 */
#ifndef SQLITE_DRIVER_STATEMENT_H
#define SQLITE_DRIVER_STATEMENT_H

#include "connection.h"

struct held_statement {
  sqlite3_stmt *stmt;             /* NULL: the text holds no statement */
  struct cached_statement *entry; /* NULL: not from the cache */
};

/* Resets and gives back, or finalizes. An empty one is allowed. */
void statement_release(struct held_statement *held);

/* Finalizes what the cache holds; only before the connection is closed. */
void statement_cache_clear(moonbird_conn *conn);

/* moonbird_driver.execute */
int32_t statement_execute(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                          moonbird_summary *summary, moonbird_error *error);

#endif
