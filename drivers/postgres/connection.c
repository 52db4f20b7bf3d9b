/*
 * connection.c - opening, closing, cancelling, and receiving results. Called through the table in driver.c and by the
 * files that run statements.
 *
 * The connection is opened with libpq's polling functions although the call blocks: only so can the notice receiver and
 * the verbose error form be in place before the server speaks. libpq would print early warnings to stderr, and would
 * not tell the SQLSTATE of a refusal.
 */
#include "connection.h"

#include "error.h"
#include "options.h"
#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void on_notice(void *arg, const PGresult *result) {
  const moonbird_conn *conn = arg;
  moonbird_error notice;
  if (postgres_host == NULL || postgres_host->notice == NULL) {
    return;
  }
  error_from_notice(&notice, result);
  postgres_host->notice(conn->owner, &notice);
}

/* --- Opening --- */

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* connect_timeout is for each address, as in libpq. */
struct attempt {
  int64_t timeout_ms; /* 0: none */
  int64_t deadline;
  char address[128];
  bool was_late;
};

static void attempt_start(struct attempt *attempt, PGconn *pg) {
  char address[sizeof attempt->address];
  const char *ip = PQhostaddr(pg);
  const char *host = PQhost(pg);
  const char *port = PQport(pg);
  snprintf(address, sizeof address, "%s/%s/%s", ip == NULL ? "" : ip, host == NULL ? "" : host,
           port == NULL ? "" : port);
  if (attempt->deadline == 0 || strcmp(address, attempt->address) != 0) {
    memcpy(attempt->address, address, sizeof address);
    attempt->deadline = now_ms() + attempt->timeout_ms;
  }
}

/* Waits for the socket; false when the time is over. */
static bool attempt_wait(struct attempt *attempt, PGconn *pg, PostgresPollingStatusType wanted) {
  struct pollfd fd = {.fd = PQsocket(pg), .events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT};
  while (true) {
    int64_t left = attempt->timeout_ms == 0 ? -1 : attempt->deadline - now_ms();
    if (attempt->timeout_ms != 0 && left <= 0) {
      return false;
    }
    int ready = poll(&fd, 1, (int)left);
    if (ready > 0 || (ready < 0 && errno != EINTR)) {
      return true;
    }
  }
}

/* libpq goes to the next address by itself when the socket fails, and shutdown makes it fail. Only when that does not
 * end the attempt (a server that accepts and stays silent) is the whole opening given up. */
static bool finish_opening(PGconn *pg, struct attempt *attempt) {
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    attempt_start(attempt, pg);
    if (!attempt_wait(attempt, pg, wanted)) {
      attempt->was_late = true;
      attempt->deadline = 0;
      shutdown(PQsocket(pg), SHUT_RDWR);
    }
    wanted = PQconnectPoll(pg);
  }
  return wanted == PGRES_POLLING_OK;
}

static void set_open_error(moonbird_error *error, PGconn *pg, const struct attempt *attempt) {
  error_from_connect_text(error, PQerrorMessage(pg));
  if (!attempt->was_late || strcmp(error->sqlstate, "08001") != 0) {
    return;
  }
  error_set(error, "08001", "connection to server at \"%s\", port %s failed: timeout expired after %d s", PQhost(pg),
            PQport(pg), (int)(attempt->timeout_ms / 1000));
}

/* --- The session's style --- */

/* What the first query tells of the session. */
struct session_facts {
  int pid;
  int float_digits;
};

static bool read_facts(moonbird_conn *conn, struct session_facts *facts, moonbird_error *error) {
  PGresult *result = connection_run(
      conn, "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('extra_float_digits')", 0, NULL, 0, error);
  if (result == NULL) {
    return false;
  }
  facts->pid = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
  facts->float_digits = (int)strtol(PQgetvalue(result, 0, 1), NULL, 10);
  PQclear(result);
  return true;
}

/* A server tells its own process id with the key for cancelling; a pooler makes up a key of its own. */
static bool is_behind_pooler(PGconn *pg, enum pooler told, const struct session_facts *facts) {
  return told == POOLER_TRANSACTION || (told == POOLER_DETECT && facts->pid != PQbackendPID(pg));
}

static bool status_differs(PGconn *pg, const char *name, const char *prefix) {
  const char *value = PQparameterStatus(pg, name);
  return value != NULL && strncmp(value, prefix, strlen(prefix)) != 0;
}

static void add_setting(char *sql, size_t size, const char *name, const char *value) {
  size_t used = strlen(sql);
  snprintf(sql + used, size - used, "%s%s = %s", used == 0 ? "SET " : "; SET ", name, value);
}

/* Settings of the role or the database may have changed how values are spelt. Behind a pooler nothing that is set here
 * would hold; a float that lost its last digits would then be written back so. None of it is part of the startup
 * message, which PgBouncer would refuse. */
