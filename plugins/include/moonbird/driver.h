/*
 * driver.h - what a Moonbird database driver is.
 *
 * A driver is a shared library that exports one function, `moonbird_driver_v0`. It speaks to one kind of database
 * through that database's own client library, and needs nothing of Moonbird but this header.
 *
 * Ownership, in one sentence: who allocates, frees; a struct that crosses by pointer belongs to its caller, a batch
 * that a driver returns lives until the next call on the same result.
 *
 * Threads: each connection has a thread of its own, and the host never makes two calls on one connection (or on its
 * results) at the same time; every call but `cancel` may block for as long as the database needs. `cancel` comes from
 * another thread, at any moment between the return of `open` and the call of `close`.
 *
 * Manners: a driver never prints, exits, installs signal handlers, calls setlocale or chdir, or writes the environment.
 * What it has to say goes through the host's `notice` or into the error.
 *
 * Growth: structs that cross start with their size. Each side copies the smaller of the two sizes into its own zeroed
 * copy, so that a missing tail reads as 0 or NULL. Fields are only ever appended. No enum, bool, bit-field or long in a
 * struct; nothing by value.
 *
 * ABI 0 may still change between releases of Moonbird; from ABI 1 on the rules above are kept.
 */
#ifndef MOONBIRD_DRIVER_H
#define MOONBIRD_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOONBIRD_ABI_MAJOR 0
#define MOONBIRD_ABI_MINOR 1

/* Put before the entry function, so that it stays visible in a library built with -fvisibility=hidden. */
#define MOONBIRD_EXPORT __attribute__((visibility("default")))

/* --- What calls return --- */

#define MOONBIRD_OK    0  /* done */
#define MOONBIRD_DONE  1  /* fetch: no more rows, now and at every later call */
#define MOONBIRD_BUSY  2  /* lock: somebody else holds it */
#define MOONBIRD_ERROR -1 /* failed: the error is filled */

/* --- Errors --- */

/* moonbird_error.retry: what makes sense after this error. */
#define MOONBIRD_RETRY_NEVER       0 /* the same thing will fail again */
#define MOONBIRD_RETRY_STATEMENT   1 /* the same statement, the transaction is intact (lock time-out on SQLite) */
#define MOONBIRD_RETRY_TRANSACTION 2 /* the same transaction from its start (deadlock, serialization) */
#define MOONBIRD_RETRY_CONNECTION  3 /* the connection is gone; a new one may do */

/* moonbird_error.severity */
#define MOONBIRD_SEVERITY_ERROR   0
#define MOONBIRD_SEVERITY_WARNING 1
#define MOONBIRD_SEVERITY_NOTICE  2
#define MOONBIRD_SEVERITY_DEBUG   3

/* The host allocates and zeroes it; a driver fills it and cuts what is too long at a character's boundary. Texts are
 * UTF-8, each ends with a NUL. No password and no parameter value may stand in it. */
typedef struct moonbird_error {
  uint32_t size;
  char sqlstate[6];    /* five characters, always filled ("HY000" where there is nothing better) */
  uint8_t severity;    /* MOONBIRD_SEVERITY_ERROR unless it is a notice */
  uint8_t retry;       /* MOONBIRD_RETRY_... */
  int32_t native_code; /* the library's own number, 0 if it has none */
  int64_t position;    /* byte offset in the SQL text, from 0; -1 where it is not known */
  char message[1024];
  char detail[1024];
  char hint[512];
  char table[192];
  char column[192];
  char constraint[192];
} moonbird_error;

/* --- Values: columnar batches, the same shape both ways --- */

/*
 * moonbird_column.type. Layouts of `data` for n rows:
 *
 * - BOOL: uint8_t[n], 0 or 1
 * - INT64: int64_t[n]
 * - FLOAT64: double[n]
 * - TEXT: bytes of all rows one behind the other; row r is data[offsets[r]] up to data[offsets[r + 1]]; never
 * NUL-terminated
 * - BYTES: as TEXT, for binary data
 * - VARIANT: as TEXT, and row_types[r] names the type of row r; BOOL is one byte, INT64 and FLOAT64 are eight in the
 * machine's order and not aligned. For databases whose columns hold values of several types.
 * - NONE: no data, every row is NULL
 *
 * Numeric, dates, times, intervals, JSON, UUID, arrays and all else travel as TEXT in the database's own ISO-like
 * spelling.
 */
