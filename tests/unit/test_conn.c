/*
 * test_conn.c - a connection with its thread, through the real SQLite driver: calls, results that stay open, cancel,
 * errors, the lock.
 */
#include "db/conn.h"
#include "db/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

static const char endless[] = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

struct fixture {
  char folder[32];
  char *path;
  struct loop *loop;
  const struct driver *driver;
  struct conn *conn;
  struct error err;
};

static struct conn *connect_to(struct fixture *f) {
  struct url url = {.scheme = (char *)(uintptr_t) "sqlite", .database = f->path};
  struct conn *conn = conn_new(f->loop, f->driver);
  if (!conn_open(conn, &url, "test", &f->err))
    fail_msg("%s", f->err.message);
  return conn;
}

static int setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof(*f));
  snprintf(f->folder, sizeof(f->folder), "/tmp/test_conn.XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  f->path = xasprintf("%s/a.db", f->folder);
  f->err = (struct error)ERROR_INIT;
  f->loop = loop_new();
  if (!driver_for_scheme("sqlite", NULL, &f->driver, &f->err))
    fail_msg("%s", f->err.message);
  f->conn = connect_to(f);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  conn_free(f->conn);
  loop_free(f->loop);
  driver_forget_all();
  static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-moonbird-lock", ".moonbird-lock", ".lock"};
  for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
    char *file = xasprintf("%s%s", f->path, endings[i]);
    unlink(file);
    free(file);
  }
  rmdir(f->folder);
  free(f->path);
  error_release(&f->err);
  free(f);
  return 0;
}

static void script(struct fixture *f, const char *sql) {
  if (!conn_script(f->conn, sql, &f->err))
    fail_msg("%s: %s", sql, f->err.message);
}

static struct statement statement(const char *sql, uint32_t flags) {
  return (struct statement){.sql = sql, .len = strlen(sql), .flags = flags};
}

static int64_t number(struct fixture *f, const char *sql) {
  struct rowset rows = ROWSET_INIT;
  struct statement s = statement(sql, 0);
  if (!conn_query(f->conn, &s, &rows, &f->err))
    fail_msg("%s: %s", sql, f->err.message);
  assert_int_equal(rows.row_count, 1);
  int64_t n = rowset_int(&rows, 0, 0);
  rowset_release(&rows);
  return n;
}

static void executes_with_parameters(void **state) {
  struct fixture *f = *state;
  script(f, "CREATE TABLE t (a, b); CREATE INDEX i ON t (a)");
  struct batch_builder params;
  batch_init(&params, 2);
  for (int i = 0; i < 10; i++) {
    batch_add_int(&params, 0, i);
    batch_add_str(&params, 1, i % 2 ? "odd" : NULL);
  }
  struct statement s = statement("INSERT INTO t VALUES (?, ?)", MOONBIRD_REPEATED);
  s.bind = MOONBIRD_BIND_EACH;
  s.params = batch_view(&params);
  int64_t affected = 0;
  assert_true(conn_execute(f->conn, &s, &affected, &f->err));
  assert_int_equal(affected, 10);
  batch_release(&params);
  assert_int_equal(number(f, "SELECT count(*) FROM t WHERE b = 'odd'"), 5);
}

static void queries_copy_all_rows(void **state) {
  struct fixture *f = *state;
  struct rowset rows = ROWSET_INIT;
  struct statement s = statement("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) "
                                 "SELECT i, 'text ' || i AS t, NULL, x'00ff' FROM n",
                                 0);
  assert_true(conn_query(f->conn, &s, &rows, &f->err));
  assert_int_equal(rows.row_count, 2500);
  assert_int_equal(rows.column_count, 4);
  assert_string_equal(rows.names[1], "t");
  assert_int_equal(rowset_int(&rows, 2499, 0), 2500);
  assert_string_equal(rowset_text(&rows, 2499, 1), "text 2500");
  assert_true(rowset_is_null(&rows, 7, 2));
  assert_null(rowset_text(&rows, 7, 2));
  assert_int_equal(rows.rows[0][3].len, 2);
  rowset_release(&rows);
  s = statement("SELECT 1 WHERE 0", 0);
  assert_true(conn_query(f->conn, &s, &rows, &f->err));
  assert_int_equal(rows.row_count, 0);
  rowset_release(&rows);
}

