/*
 * checks_binding.c - parameters: counts, repeated statements, a statement for each row, arrays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

#define EACH_ROWS 5000

/* Columns (id, text, NULL now and then) for many rows. */
struct rows {
  moonbird_batch batch;
  moonbird_column columns[2];
  int64_t ids[EACH_ROWS];
  uint8_t valid[EACH_ROWS];
  uint32_t offsets[EACH_ROWS + 1];
  char text[EACH_ROWS * 16];
};

static struct rows *rows_new(uint64_t count) {
  struct rows *rows = calloc(1, sizeof *rows);
  if (rows == NULL) {
    abort();
  }
  for (uint64_t i = 0; i < count; i++) {
    rows->ids[i] = (int64_t)i;
    rows->valid[i] = i % 10 != 3;
    uint32_t at = rows->offsets[i];
    int len = rows->valid[i] != 0 ? snprintf(rows->text + at, 16, "text %llu", (unsigned long long)i) : 0;
    rows->offsets[i + 1] = at + (uint32_t)len;
  }
  rows->columns[0] = (moonbird_column){.size = sizeof(moonbird_column), .type = MOONBIRD_TYPE_INT64, .data = rows->ids};
  rows->columns[1] = (moonbird_column){.size = sizeof(moonbird_column),
                                       .type = MOONBIRD_TYPE_TEXT,
                                       .valid = rows->valid,
                                       .data = rows->text,
                                       .offsets = rows->offsets};
  rows->batch =
      (moonbird_batch){.size = sizeof(moonbird_batch), .column_count = 2, .row_count = count, .columns = rows->columns};
  return rows;
}

static int32_t each(struct run *run, const char *sql, const moonbird_batch *batch) {
  moonbird_result *result = NULL;
  int32_t status = client_execute(run, run->conn, sql, MOONBIRD_REPEATED, MOONBIRD_BIND_EACH, batch, &result);
  run->driver->result_free(result);
  if (status == MOONBIRD_OK && result != NULL) {
    check_fail(run, "BIND_EACH gives a result");
    return MOONBIRD_ERROR;
  }
  if (status == MOONBIRD_ERROR) {
    check_fail(run, "%.80s: %s %s", sql, run->error.sqlstate, run->error.message);
  }
  return status;
}

/* 07001 is the driver's own count, the others are what servers say. */
static bool is_count_state(const char *sqlstate) {
  static const char *const states[] = {"07001", "08P01", "42P02"};
  for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
    if (strcmp(sqlstate, states[i]) == 0) {
      return true;
    }
  }
  return false;
}

/* `count` values, or no batch at all where it is negative, for two parameters. */
static bool parameter_count_is(struct run *run, int count) {
  struct row_values values;
  moonbird_result *result = NULL;
  values_init(&values);
  for (int i = 0; i < count; i++) {
    values_add_int(&values, 1);
  }
  int32_t status = client_execute(run, run->conn, "SELECT 1 WHERE 1 = ? AND 1 = ?", 0, MOONBIRD_BIND_ROW,
                                  count < 0 ? NULL : &values.batch, &result);
  run->driver->result_free(result);
  EXPECT(run, (status == MOONBIRD_OK) == (count == 2), "%d values for 2 parameters: status %d", count, status);
  if (status == MOONBIRD_ERROR) {
    STEP(check_error_form(run));
    EXPECT(run, is_count_state(run->error.sqlstate), "%d values for 2 parameters: SQLSTATE %s", count,
           run->error.sqlstate);
  }
  return true;
}

static bool parameter_count_is_checked(struct run *run) {
  for (int count = -1; count <= 3; count++) {
    STEP(parameter_count_is(run, count));
  }
  return client_still_works(run);
}

static bool repeated_statement(struct run *run) {
  STEP(client_run(run, "CREATE TEMP TABLE p (i INTEGER, t TEXT)"));
  for (int i = 0; i < 200; i++) {
    struct row_values values;
    moonbird_result *result = NULL;
    char text[32];
    int len = snprintf(text, sizeof text, "text %d", i);
    values_init(&values);
    values_add_int(&values, i);
    values_add_text(&values, text, (size_t)len);
    int32_t status = client_execute(run, run->conn, "INSERT INTO p VALUES (?, ?)", MOONBIRD_REPEATED, MOONBIRD_BIND_ROW,
                                    &values.batch, &result);
    run->driver->result_free(result);
    EXPECT(run, status == MOONBIRD_OK, "run %d: %s %s", i, run->error.sqlstate, run->error.message);
  }
  int64_t sum = 0;
  STEP(client_integer(run, "SELECT sum(i) FROM p", &sum));
  EXPECT(run, sum == 199 * 200 / 2, "the sum is %lld", (long long)sum);
  return true;
}

