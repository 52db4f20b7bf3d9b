/*
 * test_sqlite_driver.c - what is SQLite's own in its driver: files, options, busy databases, the lock file.
 *
 * Run by ctest with the driver's path as its argument, loads it as the host does. What every driver must do is checked
 * by plugins/conformance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "moonbird/driver.h"

#define OPTIONS_MAX  8
#define LOCK_WORKERS 4
#define LOCK_ROUNDS  100

static const moonbird_driver *driver;
static moonbird_error error;
static moonbird_summary summary;
static char folder[64];

/* --- Small client --- */

static const char *path_of(const char *name) {
  static char paths[4][128];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

/* `options` is "key=value key=value". */
static int32_t try_open(const char *path, const char *options, moonbird_conn **conn) {
  moonbird_option list[OPTIONS_MAX] = {{"database", path}};
  uint32_t count = 1;
  char text[256];
  snprintf(text, sizeof text, "%s", options);
  char *state = NULL;
  for (char *word = strtok_r(text, " ", &state); word != NULL; word = strtok_r(NULL, " ", &state)) {
    char *equals = strchr(word, '=');
    assert_non_null(equals);
    assert_in_range(count, 1, OPTIONS_MAX - 1);
    *equals = '\0';
    list[count++] = (moonbird_option){word, equals + 1};
  }
  error = (moonbird_error){.size = sizeof error};
  *conn = NULL;
  return driver->open(list, count, NULL, conn, &error);
}

static moonbird_conn *open_with(const char *name, const char *options) {
  moonbird_conn *conn = NULL;
  if (try_open(path_of(name), options, &conn) != MOONBIRD_OK) {
    fail_msg("open: %s %s", error.sqlstate, error.message);
  }
  return conn;
}

static int32_t execute(moonbird_conn *conn, const char *sql, uint32_t flags, moonbird_result **result) {
  moonbird_statement statement = {.size = sizeof statement, .flags = flags, .sql = sql, .sql_len = strlen(sql)};
  error = (moonbird_error){.size = sizeof error};
  summary = (moonbird_summary){.size = sizeof summary};
  *result = NULL;
  return driver->execute(conn, &statement, result, &summary, &error);
}

static void run(moonbird_conn *conn, const char *sql) {
  moonbird_result *result = NULL;
  int32_t status = execute(conn, sql, MOONBIRD_SCRIPT, &result);
  driver->result_free(result);
  if (status != MOONBIRD_OK) {
    fail_msg("%s: %s %s", sql, error.sqlstate, error.message);
  }
}

static void refused(moonbird_conn *conn, const char *sql, const char *sqlstate) {
  moonbird_result *result = NULL;
  assert_int_equal(execute(conn, sql, 0, &result), MOONBIRD_ERROR);
  assert_null(result);
  assert_string_equal(error.sqlstate, sqlstate);
}

static int64_t integer(moonbird_conn *conn, const char *sql) {
  moonbird_result *result = NULL;
  moonbird_batch batch = {.size = sizeof batch};
  assert_int_equal(execute(conn, sql, 0, &result), MOONBIRD_OK);
  assert_int_equal(driver->fetch(result, 10, &batch, &error), MOONBIRD_OK);
  assert_int_equal(batch.columns[0].type, MOONBIRD_TYPE_INT64);
  int64_t value = ((const int64_t *)batch.columns[0].data)[0];
  driver->result_free(result);
  return value;
}

static void open_refused(const char *path, const char *options, const char *words) {
  moonbird_conn *conn = NULL;
  assert_int_equal(try_open(path, options, &conn), MOONBIRD_ERROR);
  assert_null(conn);
  assert_memory_equal(error.sqlstate, "08", 2);
  if (strstr(error.message, words) == NULL) {
    fail_msg("\"%s\" is not in: %s", words, error.message);
  }
}

static bool exists(const char *path) {
  struct stat info;
  return stat(path, &info) == 0;
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

/* --- Opening --- */

static void missing_file_is_not_created_by_a_reader(void **state) {
  (void)state;
  open_refused(path_of("missing.db"), "mode=ro", "does not exist");
  assert_non_null(strstr(error.message, "missing.db"));
  open_refused(path_of("missing.db"), "mode=rw", "does not exist");
  assert_false(exists(path_of("missing.db")));
}

static void wrong_places_are_named(void **state) {
  (void)state;
  open_refused(path_of("no/such.db"), "", "/no: No such file or directory");
  open_refused(folder, "", "it is a folder");
  open_refused(folder, "mode=ro", "it is a folder");
}

static void other_files_are_refused(void **state) {
  (void)state;
  char text[2048];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  write_file(path_of("text.db"), text);
  open_refused(path_of("text.db"), "", "not a SQLite database");
  assert_non_null(strstr(error.message, "text.db"));
}

static void options_are_checked(void **state) {
  (void)state;
  open_refused(path_of("o.db"), "mode=rx", "the option mode cannot be \"rx\"");
  open_refused(path_of("o.db"), "busy_timeout=12s", "busy_timeout cannot be \"12s\"");
  open_refused(path_of("o.db"), "busy_timeout=-1", "busy_timeout");
  open_refused(path_of("o.db"), "journal_mode=fast", "journal_mode");
  open_refused(path_of("o.db"), "host=example", "does not know the option \"host\"");
  assert_non_null(strstr(error.detail, "sqlite:///"));
  assert_non_null(strstr(error.hint, "busy_timeout"));
  open_refused("", "journal_mode=wal", "it stays \"memory\"");
  assert_false(exists(path_of("o.db")));
}

static void options_have_effect(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("wal.db", "journal_mode=wal synchronous=normal foreign_keys=on");
  assert_int_equal(integer(conn, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
  assert_int_equal(integer(conn, "PRAGMA synchronous"), 1);
  run(conn, "CREATE TABLE p (i INTEGER PRIMARY KEY); CREATE TABLE c (i INTEGER REFERENCES p)");
  refused(conn, "INSERT INTO c VALUES (7)", "23503");
  driver->close(conn);
  conn = open_with("wal.db", "");
  run(conn, "INSERT INTO c VALUES (7)");
  driver->close(conn);
}

/* What PRAGMA foreign_keys does not do: in a transaction, and back again. */
static void foreign_keys_in_a_transaction(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("keys.db", "foreign_keys=on");
  run(conn, "CREATE TABLE p (i INTEGER PRIMARY KEY); CREATE TABLE c (i INTEGER REFERENCES p ON DELETE CASCADE)");
  run(conn, "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1); BEGIN");
  assert_int_equal(integer(conn, "SELECT moonbird_foreign_keys(0)"), 1);
  run(conn, "DELETE FROM p");
  assert_int_equal(integer(conn, "SELECT count(*) FROM c"), 1);
  assert_int_equal(integer(conn, "SELECT moonbird_foreign_keys(1)"), 0);
  refused(conn, "INSERT INTO c VALUES (7)", "23503");
  run(conn, "ROLLBACK");
  assert_int_equal(integer(conn, "PRAGMA foreign_keys"), 1);
  run(conn, "BEGIN; PRAGMA defer_foreign_keys = ON; INSERT INTO c VALUES (7)");
  refused(conn, "SELECT moonbird_foreign_keys(0)", "HY000");
  assert_non_null(strstr(error.message, "deferred foreign keys"));
  run(conn, "ROLLBACK");
  driver->close(conn);
}

static void memory_database(void **state) {
  (void)state;
  moonbird_conn *conn = NULL;
  assert_int_equal(try_open("", "", &conn), MOONBIRD_OK);
  run(conn, "CREATE TABLE t (i INTEGER)");
  assert_int_equal(driver->lock(conn, "k", NULL, 0, &error), MOONBIRD_OK);
  driver->unlock(conn, "k");
  driver->close(conn);
  conn = open_with("never.db", "mode=memory");
  run(conn, "CREATE TABLE t (i INTEGER)");
  driver->close(conn);
  assert_false(exists(path_of("never.db")));
}

/* --- Errors --- */

static void read_only_database_is_named(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("readonly.db", "");
  run(conn, "CREATE TABLE t (i INTEGER)");
  driver->close(conn);
  conn = open_with("readonly.db", "mode=ro");
  assert_int_equal(integer(conn, "SELECT count(*) FROM t"), 0);
  refused(conn, "INSERT INTO t VALUES (1)", "25006");
  assert_non_null(strstr(error.message, "readonly.db"));
  driver->close(conn);
}

static void full_database(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("full.db", "");
  run(conn, "CREATE TABLE t (b BLOB); PRAGMA max_page_count = 4");
  refused(conn, "INSERT INTO t VALUES (zeroblob(100000))", "53100");
  driver->close(conn);
}

static void lost_transaction_is_told(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("lost.db", "");
  run(conn, "CREATE TABLE t (i INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  run(conn, "BEGIN; INSERT INTO t VALUES (2)");
  refused(conn, "INSERT OR ROLLBACK INTO t VALUES (1)", "23505");
  assert_non_null(strstr(error.detail, "rolled back the whole transaction"));
  assert_int_equal(driver->transaction_state(conn), MOONBIRD_TX_IDLE);
  driver->close(conn);
}

static void names_of_constraints(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("names.db", "");
  run(conn, "CREATE TABLE t (a INTEGER, b INTEGER, UNIQUE (a, b)); CREATE UNIQUE INDEX x ON t (a + b);"
            "CREATE TABLE s (i INTEGER) STRICT; INSERT INTO t VALUES (1, 2)");
  refused(conn, "INSERT INTO t VALUES (1, 2)", "23505");
  assert_true(strcmp(error.constraint, "x") == 0 || strcmp(error.column, "a, b") == 0);
  refused(conn, "INSERT INTO t VALUES (2, 1)", "23505");
  assert_string_equal(error.constraint, "x");
  run(conn, "DROP INDEX x");
  refused(conn, "INSERT INTO t VALUES (1, 2)", "23505");
  assert_string_equal(error.table, "t");
  assert_string_equal(error.column, "a, b");
  refused(conn, "INSERT INTO s VALUES ('text')", "42804");
  assert_string_equal(error.table, "s");
  assert_string_equal(error.column, "i");
  driver->close(conn);
}

static void states_from_messages(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("messages.db", "");
  run(conn, "CREATE TABLE t (i INTEGER); CREATE VIEW w AS SELECT 1 AS i; CREATE INDEX x ON t (i)");
  refused(conn, "SELECT absent(1)", "42883");
  refused(conn, "SELECT abs(1, 2)", "42883");
  refused(conn, "INSERT INTO t VALUES (1, 2)", "42601");
  refused(conn, "INSERT INTO t (j) VALUES (1)", "42703");
  refused(conn, "SELECT", "42601");
  refused(conn, "CREATE INDEX x ON t (i)", "42P07");
  refused(conn, "DROP INDEX y", "42704");
  refused(conn, "INSERT INTO w VALUES (1)", "42809");
  refused(conn, "COMMIT", "25P01");
  refused(conn, "RELEASE s", "3B001");
  run(conn, "BEGIN");
  refused(conn, "BEGIN", "25001");
  refused(conn, "VACUUM", "25001");
  refused(conn, "SELECT * FROM absent", "42P01");
  assert_string_equal(error.table, "absent");
  assert_string_equal(error.hint, "");
  refused(conn, "CREATE TABLE s (a VARCHAR(20)) STRICT", "42704");
  assert_non_null(strstr(error.hint, "INTEGER, REAL, TEXT, BLOB or ANY"));
  refused(conn, "CREATE TABLE s (a) STRICT", "42704");
  refused(conn, "ALTER TABLE t ADD COLUMN j INTEGER, k TEXT", "42601");
  assert_string_equal(error.hint, "");
  refused(conn, "CREATE TABLE s (a TEXT) WITHOUT ROWID", "42P16");
  assert_non_null(strstr(error.hint, "primary key"));
  refused(conn, "CREATE TABLE nowhere.s (a TEXT)", "3F000");
  assert_non_null(strstr(error.hint, "ATTACH"));
  refused(conn, "copy t FROM stdin", "42601");
  assert_non_null(strstr(error.hint, "INSERT"));
  driver->close(conn);
}

static void nul_in_the_text_is_refused(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("nul.db", "");
  static const char sql[] = "SELECT 1\0; DROP TABLE t";
  moonbird_statement statement = {.size = sizeof statement, .sql = sql, .sql_len = sizeof sql - 1};
  moonbird_result *result = NULL;
  for (uint32_t flags = 0; flags <= MOONBIRD_SCRIPT; flags += MOONBIRD_SCRIPT) {
    statement.flags = flags;
    error = (moonbird_error){.size = sizeof error};
    assert_int_equal(driver->execute(conn, &statement, &result, &summary, &error), MOONBIRD_ERROR);
    assert_string_equal(error.sqlstate, "42601");
    assert_int_equal(error.position, 8);
  }
  driver->close(conn);
}

static void script_counts_and_places(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("script.db", "");
  moonbird_result *result = NULL;
  assert_int_equal(execute(conn,
                           "CREATE TABLE t (i INTEGER UNIQUE); INSERT INTO t VALUES (1), (2);"
                           "UPDATE t SET i = i + 5; DROP TABLE IF EXISTS u;",
                           MOONBIRD_SCRIPT, &result),
                   MOONBIRD_OK);
  assert_int_equal(summary.rows_affected, 4);
  assert_int_equal(execute(conn, "SELECT 1; INSERT INTO t VALUES (6)", MOONBIRD_SCRIPT, &result), MOONBIRD_ERROR);
  assert_int_equal(error.position, 10);
  assert_int_equal(execute(conn, "SELECT 1; SELECT ?", MOONBIRD_SCRIPT, &result), MOONBIRD_ERROR);
  assert_string_equal(error.sqlstate, "07001");
  run(conn, "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET i = i; SELECT 1; END; INSERT INTO t VALUES (99)");
  driver->close(conn);
}

/* What writes is run to its end, so that it counts and leaves no lock, though a stream was asked for. */
static void returning_counts_in_a_stream(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("returning.db", "");
  moonbird_result *result = NULL;
  run(conn, "CREATE TABLE t (i INTEGER)");
  assert_int_equal(execute(conn, "INSERT INTO t VALUES (1), (2), (3) RETURNING i", MOONBIRD_STREAM, &result),
                   MOONBIRD_OK);
  assert_int_equal(summary.rows_affected, 3);
  run(conn, "DROP TABLE t");
  driver->result_free(result);
  driver->close(conn);
}

static void not_a_number_is_refused(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("nan.db", "");
  double number = (double)NAN;
  moonbird_column column = {.size = sizeof column, .type = MOONBIRD_TYPE_FLOAT64, .data = &number};
  moonbird_batch batch = {.size = sizeof batch, .column_count = 1, .row_count = 1, .columns = &column};
  moonbird_statement statement = {.size = sizeof statement, .sql = "SELECT ?", .sql_len = 8, .params = &batch};
  moonbird_result *result = NULL;
  error = (moonbird_error){.size = sizeof error};
  assert_int_equal(driver->execute(conn, &statement, &result, &summary, &error), MOONBIRD_ERROR);
  assert_string_equal(error.sqlstate, "22003");
  driver->close(conn);
}

/* --- Columns --- */

static void types_follow_the_page(void **state) {
  (void)state;
  static const uint32_t wanted[] = {MOONBIRD_TYPE_INT64, MOONBIRD_TYPE_VARIANT, MOONBIRD_TYPE_NONE, MOONBIRD_TYPE_TEXT};
  moonbird_conn *conn = open_with("types.db", "");
  moonbird_result *result = NULL;
  moonbird_batch batch = {.size = sizeof batch};
  run(conn, "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), ('a'), (3), (NULL), (NULL), ('bc'), ('')");
  for (uint32_t flags = 0; flags <= MOONBIRD_STREAM; flags += MOONBIRD_STREAM) {
    assert_int_equal(execute(conn, "SELECT x FROM t ORDER BY rowid", flags, &result), MOONBIRD_OK);
    for (size_t i = 0; i < 4; i++) {
      assert_int_equal(driver->fetch(result, 2, &batch, &error), MOONBIRD_OK);
      assert_int_equal(batch.columns[0].type, wanted[i]);
    }
    assert_int_equal(batch.columns[0].offsets[2], 2);
    assert_memory_equal(batch.columns[0].data, "bc", 2);
    driver->result_free(result);
  }
  driver->close(conn);
}

static void declared_booleans(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("boolean.db", "");
  moonbird_result *result = NULL;
  moonbird_batch batch = {.size = sizeof batch};
  run(conn, "CREATE TABLE t (b bool, i INTEGER); INSERT INTO t VALUES (1, 1), (NULL, 0), (0, 1), (2, 1)");
  assert_int_equal(execute(conn, "SELECT b, i FROM t ORDER BY rowid", 0, &result), MOONBIRD_OK);
  assert_int_equal(driver->fetch(result, 3, &batch, &error), MOONBIRD_OK);
  assert_int_equal(batch.columns[0].type, MOONBIRD_TYPE_BOOL);
  assert_memory_equal(batch.columns[0].valid, "\1\0\1", 3);
  assert_int_equal(((const uint8_t *)batch.columns[0].data)[0], 1);
  assert_int_equal(((const uint8_t *)batch.columns[0].data)[2], 0);
  assert_int_equal(batch.columns[1].type, MOONBIRD_TYPE_INT64);
  assert_int_equal(driver->fetch(result, 3, &batch, &error), MOONBIRD_OK);
  assert_int_equal(batch.columns[0].type, MOONBIRD_TYPE_INT64);
  driver->result_free(result);
  run(conn, "INSERT INTO t VALUES ('x', 1), (1, 1), (0, 0)");
  assert_int_equal(execute(conn, "SELECT b FROM t WHERE b IS NOT NULL ORDER BY rowid", 0, &result), MOONBIRD_OK);
  assert_int_equal(driver->fetch(result, 10, &batch, &error), MOONBIRD_OK);
  const moonbird_column *mixed = &batch.columns[0]; /* true, false, 2, x, true, false */
  static const uint8_t types[] = {MOONBIRD_TYPE_BOOL, MOONBIRD_TYPE_BOOL, MOONBIRD_TYPE_INT64,
                                  MOONBIRD_TYPE_TEXT, MOONBIRD_TYPE_BOOL, MOONBIRD_TYPE_BOOL};
  assert_int_equal(mixed->type, MOONBIRD_TYPE_VARIANT);
  assert_memory_equal(mixed->row_types, types, sizeof types);
  assert_memory_equal(mixed->data, "\1\0\2\0\0\0\0\0\0\0x\1\0", 13);
  driver->result_free(result);
  driver->close(conn);
}

/* --- Busy databases --- */

static void busy_has_the_right_advice(void **state) {
  (void)state;
  moonbird_conn *one = open_with("busy.db", "busy_timeout=50");
  run(one, "CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)");
  moonbird_conn *two = open_with("busy.db", "busy_timeout=50");
  run(one, "BEGIN IMMEDIATE");
  refused(two, "INSERT INTO t VALUES (2)", "55P03");
  assert_int_equal(error.retry, MOONBIRD_RETRY_STATEMENT);
  assert_non_null(strstr(error.message, "busy.db"));
  run(two, "BEGIN");
  assert_int_equal(integer(two, "SELECT count(*) FROM t"), 1);
  refused(two, "INSERT INTO t VALUES (2)", "55P03");
  assert_int_equal(error.retry, MOONBIRD_RETRY_TRANSACTION);
  driver->close(one);
  run(two, "INSERT INTO t VALUES (2); COMMIT");
  driver->close(two);
}

static void busy_snapshot_needs_a_new_transaction(void **state) {
  (void)state;
  moonbird_conn *one = open_with("snapshot.db", "journal_mode=wal");
  moonbird_conn *two = open_with("snapshot.db", "");
  run(one, "CREATE TABLE t (i INTEGER)");
  run(two, "BEGIN");
  assert_int_equal(integer(two, "SELECT count(*) FROM t"), 0);
  run(one, "INSERT INTO t VALUES (1)");
  refused(two, "INSERT INTO t VALUES (2)", "55P03");
  assert_int_equal(error.retry, MOONBIRD_RETRY_TRANSACTION);
  driver->close(one);
  driver->close(two);
}

static void *cancel_soon(void *context) {
  nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
  driver->cancel(context);
  return NULL;
}

static void waiting_for_a_writer_is_cancelled(void **state) {
  (void)state;
  moonbird_conn *one = open_with("wait.db", "");
  run(one, "CREATE TABLE t (i INTEGER); BEGIN EXCLUSIVE");
  moonbird_conn *two = NULL;
  assert_int_equal(try_open(path_of("wait.db"), "busy_timeout=0", &two), MOONBIRD_ERROR);
  assert_int_equal(error.retry, MOONBIRD_RETRY_CONNECTION);
  run(one, "COMMIT");
  two = open_with("wait.db", "busy_timeout=60000");
  run(one, "BEGIN EXCLUSIVE");
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, two), 0);
  time_t start = time(NULL);
  refused(two, "INSERT INTO t VALUES (1)", "57014");
  assert_in_range(time(NULL) - start, 0, 10);
  pthread_join(thread, NULL);
  driver->close(one);
  run(two, "INSERT INTO t VALUES (1)");
  driver->close(two);
}

static void open_stream_blocks_ddl(void **state) {
  (void)state;
  moonbird_conn *conn = open_with("ddl.db", "");
  moonbird_result *result = NULL;
  run(conn, "CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1), (2)");
  assert_int_equal(execute(conn, "SELECT i FROM t", MOONBIRD_STREAM, &result), MOONBIRD_OK);
  moonbird_result *none = NULL;
  assert_int_equal(execute(conn, "DROP TABLE t", 0, &none), MOONBIRD_ERROR);
  assert_string_equal(error.sqlstate, "55P03");
  assert_int_equal(error.retry, MOONBIRD_RETRY_NEVER);
  driver->result_free(result);
  run(conn, "DROP TABLE t");
  driver->close(conn);
}

/* --- The lock file --- */

static int32_t lock(moonbird_conn *conn, char *holder, uint32_t size) {
  error = (moonbird_error){.size = sizeof error};
  return driver->lock(conn, "key", holder, size, &error);
}

static void lock_file_comes_and_goes(void **state) {
  (void)state;
  char holder[128];
  moonbird_conn *one = open_with("lock.db", "");
  assert_int_equal(lock(one, holder, sizeof holder), MOONBIRD_OK);
  assert_string_equal(holder, "");
  assert_true(exists(path_of("lock.db.moonbird-lock")));
  driver->unlock(one, "key");
  assert_false(exists(path_of("lock.db.moonbird-lock")));
  assert_int_equal(lock(one, holder, sizeof holder), MOONBIRD_OK);
  assert_int_equal(lock(one, holder, sizeof holder), MOONBIRD_OK);
  driver->unlock(one, "key");
  assert_true(exists(path_of("lock.db.moonbird-lock")));
  driver->close(one);
  assert_false(exists(path_of("lock.db.moonbird-lock")));
}

static void lock_is_the_same_by_another_path(void **state) {
  (void)state;
  char holder[128];
  char wanted[32];
  moonbird_conn *one = open_with("real.db", "");
  run(one, "CREATE TABLE t (i INTEGER)");
  assert_int_equal(symlink(path_of("real.db"), path_of("link.db")), 0);
  moonbird_conn *two = open_with("link.db", "");
  assert_int_equal(lock(one, holder, sizeof holder), MOONBIRD_OK);
  assert_int_equal(lock(two, holder, sizeof holder), MOONBIRD_BUSY);
  snprintf(wanted, sizeof wanted, "pid %ld,", (long)getpid());
  assert_non_null(strstr(holder, wanted));
  assert_non_null(strstr(holder, "host "));
  assert_non_null(strstr(holder, "user "));
  assert_non_null(strstr(holder, "since "));
  driver->close(two);
  driver->close(one);
}

static void file_left_behind_is_no_lock(void **state) {
  (void)state;
  char holder[128];
  write_file(path_of("left.db.moonbird-lock"), "host gone, pid 1, user nobody, since long ago\n");
  moonbird_conn *conn = open_with("left.db", "");
  assert_int_equal(lock(conn, holder, sizeof holder), MOONBIRD_OK);
  driver->close(conn);
}

/* The child takes the lock, says so, and waits to be killed. */
static void killed_holder_frees_the_lock(void **state) {
  (void)state;
  int ends[2];
  char holder[128];
  char byte = 0;
  assert_int_equal(pipe(ends), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    alarm(30); /* should the parent fail before it kills */
    moonbird_conn *conn = open_with("killed.db", "");
    byte = lock(conn, holder, sizeof holder) == MOONBIRD_OK ? 'y' : 'n';
    for (ssize_t written = write(ends[1], &byte, 1); written == 1; written = 1) {
      pause();
    }
    _exit(1);
  }
  assert_int_equal(read(ends[0], &byte, 1), 1);
  assert_int_equal(byte, 'y');
  moonbird_conn *conn = open_with("killed.db", "");
  assert_int_equal(lock(conn, holder, sizeof holder), MOONBIRD_BUSY);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  assert_int_equal(lock(conn, holder, sizeof holder), MOONBIRD_OK);
  driver->close(conn);
  close(ends[0]);
  close(ends[1]);
}

/* Reads, waits a moment, writes one more: two at the same time lose a count. */
static bool count_up(const char *path) {
  int fd = open(path, O_RDWR);
  int64_t count = 0;
  bool is_read = fd >= 0 && pread(fd, &count, sizeof count, 0) == sizeof count;
  sched_yield();
  count++;
  bool is_written = is_read && pwrite(fd, &count, sizeof count, 0) == sizeof count;
  close(fd);
  return is_written;
}

static int lock_worker(const char *counter) {
  char holder[128];
  moonbird_conn *conn = open_with("race.db", "");
  for (int done = 0; done < LOCK_ROUNDS;) {
    int32_t status = lock(conn, holder, sizeof holder);
    if (status == MOONBIRD_BUSY) {
      sched_yield();
      continue;
    }
    if (status != MOONBIRD_OK || !count_up(counter)) {
      return 1;
    }
    driver->unlock(conn, "key");
    done++;
  }
  driver->close(conn);
  return 0;
}

static void removal_of_the_file_lets_nobody_slip_in(void **state) {
  (void)state;
  const char *counter = path_of("counter");
  int64_t count = 0;
  int fd = open(counter, O_RDWR | O_CREAT, 0600);
  assert_int_equal(pwrite(fd, &count, sizeof count, 0), sizeof count);
  for (int i = 0; i < LOCK_WORKERS; i++) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
      _exit(lock_worker(counter));
    }
  }
  for (int i = 0; i < LOCK_WORKERS; i++) {
    int status = 0;
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  assert_int_equal(pread(fd, &count, sizeof count, 0), sizeof count);
  assert_int_equal(count, LOCK_WORKERS * LOCK_ROUNDS);
  close(fd);
}

static void unwritable_folder_is_told(void **state) {
  (void)state;
  if (geteuid() == 0) { /* root may write everywhere */
    skip();
  }
  char holder[128];
  assert_int_equal(mkdir(path_of("closed"), 0700), 0);
  moonbird_conn *conn = open_with("closed/a.db", "");
  run(conn, "CREATE TABLE t (i INTEGER)");
  assert_int_equal(chmod(path_of("closed"), 0500), 0);
  assert_int_equal(lock(conn, holder, sizeof holder), MOONBIRD_ERROR);
  assert_string_equal(error.sqlstate, "42501");
  assert_non_null(strstr(error.message, "closed/a.db.moonbird-lock"));
  open_refused(path_of("closed/b.db"), "", "no permission to write in the folder");
  assert_int_equal(chmod(path_of("closed"), 0700), 0);
  driver->close(conn);
}

static int remove_folder(void) {
  pid_t child = fork();
  if (child == 0) {
    execlp("rm", "rm", "-r", folder, (char *)NULL);
    _exit(127);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(missing_file_is_not_created_by_a_reader),
      cmocka_unit_test(wrong_places_are_named),
      cmocka_unit_test(other_files_are_refused),
      cmocka_unit_test(options_are_checked),
      cmocka_unit_test(options_have_effect),
      cmocka_unit_test(foreign_keys_in_a_transaction),
      cmocka_unit_test(memory_database),
      cmocka_unit_test(read_only_database_is_named),
      cmocka_unit_test(full_database),
      cmocka_unit_test(lost_transaction_is_told),
      cmocka_unit_test(names_of_constraints),
      cmocka_unit_test(states_from_messages),
      cmocka_unit_test(nul_in_the_text_is_refused),
      cmocka_unit_test(script_counts_and_places),
      cmocka_unit_test(returning_counts_in_a_stream),
      cmocka_unit_test(not_a_number_is_refused),
      cmocka_unit_test(types_follow_the_page),
      cmocka_unit_test(declared_booleans),
      cmocka_unit_test(busy_has_the_right_advice),
      cmocka_unit_test(busy_snapshot_needs_a_new_transaction),
      cmocka_unit_test(waiting_for_a_writer_is_cancelled),
      cmocka_unit_test(open_stream_blocks_ddl),
      cmocka_unit_test(lock_file_comes_and_goes),
      cmocka_unit_test(lock_is_the_same_by_another_path),
      cmocka_unit_test(file_left_behind_is_no_lock),
      cmocka_unit_test(killed_holder_frees_the_lock),
      cmocka_unit_test(removal_of_the_file_lets_nobody_slip_in),
      cmocka_unit_test(unwritable_folder_is_told),
  };
  if (argc != 2) {
    fprintf(stderr, "usage: test_sqlite_driver DRIVER.so\n");
    return 2;
  }
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  void *symbol = library != NULL ? dlsym(library, MOONBIRD_DRIVER_SYMBOL) : NULL;
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 2;
  }
  static const moonbird_host host = {sizeof host, MOONBIRD_ABI_MAJOR, MOONBIRD_ABI_MINOR, NULL};
  moonbird_driver_entry entry = NULL;
  memcpy(&entry, &symbol, sizeof entry);
  driver = entry(&host, &error);
  snprintf(folder, sizeof folder, "/tmp/moonbird-sqlite-XXXXXX");
  if (driver == NULL || mkdtemp(folder) == NULL) {
    fprintf(stderr, "the driver or the folder cannot be had\n");
    return 2;
  }
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return remove_folder() + failed;
}