static void a_stream_stays_open_beside_other_statements(void **state) {
  struct fixture *f = *state;
  script(f, "CREATE TABLE t (a); CREATE TABLE u (a)");
  script(
      f,
      "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n");
  struct statement s = statement("SELECT a FROM t ORDER BY a", MOONBIRD_STREAM);
  conn_start_execute(f->conn, &s, 10, NULL, NULL);
  conn_wait(f->conn);
  assert_true(conn_check(f->conn, s.sql, s.len, &f->err));
  moonbird_result *result = conn_outcome(f->conn)->result;
  assert_non_null(result);
  int64_t sum = 0;
  while (conn_outcome(f->conn)->status == MOONBIRD_OK) {
    const moonbird_batch *batch = &conn_outcome(f->conn)->batch;
    for (uint64_t r = 0; r < batch->row_count; r++)
      sum += batch_value(&batch->columns[0], r).integer;
    script(f, "INSERT INTO u VALUES (1)");
    conn_start_fetch(f->conn, result, 10, NULL, NULL);
    conn_wait(f->conn);
  }
  assert_int_equal(sum, 5050);
  conn_discard(f->conn, result);
  assert_int_equal(number(f, "SELECT count(*) FROM u"), 10);
}

static void an_open_result_is_given_back_when_the_connection_goes(void **state) {
  struct fixture *f = *state;
  struct statement s = statement("SELECT 1 UNION SELECT 2", MOONBIRD_STREAM);
  conn_start_execute(f->conn, &s, 1, NULL, NULL);
  conn_wait(f->conn);
  conn_discard(f->conn, conn_outcome(f->conn)->result);
  conn_discard(f->conn, NULL);
}