static bool many_repeated_statements(struct run *run) {
  for (int i = 0; i < 300; i++) {
    char sql[64];
    moonbird_batch batch;
    int number = i % 150;
    snprintf(sql, sizeof sql, "SELECT %d AS n", number);
    STEP(client_query(run, sql, MOONBIRD_REPEATED, 0));
    EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
    EXPECT(run, batch_cell(&batch, 0, 0).integer == number, "%s gives %lld", sql,
           (long long)batch_cell(&batch, 0, 0).integer);
  }
  return true;
}

/* The same repeated text twice at the same time. */
static bool repeated_statement_in_two_streams(struct run *run) {
  moonbird_batch batch;
  const char *sql = "SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3";
  STEP(client_query(run, sql, MOONBIRD_REPEATED | MOONBIRD_STREAM, 0));
  STEP(client_fetch(run, 0, 1, &batch) == MOONBIRD_OK);
  STEP(client_query(run, sql, MOONBIRD_REPEATED | MOONBIRD_STREAM, 1));
  for (unsigned place = 0; place < 2; place++) {
    uint64_t rows = place == 0 ? 1 : 0;
    while (client_fetch(run, place, 10, &batch) == MOONBIRD_OK) {
      rows += batch.row_count;
    }
    EXPECT(run, rows == 3, "stream %u gives %llu rows", place, (unsigned long long)rows);
  }
  return true;
}

/* A migration changes tables between two runs of a statement: the driver prepares again, or says that a repetition
 * makes sense and then works. */
static bool repeated_statement_after_ddl(struct run *run) {
  moonbird_result *result = NULL;
  STEP(client_run(run, "CREATE TEMP TABLE p (i INTEGER)"));
  STEP(client_run(run, "INSERT INTO p VALUES (1)"));
  STEP(client_query(run, "SELECT * FROM p", MOONBIRD_REPEATED, 0));
  client_free(run, 0);
  STEP(client_run(run, "ALTER TABLE p ADD COLUMN t TEXT"));
  int32_t status = client_execute(run, run->conn, "SELECT * FROM p", MOONBIRD_REPEATED, 0, NULL, &result);
  if (status == MOONBIRD_ERROR) {
    EXPECT(run, run->error.retry == MOONBIRD_RETRY_STATEMENT, "%s %s, without retry advice", run->error.sqlstate,
           run->error.message);
    status = client_execute(run, run->conn, "SELECT * FROM p", MOONBIRD_REPEATED, 0, NULL, &result);
  }
  uint32_t column_count = run->summary.column_count;
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_OK, "%s %s", run->error.sqlstate, run->error.message);
  EXPECT(run, column_count == 2, "%u columns after a second one was added", column_count);
  return true;
}

static bool each_runs_every_row(struct run *run, const struct rows *rows) {
  int64_t count = 0;
  moonbird_batch batch;
  STEP(client_run(run, "CREATE TEMP TABLE p (i INTEGER PRIMARY KEY, t TEXT)"));
  STEP(client_run(run, "BEGIN"));
  STEP(each(run, "INSERT INTO p VALUES (?, ?)", &rows->batch) == MOONBIRD_OK);
  EXPECT(run, run->summary.rows_affected == EACH_ROWS, "rows_affected is %lld", (long long)run->summary.rows_affected);
  STEP(client_run(run, "COMMIT"));
  STEP(client_integer(run, "SELECT count(*) FROM p WHERE t IS NULL", &count));
  EXPECT(run, count == EACH_ROWS / 10, "%lld NULLs arrived", (long long)count);
  STEP(client_query(run, "SELECT t FROM p WHERE i >= 4998 ORDER BY i", 0, 0));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
  EXPECT(run, cell_is_text(batch_cell(&batch, 0, 1), "text 4999"), "the last text is wrong");
  client_free(run, 0);
  STEP(client_run(run, "DELETE FROM p WHERE i < 1000"));
  STEP(each(run, "UPDATE p SET t = 'new' WHERE i = ? AND (t = ? OR 1 = 1)", &rows->batch) == MOONBIRD_OK);
  EXPECT(run, run->summary.rows_affected == EACH_ROWS - 1000, "an UPDATE of %d rows affects %lld", EACH_ROWS - 1000,
         (long long)run->summary.rows_affected);
  return true;
}