#define MOONBIRD_TYPE_NONE    0
#define MOONBIRD_TYPE_BOOL    1
#define MOONBIRD_TYPE_INT64   2
#define MOONBIRD_TYPE_FLOAT64 3
#define MOONBIRD_TYPE_TEXT    4
#define MOONBIRD_TYPE_BYTES   5
#define MOONBIRD_TYPE_VARIANT 6

typedef struct moonbird_column {
  uint32_t size;
  uint32_t type;            /* MOONBIRD_TYPE_... */
  const char *name;         /* NUL-terminated; NULL for parameters */
  const uint8_t *valid;     /* one byte a row, 0 is NULL; the pointer is NULL where no row is NULL */
  const void *data;         /* see above; unspecified for rows that are NULL */
  const uint32_t *offsets;  /* n + 1 entries, for TEXT, BYTES and VARIANT */
  const uint8_t *row_types; /* n entries, for VARIANT */
} moonbird_column;

typedef struct moonbird_batch {
  uint32_t size;
  uint32_t column_count;
  uint64_t row_count;
  const moonbird_column *columns;
} moonbird_batch;

/* --- Statements --- */

/* moonbird_statement.flags */
#define MOONBIRD_REPEATED 1u /* will be run again with other parameters: keep it prepared */
#define MOONBIRD_SCRIPT   2u /* may hold several statements, has no parameters; rows are those of the last one */
#define MOONBIRD_STREAM   4u /* do not hold the whole result in memory; other statements may run while it is open */

/* moonbird_statement.bind. EACH: rows_affected is the sum, and there is no result. ARRAYS: parameter i is an array of
 * all values of column i; needs MOONBIRD_CAP_ARRAYS. */
#define MOONBIRD_BIND_ROW    0u /* `params` has one row: bind it, run once */
#define MOONBIRD_BIND_EACH   1u /* run once for each row of `params` */
#define MOONBIRD_BIND_ARRAYS 2u /* run once, with arrays */

typedef struct moonbird_statement {
  uint32_t size;
  uint32_t flags;
  uint32_t bind;
  uint32_t reserved;
  const char
      *sql; /* in the database's own syntax, placeholders as in moonbird_driver.placeholder; not NUL-terminated */
  uint64_t sql_len;
  const moonbird_batch *params; /* NULL: none */
} moonbird_statement;

/* What an executed statement says of itself; the host allocates and zeroes it. */
typedef struct moonbird_summary {
  uint32_t size;
  uint32_t column_count; /* 0: the statement gives no rows, and there is no result */
  int64_t rows_affected; /* of a script the sum; 0 for what changes no rows; -1 where it is not known */
} moonbird_summary;

/* --- The host --- */

/* Lives as long as the process. */
typedef struct moonbird_host {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  /* Takes a notice or a warning of the database; `owner` is what `open` was given. From the connection's thread only.
   */
  void (*notice)(void *owner, const moonbird_error *notice);
} moonbird_host;

/* --- The driver --- */

typedef struct moonbird_conn moonbird_conn;     /* the driver's own; opaque to the host */
typedef struct moonbird_result moonbird_result; /* likewise; dies before its connection */

/* One setting of a connection. Keys from the URL: scheme, user, password, host, port, database (SQLite: the path;
 * absent for a database in memory), then the query's keys as they stand. From the host: application_name,
 * connect_timeout (seconds). An unknown key is an error that lists the known ones. A value whose key is "password" is
 * never shown. */
typedef struct moonbird_option {
  const char *key;
  const char *value;
} moonbird_option;

/* moonbird_driver.caps */
#define MOONBIRD_CAP_TRANSACTIONAL_DDL     (1u << 0)
#define MOONBIRD_CAP_SAVEPOINTS            (1u << 1)
#define MOONBIRD_CAP_RETURNING             (1u << 2)
#define MOONBIRD_CAP_SKIP_LOCKED           (1u << 3)
#define MOONBIRD_CAP_ARRAYS                (1u << 4) /* MOONBIRD_BIND_ARRAYS works */
#define MOONBIRD_CAP_MANY_CONNECTIONS      (1u << 5) /* several connections may write at the same time */
#define MOONBIRD_CAP_LOCK_NEEDS_CONNECTION (1u << 6) /* `lock` wants a connection that does nothing else */
#define MOONBIRD_CAP_FILE                  (1u << 7) /* the URL's database is the path of a file */

/* moonbird_driver.transaction_state */
#define MOONBIRD_TX_IDLE    0 /* no transaction is open */
#define MOONBIRD_TX_ACTIVE  1 /* one is open */
#define MOONBIRD_TX_FAILED  2 /* one is open and only ROLLBACK is possible */
#define MOONBIRD_TX_UNKNOWN 3 /* the connection is broken */

