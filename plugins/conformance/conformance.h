/*
 * conformance.h - what the checks of a driver share: the run, the small client on top of the ABI, the list of checks.
 *
 * A folder of checks, one file a subject (checks_*.c); client.c speaks the ABI, texts.c holds the SQL that differs
 * between databases, main.c runs the list. Only driver.h is known here, nothing of Moonbird's core. A check gets a
 * fresh connection, returns true when all is right, and otherwise says why through check_fail; the run frees what the
 * check has left open. Tables are temporary ones, so that nothing stays behind.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "moonbird/driver.h"

#define ROW_VALUES_MAX   8
#define OPEN_RESULTS_MAX 8
#define OPTIONS_MAX      40

/* SQL that differs between databases. */
struct texts {
  const char *driver;
  const char *create_types;  /* temporary table v (b, i, f, t, y): bool, int64, float64, text, bytes */
  const char *long_query;    /* runs for at least 30 seconds, gives one row */
  const char *create_any;    /* temporary table a (i, x) whose x takes values of every type; NULL: there is none */
  const char *insert_arrays; /* all rows of arrays (i, t, f, b, y) into v; NULL: no arrays */
  const char *raise_notice;  /* makes the database send a notice; NULL: it has none */
  int32_t state_after_error; /* MOONBIRD_TX_... of a transaction after a failed statement */
};

#define TABLES_MAX 8

struct run {
  const char *file;
  const moonbird_driver *driver;
  moonbird_driver_entry entry;
  moonbird_option options[OPTIONS_MAX];
  uint32_t option_count;
  const struct texts *texts;
  moonbird_conn *conn;
  moonbird_result *results[OPEN_RESULTS_MAX];
  moonbird_error error;
  moonbird_summary summary;
  unsigned notice_count;
  char tables[TABLES_MAX][16]; /* that the check has made as plain ones, and that are dropped after it */
  unsigned table_count;
  char why[1200];
};

struct check {
  const char *name;
  bool (*run)(struct run *run);
};

/* Says why and gives false. */
bool check_fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define EXPECT(run, condition, ...)                                                                                    \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      return check_fail(run, __VA_ARGS__);                                                                             \
    }                                                                                                                  \
  } while (0)

/* Leaves the check when a step of it has failed and said why. */
#define STEP(expression)                                                                                               \
  do {                                                                                                                 \
    if (!(expression)) {                                                                                               \
      return false;                                                                                                    \
    }                                                                                                                  \
  } while (0)

/* --- One row of parameters --- */

struct row_values {
  moonbird_batch batch;
  moonbird_column columns[ROW_VALUES_MAX];
  uint8_t bools[ROW_VALUES_MAX];
  int64_t integers[ROW_VALUES_MAX];
  double numbers[ROW_VALUES_MAX];
  uint32_t offsets[ROW_VALUES_MAX][2];
  uint8_t row_types[ROW_VALUES_MAX];
};

void values_init(struct row_values *values);
void values_add_null(struct row_values *values, uint32_t type);
void values_add_bool(struct row_values *values, bool value);
void values_add_int(struct row_values *values, int64_t value);
void values_add_float(struct row_values *values, double value);
void values_add_text(struct row_values *values, const char *text, size_t len);
void values_add_bytes(struct row_values *values, const void *data, size_t len);
/* Turns every column into a VARIANT of the same value. */
void values_make_variant(struct row_values *values);

/* --- One value of a batch --- */

struct cell {
  uint32_t type; /* MOONBIRD_TYPE_NONE for NULL, never VARIANT */
  bool boolean;
  int64_t integer;
  double number;
  const char *data;
  size_t len;
};

struct cell batch_cell(const moonbird_batch *batch, uint32_t column, uint64_t row);
bool cell_is_text(struct cell cell, const char *text);

/* --- The client --- */

/* Another connection with the same settings; NULL and a reason when it cannot be had. */
moonbird_conn *client_open(struct run *run);

/* Does what a session holds outlive a transaction? */
bool client_keeps_session(const struct run *run);

/* `execute` as it is: the text is written with "?" and becomes "$1" where the driver wants that. Where no session is
 * kept, temporary tables become plain ones. */
int32_t client_execute(struct run *run, moonbird_conn *conn, const char *sql, uint32_t flags, uint32_t bind,
                       const moonbird_batch *params, moonbird_result **result);

/* Runs on the check's connection and must work; a result goes into one of the run's places, or is freed. */
bool client_run(struct run *run, const char *sql);
bool client_run_values(struct run *run, const char *sql, const struct row_values *values);
bool client_query(struct run *run, const char *sql, uint32_t flags, unsigned place);
void client_free(struct run *run, unsigned place);

/* Drops the plain tables of a check, on a connection of its own. */
void client_drop_tables(struct run *run);

/* Fetches with the error cleared before. */
int32_t client_fetch(struct run *run, unsigned place, uint64_t max_rows, moonbird_batch *batch);

/* The query's single integer. */
bool client_integer(struct run *run, const char *sql, int64_t *value);

/* Runs what must fail with this SQLSTATE. */
bool client_expect_error(struct run *run, const char *sql, const char *sqlstate);

/* The error struct as the header promises it. */
bool check_error_form(struct run *run);

/* A simple statement works: what happened before has left the connection in order. */
bool client_still_works(struct run *run);

const struct texts *texts_find(const char *driver);

/* Names the symbols that the library exports, one behind the other; the count, or -1 and a reason. */
int symbols_list(const char *file, char *names, size_t size);

double now_seconds(void);

/* Each ends with a check without a name. */
extern const struct check checks_library[];
extern const struct check checks_results[];
extern const struct check checks_values[];
extern const struct check checks_binding[];
extern const struct check checks_errors[];
extern const struct check checks_state[];
extern const struct check checks_cancel[];
extern const struct check checks_lock[];

#endif
