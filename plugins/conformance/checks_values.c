/*
 * checks_values.c - values of every type there and back, one row at a time.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

#define BIG_TEXT_LEN ((size_t)20 * 1000 * 1000)

static const char insert_types[] = "INSERT INTO v (b, i, f, t, y) VALUES (?, ?, ?, ?, ?)";
static const char select_types[] = "SELECT b, i, f, t, y FROM v";

struct sample {
  bool boolean;
  int64_t integer;
  double number;
  const char *text;
  size_t text_len;
  const char *bytes;
  size_t bytes_len;
};

#define LITERAL(text) text, sizeof(text) - 1

static const struct sample samples[] = {
    {true, 1, 0.5, LITERAL("plain"), LITERAL("\0\1\2\377\376")},
    {false, 0, 0.0, LITERAL(""), LITERAL("")},
    {true, INT64_MAX, 1.7976931348623157e308, LITERAL("'\"\\ , {NULL} %s $1 \t\n\r"), LITERAL("\\x00")},
    {false, INT64_MIN, 5e-324, LITERAL("\303\251 \360\237\230\200 \344\270\255"), LITERAL("'\"\\")},
    {true, -1, 0.1, LITERAL("NULL"), LITERAL("\200")},
    {false, 9007199254740993, -1e-10, LITERAL("1234567890"), LITERAL("text")},
};

static void sample_bind(struct row_values *values, const struct sample *sample) {
  values_init(values);
  values_add_bool(values, sample->boolean);
  values_add_int(values, sample->integer);
  values_add_float(values, sample->number);
  values_add_text(values, sample->text, sample->text_len);
  values_add_bytes(values, sample->bytes, sample->bytes_len);
}

static bool cells_match(struct run *run, const moonbird_batch *batch, uint64_t row, const struct sample *sample) {
  struct cell cells[5];
  for (uint32_t i = 0; i < 5; i++) {
    cells[i] = batch_cell(batch, i, row);
  }
  EXPECT(run, cells[0].type == MOONBIRD_TYPE_BOOL, "a boolean comes back as type %u", cells[0].type);
  EXPECT(run, cells[0].boolean == sample->boolean, "the boolean has changed");
  EXPECT(run, cells[1].type == MOONBIRD_TYPE_INT64, "an integer comes back as type %u", cells[1].type);
  EXPECT(run, cells[1].integer == sample->integer, "%lld comes back as %lld", (long long)sample->integer,
         (long long)cells[1].integer);
  EXPECT(run, cells[2].type == MOONBIRD_TYPE_FLOAT64, "a float comes back as type %u", cells[2].type);
  EXPECT(run, memcmp(&cells[2].number, &sample->number, sizeof sample->number) == 0, "%.17g comes back as %.17g",
         sample->number, cells[2].number);
  EXPECT(run, cells[3].type == MOONBIRD_TYPE_TEXT, "a text comes back as type %u", cells[3].type);
  EXPECT(run, cells[3].len == sample->text_len && memcmp(cells[3].data, sample->text, cells[3].len) == 0,
         "the text %s comes back as %.*s", sample->text, (int)cells[3].len, cells[3].data);
  EXPECT(run, cells[4].type == MOONBIRD_TYPE_BYTES, "bytes come back as type %u", cells[4].type);
  EXPECT(run, cells[4].len == sample->bytes_len && memcmp(cells[4].data, sample->bytes, cells[4].len) == 0,
         "%zu bytes come back changed (%zu)", sample->bytes_len, cells[4].len);
  return true;
}

static bool samples_return(struct run *run, bool as_variant) {
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct row_values values;
    moonbird_batch batch;
    sample_bind(&values, &samples[i]);
    if (as_variant) {
      values_make_variant(&values);
    }
    STEP(client_run_values(run, insert_types, &values));
    EXPECT(run, run->summary.rows_affected == 1, "rows_affected is %lld", (long long)run->summary.rows_affected);
    STEP(client_query(run, select_types, 0, 0));
    EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
    STEP(cells_match(run, &batch, 0, &samples[i]));
    client_free(run, 0);
    STEP(client_run(run, "DELETE FROM v"));
  }
  return true;
}

static bool all_types_return(struct run *run) {
  STEP(client_run(run, run->texts->create_types));
  return samples_return(run, false);
}

static bool variant_parameters(struct run *run) {
  STEP(client_run(run, run->texts->create_types));
  return samples_return(run, true);
}

static bool every_value_as_parameter_null(struct run *run) {
  static const uint32_t types[] = {MOONBIRD_TYPE_BOOL, MOONBIRD_TYPE_INT64, MOONBIRD_TYPE_FLOAT64, MOONBIRD_TYPE_TEXT,
                                   MOONBIRD_TYPE_BYTES};
  STEP(client_run(run, run->texts->create_types));
  for (int form = 0; form < 3; form++) { /* typed and not valid, NONE, VARIANT */
    struct row_values values;
    moonbird_batch batch;
    values_init(&values);
    for (size_t i = 0; i < 5; i++) {
      values_add_null(&values, form == 1 ? MOONBIRD_TYPE_NONE : types[i]);
    }
    if (form == 2) {
      values_make_variant(&values);
    }
    STEP(client_run_values(run, insert_types, &values));
    STEP(client_query(run, select_types, 0, 0));
    EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
    for (uint32_t i = 0; i < 5; i++) {
      EXPECT(run, batch_cell(&batch, i, 0).type == MOONBIRD_TYPE_NONE, "NULL of type %u comes back as a value",
             types[i]);
    }
    client_free(run, 0);
    STEP(client_run(run, "DELETE FROM v"));
  }
  return true;
}

