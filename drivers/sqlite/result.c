/*
 * result.c - collects rows into columnar memory and shows pages of it to the host.
 *
 * Called by statement.c and the host. SQLite's columns have no type of their own, so values are kept as they come, one
 * slot and one type byte each, and the type of a column is decided for each page from the rows in it.
 */
#include "result.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"

/* One page's data of a column must be addressable by 32-bit offsets. */
#ifndef PAGE_BYTES_MAX
#define PAGE_BYTES_MAX UINT32_MAX
#endif
/* A stream's page ends at this size, whatever max_rows says. */
#define STREAM_PAGE_BYTES ((size_t)1 << 20)
#define ROWS_INITIAL      64
#define BYTES_INITIAL     1024
#define NUMBER_SIZE       8

union slot {
  int64_t integer;
  double number;
  uint64_t end; /* text, bytes and NULL: where the column's bytes stood after this row */
};

struct column_store {
  uint8_t *types;    /* one a row, NONE for NULL */
  union slot *slots; /* one a row */
  char *bytes;       /* of texts and blobs, one behind the other */
  size_t bytes_len;
  size_t bytes_size;
  size_t bytes_shown; /* those of rows that were fetched already */
  bool is_boolean;    /* declared so */
  /* For the page that the host looks at. */
  uint8_t *valid;
  uint8_t *booleans;
  uint32_t *offsets;
  char *mixed;
  size_t mixed_size;
};

struct moonbird_result {
  moonbird_conn *conn;
  uint32_t column_count;
  moonbird_column *columns;
  struct column_store *stores;
  char *names;
  size_t row_count; /* in the stores */
  size_t row_room;
  size_t rows_shown;
  size_t page_room;           /* rows that the page's arrays have room for */
  struct held_statement held; /* of a stream */
  bool is_stream;
  bool has_row; /* a stream's statement stands on a row that was not read yet */
};

/* --- Making and freeing --- */

static bool names_copy(moonbird_result *result, sqlite3_stmt *stmt) {
  size_t size = 1;
  for (uint32_t i = 0; i < result->column_count; i++) {
    const char *name = sqlite3_column_name(stmt, (int)i);
    if (name == NULL) {
      return false;
    }
    size += strlen(name) + 1;
  }
  result->names = malloc(size);
  if (result->names == NULL) {
    return false;
  }
  char *at = result->names;
  for (uint32_t i = 0; i < result->column_count; i++) {
    const char *name = sqlite3_column_name(stmt, (int)i);
    size_t len = strlen(name) + 1;
    memcpy(at, name, len);
    result->columns[i].name = at;
    at += len;
  }
  return true;
}

static bool is_declared_boolean(sqlite3_stmt *stmt, uint32_t column) {
  const char *type = sqlite3_column_decltype(stmt, (int)column);
  return type != NULL && (strcasecmp(type, "BOOLEAN") == 0 || strcasecmp(type, "BOOL") == 0);
}

moonbird_result *result_new(moonbird_conn *conn, sqlite3_stmt *stmt, moonbird_error *error) {
  moonbird_result *result = calloc(1, sizeof *result);
  if (result == NULL) {
    error_no_memory(error);
    return NULL;
  }
  result->conn = conn;
  result->column_count = (uint32_t)sqlite3_column_count(stmt);
  result->columns = calloc(result->column_count, sizeof *result->columns);
  result->stores = calloc(result->column_count, sizeof *result->stores);
  if (result->columns == NULL || result->stores == NULL || !names_copy(result, stmt)) {
    result_free(result);
    error_no_memory(error);
    return NULL;
  }
  for (uint32_t i = 0; i < result->column_count; i++) {
    result->columns[i].size = sizeof result->columns[i];
    result->stores[i].is_boolean = is_declared_boolean(stmt, i);
  }
  return result;
}

static void store_release(struct column_store *store) {
  free(store->types);
  free(store->slots);
  free(store->bytes);
  free(store->valid);
  free(store->booleans);
  free(store->offsets);
  free(store->mixed);
}

void result_free(moonbird_result *result) {
  if (result == NULL) {
    return;
  }
  statement_release(&result->held);
  for (uint32_t i = 0; result->stores != NULL && i < result->column_count; i++) {
    store_release(&result->stores[i]);
  }
  free(result->stores);
  free(result->columns);
  free(result->names);
  free(result);
}

uint32_t result_column_count(const moonbird_result *result) {
  return result->column_count;
}

void result_take_statement(moonbird_result *result, struct held_statement *held, int step_code) {
  result->held = *held;
  result->is_stream = true;
  result->has_row = step_code == SQLITE_ROW;
  *held = (struct held_statement){0};
}

