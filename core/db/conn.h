/*
 * conn.h - one connection with its own thread, seen from the event loop.
 *
 * Main thread only: the thread behind it is conn.c's secret. At most one call is in flight on a connection. Every call
 * exists as `conn_start_...`, which returns at once and later runs `done` on the loop, and most as a plain function
 * that runs the loop until the answer is there.
 *
 * Ownership: the caller owns the connection (conn_free). What is handed to a start function (SQL, parameters) must live
 * until the call is done. A result belongs to its connection and is given back by conn_discard, whatever the state of
 * the reading.
 *
 *   NEW --open--> IDLE --start--> BUSY --done--> IDLE ... --free-->
 *                  a broken connection stays in IDLE: every call then fails with SQLSTATE class 08
 */
#ifndef DB_CONN_H
#define DB_CONN_H

#include "base/arena.h"
#include "base/error.h"
#include "config/url.h"
#include "db/batch.h"
#include "db/driver.h"
#include "db/loop.h"

#include <stdint.h>

struct conn;

/* A statement in the database's own syntax (see placeholder.h for ours). */
struct statement {
  const char *sql;
  size_t len;
  uint32_t flags; /* MOONBIRD_REPEATED, MOONBIRD_SCRIPT, MOONBIRD_STREAM */
  uint32_t bind;  /* MOONBIRD_BIND_... */
  const moonbird_batch *params;
};

/* What the last call brought; valid until the next one starts. */
struct outcome {
  int32_t status;           /* MOONBIRD_OK, _DONE, _BUSY, _ERROR */
  moonbird_result *result;  /* execute: NULL where it gives no rows; the caller's to discard */
  moonbird_summary summary; /* execute */
  size_t executed;          /* execute_all: how many were done */
  moonbird_batch batch;     /* fetch, and execute with first_rows > 0 */
  moonbird_error error;
};

typedef void (*conn_done_fn)(void *data);

/* --- life --- */

struct conn *conn_new(struct loop *loop, const struct driver *driver);

/* Opens with the URL's parts; ERROR_CONNECT on failure ("Can't connect to database ...", without the password). */
bool conn_open(struct conn *conn, const struct url *url, const char *application_name, struct error *err) MUST_CHECK;

/* Closes (an open transaction is rolled back), ends the thread, frees. Waits for a call that is in flight. NULL is
 * allowed. */
void conn_free(struct conn *conn);

const struct driver *conn_driver(const struct conn *conn);
struct loop *conn_loop(const struct conn *conn);

/* --- calls that return at once --- */

/* Runs a statement; with first_rows > 0 and a result, fetches so many rows in the same go. */
void conn_start_execute(struct conn *conn, const struct statement *statement, uint64_t first_rows, conn_done_fn done,
                        void *data);

/* Runs statements without parameters one after the other, and drops what they give. Ends with the first that fails, or
 * that begins or ends a transaction; with a timeout, which is that of one statement, after the first. `statements` and
 * their texts must live until the call is done. */
void conn_start_execute_all(struct conn *conn, const struct statement *statements, size_t count, conn_done_fn done,
                            void *data);

void conn_start_fetch(struct conn *conn, moonbird_result *result, uint64_t max_rows, conn_done_fn done, void *data);

/* Opens, or opens anew a connection that broke (what it was is closed); conn_check_open then says whether it worked. */
void conn_start_open(struct conn *conn, const struct url *url, const char *application_name, conn_done_fn done,
                     void *data);
bool conn_check_open(struct conn *conn, const struct url *url, struct error *err) MUST_CHECK;

/* From now on an address that does not answer an opening within so many seconds is given up, unless the URL says how
 * long (connect_timeout). */
void conn_limit_opening(struct conn *conn, int seconds);

/* Names who hears of the call that is in flight. */
void conn_on_done(struct conn *conn, conn_done_fn done, void *data);

bool conn_is_busy(const struct conn *conn);

/* Seconds since the call in flight was started; 0 where none is. */
double conn_busy_for_s(const struct conn *conn);
const struct outcome *conn_outcome(const struct conn *conn);

/* Makes a copy of an earlier outcome the present one again, after a call that came between. Its batch is valid only if
 * its result is another one than that call's. */
void conn_put_outcome(struct conn *conn, const struct outcome *outcome);

/* Turns a failed outcome into an error and returns false; true otherwise. `sql` (may be NULL) is quoted in the error.
 */
bool conn_check(struct conn *conn, const char *sql, size_t len, struct error *err) MUST_CHECK;

/* Frees a result before the next call. NULL is allowed. */
void conn_discard(struct conn *conn, moonbird_result *result);

/* Runs the loop until no call is in flight. */
void conn_wait(struct conn *conn);

/* From now on a call that runs longer than so many seconds is cancelled, and fails with ERROR_FAILED, SQLSTATE 57014
 * and a message that names the limit. Not above 0: no limit. */
void conn_set_timeout(struct conn *conn, double seconds);

/* Asks the database to end the running call; it then fails with ERROR_INTERRUPTED. Returns at once; nothing happens
 * when none runs or the driver cannot. */
void conn_cancel(struct conn *conn);

/* Breaks a connection whose server does not answer any more: the running call fails with class 08. Returns at once;
 * nothing happens when none runs or the driver cannot. */
void conn_sever(struct conn *conn);

/* --- plain calls --- */

/* `affected` may be NULL. */
bool conn_execute(struct conn *conn, const struct statement *statement, int64_t *affected,
                  struct error *err) MUST_CHECK;

/* One or several statements without parameters. */
bool conn_script(struct conn *conn, const char *sql, struct error *err) MUST_CHECK;

/* All rows of a query, copied. */
struct rowset {
  struct arena arena;
  uint32_t column_count;
  const char **names;
  size_t row_count;
  struct value **rows;
};
#define ROWSET_INIT                                                                                                    \
  { .arena = ARENA_INIT, .row_count = 0 }
void rowset_release(struct rowset *rows);
const char *rowset_text(const struct rowset *rows, size_t row, uint32_t column); /* NULL for SQL NULL or another type */
int64_t rowset_int(const struct rowset *rows, size_t row, uint32_t column);      /* 0 for SQL NULL or another type */
bool rowset_is_null(const struct rowset *rows, size_t row, uint32_t column);

bool conn_query(struct conn *conn, const struct statement *statement, struct rowset *rows,
                struct error *err) MUST_CHECK;

/* Tries the runner's lock. `busy` tells whether somebody else has it, `holder` (with room for holder_size bytes) who.
 */
bool conn_try_lock(struct conn *conn, const char *key, bool *busy, char *holder, size_t holder_size,
                   struct error *err) MUST_CHECK;
void conn_unlock(struct conn *conn, const char *key);

/* Does what belongs to the session (locks, settings) outlive a transaction? False behind a pooler. Only while no call
 * is in flight. */
bool conn_keeps_session(struct conn *conn);

/* MOONBIRD_TX_...; only while no call is in flight. */
int conn_transaction_state(struct conn *conn);

/* The server's version for people, or NULL. */
const char *conn_server_version(struct conn *conn);

#endif
