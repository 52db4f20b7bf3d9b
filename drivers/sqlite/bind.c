/*
 * bind.c - binds rows of a columnar batch to a statement.
 *
 * Called by statement.c, for BIND_EACH once a row: this is the hot path of a backfill. Texts are bound where they lie.
 */
#include "bind.h"

#include <math.h>
#include <string.h>

#include "error.h"

/* The columns' own size is their distance: a newer host's are longer. */
static const moonbird_column *column_at(const moonbird_batch *batch, uint32_t i) {
  return (const moonbird_column *)(const void *)((const char *)batch->columns + (size_t)i * batch->columns[0].size);
}

int32_t bind_check(sqlite3_stmt *stmt, const moonbird_batch *params, moonbird_error *error) {
  int wanted = sqlite3_bind_parameter_count(stmt);
  uint32_t given = params == NULL ? 0 : params->column_count;
  if ((uint32_t)wanted != given) {
    error_set(error, "07001", "the statement has %d parameters, %u values were given", wanted, given);
    return error_hint(error, "Give one value for each placeholder.");
  }
  for (uint32_t i = 0; i < given; i++) {
    const moonbird_column *column = column_at(params, i);
    if (column->type > MOONBIRD_TYPE_VARIANT) {
      return error_set(error, "0A000", "parameter %u has the type number %u, which the sqlite driver does not know",
                       i + 1, column->type);
    }
  }
  return MOONBIRD_OK;
}

/* SQLite would store NULL in place of NaN, without a word. */
static int bind_double(sqlite3_stmt *stmt, int index, double value) {
  return isnan(value) ? SQLITE_MISMATCH : sqlite3_bind_double(stmt, index, value);
}

/* A NULL pointer would bind NULL, so what is empty points somewhere. */
static int bind_bytes(sqlite3_stmt *stmt, int index, uint32_t type, const char *data, uint32_t from, uint32_t to) {
  const char *start = to > from ? data + from : "";
  if (type == MOONBIRD_TYPE_TEXT) {
    return sqlite3_bind_text64(stmt, index, start, to - from, SQLITE_STATIC, SQLITE_UTF8);
  }
  return sqlite3_bind_blob64(stmt, index, start, to - from, SQLITE_STATIC);
}

static int bind_variant(sqlite3_stmt *stmt, int index, const moonbird_column *column, uint64_t row) {
  const char *data = column->data;
  uint32_t from = column->offsets[row];
  uint32_t to = column->offsets[row + 1];
  int64_t integer = 0;
  double number = 0;
  switch (column->row_types[row]) {
  case MOONBIRD_TYPE_NONE:
    return sqlite3_bind_null(stmt, index);
  case MOONBIRD_TYPE_BOOL:
    return sqlite3_bind_int(stmt, index, data[from] != 0);
  case MOONBIRD_TYPE_INT64:
    memcpy(&integer, data + from, sizeof integer);
    return sqlite3_bind_int64(stmt, index, integer);
  case MOONBIRD_TYPE_FLOAT64:
    memcpy(&number, data + from, sizeof number);
    return bind_double(stmt, index, number);
  case MOONBIRD_TYPE_TEXT:
  case MOONBIRD_TYPE_BYTES:
    return bind_bytes(stmt, index, column->row_types[row], data, from, to);
  default:
    return SQLITE_MISUSE;
  }
}

static int bind_value(sqlite3_stmt *stmt, int index, const moonbird_column *column, uint64_t row) {
  if (column->type == MOONBIRD_TYPE_NONE || (column->valid != NULL && column->valid[row] == 0)) {
    return sqlite3_bind_null(stmt, index);
  }
  switch (column->type) {
  case MOONBIRD_TYPE_BOOL:
    return sqlite3_bind_int(stmt, index, ((const uint8_t *)column->data)[row] != 0);
  case MOONBIRD_TYPE_INT64:
    return sqlite3_bind_int64(stmt, index, ((const int64_t *)column->data)[row]);
  case MOONBIRD_TYPE_FLOAT64:
    return bind_double(stmt, index, ((const double *)column->data)[row]);
  case MOONBIRD_TYPE_VARIANT:
    return bind_variant(stmt, index, column, row);
  default:
    return bind_bytes(stmt, index, column->type, column->data, column->offsets[row], column->offsets[row + 1]);
  }
}

static int32_t bind_failed(moonbird_conn *conn, int code, uint32_t parameter, moonbird_error *error) {
  if (code == SQLITE_MISMATCH) {
    error_set(error, "22003", "parameter %u is not a number (NaN), which SQLite cannot store", parameter);
    return error_hint(error, "Give NULL where there is no number.");
  }
  if (code == SQLITE_MISUSE) {
    return error_set(error, "0A000", "parameter %u has a row type that the sqlite driver does not know", parameter);
  }
  if (code == SQLITE_TOOBIG) {
    return error_set(error, "54000", "parameter %u is longer than SQLite allows", parameter);
  }
  return error_from_sqlite(error, conn, code);
}

int32_t bind_row(moonbird_conn *conn, sqlite3_stmt *stmt, const moonbird_batch *params, uint64_t row,
                 moonbird_error *error) {
  for (uint32_t i = 0; i < params->column_count; i++) {
    int code = bind_value(stmt, (int)i + 1, column_at(params, i), row);
    if (code != SQLITE_OK) {
      return bind_failed(conn, code, i + 1, error);
    }
  }
  return MOONBIRD_OK;
}