/* --- Collecting rows --- */

/* realloc that leaves `*array` alone when it fails. */
static bool array_resize(void *array, size_t count, size_t item_size) {
  void *old = NULL;
  memcpy(&old, array, sizeof old);
  void *resized = reallocarray(old, count, item_size);
  if (resized == NULL) {
    return false;
  }
  memcpy(array, &resized, sizeof resized);
  return true;
}

static bool rows_grow(moonbird_result *result) {
  size_t room = result->row_room == 0 ? ROWS_INITIAL : result->row_room * 2;
  for (uint32_t i = 0; i < result->column_count; i++) {
    struct column_store *store = &result->stores[i];
    if (!array_resize(&store->types, room, sizeof *store->types) ||
        !array_resize(&store->slots, room, sizeof *store->slots)) {
      return false;
    }
  }
  result->row_room = room;
  return true;
}

static bool store_append(struct column_store *store, const void *data, size_t len) {
  if (len > store->bytes_size - store->bytes_len) {
    size_t size = store->bytes_size == 0 ? BYTES_INITIAL : store->bytes_size * 2;
    if (size < store->bytes_len + len) {
      size = store->bytes_len + len;
    }
    if (!array_resize(&store->bytes, size, 1)) {
      return false;
    }
    store->bytes_size = size;
  }
  if (len > 0) {
    memcpy(store->bytes + store->bytes_len, data, len);
    store->bytes_len += len;
  }
  return true;
}

/* A NULL pointer with a length is a failed conversion, for want of memory. */
static bool append_bytes(struct column_store *store, sqlite3_stmt *stmt, int column, size_t row, uint8_t type) {
  const void *data =
      type == MOONBIRD_TYPE_TEXT ? (const void *)sqlite3_column_text(stmt, column) : sqlite3_column_blob(stmt, column);
  size_t len = (size_t)sqlite3_column_bytes(stmt, column);
  bool is_lost = data == NULL && (len > 0 || type == MOONBIRD_TYPE_TEXT);
  if (is_lost || !store_append(store, data, len)) {
    return false;
  }
  store->types[row] = type;
  store->slots[row].end = store->bytes_len;
  return true;
}

/* 0 and 1 in a column declared BOOLEAN are booleans, whatever other rows of the page hold. */
static uint8_t integer_type(const struct column_store *store, int64_t value) {
  bool is_boolean = store->is_boolean && (value == 0 || value == 1);
  return is_boolean ? MOONBIRD_TYPE_BOOL : MOONBIRD_TYPE_INT64;
}

static bool append_value(struct column_store *store, sqlite3_stmt *stmt, int column, size_t row) {
  switch (sqlite3_column_type(stmt, column)) {
  case SQLITE_INTEGER:
    store->slots[row].integer = sqlite3_column_int64(stmt, column);
    store->types[row] = integer_type(store, store->slots[row].integer);
    return true;
  case SQLITE_FLOAT:
    store->types[row] = MOONBIRD_TYPE_FLOAT64;
    store->slots[row].number = sqlite3_column_double(stmt, column);
    return true;
  case SQLITE_TEXT:
    return append_bytes(store, stmt, column, row, MOONBIRD_TYPE_TEXT);
  case SQLITE_BLOB:
    return append_bytes(store, stmt, column, row, MOONBIRD_TYPE_BYTES);
  default:
    store->types[row] = MOONBIRD_TYPE_NONE;
    store->slots[row].end = store->bytes_len;
    return true;
  }
}

static bool append_row(moonbird_result *result, sqlite3_stmt *stmt) {
  if (result->row_count == result->row_room && !rows_grow(result)) {
    return false;
  }
  for (uint32_t i = 0; i < result->column_count; i++) {
    if (!append_value(&result->stores[i], stmt, (int)i, result->row_count)) {
      return false;
    }
  }
  result->row_count++;
  return true;
}

int32_t result_read_all(moonbird_result *result, sqlite3_stmt *stmt, int step_code, moonbird_error *error) {
  while (step_code == SQLITE_ROW) {
    if (!append_row(result, stmt)) {
      return error_no_memory(error);
    }
    step_code = sqlite3_step(stmt);
  }
  return step_code == SQLITE_DONE ? MOONBIRD_OK : error_from_sqlite(error, result->conn, step_code);
}

static size_t stored_bytes(const moonbird_result *result) {
  size_t bytes = result->row_count * result->column_count * NUMBER_SIZE;
  for (uint32_t i = 0; i < result->column_count; i++) {
    bytes += result->stores[i].bytes_len;
  }
  return bytes;
}

/* The next page of a stream. After the last row the statement is given back at once, so that it holds no lock, and so
 * that nobody can step it again: SQLite would start from the first row. */
