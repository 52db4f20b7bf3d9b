/*
 * checks_results.c - statements without parameters and the reading of their rows.
 */
#include <stdio.h>
#include <string.h>

#include "conformance.h"

#define MANY_ROWS 100000
#define PAGE_ROWS 10000

static const char many_rows[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) "
                                "SELECT i AS i, 'row ' || i AS t FROM n ORDER BY i";

static bool empty_text_does_nothing(struct run *run) {
  static const char *const texts[] = {"", "  \n ", "-- a comment", "/* a comment */"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    STEP(client_run(run, texts[i]));
    EXPECT(run, run->summary.column_count == 0, "\"%s\" has columns", texts[i]);
  }
  return true;
}

static bool no_rows_no_result(struct run *run) {
  moonbird_result *result = NULL;
  int32_t status =
      client_execute(run, run->conn, "CREATE TEMP TABLE r (i INTEGER)", 0, MOONBIRD_BIND_ROW, NULL, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_OK, "CREATE TABLE: %s", run->error.message);
  EXPECT(run, result == NULL && run->summary.column_count == 0, "CREATE TABLE gives a result");
  STEP(client_run(run, "INSERT INTO r VALUES (1), (2), (3)"));
  EXPECT(run, run->summary.rows_affected == 3, "an INSERT of 3 rows affects %lld",
         (long long)run->summary.rows_affected);
  STEP(client_run(run, "UPDATE r SET i = i + 10 WHERE i > 1"));
  EXPECT(run, run->summary.rows_affected == 2, "an UPDATE of 2 rows affects %lld",
         (long long)run->summary.rows_affected);
  STEP(client_run(run, "DELETE FROM r WHERE i < 0"));
  EXPECT(run, run->summary.rows_affected == 0, "a DELETE of no row affects %lld",
         (long long)run->summary.rows_affected);
  return true;
}

static bool columns_are_described(struct run *run) {
  moonbird_batch batch;
  STEP(client_query(run, "SELECT 1 AS one, 'x' AS \"a column\", 2 AS one", 0, 0));
  EXPECT(run, run->summary.column_count == 3, "the summary has %u columns", run->summary.column_count);
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
  EXPECT(run, batch.column_count == 3 && batch.row_count == 1, "%u columns, %llu rows", batch.column_count,
         (unsigned long long)batch.row_count);
  EXPECT(run, batch.columns[0].size >= sizeof(moonbird_column), "a column's size is %u", batch.columns[0].size);
  EXPECT(run, strcmp(batch.columns[0].name, "one") == 0, "the first column is \"%s\"", batch.columns[0].name);
  EXPECT(run, strcmp(batch.columns[1].name, "a column") == 0, "the second column is \"%s\"", batch.columns[1].name);
  EXPECT(run, strcmp(batch.columns[2].name, "one") == 0, "the third column is \"%s\"", batch.columns[2].name);
  return true;
}

static bool zero_rows(struct run *run, uint32_t flags) {
  moonbird_batch batch;
  STEP(client_query(run, "SELECT 1 AS i, 'x' AS t WHERE 1 = 0", flags, 0));
  EXPECT(run, run->summary.column_count == 2, "the summary has %u columns", run->summary.column_count);
  for (int i = 0; i < 3; i++) {
    EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_DONE, "fetch number %d does not say DONE", i + 1);
    EXPECT(run, batch.row_count == 0, "DONE with %llu rows", (unsigned long long)batch.row_count);
    EXPECT(run, batch.column_count == 2 && strcmp(batch.columns[1].name, "t") == 0, "the columns are not described");
  }
  return true;
}

static bool zero_rows_describe_columns(struct run *run) {
  STEP(zero_rows(run, 0));
  return zero_rows(run, MOONBIRD_STREAM);
}

static bool done_stays_done(struct run *run, uint32_t flags) {
  moonbird_batch batch;
  STEP(client_query(run, "SELECT 1 AS i UNION ALL SELECT 2", flags, 0));
  EXPECT(run, client_fetch(run, 0, 100, &batch) == MOONBIRD_OK && batch.row_count == 2, "two rows are not read: %s",
         run->why);
  for (int i = 0; i < 3; i++) {
    EXPECT(run, client_fetch(run, 0, 100, &batch) == MOONBIRD_DONE, "fetch number %d after the end gives rows", i + 1);
    EXPECT(run, batch.row_count == 0 && batch.column_count == 1, "the columns are not described after the end");
  }
  return true;
}

static bool done_is_latched(struct run *run) {
  STEP(done_stays_done(run, 0));
  STEP(done_stays_done(run, MOONBIRD_STREAM));
  return done_stays_done(run, MOONBIRD_REPEATED);
}

