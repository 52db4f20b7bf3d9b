/*
 * client.c - the small client that the checks use: parameters, statements, cells.
 *
 * Texts go to the driver in blocks of their exact size and without a NUL, so that a sanitizer sees every byte that is
 * read too far.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conformance.h"

bool check_fail(struct run *run, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(run->why, sizeof run->why, format, args);
  va_end(args);
  return false;
}

double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- Parameters --- */

void values_init(struct row_values *values) {
  *values = (struct row_values){0};
  values->batch = (moonbird_batch){.size = sizeof(moonbird_batch), .row_count = 1, .columns = values->columns};
}

static uint32_t values_add(struct row_values *values, uint32_t type) {
  uint32_t i = values->batch.column_count++;
  if (i >= ROW_VALUES_MAX) {
    abort();
  }
  values->columns[i] = (moonbird_column){.size = sizeof(moonbird_column), .type = type};
  return i;
}

void values_add_null(struct row_values *values, uint32_t type) {
  static const uint8_t invalid[1] = {0};
  uint32_t i = values_add(values, type);
  values->columns[i].valid = invalid;
  values->columns[i].data = &values->integers[i];
  values->columns[i].offsets = values->offsets[i];
  values->columns[i].row_types = &values->row_types[i];
}

void values_add_bool(struct row_values *values, bool value) {
  uint32_t i = values_add(values, MOONBIRD_TYPE_BOOL);
  values->bools[i] = value;
  values->columns[i].data = &values->bools[i];
}

void values_add_int(struct row_values *values, int64_t value) {
  uint32_t i = values_add(values, MOONBIRD_TYPE_INT64);
  values->integers[i] = value;
  values->columns[i].data = &values->integers[i];
}

void values_add_float(struct row_values *values, double value) {
  uint32_t i = values_add(values, MOONBIRD_TYPE_FLOAT64);
  values->numbers[i] = value;
  values->columns[i].data = &values->numbers[i];
}

void values_add_text(struct row_values *values, const char *text, size_t len) {
  values_add_bytes(values, text, len);
  values->columns[values->batch.column_count - 1].type = MOONBIRD_TYPE_TEXT;
}

void values_add_bytes(struct row_values *values, const void *data, size_t len) {
  uint32_t i = values_add(values, MOONBIRD_TYPE_BYTES);
  values->offsets[i][1] = (uint32_t)len;
  values->columns[i].data = data;
  values->columns[i].offsets = values->offsets[i];
}

void values_make_variant(struct row_values *values) {
  for (uint32_t i = 0; i < values->batch.column_count; i++) {
    moonbird_column *column = &values->columns[i];
    bool is_null = column->valid != NULL || column->type == MOONBIRD_TYPE_NONE;
    uint32_t fixed = column->type == MOONBIRD_TYPE_BOOL                                             ? 1
                     : column->type == MOONBIRD_TYPE_INT64 || column->type == MOONBIRD_TYPE_FLOAT64 ? 8
                                                                                                    : 0;
    values->row_types[i] = is_null ? MOONBIRD_TYPE_NONE : (uint8_t)column->type;
    values->offsets[i][1] = is_null ? 0 : fixed != 0 ? fixed : values->offsets[i][1];
    column->offsets = values->offsets[i];
    column->row_types = &values->row_types[i];
    column->type = MOONBIRD_TYPE_VARIANT;
  }
}

/* --- Cells --- */

static void cell_read(struct cell *cell, const char *data, size_t len) {
  uint8_t byte = 0;
  cell->data = data;
  cell->len = len;
  if (cell->type == MOONBIRD_TYPE_BOOL) {
    memcpy(&byte, data, 1);
    cell->boolean = byte == 1;
  } else if (cell->type == MOONBIRD_TYPE_INT64) {
    memcpy(&cell->integer, data, 8);
  } else if (cell->type == MOONBIRD_TYPE_FLOAT64) {
    memcpy(&cell->number, data, 8);
  }
}