static int32_t stream_read(moonbird_result *result, uint64_t max_rows, moonbird_error *error) {
  if (result->rows_shown < result->row_count) { /* the last page did not hold all that was read */
    return MOONBIRD_OK;
  }
  result->row_count = 0;
  result->rows_shown = 0;
  for (uint32_t i = 0; i < result->column_count; i++) {
    result->stores[i].bytes_len = 0;
    result->stores[i].bytes_shown = 0;
  }
  while (result->has_row && result->row_count < max_rows && stored_bytes(result) < STREAM_PAGE_BYTES) {
    if (!append_row(result, result->held.stmt)) {
      result->has_row = false;
      statement_release(&result->held);
      return error_no_memory(error);
    }
    int code = sqlite3_step(result->held.stmt);
    result->has_row = code == SQLITE_ROW;
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
      error_from_sqlite(error, result->conn, code);
      result->row_count = 0;
      statement_release(&result->held);
      return MOONBIRD_ERROR;
    }
  }
  if (!result->has_row) {
    statement_release(&result->held);
  }
  return MOONBIRD_OK;
}

/* --- Showing a page --- */

/* Grows the page's arrays. `offsets` has one entry more. */
static bool page_grow(moonbird_result *result, size_t rows) {
  if (rows <= result->page_room) {
    return true;
  }
  for (uint32_t i = 0; i < result->column_count; i++) {
    struct column_store *store = &result->stores[i];
    if (!array_resize(&store->valid, rows, sizeof *store->valid) ||
        !array_resize(&store->offsets, rows + 1, sizeof *store->offsets) ||
        (store->is_boolean && !array_resize(&store->booleans, rows, sizeof *store->booleans))) {
      return false;
    }
  }
  result->page_room = rows;
  return true;
}

/* Bytes that a row needs in a page of mixed types, which is the largest form. */
static size_t row_size(const struct column_store *store, size_t row, uint64_t *end) {
  uint8_t type = store->types[row];
  if (type == MOONBIRD_TYPE_INT64 || type == MOONBIRD_TYPE_FLOAT64) {
    return NUMBER_SIZE;
  }
  if (type == MOONBIRD_TYPE_BOOL) {
    return 1;
  }
  uint64_t before = *end;
  *end = store->slots[row].end;
  return (size_t)(*end - before);
}

/* How many of `rows` rows fit into 32-bit offsets in every column; at least one, since no value is that long. */
static size_t page_limit(const moonbird_result *result, size_t rows) {
  for (uint32_t i = 0; i < result->column_count; i++) {
    const struct column_store *store = &result->stores[i];
    if (store->bytes_len - store->bytes_shown + rows * NUMBER_SIZE <= PAGE_BYTES_MAX) {
      continue;
    }
    uint64_t end = store->bytes_shown;
    size_t used = 0;
    for (size_t r = 0; r < rows; r++) {
      used += row_size(store, result->rows_shown + r, &end);
      if (used > PAGE_BYTES_MAX) {
        rows = r > 0 ? r : 1;
        break;
      }
    }
  }
  return rows;
}

/* The page's types as a set of bits. */
static unsigned types_in(const uint8_t *types, size_t rows) {
  unsigned set = 0;
  for (size_t r = 0; r < rows; r++) {
    set |= 1u << types[r];
  }
  return set;
}

static void show_valid(moonbird_column *column, struct column_store *store, const uint8_t *types, size_t rows) {
  for (size_t r = 0; r < rows; r++) {
    store->valid[r] = types[r] != MOONBIRD_TYPE_NONE;
  }
  column->valid = store->valid;
}

static void show_bytes(moonbird_column *column, struct column_store *store, const union slot *slots, size_t rows) {
  uint64_t base = store->bytes_shown;
  store->offsets[0] = 0;
  for (size_t r = 0; r < rows; r++) {
    store->offsets[r + 1] = (uint32_t)(slots[r].end - base);
  }
  column->data = store->bytes != NULL ? store->bytes + base : "";
  column->offsets = store->offsets;
  store->bytes_shown = rows > 0 ? (size_t)slots[rows - 1].end : store->bytes_shown;
}

static void show_booleans(moonbird_column *column, struct column_store *store, const uint8_t *types,
                          const union slot *slots, size_t rows) {
  for (size_t r = 0; r < rows; r++) {
    store->booleans[r] = types[r] == MOONBIRD_TYPE_BOOL && slots[r].integer == 1;
  }
  column->data = store->booleans;
}

