/*
 * connection.h - an open SQLite database as the driver holds it.
 *
 * The connection belongs to the host between `open` and `close`; it owns the sqlite3 handle, the cached statements and
 * the lock file. Results hold a plain pointer to it and die first. Only `cancel` may come from another thread, and it
 * touches nothing but `call_state`.
 */
#ifndef SQLITE_DRIVER_CONNECTION_H
#define SQLITE_DRIVER_CONNECTION_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "moonbird/driver.h"

#define STATEMENT_CACHE_SIZE 32

/* call_state: what `cancel` may do. CALL_CANCELLED lasts until the call that runs has returned. */
#define CALL_NONE      0
#define CALL_RUNNING   1
#define CALL_CANCELLED 2

/* A prepared statement that is kept for the next run of the same text. */
struct cached_statement {
  char *sql;
  size_t sql_len;
  uint64_t hash;
  uint64_t last_use; /* value of the connection's use counter; the smallest is thrown out first */
  sqlite3_stmt *stmt;
  bool is_in_use;
};

struct lock_file {
  int fd;         /* -1: not held */
  uint32_t depth; /* how often this connection has taken it */
  char *path;
};

struct moonbird_conn {
  sqlite3 *db;
  char *path; /* as the user wrote it, for messages; ":memory:" without a file */
  bool is_in_memory;
  atomic_int call_state;
  int64_t busy_timeout_ms;
  int64_t busy_since_ms;
  uint64_t use_counter;
  struct cached_statement cache[STATEMENT_CACHE_SIZE];
  struct lock_file lock;
  const moonbird_batch *rows; /* what moonbird_rows holds (rows.h), or NULL */
};

int32_t connection_open(const moonbird_option *options, uint32_t count, void *owner, moonbird_conn **conn,
                        moonbird_error *error);
void connection_close(moonbird_conn *conn);
void connection_cancel(moonbird_conn *conn);
int32_t connection_transaction_state(moonbird_conn *conn);
const char *connection_server_version(moonbird_conn *conn);

/* Every call that may take long stands between these two; outside of them `cancel` does nothing. */
void connection_call_begin(moonbird_conn *conn);
void connection_call_end(moonbird_conn *conn);
bool connection_is_cancelled(const moonbird_conn *conn);

#endif