static void errors_carry_what_the_database_said(void **state) {
  struct fixture *f = *state;
  assert_false(conn_script(f->conn, "SELECT * FROM missing", &f->err));
  assert_int_equal(f->err.class, ERROR_FAILED);
  assert_string_equal(f->err.sqlstate, "42P01");
  assert_non_null(strstr(f->err.message, "missing"));
  assert_string_equal(f->err.statement, "SELECT * FROM missing");
  script(f, "CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  assert_false(conn_script(f->conn, "INSERT INTO t VALUES (1)", &f->err));
  assert_string_equal(f->err.sqlstate, "23505");
  assert_int_equal(number(f, "SELECT count(*) FROM t"), 1); /* goes on after errors */
}

static void an_error_in_the_middle_of_a_result(void **state) {
  struct fixture *f = *state;
  struct rowset rows = ROWSET_INIT;
  struct statement s = statement("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                                 "SELECT CASE WHEN i = 2500 THEN abs(-9223372036854775808) ELSE i END FROM n",
                                 MOONBIRD_STREAM);
  assert_false(conn_query(f->conn, &s, &rows, &f->err));
  assert_non_null(strstr(f->err.message, "overflow"));
  assert_int_equal(number(f, "SELECT 7"), 7);
}

static void transaction_states(void **state) {
  struct fixture *f = *state;
  assert_int_equal(conn_transaction_state(f->conn), MOONBIRD_TX_IDLE);
  script(f, "BEGIN");
  assert_int_equal(conn_transaction_state(f->conn), MOONBIRD_TX_ACTIVE);
  script(f, "ROLLBACK");
  assert_int_equal(conn_transaction_state(f->conn), MOONBIRD_TX_IDLE);
  assert_non_null(conn_server_version(f->conn));
}

static void handle_timer(uv_timer_t *timer) {
  conn_cancel(timer->data);
}

static void nothing(uv_handle_t *handle) {
  (void)handle;
}

static void cancel_ends_the_running_call(void **state) {
  struct fixture *f = *state;
  uv_timer_t timer;
  uv_timer_init(loop_uv(f->loop), &timer);
  timer.data = f->conn;
  for (int i = 0; i < 3; i++) {
    uv_timer_start(&timer, handle_timer, 30, 0);
    assert_false(conn_script(f->conn, endless, &f->err));
    assert_int_equal(f->err.class, ERROR_INTERRUPTED);
    assert_string_equal(f->err.sqlstate, "57014");
    assert_int_equal(number(f, "SELECT 1"), 1); /* the cancel does not reach the next call */
  }
  conn_cancel(f->conn); /* nothing runs */
  assert_int_equal(number(f, "SELECT 2"), 2);
  uv_close((uv_handle_t *)&timer, nothing);
  loop_run_once(f->loop);
}

/* Counts, and starts the next call from within. */
struct chain {
  struct fixture *f;
  struct statement statement;
  int left;
  int done;
};

static void handle_done(void *data) {
  struct chain *c = data;
  c->done++;
  conn_discard(c->f->conn, conn_outcome(c->f->conn)->result);
  if (--c->left)
    conn_start_execute(c->f->conn, &c->statement, 1, handle_done, c);
  else
    assert_false(conn_is_busy(c->f->conn));
}

static void calls_follow_each_other_on_the_loop(void **state) {
  struct fixture *f = *state;
  struct chain c = {.f = f, .statement = statement("SELECT 1 WHERE 0", MOONBIRD_REPEATED), .left = 500};
  conn_start_execute(f->conn, &c.statement, 1, handle_done, &c);
  assert_true(conn_is_busy(f->conn));
  while (c.left)
    loop_run_once(f->loop);
  assert_int_equal(c.done, 500);
}

static void freeing_waits_for_the_call_in_flight(void **state) {
  struct fixture *f = *state;
  struct conn *second = connect_to(f);
  struct statement s = statement("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
                                 "SELECT count(*) FROM n",
                                 0);
  conn_start_execute(second, &s, 1, NULL, NULL);
  conn_free(second);
  conn_free(NULL);
  struct conn *never_opened = conn_new(f->loop, f->driver);
  conn_free(never_opened);
}

static void a_transaction_that_is_open_is_rolled_back_at_the_end(void **state) {
  struct fixture *f = *state;
  script(f, "CREATE TABLE t (a)");
  struct conn *first = f->conn;
  f->conn = connect_to(f);
  script(f, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
  conn_free(f->conn);
  f->conn = first;
  assert_int_equal(number(f, "SELECT count(*) FROM t"), 0);
}

static void a_database_that_cannot_be_opened(void **state) {
  struct fixture *f = *state;
  struct url url = {.scheme = (char *)(uintptr_t) "sqlite", .database = f->folder};
  struct conn *conn = conn_new(f->loop, f->driver);
  assert_false(conn_open(conn, &url, "test", &f->err));
  assert_int_equal(f->err.class, ERROR_CONNECT);
  assert_non_null(strstr(f->err.message, "Can't connect to database"));
  assert_int_equal(conn_transaction_state(conn), MOONBIRD_TX_UNKNOWN);
  conn_free(conn);
}

static void one_holds_the_lock(void **state) {
  struct fixture *f = *state;
  struct conn *second = connect_to(f);
  char holder[256];
  bool busy = true;
  assert_true(conn_try_lock(f->conn, "key", &busy, holder, sizeof(holder), &f->err));
  assert_false(busy);
  assert_true(conn_try_lock(second, "key", &busy, holder, sizeof(holder), &f->err));
  assert_true(busy);
  char *pid = xasprintf("%ld", (long)getpid());
  assert_non_null(strstr(holder, pid));
  free(pid);
  conn_unlock(f->conn, "key");
  assert_true(conn_try_lock(second, "key", &busy, holder, sizeof(holder), &f->err));
  assert_false(busy);
  conn_free(second); /* frees it */
  assert_true(conn_try_lock(f->conn, "key", &busy, holder, sizeof(holder), &f->err));
  assert_false(busy);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(executes_with_parameters, setup, teardown),
      cmocka_unit_test_setup_teardown(queries_copy_all_rows, setup, teardown),
      cmocka_unit_test_setup_teardown(a_stream_stays_open_beside_other_statements, setup, teardown),
      cmocka_unit_test_setup_teardown(an_open_result_is_given_back_when_the_connection_goes, setup, teardown),
      cmocka_unit_test_setup_teardown(errors_carry_what_the_database_said, setup, teardown),
      cmocka_unit_test_setup_teardown(an_error_in_the_middle_of_a_result, setup, teardown),
      cmocka_unit_test_setup_teardown(transaction_states, setup, teardown),
      cmocka_unit_test_setup_teardown(cancel_ends_the_running_call, setup, teardown),
      cmocka_unit_test_setup_teardown(calls_follow_each_other_on_the_loop, setup, teardown),
      cmocka_unit_test_setup_teardown(freeing_waits_for_the_call_in_flight, setup, teardown),
      cmocka_unit_test_setup_teardown(a_transaction_that_is_open_is_rolled_back_at_the_end, setup, teardown),
      cmocka_unit_test_setup_teardown(a_database_that_cannot_be_opened, setup, teardown),
      cmocka_unit_test_setup_teardown(one_holds_the_lock, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