/* Rows with and without NULL side by side, so that lengths of rows that are NULL count as nothing. */
static bool nulls_between_values(struct run *run) {
  moonbird_batch batch;
  STEP(client_run(run, run->texts->create_types));
  for (size_t i = 0; i < 6; i++) {
    struct row_values values;
    sample_bind(&values, &samples[i]);
    STEP(client_run_values(run, insert_types, &values));
    STEP(client_run(run, "INSERT INTO v (t) VALUES (NULL)"));
  }
  STEP(client_query(run, select_types, 0, 0));
  EXPECT(run, client_fetch(run, 0, 100, &batch) == MOONBIRD_OK && batch.row_count == 12, "12 rows are not there: %s",
         run->why);
  for (uint64_t row = 0; row < 12; row++) {
    if (row % 2 == 0) {
      STEP(cells_match(run, &batch, row, &samples[row / 2]));
      continue;
    }
    for (uint32_t i = 0; i < 5; i++) {
      EXPECT(run, batch_cell(&batch, i, row).type == MOONBIRD_TYPE_NONE, "a NULL comes back as a value");
    }
  }
  return true;
}

static bool all_null_columns(struct run *run) {
  moonbird_batch batch;
  STEP(client_query(run, "SELECT NULL AS a, 1 AS b UNION ALL SELECT NULL, 2", 0, 0));
  EXPECT(run, client_fetch(run, 0, 100, &batch) == MOONBIRD_OK && batch.row_count == 2, "two rows are not there: %s",
         run->why);
  for (uint64_t row = 0; row < 2; row++) {
    EXPECT(run, batch_cell(&batch, 0, row).type == MOONBIRD_TYPE_NONE, "a NULL comes back as a value");
    EXPECT(run, batch_cell(&batch, 1, row).type == MOONBIRD_TYPE_INT64, "a number comes back as type %u",
           batch_cell(&batch, 1, row).type);
  }
  return true;
}

/* What a database cannot store in a text it may refuse; it may not change it. */
static bool text_is_kept_or_refused(struct run *run, const char *text, size_t len) {
  struct row_values values;
  moonbird_batch batch;
  moonbird_result *result = NULL;
  values_init(&values);
  values_add_text(&values, text, len);
  int32_t status =
      client_execute(run, run->conn, "INSERT INTO v (t) VALUES (?)", 0, MOONBIRD_BIND_ROW, &values.batch, &result);
  run->driver->result_free(result);
  if (status == MOONBIRD_ERROR) {
    STEP(check_error_form(run));
    return client_still_works(run);
  }
  STEP(client_query(run, "SELECT t FROM v", 0, 0));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
  struct cell cell = batch_cell(&batch, 0, 0);
  EXPECT(run, cell.len == len && memcmp(cell.data, text, len) == 0, "%zu bytes come back as %zu others", len, cell.len);
  client_free(run, 0);
  return client_run(run, "DELETE FROM v");
}

static bool odd_texts(struct run *run) {
  STEP(client_run(run, run->texts->create_types));
  STEP(text_is_kept_or_refused(run, LITERAL("a\0b")));
  STEP(text_is_kept_or_refused(run, LITERAL("\0")));
  STEP(text_is_kept_or_refused(run, LITERAL("\377\376 \303")));
  return true;
}

static bool special_floats(struct run *run) {
  static const double numbers[] = {HUGE_VAL, -HUGE_VAL};
  STEP(client_run(run, run->texts->create_types));
  for (size_t i = 0; i < 2; i++) {
    struct row_values values;
    moonbird_batch batch;
    values_init(&values);
    values_add_float(&values, numbers[i]);
    STEP(client_run_values(run, "INSERT INTO v (f) VALUES (?)", &values));
    STEP(client_query(run, "SELECT f FROM v", 0, 0));
    EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
    struct cell cell = batch_cell(&batch, 0, 0);
    EXPECT(run, cell.type == MOONBIRD_TYPE_FLOAT64 && cell.number == numbers[i],
           "an infinite number comes back as type %u, %g", cell.type, cell.number);
    client_free(run, 0);
    STEP(client_run(run, "DELETE FROM v"));
  }
  return true;
}