/* Reads `place` to its end: the rows are 1, 2, 3, ... with their texts, from `next` on. */
static bool read_many(struct run *run, unsigned place, uint64_t page_rows, int64_t next) {
  moonbird_batch batch;
  int32_t status = client_fetch(run, place, page_rows, &batch);
  while (status == MOONBIRD_OK) {
    EXPECT(run, batch.row_count >= 1 && batch.row_count <= page_rows, "%llu rows in a page of %llu",
           (unsigned long long)batch.row_count, (unsigned long long)page_rows);
    for (uint64_t row = 0; row < batch.row_count; row++, next++) {
      char text[32];
      snprintf(text, sizeof text, "row %lld", (long long)next);
      struct cell cell = batch_cell(&batch, 0, row);
      EXPECT(run, cell.type == MOONBIRD_TYPE_INT64 && cell.integer == next, "row %lld has the number %lld",
             (long long)next, (long long)cell.integer);
      EXPECT(run, cell_is_text(batch_cell(&batch, 1, row), text), "the text of row %lld is wrong", (long long)next);
    }
    status = client_fetch(run, place, page_rows, &batch);
  }
  STEP(status != MOONBIRD_ERROR);
  EXPECT(run, next == MANY_ROWS + 1, "%lld rows in place of %d", (long long)next - 1, MANY_ROWS);
  return true;
}

static bool many_rows_in_pages(struct run *run) {
  STEP(client_query(run, many_rows, 0, 0));
  return read_many(run, 0, PAGE_ROWS, 1);
}

static bool many_rows_streamed(struct run *run) {
  STEP(client_query(run, many_rows, MOONBIRD_STREAM, 0));
  return read_many(run, 0, PAGE_ROWS, 1);
}

static bool many_rows_in_odd_pages(struct run *run) {
  STEP(client_query(run, many_rows, MOONBIRD_STREAM, 0));
  STEP(read_many(run, 0, 333, 1));
  STEP(client_query(run, many_rows, 0, 0));
  return read_many(run, 0, 333, 1);
}

static bool page_of_any_size(struct run *run) {
  STEP(client_query(run, many_rows, 0, 0));
  STEP(read_many(run, 0, UINT64_MAX, 1));
  STEP(client_query(run, many_rows, MOONBIRD_STREAM, 0));
  return read_many(run, 0, UINT64_MAX, 1);
}

static bool stream_allows_other_statements(struct run *run) {
  moonbird_batch batch;
  int64_t count = 0;
  STEP(client_run(run, "CREATE TEMP TABLE s (i INTEGER)"));
  STEP(client_query(run, many_rows, MOONBIRD_STREAM, 0));
  STEP(client_fetch(run, 0, 10, &batch) == MOONBIRD_OK);
  uint64_t got = batch.row_count;
  STEP(client_run(run, "INSERT INTO s VALUES (1), (2)"));
  STEP(client_integer(run, "SELECT count(*) FROM s", &count));
  EXPECT(run, count == 2, "%lld rows were inserted beside the stream", (long long)count);
  STEP(client_query(run, many_rows, MOONBIRD_STREAM, 1));
  STEP(client_fetch(run, 1, 10, &batch) == MOONBIRD_OK);
  uint64_t second = batch.row_count;
  STEP(read_many(run, 0, PAGE_ROWS, (int64_t)got + 1));
  return read_many(run, 1, PAGE_ROWS, (int64_t)second + 1);
}

static bool stream_in_transaction(struct run *run) {
  moonbird_batch batch;
  STEP(client_run(run, "BEGIN"));
  STEP(client_run(run, "CREATE TEMP TABLE s (i INTEGER)"));
  STEP(client_query(run, many_rows, MOONBIRD_STREAM, 0));
  STEP(client_fetch(run, 0, 10, &batch) == MOONBIRD_OK);
  uint64_t got = batch.row_count;
  STEP(client_run(run, "INSERT INTO s VALUES (1), (2)"));
  STEP(read_many(run, 0, PAGE_ROWS, (int64_t)got + 1));
  client_free(run, 0);
  STEP(client_run(run, "COMMIT"));
  int64_t count = 0;
  STEP(client_integer(run, "SELECT count(*) FROM s", &count));
  EXPECT(run, count == 2, "%lld rows are there after COMMIT", (long long)count);
  return true;
}

static bool result_is_freed_early(struct run *run) {
  moonbird_batch batch;
  for (uint32_t flags = 0; flags <= MOONBIRD_STREAM; flags += MOONBIRD_STREAM) {
    STEP(client_query(run, many_rows, flags, 0));
    client_free(run, 0);
    STEP(client_query(run, many_rows, flags, 0));
    STEP(client_fetch(run, 0, 7, &batch) == MOONBIRD_OK);
    client_free(run, 0);
    STEP(client_still_works(run));
  }
  return true;
}

/* A result that is held complete does not see what is written after it, nor stands in the way of DDL. */
static bool result_is_apart_from_later_writes(struct run *run) {
  moonbird_batch batch;
  STEP(client_run(run, "CREATE TEMP TABLE s (i INTEGER)"));
  STEP(client_run(run, "INSERT INTO s VALUES (1), (2), (3)"));
  STEP(client_query(run, "SELECT i FROM s ORDER BY i", 0, 0));
  STEP(client_run(run, "UPDATE s SET i = i + 100"));
  STEP(client_run(run, "DROP TABLE s"));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK && batch.row_count == 3, "three rows are not there: %s",
         run->why);
  EXPECT(run, batch_cell(&batch, 0, 2).integer == 3, "the result shows a later write");
  return true;
}