struct cell batch_cell(const moonbird_batch *batch, uint32_t column_index, uint64_t row) {
  const moonbird_column *column =
      (const moonbird_column *)(const void *)((const char *)batch->columns +
                                              (size_t)column_index * batch->columns[0].size);
  struct cell cell = {0};
  if (column->type == MOONBIRD_TYPE_NONE || (column->valid != NULL && column->valid[row] == 0)) {
    return cell;
  }
  cell.type = column->type == MOONBIRD_TYPE_VARIANT ? column->row_types[row] : column->type;
  const char *data = column->data;
  if (column->type >= MOONBIRD_TYPE_TEXT) {
    cell_read(&cell, data + column->offsets[row], column->offsets[row + 1] - column->offsets[row]);
  } else {
    size_t width = column->type == MOONBIRD_TYPE_BOOL ? 1 : 8;
    cell_read(&cell, data + row * width, width);
  }
  return cell;
}

bool cell_is_text(struct cell cell, const char *text) {
  return cell.type == MOONBIRD_TYPE_TEXT && cell.len == strlen(text) && memcmp(cell.data, text, cell.len) == 0;
}

/* --- Statements --- */

moonbird_conn *client_open(struct run *run) {
  moonbird_conn *conn = NULL;
  run->error = (moonbird_error){.size = sizeof run->error};
  if (run->driver->open(run->options, run->option_count, run, &conn, &run->error) != MOONBIRD_OK) {
    check_fail(run, "open: %s %s", run->error.sqlstate, run->error.message);
    return NULL;
  }
  return conn;
}

bool client_keeps_session(const struct run *run) {
  return run->conn == NULL || run->driver->keeps_session == NULL || run->driver->keeps_session(run->conn) == 1;
}

static void remember_table(struct run *run, const char *name) {
  if (run->table_count < TABLES_MAX) {
    snprintf(run->tables[run->table_count++], sizeof run->tables[0], "%.*s", (int)strcspn(name, " ("), name);
  }
}

/* Gives the length of the word to leave out. */
static size_t temporary_word(struct run *run, const char *at) {
  static const char phrase[] = "TEMP TABLE ";
  if (strncmp(at, phrase, strlen(phrase)) != 0 || client_keeps_session(run)) {
    return 0;
  }
  remember_table(run, at + strlen(phrase));
  return strlen("TEMP ");
}

void client_drop_tables(struct run *run) {
  char sql[64];
  moonbird_conn *before = run->conn;
  run->conn = run->table_count > 0 ? client_open(run) : NULL;
  for (unsigned i = 0; i < run->table_count && run->conn != NULL; i++) {
    snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %s", run->tables[i]);
    client_run(run, sql);
  }
  run->driver->close(run->conn);
  run->conn = before;
  run->table_count = 0;
}

/* The text in a block of its own; each "?" becomes a number where the driver counts its placeholders. No text of ours
 * has a question mark elsewhere. */
static char *sql_for_driver(struct run *run, const char *sql, size_t *len) {
  char *text = malloc(strlen(sql) * 4 + 1);
  if (text == NULL) {
    abort();
  }
  size_t used = 0;
  unsigned number = 0;
  for (const char *at = sql; *at != '\0'; at++) {
    at += temporary_word(run, at);
    if (*at == '?' && run->driver->placeholder[0] == '$') {
      used += (size_t)snprintf(text + used, 4, "$%u", ++number);
    } else {
      text[used++] = *at;
    }
  }
  char *exact = realloc(text, used > 0 ? used : 1);
  if (exact == NULL) {
    abort();
  }
  *len = used;
  return exact;
}

int32_t client_execute(struct run *run, moonbird_conn *conn, const char *sql, uint32_t flags, uint32_t bind,
                       const moonbird_batch *params, moonbird_result **result) {
  size_t len = 0;
  char *text = sql_for_driver(run, sql, &len);
  moonbird_statement statement = {
      .size = sizeof statement, .flags = flags, .bind = bind, .sql = text, .sql_len = len, .params = params};
  run->error = (moonbird_error){.size = sizeof run->error};
  run->summary = (moonbird_summary){.size = sizeof run->summary};
  *result = NULL;
  int32_t status = run->driver->execute(conn, &statement, result, &run->summary, &run->error);
  free(text);
  return status;
}