static bool fix_style(moonbird_conn *conn, const struct session_facts *facts, moonbird_error *error) {
  PGconn *pg = conn->pg;
  const char *digits = PQserverVersion(pg) >= 120000 ? "1" : "3";
  char sql[256] = "";
  if (status_differs(pg, "DateStyle", "ISO")) {
    add_setting(sql, sizeof sql, "DateStyle", "'ISO'");
  }
  if (status_differs(pg, "IntervalStyle", "postgres")) {
    add_setting(sql, sizeof sql, "IntervalStyle", "'postgres'");
  }
  if (status_differs(pg, "standard_conforming_strings", "on")) {
    add_setting(sql, sizeof sql, "standard_conforming_strings", "on");
  }
  if (facts->float_digits < 1) {
    add_setting(sql, sizeof sql, "extra_float_digits", digits);
  }
  if (sql[0] == '\0') {
    return true;
  }
  if (conn->is_pooled) {
    error_set(error, "08004", "the sessions behind the pooler spell values in another way than Moonbird needs");
    error->retry = MOONBIRD_RETRY_NEVER;
    error_set_hint(error, "no setting of ours would hold there: set it for the role (ALTER ROLE ... SET ...), or go "
                          "around the pooler. Needed: DateStyle ISO, IntervalStyle postgres, "
                          "standard_conforming_strings on, extra_float_digits 1 (3 before PostgreSQL 12)");
    return false;
  }
  bool copied = false;
  PGresult *result = PQsendQuery(pg, sql) ? connection_collect(conn, &copied) : NULL;
  bool done = PQresultStatus(result) == PGRES_COMMAND_OK;
  if (!done) {
    error_from_result(error, pg, result, NULL, 0, 0);
  }
  PQclear(result);
  return done;
}

static bool begin_session(moonbird_conn *conn, enum pooler told, moonbird_error *error) {
  struct session_facts facts;
  if (!read_facts(conn, &facts, error)) {
    return false;
  }
  conn->is_pooled = is_behind_pooler(conn->pg, told, &facts);
  return fix_style(conn, &facts, error);
}

static void read_version(moonbird_conn *conn) {
  const char *version = PQparameterStatus(conn->pg, "server_version");
  const char *encoding = PQparameterStatus(conn->pg, "server_encoding");
  snprintf(conn->version, sizeof conn->version, "%s", version == NULL ? "" : version);
  conn->server_is_utf8 = encoding != NULL && strcmp(encoding, "UTF8") == 0;
}

static bool connect_server(moonbird_conn *conn, const struct keywords *keywords, moonbird_error *error) {
  struct attempt attempt = {.timeout_ms = (int64_t)keywords->connect_timeout * 1000};
  conn->pg = PQconnectStartParams(keywords->keys, keywords->values, 0);
  if (conn->pg == NULL) {
    error_set_memory(error);
    return false;
  }
  PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE);
  PQsetNoticeReceiver(conn->pg, on_notice, conn);
  if (PQstatus(conn->pg) == CONNECTION_BAD || !finish_opening(conn->pg, &attempt)) {
    set_open_error(error, conn->pg, &attempt);
    return false;
  }
  PQsetErrorVerbosity(conn->pg, PQERRORS_DEFAULT);
  conn->cancel = PQgetCancel(conn->pg);
  if (conn->cancel == NULL) {
    error_set_memory(error);
    return false;
  }
  conn->wire = fcntl(PQsocket(conn->pg), F_DUPFD_CLOEXEC, 0);
  read_version(conn);
  return begin_session(conn, keywords->pooler, error);
}

int32_t connection_open(const moonbird_option *options, uint32_t count, void *owner, moonbird_conn **conn,
                        moonbird_error *error) {
  struct keywords keywords;
  if (!keywords_init(&keywords, options, count, error)) {
    return MOONBIRD_ERROR;
  }
  moonbird_conn *made = calloc(1, sizeof *made);
  int32_t outcome = MOONBIRD_ERROR;
  if (made == NULL || pthread_mutex_init(&made->cancel_mutex, NULL) != 0) {
    free(made);
    error_set_memory(error);
    goto out;
  }
  made->owner = owner;
  made->wire = -1;
  if (!connect_server(made, &keywords, error)) {
    connection_close(made);
    goto out;
  }
  *conn = made;
  outcome = MOONBIRD_OK;
out:
  keywords_release(&keywords);
  return outcome;
}

void connection_close(moonbird_conn *conn) {
  if (conn == NULL) {
    return;
  }
  pthread_mutex_lock(&conn->cancel_mutex);
  PQfreeCancel(conn->cancel);
  conn->cancel = NULL;
  if (conn->wire >= 0) {
    close(conn->wire);
    conn->wire = -1;
  }
  pthread_mutex_unlock(&conn->cancel_mutex);
  pthread_mutex_destroy(&conn->cancel_mutex);
  PQfinish(conn->pg);
  plan_cache_release(&conn->plans);
  params_release(&conn->params);
  buffer_release(&conn->sql);
  free(conn);
}