/* Where the bytes of a value begin that a page of mixed types holds. */
static const char *mixed_bytes(const struct column_store *store, uint8_t type, const union slot *slot, uint64_t start,
                               uint8_t *boolean) {
  if (type == MOONBIRD_TYPE_BOOL) {
    *boolean = slot->integer == 1;
    return (const char *)boolean;
  }
  bool is_number = type == MOONBIRD_TYPE_INT64 || type == MOONBIRD_TYPE_FLOAT64;
  return is_number ? (const char *)slot : store->bytes + start;
}

/* Values of several types: all are copied into one block. */
static bool show_mixed(moonbird_column *column, struct column_store *store, const uint8_t *types,
                       const union slot *slots, size_t rows, size_t first) {
  uint64_t end = store->bytes_shown;
  size_t size = 0;
  for (size_t r = 0; r < rows; r++) {
    size += row_size(store, first + r, &end);
  }
  if (size > store->mixed_size) {
    if (!array_resize(&store->mixed, size, 1)) {
      return false;
    }
    store->mixed_size = size;
  }
  end = store->bytes_shown;
  size_t at = 0;
  for (size_t r = 0; r < rows; r++) {
    uint64_t start = end;
    size_t len = row_size(store, first + r, &end);
    store->offsets[r] = (uint32_t)at;
    uint8_t boolean = 0;
    if (len > 0) {
      memcpy(store->mixed + at, mixed_bytes(store, types[r], &slots[r], start, &boolean), len);
    }
    at += len;
  }
  store->offsets[rows] = (uint32_t)at;
  store->bytes_shown = (size_t)end;
  column->data = store->mixed != NULL ? store->mixed : "";
  column->offsets = store->offsets;
  column->row_types = types;
  return true;
}

static bool show_column(moonbird_result *result, uint32_t index, size_t rows) {
  static const unsigned null_bit = 1u << MOONBIRD_TYPE_NONE;
  struct column_store *store = &result->stores[index];
  size_t first = result->rows_shown;
  const uint8_t *types = rows > 0 ? store->types + first : NULL;
  const union slot *slots = rows > 0 ? store->slots + first : NULL;
  moonbird_column *column = &result->columns[index];
  *column = (moonbird_column){.size = sizeof *column, .name = column->name};
  unsigned set = types_in(types, rows);
  if ((set & null_bit) != 0) {
    show_valid(column, store, types, rows);
  }
  switch (set & ~null_bit) {
  case 0:
    column->type = MOONBIRD_TYPE_NONE;
    return true;
  case 1u << MOONBIRD_TYPE_BOOL:
    column->type = MOONBIRD_TYPE_BOOL;
    show_booleans(column, store, types, slots, rows);
    return true;
  case 1u << MOONBIRD_TYPE_INT64:
    column->type = MOONBIRD_TYPE_INT64;
    column->data = slots;
    return true;
  case 1u << MOONBIRD_TYPE_FLOAT64:
    column->type = MOONBIRD_TYPE_FLOAT64;
    column->data = slots;
    return true;
  case 1u << MOONBIRD_TYPE_TEXT:
    column->type = MOONBIRD_TYPE_TEXT;
    show_bytes(column, store, slots, rows);
    return true;
  case 1u << MOONBIRD_TYPE_BYTES:
    column->type = MOONBIRD_TYPE_BYTES;
    show_bytes(column, store, slots, rows);
    return true;
  default:
    column->type = MOONBIRD_TYPE_VARIANT;
    return show_mixed(column, store, types, slots, rows, first);
  }
}

static int32_t show_page(moonbird_result *result, uint64_t max_rows, moonbird_batch *batch, moonbird_error *error) {
  size_t rows = result->row_count - result->rows_shown;
  rows = rows > max_rows ? (size_t)max_rows : rows;
  rows = page_limit(result, rows);
  if (!page_grow(result, rows)) {
    return error_no_memory(error);
  }
  for (uint32_t i = 0; i < result->column_count; i++) {
    if (!show_column(result, i, rows)) {
      return error_no_memory(error);
    }
  }
  result->rows_shown += rows;
  batch->column_count = result->column_count;
  batch->row_count = rows;
  batch->columns = result->columns;
  return rows > 0 ? MOONBIRD_OK : MOONBIRD_DONE;
}

int32_t result_fetch(moonbird_result *result, uint64_t max_rows, moonbird_batch *batch, moonbird_error *error) {
  if (max_rows == 0) {
    return error_set(error, "22023", "fetch needs max_rows of at least 1");
  }
  if (!result->is_stream) {
    return show_page(result, max_rows, batch, error);
  }
  connection_call_begin(result->conn);
  int32_t status = stream_read(result, max_rows, error);
  connection_call_end(result->conn);
  return status == MOONBIRD_OK ? show_page(result, max_rows, batch, error) : status;
}