/* A further module of the dialect, as Lua source or as lua_dump of the host's Lua writes it: `require "DRIVER.NAME"`
 * finds it, DRIVER being the driver's name. */
typedef struct moonbird_source {
  const char *name; /* "catalog" */
  const char *text; /* not NUL-terminated */
  uint64_t len;
} moonbird_source;

typedef struct moonbird_driver {
  uint32_t size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t caps;
  const char *name;           /* "sqlite" */
  const char *version;        /* of this driver, "0.1.0" */
  const char *client_library; /* "SQLite 3.40.1" */
  const char *schemes;        /* URL schemes it answers to, separated by spaces: "postgresql postgres" */
  const char *placeholder;    /* "?" (by position) or "$" ($1, $2, ...) */
  const char *dialect;        /* Lua, as a moonbird_source; the manual, "Writing a driver", names what it holds */
  uint64_t dialect_len;

  /* ---- required ---- */

  /* Opens a connection; `owner` goes back in notices. SQLSTATE class 08 (or 28, 3D) tells that it could not be opened.
   */
  int32_t (*open)(const moonbird_option *options, uint32_t count, void *owner, moonbird_conn **conn,
                  moonbird_error *error);

  /* Closes and frees, whatever state it is in; an open transaction is rolled back. NULL is allowed. */
  void (*close)(moonbird_conn *conn);

  /* Runs a statement. `*result` becomes NULL where it gives no rows. With BIND_EACH it stops at the first row that
   * fails: what the rows before did stays to be rolled back by the host, which has opened a transaction. */
  int32_t (*execute)(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                     moonbird_summary *summary, moonbird_error *error);

  /* Gives at most max_rows rows (at least 1 is asked for) as views that live until the next call on this result:
   * MOONBIRD_OK with at least one row, or MOONBIRD_DONE with none (columns are described all the same), at every call
   * after the last row too. Fewer rows than asked for do not mean that it was the last of them. `batch->columns` is
   * the driver's. */
  int32_t (*fetch)(moonbird_result *result, uint64_t max_rows, moonbird_batch *batch, moonbird_error *error);

  /* Frees, wherever the reading stands. NULL is allowed. */
  void (*result_free)(moonbird_result *result);

  /* ---- optional: NULL means not supported ---- */

  /* Ends the running call with SQLSTATE 57014, from any thread; nothing happens when none runs. Host's fallback: it
   * waits. */
  void (*cancel)(moonbird_conn *conn);

  /* MOONBIRD_TX_...: as the client library knows it. Host's fallback: what it sent itself. */
  int32_t (*transaction_state)(moonbird_conn *conn);

  /* Takes the runner's lock for `key`, at once or not at all (MOONBIRD_BUSY). The database or the operating system
   * frees it when the process dies. On MOONBIRD_BUSY `holder` gets a text about who has it ("host app1, pid 71, user
   * deploy, since ..."), empty where that cannot be known. Where keeps_session says 0 it only looks whether somebody
   * has the lock: the host then keeps a lease in a table. Host's fallback: it refuses to run commands that write. */
  int32_t (*lock)(moonbird_conn *conn, const char *key, char *holder, uint32_t holder_size, moonbird_error *error);
  void (*unlock)(moonbird_conn *conn, const char *key);

  /* The server's version as text, for people ("15.18"); NULL where there is none. Lives as long as the connection. */
  const char *(*server_version)(moonbird_conn *conn);

  /* What the dialect's source requires beside itself; NULL where it is one chunk. */
  const moonbird_source *modules;
  uint64_t module_count;

  /* 1 where what belongs to the session (locks, settings, temporary tables) outlives a transaction; 0 behind a pooler
   * that hands the server's sessions out transaction by transaction. Host's fallback: 1. */
  int32_t (*keeps_session)(moonbird_conn *conn);

  /* Breaks the connection, so that the running call and all later ones fail with class 08: for a server that does not
   * answer any more, not even to `cancel`. From any thread, as `cancel`; never blocks. Host's fallback: it waits. */
  void (*sever)(moonbird_conn *conn);
} moonbird_driver;

/* The one function that a driver exports under the name `moonbird_driver_v0`. NULL: it cannot work here, the error says
 * why. */
typedef const moonbird_driver *(*moonbird_driver_entry)(const moonbird_host *host, moonbird_error *error);
#define MOONBIRD_DRIVER_SYMBOL "moonbird_driver_v0"

#ifdef __cplusplus
}
#endif
#endif