/* Not a number is kept or refused; it does not turn into NULL. */
static bool nan_is_not_lost(struct run *run) {
  struct row_values values;
  moonbird_batch batch;
  moonbird_result *result = NULL;
  STEP(client_run(run, run->texts->create_types));
  values_init(&values);
  values_add_float(&values, (double)NAN);
  int32_t status =
      client_execute(run, run->conn, "INSERT INTO v (f) VALUES (?)", 0, MOONBIRD_BIND_ROW, &values.batch, &result);
  run->driver->result_free(result);
  if (status == MOONBIRD_ERROR) {
    STEP(check_error_form(run));
    return client_still_works(run);
  }
  STEP(client_query(run, "SELECT f FROM v", 0, 0));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
  struct cell cell = batch_cell(&batch, 0, 0);
  EXPECT(run, cell.type == MOONBIRD_TYPE_FLOAT64 && isnan(cell.number), "NaN comes back as type %u", cell.type);
  return true;
}

static bool big_text_returns(struct run *run, char *text) {
  struct row_values values;
  moonbird_batch batch;
  int64_t len = 0;
  for (size_t i = 0; i < BIG_TEXT_LEN; i++) {
    text[i] = (char)('a' + i % 23);
  }
  STEP(client_run(run, run->texts->create_types));
  values_init(&values);
  values_add_text(&values, text, BIG_TEXT_LEN);
  values_add_bytes(&values, text, BIG_TEXT_LEN);
  STEP(client_run_values(run, "INSERT INTO v (t, y) VALUES (?, ?)", &values));
  STEP(client_integer(run, "SELECT length(t) FROM v", &len));
  EXPECT(run, len == (int64_t)BIG_TEXT_LEN, "%lld characters arrived", (long long)len);
  STEP(client_query(run, "SELECT t, y FROM v", 0, 0));
  EXPECT(run, client_fetch(run, 0, 10, &batch) == MOONBIRD_OK, "no row: %s", run->why);
  for (uint32_t i = 0; i < 2; i++) {
    struct cell cell = batch_cell(&batch, i, 0);
    EXPECT(run, cell.len == BIG_TEXT_LEN && memcmp(cell.data, text, BIG_TEXT_LEN) == 0,
           "column %u comes back changed, %zu bytes", i, cell.len);
  }
  return true;
}

static bool big_text(struct run *run) {
  char *text = malloc(BIG_TEXT_LEN);
  EXPECT(run, text != NULL, "out of memory");
  bool is_ok = big_text_returns(run, text);
  free(text);
  return is_ok;
}

/* A column whose values have several types, where the database has such columns. */
static bool mixed_column(struct run *run) {
  if (run->texts->create_any == NULL) {
    return true;
  }
  moonbird_batch batch;
  STEP(client_run(run, run->texts->create_any));
  STEP(client_run(run, "INSERT INTO a VALUES (1, 5), (2, 'text'), (3, NULL), (4, 0.5), (5, x'00ff'), (6, '')"));
  for (uint64_t page = 1; page <= 6; page++) {
    static const uint32_t types[] = {MOONBIRD_TYPE_INT64,   MOONBIRD_TYPE_TEXT,  MOONBIRD_TYPE_NONE,
                                     MOONBIRD_TYPE_FLOAT64, MOONBIRD_TYPE_BYTES, MOONBIRD_TYPE_TEXT};
    uint64_t seen = 0;
    STEP(client_query(run, "SELECT x FROM a ORDER BY i", page % 2 == 0 ? MOONBIRD_STREAM : 0, 0));
    while (client_fetch(run, 0, page, &batch) == MOONBIRD_OK) {
      for (uint64_t row = 0; row < batch.row_count; row++, seen++) {
        struct cell cell = batch_cell(&batch, 0, row);
        EXPECT(run, cell.type == types[seen], "row %llu has type %u in pages of %llu", (unsigned long long)seen,
               cell.type, (unsigned long long)page);
        EXPECT(run, seen != 0 || cell.integer == 5, "the integer has changed");
        EXPECT(run, seen != 1 || cell_is_text(cell, "text"), "the text has changed");
        EXPECT(run, seen != 4 || (cell.len == 2 && memcmp(cell.data, "\0\377", 2) == 0), "the bytes have changed");
        EXPECT(run, seen != 5 || cell.len == 0, "the empty text has changed");
      }
    }
    EXPECT(run, seen == 6, "%llu rows in place of 6", (unsigned long long)seen);
  }
  return true;
}

const struct check checks_values[] = {
    {"values: every type there and back", all_types_return},
    {"values: the same as VARIANT parameters", variant_parameters},
    {"values: NULL of every type", every_value_as_parameter_null},
    {"values: NULLs between values", nulls_between_values},
    {"values: a column of NULLs", all_null_columns},
    {"values: NUL bytes and broken UTF-8 are kept or refused", odd_texts},
    {"values: infinite numbers", special_floats},
    {"values: NaN is kept or refused", nan_is_not_lost},
    {"values: 20 MB of text and bytes", big_text},
    {"values: a column of several types", mixed_column},
    {NULL, NULL},
};
