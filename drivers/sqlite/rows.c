/*
 * rows.c - see rows.h. An eponymous virtual table: it is in no schema, only SQL of this connection sees it, and it can
 * only be read from its first row to its last. Called by connection.c and statement.c.
 */
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

struct rows_table {
  sqlite3_vtab base;
  moonbird_conn *conn;
};

struct rows_cursor {
  sqlite3_vtab_cursor base;
  const moonbird_batch *rows;
  uint64_t row;
};

static const moonbird_column *column_at(const moonbird_batch *batch, uint32_t index) {
  return (const moonbird_column *)(const void *)((const char *)batch->columns + (size_t)index * batch->columns->size);
}

static int rows_connect(sqlite3 *db, void *data, int argc, const char *const *argv, sqlite3_vtab **table,
                        char **message) {
  (void)argc;
  (void)argv;
  (void)message;
  char sql[ROWS_MOST_COLUMNS * 5 + 32] = "CREATE TABLE x (c1";
  size_t used = strlen(sql);
  for (int i = 2; i <= ROWS_MOST_COLUMNS; i++) {
    used += (size_t)snprintf(sql + used, sizeof sql - used, ", c%d", i);
  }
  snprintf(sql + used, sizeof sql - used, ")");
  int code = sqlite3_declare_vtab(db, sql);
  struct rows_table *made = code == SQLITE_OK ? calloc(1, sizeof *made) : NULL;
  if (made == NULL) {
    return code == SQLITE_OK ? SQLITE_NOMEM : code;
  }
  sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
  made->conn = data;
  *table = &made->base;
  return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *table) {
  free(table);
  return SQLITE_OK;
}

/* Read from end to end, so that it is the outer loop of a join. */
static int rows_best_index(sqlite3_vtab *table, sqlite3_index_info *info) {
  (void)table;
  info->estimatedCost = 100;
  info->estimatedRows = 100;
  return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **cursor) {
  struct rows_cursor *made = calloc(1, sizeof *made);
  if (made == NULL) {
    return SQLITE_NOMEM;
  }
  made->rows = ((struct rows_table *)table)->conn->rows;
  *cursor = &made->base;
  return SQLITE_OK;
}

static int rows_close(sqlite3_vtab_cursor *cursor) {
  free(cursor);
  return SQLITE_OK;
}

static int rows_filter(sqlite3_vtab_cursor *cursor, int plan, const char *name, int argc, sqlite3_value **argv) {
  (void)plan;
  (void)name;
  (void)argc;
  (void)argv;
  ((struct rows_cursor *)cursor)->row = 0;
  return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *cursor) {
  ((struct rows_cursor *)cursor)->row++;
  return SQLITE_OK;
}

static int rows_eof(sqlite3_vtab_cursor *cursor) {
  const struct rows_cursor *c = (const struct rows_cursor *)cursor;
  return c->rows == NULL || c->row >= c->rows->row_count;
}

static void give_bytes(sqlite3_context *context, uint32_t type, const char *data, uint32_t from, uint32_t to) {
  const char *start = to > from ? data + from : "";
  if (type == MOONBIRD_TYPE_TEXT) {
    sqlite3_result_text64(context, start, to - from, SQLITE_STATIC, SQLITE_UTF8);
  } else {
    sqlite3_result_blob64(context, start, to - from, SQLITE_STATIC);
  }
}

static void give_variant(sqlite3_context *context, const moonbird_column *column, uint64_t row) {
  uint32_t from = column->offsets[row];
  const char *data = (const char *)column->data + from;
  int64_t integer = 0;
  double number = 0;
  switch (column->row_types[row]) {
  case MOONBIRD_TYPE_NONE:
    return;
  case MOONBIRD_TYPE_BOOL:
    sqlite3_result_int(context, data[0] != 0);
    return;
  case MOONBIRD_TYPE_INT64:
    memcpy(&integer, data, sizeof integer);
    sqlite3_result_int64(context, integer);
    return;
  case MOONBIRD_TYPE_FLOAT64:
    memcpy(&number, data, sizeof number);
    sqlite3_result_double(context, number);
    return;
  default:
    give_bytes(context, column->row_types[row], column->data, from, column->offsets[row + 1]);
  }
}

