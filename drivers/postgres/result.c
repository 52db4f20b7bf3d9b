/*
 * result.c - gives rows as columnar batches. Called through the table in driver.c. Where the rows come from is decided
 * by statement.c; cursor.c and stream.c bring more of them.
 */
#include "result.h"

#include "cursor.h"
#include "error.h"
#include "stream.h"

#include <stdlib.h>

/* Offsets have 32 bits. Decoding makes a cell at most four times as long. */
#define MAX_BATCH_BYTES ((size_t)512 * 1024 * 1024)

moonbird_result *result_new(moonbird_conn *conn, const PGresult *shape, bool is_binary, moonbird_error *error) {
  int count = PQnfields(shape);
  moonbird_result *result = calloc(1, sizeof *result);
  if (result == NULL) {
    goto failed;
  }
  result->conn = conn;
  result->is_binary = is_binary;
  result->columns = calloc((size_t)count, sizeof *result->columns);
  result->views = calloc((size_t)count, sizeof *result->views);
  if (result->columns == NULL || result->views == NULL) {
    goto failed;
  }
  for (int i = 0; i < count; i++) {
    result->column_count = i + 1;
    if (!column_init(&result->columns[i], PQfname(shape, i), PQftype(shape, i), is_binary)) {
      goto failed;
    }
  }
  return result;
failed:
  result_free(result);
  error_set_memory(error);
  return NULL;
}

bool result_append(moonbird_result *result, const PGresult *rows, int first, int count) {
  for (int i = 0; i < result->column_count; i++) {
    struct result_column *column = &result->columns[i];
    if (!column->decode(column, rows, i, first, count)) {
      return false;
    }
  }
  return true;
}

/* How many of `wanted` rows fit into a batch; at least one. Only very large results are looked at cell by cell. */
static int fitting_rows(const moonbird_result *result, int wanted) {
  size_t bytes = 0;
  if (PQresultMemorySize(result->rows) <= MAX_BATCH_BYTES) {
    return wanted;
  }
  for (int i = 0; i < wanted; i++) {
    for (int field = 0; field < result->column_count; field++) {
      bytes += (size_t)PQgetlength(result->rows, result->next + i, field);
    }
    if (bytes > MAX_BATCH_BYTES) {
      return i == 0 ? 1 : i;
    }
  }
  return wanted;
}

/* Appends rows that are in memory; the number of them, or -1. */
static int64_t take_rows(moonbird_result *result, uint64_t max_rows) {
  int left = result->rows == NULL ? 0 : PQntuples(result->rows) - result->next;
  int count = max_rows < (uint64_t)left ? (int)max_rows : left;
  if (count == 0) {
    return 0;
  }
  count = fitting_rows(result, count);
  if (!result_append(result, result->rows, result->next, count)) {
    return -1;
  }
  result->next += count;
  return count;
}

static bool has_rows(const moonbird_result *result) {
  return result->rows != NULL && result->next < PQntuples(result->rows);
}

/* Appends the next rows, wherever they are; the number of them, or -1 and the error. */
static int64_t gather(moonbird_result *result, uint64_t max_rows, moonbird_error *error) {
  if (result->source == SOURCE_STREAM) {
    return stream_take(result, max_rows, error);
  }
  if (!has_rows(result) && result->source == SOURCE_CURSOR && !result->is_ended &&
      !cursor_fetch(result, max_rows, error)) {
    return -1;
  }
  if (!has_rows(result) && result->has_failed) {
    result->has_failed = false;
    *error = result->failure;
    return -1;
  }
  int64_t count = take_rows(result, max_rows);
  if (count < 0) {
    error_set_memory(error);
  }
  return count;
}

int32_t result_fetch(moonbird_result *result, uint64_t max_rows, moonbird_batch *batch, moonbird_error *error) {
  for (int i = 0; i < result->column_count; i++) {
    column_clear(&result->columns[i]);
  }
  int64_t count = gather(result, max_rows == 0 ? 1 : max_rows, error);
  if (count < 0) {
    return MOONBIRD_ERROR;
  }
  for (int i = 0; i < result->column_count; i++) {
    if (!column_view(&result->columns[i], &result->views[i])) {
      error_set_memory(error);
      return MOONBIRD_ERROR;
    }
  }
  batch->column_count = (uint32_t)result->column_count;
  batch->row_count = (uint64_t)count;
  batch->columns = result->views;
  return count == 0 ? MOONBIRD_DONE : MOONBIRD_OK;
}

void result_free(moonbird_result *result) {
  if (result == NULL) {
    return;
  }
  if (result->source == SOURCE_CURSOR) {
    cursor_close(result);
  }
  if (result->source == SOURCE_STREAM) {
    stream_end(result);
  }
  for (int i = 0; i < result->column_count; i++) {
    column_release(&result->columns[i]);
  }
  free(result->columns);
  free(result->views);
  PQclear(result->rows);
  PQclear(result->pending);
  free(result);
}
