/*
 * cursor.c - DECLARE, FETCH and CLOSE for results that are streamed inside a transaction. Called by statement.c and
 * result.c. A cursor may be gone before its result is: COMMIT, ROLLBACK and ROLLBACK TO end it, and naming a cursor
 * that is gone would break the host's transaction; so it is looked for when one of them has run.
 */
#include "cursor.h"

#include "error.h"
#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a FETCH asks for: one row, until it is known how wide they are; then as many as are small in memory, up to so
 * many that round trips do not count. */
#define FIRST_ROWS  1
#define MAX_ROWS    4096
#define FETCH_BYTES ((size_t)1024 * 1024)
#define GROWTH      16

bool cursor_open(moonbird_result *result, moonbird_error *error) {
  moonbird_conn *conn = result->conn;
  const struct params *params = &conn->params;
  char prefix[96];
  struct buffer sql = {0};
  uint64_t number = ++conn->cursors;
  int prefix_len = snprintf(prefix, sizeof prefix, "DECLARE moonbird_c%" PRIu64 " NO SCROLL CURSOR FOR ", number);
  if (!buffer_append_text(&sql, prefix) || !buffer_append(&sql, conn->sql.data, conn->sql.len) ||
      !buffer_terminate(&sql)) {
    buffer_release(&sql);
    error_set_memory(error);
    return false;
  }
  bool copied = false;
  PGresult *answer = NULL;
  if (PQsendQueryParams(conn->pg, (const char *)sql.data, params->count, params->types, params->values, params->lengths,
                        params->formats, 0)) {
    answer = connection_collect(conn, &copied);
  }
  bool done = PQresultStatus(answer) == PGRES_COMMAND_OK;
  if (done) {
    result->source = SOURCE_CURSOR;
    result->cursor = number;
    result->epoch = conn->epoch;
  } else {
    error_from_result(error, conn->pg, answer, (const char *)conn->sql.data, conn->sql.len, (size_t)prefix_len);
  }
  PQclear(answer);
  buffer_release(&sql);
  return done;
}

/* Asks the server where the connection has seen a command that ends cursors. */
static bool cursor_is_open(moonbird_result *result) {
  moonbird_conn *conn = result->conn;
  moonbird_error ignored;
  if (PQtransactionStatus(conn->pg) != PQTRANS_INTRANS) {
    return false;
  }
  if (result->epoch == conn->epoch) {
    return true;
  }
  char name[64];
  snprintf(name, sizeof name, "moonbird_c%" PRIu64, result->cursor);
  const char *values[] = {name};
  PGresult *answer =
      connection_run(conn, "SELECT 1 FROM pg_catalog.pg_cursors WHERE name = $1", 1, values, 0, &ignored);
  bool is_open = answer != NULL && PQntuples(answer) == 1;
  PQclear(answer);
  return is_open;
}

static bool set_gone(moonbird_result *result, moonbird_error *error) {
  if (PQstatus(result->conn->pg) == CONNECTION_BAD) {
    error_from_connection(error, result->conn->pg);
  } else if (PQtransactionStatus(result->conn->pg) == PQTRANS_INERROR) {
    error_set(error, "25P02", "the rows cannot be read on: the transaction has failed");
  } else {
    error_set(error, "24000", "the rows cannot be read on: the transaction in which their query ran has ended");
    error_set_hint(error, "read all rows before COMMIT or ROLLBACK");
  }
  result->is_ended = true;
  return false;
}

/* Rows that are wider all at once must not be many, so the number grows in steps. */
static int next_count(const moonbird_result *result, uint64_t wanted) {
  size_t most = FIRST_ROWS;
  size_t before = result->rows == NULL ? 0 : (size_t)PQntuples(result->rows);
  if (before > 0) {
    size_t row_bytes = PQresultMemorySize(result->rows) / before + 1;
    size_t fitting = FETCH_BYTES / row_bytes + 1;
    most = fitting < before * GROWTH ? fitting : before * GROWTH;
  }
  if (most > MAX_ROWS) {
    most = MAX_ROWS;
  }
  return wanted < most ? (int)wanted : (int)most;
}

bool cursor_fetch(moonbird_result *result, uint64_t wanted, moonbird_error *error) {
  moonbird_conn *conn = result->conn;
  char sql[96];
  if (!stream_absorb(conn, error)) {
    return false;
  }
  if (!cursor_is_open(result)) {
    return set_gone(result, error);
  }
  int count = next_count(result, wanted);
  snprintf(sql, sizeof sql, "FETCH FORWARD %d FROM moonbird_c%" PRIu64, count, result->cursor);
  PQclear(result->rows);
  result->next = 0;
  result->rows = connection_run(conn, sql, 0, NULL, result->is_binary, error);
  if (result->rows == NULL) {
    result->is_ended = true;
    return false;
  }
  if (PQntuples(result->rows) < count) {
    result->is_ended = true;
    cursor_close(result);
  }
  return true;
}

void cursor_close(moonbird_result *result) {
  moonbird_conn *conn = result->conn;
  moonbird_error ignored;
  char sql[64];
  result->source = SOURCE_ROWS;
  if (PQstatus(conn->pg) == CONNECTION_BAD || !stream_absorb(conn, &ignored) || !cursor_is_open(result)) {
    return;
  }
  snprintf(sql, sizeof sql, "CLOSE moonbird_c%" PRIu64, result->cursor);
  PQclear(connection_run(conn, sql, 0, NULL, 0, &ignored));
}