/* --- Cancelling --- */

static void set_running(moonbird_conn *conn, bool is_running) {
  pthread_mutex_lock(&conn->cancel_mutex);
  conn->is_running = is_running;
  pthread_mutex_unlock(&conn->cancel_mutex);
}

void connection_begin(moonbird_conn *conn) {
  set_running(conn, true);
}

void connection_end(moonbird_conn *conn) {
  set_running(conn, false);
}

void connection_cancel(moonbird_conn *conn) {
  char ignored[256];
  pthread_mutex_lock(&conn->cancel_mutex);
  if (conn->is_running && conn->cancel != NULL) {
    PQcancel(conn->cancel, ignored, sizeof ignored);
  }
  pthread_mutex_unlock(&conn->cancel_mutex);
}

/* connection_cancel may hold the mutex while it waits for a server that does not answer; then the next try does it. */
void connection_sever(moonbird_conn *conn) {
  if (pthread_mutex_trylock(&conn->cancel_mutex) != 0) {
    return;
  }
  if (conn->wire >= 0) {
    shutdown(conn->wire, SHUT_RDWR);
  }
  pthread_mutex_unlock(&conn->cancel_mutex);
}

/* --- State --- */

int32_t connection_transaction_state(moonbird_conn *conn) {
  switch (PQtransactionStatus(conn->pg)) {
  case PQTRANS_IDLE:
    return MOONBIRD_TX_IDLE;
  case PQTRANS_INTRANS:
    return MOONBIRD_TX_ACTIVE;
  case PQTRANS_INERROR:
    return MOONBIRD_TX_FAILED;
  case PQTRANS_ACTIVE: /* rows are being received: what was there before them */
    return stream_transaction_state(conn->stream);
  default:
    return MOONBIRD_TX_UNKNOWN;
  }
}

int32_t connection_keeps_session(moonbird_conn *conn) {
  return conn->is_pooled ? 0 : 1;
}

const char *connection_server_version(moonbird_conn *conn) {
  return conn->version[0] == '\0' ? NULL : conn->version;
}

/* --- Receiving --- */

static bool has_prefix(const char *tag, const char *const *prefixes) {
  for (; *prefixes != NULL; prefixes++) {
    if (strncmp(tag, *prefixes, strlen(*prefixes)) == 0) {
      return true;
    }
  }
  return false;
}

/* Draws the conclusions from a command tag. DDL makes prepared statements wrong ("cached plan must not change result
 * type"), and ROLLBACK may take DDL back. */
static void note_tag(moonbird_conn *conn, const char *tag) {
  static const char *const ends[] = {"COMMIT", "ROLLBACK", "PREPARE TRANSACTION", NULL};
  static const char *const changes[] = {"ALTER", "CREATE", "DROP", "DO", "CALL", "ROLLBACK", "IMPORT", NULL};
  static const char *const forgets[] = {"DISCARD", "DEALLOCATE", NULL};
  if (has_prefix(tag, ends)) {
    conn->epoch++;
  }
  if (has_prefix(tag, changes)) {
    plan_cache_clear(&conn->plans, true);
  }
  if (has_prefix(tag, forgets)) {
    conn->epoch++;
    plan_cache_clear(&conn->plans, false);
  }
}

static void pass_over_copy_out(PGconn *pg) {
  char *row = NULL;
  while (PQgetCopyData(pg, &row, 0) > 0) {
    PQfreemem(row);
  }
}

bool connection_is_failure(const PGresult *result) {
  ExecStatusType status = result == NULL ? PGRES_EMPTY_QUERY : PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

void connection_note(moonbird_conn *conn, PGresult *result) {
  note_tag(conn, PQcmdStatus(result));
}

PGresult *connection_collect(moonbird_conn *conn, bool *copied) {
  PGresult *kept = NULL;
  PGresult *next = NULL;
  while ((next = PQgetResult(conn->pg)) != NULL) {
    ExecStatusType status = PQresultStatus(next);
    if (status == PGRES_COPY_IN) {
      *copied = true;
      PQputCopyEnd(conn->pg, "COPY from the client is not supported here");
    }
    if (status == PGRES_COPY_OUT) {
      *copied = true;
      pass_over_copy_out(conn->pg);
    }
    connection_note(conn, next);
    if (connection_is_failure(kept)) {
      PQclear(next);
      continue;
    }
    PQclear(kept);
    kept = next;
  }
  return kept;
}

PGresult *connection_run(moonbird_conn *conn, const char *sql, int count, const char *const *values, int format,
                         moonbird_error *error) {
  bool copied = false;
  PGresult *result = NULL;
  if (PQsendQueryParams(conn->pg, sql, count, NULL, values, NULL, NULL, format)) {
    result = connection_collect(conn, &copied);
  }
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
    return result;
  }
  error_from_result(error, conn->pg, result, NULL, 0, 0);
  PQclear(result);
  return NULL;
}