static bool bind_each(struct run *run) {
  struct rows *rows = rows_new(EACH_ROWS);
  bool is_ok = each_runs_every_row(run, rows);
  free(rows);
  return is_ok;
}

static bool bind_each_of_nothing(struct run *run) {
  struct rows *rows = rows_new(0);
  bool is_ok = client_run(run, "CREATE TEMP TABLE p (i INTEGER PRIMARY KEY, t TEXT)") &&
               each(run, "INSERT INTO p VALUES (?, ?)", &rows->batch) == MOONBIRD_OK;
  free(rows);
  STEP(is_ok);
  EXPECT(run, run->summary.rows_affected == 0, "rows_affected is %lld", (long long)run->summary.rows_affected);
  return true;
}

static bool each_stops(struct run *run, struct rows *rows) {
  int64_t count = -1;
  rows->ids[50] = 49;
  STEP(client_run(run, "CREATE TEMP TABLE p (i INTEGER PRIMARY KEY, t TEXT)"));
  STEP(client_run(run, "BEGIN"));
  EXPECT(run, each(run, "INSERT INTO p VALUES (?, ?)", &rows->batch) == MOONBIRD_ERROR, "row 50 does not fail");
  STEP(check_error_form(run));
  EXPECT(run, strcmp(run->error.sqlstate, "23505") == 0, "SQLSTATE %s", run->error.sqlstate);
  if (run->texts->state_after_error == MOONBIRD_TX_ACTIVE) {
    STEP(client_integer(run, "SELECT count(*) FROM p", &count));
    EXPECT(run, count == 50, "%lld rows were written before the one that fails", (long long)count);
  }
  STEP(client_run(run, "ROLLBACK"));
  STEP(client_integer(run, "SELECT count(*) FROM p", &count));
  EXPECT(run, count == 0, "%lld rows stay after ROLLBACK", (long long)count);
  rows->ids[50] = 50;
  STEP(each(run, "INSERT INTO p VALUES (?, ?)", &rows->batch) == MOONBIRD_OK);
  return true;
}

static bool bind_each_stops_at_first_failure(struct run *run) {
  struct rows *rows = rows_new(100);
  bool is_ok = each_stops(run, rows);
  free(rows);
  return is_ok;
}

/* Five rows for (i, t, f, b, y); row 3 is all NULL. */
static bool arrays_arrive(struct run *run) {
  static const int64_t integers[] = {1, 2, 3, 0, INT64_MIN};
  static const double numbers[] = {0.5, 1e300, -0.25, 0, 5e-324};
  static const uint8_t booleans[] = {1, 0, 1, 0, 1};
  static const uint8_t valid[] = {1, 1, 1, 0, 1};
  static const char text[] = "NULL{\"a\\b\",'c'}\303\251";
  static const uint32_t text_offsets[] = {0, 4, 4, 15, 15, 17};
  static const char bytes[] = "\0\377\\x";
  static const uint32_t bytes_offsets[] = {0, 2, 2, 3, 3, 4};
  const moonbird_column columns[] = {
      {sizeof columns[0], MOONBIRD_TYPE_INT64, NULL, valid, integers, NULL, NULL},
      {sizeof columns[0], MOONBIRD_TYPE_TEXT, NULL, valid, text, text_offsets, NULL},
      {sizeof columns[0], MOONBIRD_TYPE_FLOAT64, NULL, valid, numbers, NULL, NULL},
      {sizeof columns[0], MOONBIRD_TYPE_BOOL, NULL, valid, booleans, NULL, NULL},
      {sizeof columns[0], MOONBIRD_TYPE_BYTES, NULL, valid, bytes, bytes_offsets, NULL},
  };
  const moonbird_batch params = {sizeof params, 5, 5, columns};
  moonbird_result *result = NULL;
  moonbird_batch batch;
  STEP(client_run(run, run->texts->create_types));
  int32_t status = client_execute(run, run->conn, run->texts->insert_arrays, 0, MOONBIRD_BIND_ARRAYS, &params, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_OK, "%s %s", run->error.sqlstate, run->error.message);
  EXPECT(run, run->summary.rows_affected == 5, "rows_affected is %lld", (long long)run->summary.rows_affected);
  STEP(client_query(run, "SELECT i, t, f, b, y FROM v", 0, 0));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK && batch.row_count == 5, "5 rows are not there");
  for (uint32_t column = 0; column < 5; column++) {
    for (uint64_t row = 0; row < 5; row++) {
      struct cell got = batch_cell(&batch, column, row);
      struct cell sent = batch_cell(&params, column, row);
      bool is_same = got.type == sent.type && got.boolean == sent.boolean && got.integer == sent.integer &&
                     memcmp(&got.number, &sent.number, sizeof sent.number) == 0 && got.len == sent.len &&
                     (got.len == 0 || memcmp(got.data, sent.data, got.len) == 0);
      EXPECT(run, is_same, "column %u, row %llu has changed (type %u)", column, (unsigned long long)row, got.type);
    }
  }
  return true;
}

