/*
 * session.h - what one command has open: the loop, Lua, the connection, the dialect, the lock.
 *
 * Ownership: the caller owns the struct (session_open, session_close); everything in it is closed in one place. Main
 * thread only.
 */
#ifndef RUN_SESSION_H
#define RUN_SESSION_H

#include "base/error.h"
#include "config/url.h"
#include "db/conn.h"
#include "lua/host.h"
#include "run/run.h"
#include "run/texts.h"

struct lease;
struct offline;
struct step;

struct session {
  const struct run_request *request;
  struct loop *loop;
  struct host *host;
  struct url url;
  char *url_shown; /* without the password */
  const struct driver *driver;
  bool file_is_missing; /* of a database in a file that is only read: it is taken to be empty */
  struct conn *conn;
  struct conn *lock_conn;    /* NULL where `conn` itself holds the lock */
  struct conn *scratch_conn; /* with --sql: a database in memory that follows the script; NULL until it is wanted */
  char *lock_key;            /* set while the lock is held */
  struct lease *lease;       /* NULL where no pooler can be between us and the database */
  struct texts texts;
  bool has_version_table; /* known to exist, this and the next two */
  bool has_log_table;
  bool has_journal_table;
  bool has_backfill_table;
  int savepoints;        /* open db:transaction blocks, and functions of batches */
  bool committed_inside; /* a revision has committed a part of itself (a backfill) */
  bool in_transaction;
  bool goes_on;               /* another revision follows in this run, with a transaction of its own */
  int64_t transaction_number; /* how many were begun */
  int64_t shared_tries;       /* how often the transaction that all revisions share was begun in vain */
  bool repeats;               /* the step that failed will be run again */
  struct step *step;          /* the one that runs, or NULL */
  struct offline *offline;    /* --sql: what would go to the database is written here, and `conn` is NULL; else NULL */
};

/* Opens everything but the lock. With `read_only` the connection asks for no permission to write and makes no file. */
bool session_open(struct session *session, const struct run_request *request, bool read_only,
                  struct error *err) MUST_CHECK;

/* Opens everything but a connection: what follows on the session is written to `offline`, which must outlive it. Its
 * database is taken to have the rows `offline->rows` and none of Moonbird's other tables. */
bool session_open_offline(struct session *session, const struct run_request *request, struct offline *offline,
                          struct error *err) MUST_CHECK;
void session_close(struct session *session);

/* Takes interrupts (a statement that runs is cancelled) and ticks back from whoever had them for a while. */
void session_watch(struct session *session);

/* A further connection to the same database, for workers and locks. */
bool session_connect(struct session *session, const char *application_name, struct conn **conn,
                     struct error *err) MUST_CHECK;

/* --- statements on the main connection --- */

/* A named statement of sql/ with text parameters (NULL is SQL NULL); `affected` may be NULL. */
bool session_execute(struct session *session, const char *name, const char *const *params, uint32_t param_count,
                     int64_t *affected, struct error *err) MUST_CHECK;
bool session_execute_batch(struct session *session, const char *name, struct batch_builder *params, int64_t *affected,
                           struct error *err) MUST_CHECK;
bool session_query(struct session *session, const char *name, const char *const *params, uint32_t param_count,
                   struct rowset *rows, struct error *err) MUST_CHECK;
bool session_query_batch(struct session *session, const char *name, struct batch_builder *params, struct rowset *rows,
                         struct error *err) MUST_CHECK;

/* Runs the statement once for each row of `params`; in a transaction, and online only. */
bool session_execute_rows(struct session *session, const char *name, struct batch_builder *params,
                          struct error *err) MUST_CHECK;

/* As session_query; a table that does not exist gives `found` = false and no rows. Only outside of a transaction. */
bool session_query_table(struct session *session, const char *name, struct rowset *rows, bool *found,
                         struct error *err) MUST_CHECK;

/* --- transactions --- */

/* Begins (the dialect says how), commits, rolls back; a commit or rollback without a transaction does nothing. */
bool session_begin(struct session *session, struct error *err) MUST_CHECK;
bool session_commit(struct session *session, struct error *err) MUST_CHECK;
void session_rollback(struct session *session);

/* An error when a transaction was begun and is not there any more: a script has ended it, or the database. */
bool session_check_transaction(struct session *session, struct error *err) MUST_CHECK;

/* Pushes the dialect, or the main connection as scripts see it, on session->host->L. */
void session_push_dialect(struct session *session);
void session_push_connection(struct session *session);

/* An error when an interrupt has come since the session was opened. */
bool session_check_interrupt(struct session *session, struct error *err) MUST_CHECK;

#endif