static bool run_params(struct run *run, const char *sql, const moonbird_batch *params) {
  moonbird_result *result = NULL;
  if (client_execute(run, run->conn, sql, 0, MOONBIRD_BIND_ROW, params, &result) != MOONBIRD_OK) {
    return check_fail(run, "%.80s: %s %s", sql, run->error.sqlstate, run->error.message);
  }
  run->driver->result_free(result);
  return true;
}

bool client_run(struct run *run, const char *sql) {
  return run_params(run, sql, NULL);
}

bool client_run_values(struct run *run, const char *sql, const struct row_values *values) {
  return run_params(run, sql, &values->batch);
}

bool client_query(struct run *run, const char *sql, uint32_t flags, unsigned place) {
  client_free(run, place);
  if (client_execute(run, run->conn, sql, flags, MOONBIRD_BIND_ROW, NULL, &run->results[place]) != MOONBIRD_OK) {
    return check_fail(run, "%.80s: %s %s", sql, run->error.sqlstate, run->error.message);
  }
  EXPECT(run, run->results[place] != NULL, "%.80s: gives no result", sql);
  return true;
}

void client_free(struct run *run, unsigned place) {
  run->driver->result_free(run->results[place]);
  run->results[place] = NULL;
}

int32_t client_fetch(struct run *run, unsigned place, uint64_t max_rows, moonbird_batch *batch) {
  run->error = (moonbird_error){.size = sizeof run->error};
  *batch = (moonbird_batch){.size = sizeof *batch};
  int32_t status = run->driver->fetch(run->results[place], max_rows, batch, &run->error);
  if (status == MOONBIRD_ERROR) {
    check_fail(run, "fetch: %s %s", run->error.sqlstate, run->error.message);
  }
  return status;
}

bool client_integer(struct run *run, const char *sql, int64_t *value) {
  moonbird_batch batch;
  unsigned place = OPEN_RESULTS_MAX - 1;
  STEP(client_query(run, sql, 0, place));
  STEP(client_fetch(run, place, 10, &batch) != MOONBIRD_ERROR);
  EXPECT(run, batch.row_count == 1, "%.80s: %llu rows in place of one", sql, (unsigned long long)batch.row_count);
  struct cell cell = batch_cell(&batch, 0, 0);
  EXPECT(run, cell.type == MOONBIRD_TYPE_INT64, "%.80s: type %u in place of INT64", sql, cell.type);
  *value = cell.integer;
  client_free(run, place);
  return true;
}

bool check_error_form(struct run *run) {
  const moonbird_error *error = &run->error;
  EXPECT(run, memchr(error->sqlstate, '\0', sizeof error->sqlstate) == error->sqlstate + 5,
         "the SQLSTATE does not have five characters");
  EXPECT(run, memchr(error->message, '\0', sizeof error->message) != NULL, "the message does not end");
  EXPECT(run, error->message[0] != '\0', "the message is empty");
  EXPECT(run, error->retry <= MOONBIRD_RETRY_CONNECTION, "retry is %u", error->retry);
  EXPECT(run, error->severity == MOONBIRD_SEVERITY_ERROR, "an error has the severity %u", error->severity);
  return true;
}

bool client_expect_error(struct run *run, const char *sql, const char *sqlstate) {
  moonbird_result *result = NULL;
  int32_t status = client_execute(run, run->conn, sql, 0, MOONBIRD_BIND_ROW, NULL, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_ERROR, "%.80s: works, %s is wanted", sql, sqlstate);
  STEP(check_error_form(run));
  EXPECT(run, strcmp(run->error.sqlstate, sqlstate) == 0, "%.80s: SQLSTATE %s (%s), %s is wanted", sql,
         run->error.sqlstate, run->error.message, sqlstate);
  return true;
}

bool client_still_works(struct run *run) {
  int64_t value = 0;
  STEP(client_integer(run, "SELECT 41 + 1", &value));
  EXPECT(run, value == 42, "SELECT 41 + 1 gives %lld", (long long)value);
  return true;
}