static bool bind_arrays(struct run *run) {
  bool is_supported = (run->driver->caps & MOONBIRD_CAP_ARRAYS) != 0;
  if (is_supported && run->texts->insert_arrays != NULL) {
    return arrays_arrive(run);
  }
  struct row_values values;
  moonbird_result *result = NULL;
  values_init(&values);
  values_add_int(&values, 1);
  int32_t status =
      client_execute(run, run->conn, "SELECT 1 WHERE 1 = ?", 0, MOONBIRD_BIND_ARRAYS, &values.batch, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_ERROR, "BIND_ARRAYS works without the capability");
  STEP(check_error_form(run));
  EXPECT(run, strcmp(run->error.sqlstate, "0A000") == 0, "SQLSTATE %s", run->error.sqlstate);
  return client_still_works(run);
}

/* One VARIANT column of many rows, each with another type, where a column can hold them. */
static bool bind_each_variant(struct run *run) {
  if (run->texts->create_any == NULL) {
    return true;
  }
  static const int64_t integers[] = {1, 2, 3, 4};
  static const uint8_t row_types[] = {MOONBIRD_TYPE_INT64, MOONBIRD_TYPE_TEXT, MOONBIRD_TYPE_NONE, MOONBIRD_TYPE_BOOL};
  static const uint32_t offsets[] = {0, 8, 11, 11, 12};
  char data[12];
  memcpy(data, &(int64_t){77}, 8);
  memcpy(data + 8, "abc\1", 4);
  const moonbird_column columns[] = {
      {sizeof columns[0], MOONBIRD_TYPE_INT64, NULL, NULL, integers, NULL, NULL},
      {sizeof columns[0], MOONBIRD_TYPE_VARIANT, NULL, NULL, data, offsets, row_types},
  };
  const moonbird_batch params = {sizeof params, 2, 4, columns};
  moonbird_batch batch;
  STEP(client_run(run, run->texts->create_any));
  STEP(each(run, "INSERT INTO a VALUES (?, ?)", &params) == MOONBIRD_OK);
  STEP(client_query(run, "SELECT x FROM a ORDER BY i", 0, 0));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK && batch.row_count == 4, "4 rows are not there");
  EXPECT(run, batch_cell(&batch, 0, 0).integer == 77, "the integer has changed");
  EXPECT(run, cell_is_text(batch_cell(&batch, 0, 1), "abc"), "the text has changed");
  EXPECT(run, batch_cell(&batch, 0, 2).type == MOONBIRD_TYPE_NONE, "the NULL has changed");
  EXPECT(run, batch_cell(&batch, 0, 3).integer == 1 || batch_cell(&batch, 0, 3).boolean, "the boolean has changed");
  return true;
}

const struct check checks_binding[] = {
    {"binding: the number of parameters is checked", parameter_count_is_checked},
    {"binding: a repeated statement", repeated_statement},
    {"binding: more repeated statements than are kept", many_repeated_statements},
    {"binding: a repeated statement in two streams", repeated_statement_in_two_streams},
    {"binding: a repeated statement after its table has changed", repeated_statement_after_ddl},
    {"binding: a statement for each row", bind_each},
    {"binding: a statement for each of no rows", bind_each_of_nothing},
    {"binding: a statement for each row stops at the first failure", bind_each_stops_at_first_failure},
    {"binding: arrays, or 0A000", bind_arrays},
    {"binding: a statement for each row of several types", bind_each_variant},
    {NULL, NULL},
};