static bool returning_is_run_to_its_end(struct run *run, uint32_t flags) {
  moonbird_batch batch;
  int64_t count = 0;
  STEP(client_run(run, "CREATE TEMP TABLE s (i INTEGER)"));
  STEP(client_query(run, "INSERT INTO s VALUES (1), (2), (3) RETURNING i", flags, 0));
  EXPECT(run, flags != 0 || run->summary.rows_affected == 3, "RETURNING of 3 rows affects %lld",
         (long long)run->summary.rows_affected);
  EXPECT(run, client_fetch(run, 0, 1, &batch) == MOONBIRD_OK && batch.row_count == 1, "no row comes: %s", run->why);
  client_free(run, 0);
  STEP(client_integer(run, "SELECT count(*) FROM s", &count));
  EXPECT(run, count == 3, "%lld of 3 rows were written", (long long)count);
  return client_run(run, "DROP TABLE s");
}

static bool returning_is_complete(struct run *run) {
  if ((run->driver->caps & MOONBIRD_CAP_RETURNING) == 0) {
    return true;
  }
  STEP(returning_is_run_to_its_end(run, 0));
  return returning_is_run_to_its_end(run, MOONBIRD_STREAM);
}

static bool script_runs_all(struct run *run) {
  int64_t count = 0;
  moonbird_batch batch;
  STEP(client_query(run,
                    "-- a script; with a comment\nCREATE TEMP TABLE s (t TEXT);\nINSERT INTO s VALUES ('a;b');;\n"
                    "SELECT 5 AS dropped; INSERT INTO s VALUES ('c''--d');\n"
                    "/* ; */ SELECT count(*) AS n, 'last' AS t FROM s; -- the end\n",
                    MOONBIRD_SCRIPT, 0));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK && batch.column_count == 2,
         "the last statement's rows do not come: %s", run->why);
  EXPECT(run, batch_cell(&batch, 0, 0).integer == 2, "the script inserted %lld rows",
         (long long)batch_cell(&batch, 0, 0).integer);
  client_free(run, 0);
  moonbird_result *result = NULL;
  int32_t status = client_execute(run, run->conn, "SELECT 1; INSERT INTO s VALUES ('e');", MOONBIRD_SCRIPT,
                                  MOONBIRD_BIND_ROW, NULL, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_OK && result == NULL, "a script that ends without rows gives a result");
  STEP(client_integer(run, "SELECT count(*) FROM s", &count));
  EXPECT(run, count == 3, "%lld rows after the second script", (long long)count);
  return true;
}

static bool empty_script_does_nothing(struct run *run) {
  moonbird_result *result = NULL;
  static const char *const texts[] = {"", ";;", "-- nothing\n", "; /* nothing */ ;"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    int32_t status = client_execute(run, run->conn, texts[i], MOONBIRD_SCRIPT, MOONBIRD_BIND_ROW, NULL, &result);
    run->driver->result_free(result);
    EXPECT(run, status == MOONBIRD_OK && result == NULL, "\"%s\": %s", texts[i], run->error.message);
  }
  return true;
}

static bool second_statement_is_refused(struct run *run) {
  moonbird_result *result = NULL;
  int64_t count = 0;
  STEP(client_run(run, "CREATE TEMP TABLE s (i INTEGER)"));
  int32_t status = client_execute(run, run->conn, "INSERT INTO s VALUES (1); INSERT INTO s VALUES (2)", 0,
                                  MOONBIRD_BIND_ROW, NULL, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_ERROR, "two statements run without MOONBIRD_SCRIPT");
  STEP(check_error_form(run));
  STEP(client_integer(run, "SELECT count(*) FROM s", &count));
  EXPECT(run, count == 0, "%lld of the refused statements were run", (long long)count);
  return client_run(run, "INSERT INTO s VALUES (3); -- a comment and a semicolon are no statement\n");
}

const struct check checks_results[] = {
    {"results: a text without a statement does nothing", empty_text_does_nothing},
    {"results: no rows, no result; rows affected", no_rows_no_result},
    {"results: columns are described", columns_are_described},
    {"results: zero rows describe their columns", zero_rows_describe_columns},
    {"results: the end is latched", done_is_latched},
    {"results: 100,000 rows in pages", many_rows_in_pages},
    {"results: 100,000 rows streamed", many_rows_streamed},
    {"results: pages that do not divide the rows", many_rows_in_odd_pages},
    {"results: one page without a limit", page_of_any_size},
    {"results: other statements beside a stream", stream_allows_other_statements},
    {"results: a stream in a transaction", stream_in_transaction},
    {"results: freed before the end", result_is_freed_early},
    {"results: later writes are not seen", result_is_apart_from_later_writes},
    {"results: RETURNING is run to its end", returning_is_complete},
    {"results: a script runs all and gives the last rows", script_runs_all},
    {"results: an empty script does nothing", empty_script_does_nothing},
    {"results: a second statement is refused without SCRIPT", second_statement_is_refused},
    {NULL, NULL},
};
