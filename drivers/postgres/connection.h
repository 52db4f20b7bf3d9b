/*
 * connection.h - a connection and what hangs on it. The host owns the connection between open and close; results
 * borrow it and die before it. Everything but connection_cancel is called from the connection's own thread.
 *
 * Life: connection_open, any number of statements, connection_close. A statement runs between connection_begin and
 * connection_end, so that a cancel that comes when nothing runs is not sent at all.
 */
#ifndef MOONBIRD_POSTGRES_CONNECTION_H
#define MOONBIRD_POSTGRES_CONNECTION_H

#include "buffer.h"
#include "moonbird/driver.h"
#include "params.h"
#include "plan.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct moonbird_conn {
  PGconn *pg;
  void *owner; /* the host's, for notices */
  pthread_mutex_t cancel_mutex;
  PGcancel *cancel; /* under cancel_mutex, as is_running */
  bool is_running;
  int wire; /* a duplicate of the socket, which libpq may close at any time; under cancel_mutex. -1: none */
  bool server_is_utf8;
  bool is_pooled;                 /* the next transaction may run in another session of the server */
  struct moonbird_result *stream; /* the result that is being received row by row, if any */
  struct plan_cache plans;
  struct params params;
  struct buffer sql; /* the statement with a NUL behind it */
  uint64_t epoch;    /* counts what may have ended cursors: COMMIT, ROLLBACK, ROLLBACK TO */
  uint64_t cursors;  /* counts cursors, for their names */
  char version[64];
};

/* Set once by the entry function. */
extern const moonbird_host *postgres_host;

int32_t connection_open(const moonbird_option *options, uint32_t count, void *owner, moonbird_conn **conn,
                        moonbird_error *error);
void connection_close(moonbird_conn *conn);

void connection_begin(moonbird_conn *conn);
void connection_end(moonbird_conn *conn);

/* From any thread. A request that reaches the server while the statement is just ending is dropped by the server;
 * connection_end waits for it, so it cannot hit the statement after. */
void connection_cancel(moonbird_conn *conn);

/* From any thread: the socket is shut down, and whoever waits on it is told that the connection is lost. */
void connection_sever(moonbird_conn *conn);

int32_t connection_transaction_state(moonbird_conn *conn);
int32_t connection_keeps_session(moonbird_conn *conn);
const char *connection_server_version(moonbird_conn *conn);

/* Receives everything up to the end of the running statement (or script) and gives the last result, or the first
 * failed one; NULL: nothing came. COPY is refused and passed over: `*copied` tells. The caller clears the result. */
PGresult *connection_collect(moonbird_conn *conn, bool *copied);

bool connection_is_failure(const PGresult *result);

/* Draws the conclusions from a result that was not received by connection_collect: cursors that have ended, prepared
 * statements that are stale. May free plans. */
void connection_note(moonbird_conn *conn, PGresult *result);

/* As connection_collect, for one statement of the driver's own without parameters from outside: NULL and the error
 * filled unless it succeeded. */
PGresult *connection_run(moonbird_conn *conn, const char *sql, int count, const char *const *values, int format,
                         moonbird_error *error);

#endif
