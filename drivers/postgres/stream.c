/*
 * stream.c - results that are received row by row. Called by statement.c and result.c, and by whatever needs the
 * connection while a stream is open.
 */
#include "stream.h"

#include "error.h"

/* A batch of a stream is copied together from single rows; more than this many brings nothing. */
#define MAX_ROWS  4096
#define MAX_BYTES ((size_t)4 * 1024 * 1024)

static void leave(moonbird_result *result) {
  result->is_ended = true;
  result->conn->stream = NULL;
}

/* Receives into `pending`; NULL there and is_ended at the end. False: the statement failed. */
static bool receive(moonbird_result *result, moonbird_error *error) {
  moonbird_conn *conn = result->conn;
  bool copied = false;
  PQclear(result->pending);
  result->pending = PQgetResult(conn->pg);
  if (PQresultStatus(result->pending) == PGRES_SINGLE_TUPLE) {
    return true;
  }
  bool done = result->pending != NULL && PQresultStatus(result->pending) == PGRES_TUPLES_OK;
  if (!done) {
    error_from_result(error, conn->pg, result->pending, (const char *)conn->sql.data, conn->sql.len, 0);
  }
  PQclear(result->pending);
  result->pending = NULL;
  PQclear(connection_collect(conn, &copied));
  leave(result);
  return done;
}

bool stream_open(moonbird_result *result, int32_t state_before, bool is_query, moonbird_error *error) {
  result->source = SOURCE_STREAM;
  result->state_before = state_before;
  result->is_query = is_query;
  result->conn->stream = result;
  return receive(result, error);
}

static size_t batch_bytes(const moonbird_result *result) {
  size_t bytes = 0;
  for (int i = 0; i < result->column_count; i++) {
    bytes += result->columns[i].data.len;
  }
  return bytes;
}

int64_t stream_take(moonbird_result *result, uint64_t max_rows, moonbird_error *error) {
  int64_t count = 0;
  int64_t limit = max_rows < MAX_ROWS ? (int64_t)max_rows : MAX_ROWS;
  while (count < limit && !result->is_ended && batch_bytes(result) < MAX_BYTES) {
    if (!result_append(result, result->pending, 0, 1)) {
      error_set_memory(error);
      return -1;
    }
    count++;
    if (receive(result, &result->failure)) {
      continue;
    }
    /* The rows before the failure are given first. */
    result->source = SOURCE_ROWS;
    result->has_failed = true;
  }
  return count;
}

/* Appends one row to a result that libpq has made for us. */
static bool copy_row(PGresult *to, const PGresult *from) {
  int row = PQntuples(to);
  for (int field = 0; field < PQnfields(from); field++) {
    bool is_null = PQgetisnull(from, 0, field);
    if (!PQsetvalue(to, row, field, is_null ? NULL : PQgetvalue(from, 0, field),
                    is_null ? -1 : PQgetlength(from, 0, field))) {
      return false;
    }
  }
  return true;
}

bool stream_absorb(moonbird_conn *conn, moonbird_error *error) {
  moonbird_result *result = conn->stream;
  if (result == NULL) {
    return true;
  }
  result->rows = PQcopyResult(result->pending, PG_COPYRES_ATTRS);
  result->next = 0;
  while (!result->is_ended) {
    if (result->rows == NULL || !copy_row(result->rows, result->pending)) {
      error_set_memory(error);
      return false;
    }
    if (!receive(result, &result->failure)) {
      result->has_failed = true;
    }
  }
  result->source = SOURCE_ROWS;
  return true;
}

void stream_end(moonbird_result *result) {
  moonbird_conn *conn = result->conn;
  bool copied = false;
  if (conn->stream != result) {
    return;
  }
  /* A query outside a transaction can be cancelled without harm; anything else must come to its end. */
  if (result->is_query && result->state_before == MOONBIRD_TX_IDLE) {
    connection_begin(conn);
    connection_cancel(conn);
    connection_end(conn);
  }
  PQclear(connection_collect(conn, &copied));
  leave(result);
}

int32_t stream_transaction_state(const struct moonbird_result *stream) {
  return stream == NULL ? MOONBIRD_TX_UNKNOWN : stream->state_before;
}