/* What nothing is given for is NULL. */
static int rows_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int index) {
  const struct rows_cursor *c = (const struct rows_cursor *)cursor;
  if (index >= (int)c->rows->column_count) {
    return SQLITE_OK;
  }
  const moonbird_column *column = column_at(c->rows, (uint32_t)index);
  if (column->type == MOONBIRD_TYPE_NONE || (column->valid != NULL && column->valid[c->row] == 0)) {
    return SQLITE_OK;
  }
  switch (column->type) {
  case MOONBIRD_TYPE_BOOL:
    sqlite3_result_int(context, ((const uint8_t *)column->data)[c->row] != 0);
    break;
  case MOONBIRD_TYPE_INT64:
    sqlite3_result_int64(context, ((const int64_t *)column->data)[c->row]);
    break;
  case MOONBIRD_TYPE_FLOAT64:
    sqlite3_result_double(context, ((const double *)column->data)[c->row]);
    break;
  case MOONBIRD_TYPE_VARIANT:
    give_variant(context, column, c->row);
    break;
  default:
    give_bytes(context, column->type, column->data, column->offsets[c->row], column->offsets[c->row + 1]);
  }
  return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid) {
  *rowid = (sqlite3_int64)((const struct rows_cursor *)cursor)->row;
  return SQLITE_OK;
}

static const sqlite3_module module = {
    .iVersion = 0,
    .xConnect = rows_connect,
    .xBestIndex = rows_best_index,
    .xDisconnect = rows_disconnect,
    .xDestroy = rows_disconnect,
    .xOpen = rows_open,
    .xClose = rows_close,
    .xFilter = rows_filter,
    .xNext = rows_next,
    .xEof = rows_eof,
    .xColumn = rows_column,
    .xRowid = rows_rowid,
};

int rows_install(moonbird_conn *conn) {
  return sqlite3_create_module(conn->db, "moonbird_rows", &module, conn);
}

bool rows_are_wanted(sqlite3_stmt *stmt, const moonbird_batch *params) {
  return stmt != NULL && params != NULL && params->column_count > 0 && sqlite3_bind_parameter_count(stmt) == 0 &&
         params->column_count <= ROWS_MOST_COLUMNS && strstr(sqlite3_sql(stmt), "moonbird_rows") != NULL;
}

static bool is_nan(const moonbird_column *column, uint64_t row) {
  double number = 0;
  if (column->valid != NULL && column->valid[row] == 0) {
    return false;
  }
  if (column->type == MOONBIRD_TYPE_FLOAT64) {
    number = ((const double *)column->data)[row];
  } else if (column->type == MOONBIRD_TYPE_VARIANT && column->row_types[row] == MOONBIRD_TYPE_FLOAT64) {
    memcpy(&number, (const char *)column->data + column->offsets[row], sizeof number);
  }
  return isnan(number);
}

static int32_t check_numbers(const moonbird_batch *params, uint32_t index, moonbird_error *error) {
  const moonbird_column *column = column_at(params, index);
  if (column->type != MOONBIRD_TYPE_FLOAT64 && column->type != MOONBIRD_TYPE_VARIANT) {
    return MOONBIRD_OK;
  }
  for (uint64_t row = 0; row < params->row_count; row++) {
    if (is_nan(column, row)) {
      error_set(error, "22003", "parameter %u is not a number (NaN), which SQLite cannot store", index + 1);
      error_hint(error, "Give NULL where there is no number.");
      return error_detail(error, "row %llu of the batch, counted from 0", (unsigned long long)row);
    }
  }
  return MOONBIRD_OK;
}

int32_t rows_offer(moonbird_conn *conn, const moonbird_batch *params, moonbird_error *error) {
  for (uint32_t i = 0; i < params->column_count; i++) {
    if (check_numbers(params, i, error) != MOONBIRD_OK) {
      return MOONBIRD_ERROR;
    }
  }
  conn->rows = params;
  return MOONBIRD_OK;
}

void rows_withdraw(moonbird_conn *conn) {
  conn->rows = NULL;
}
