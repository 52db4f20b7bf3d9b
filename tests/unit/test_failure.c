/*
 * test_failure.c - what a worker does about an error, by its SQLSTATE.
 */
#include "backfill/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const double timeout_s = 10;

static struct error error_of(const char *sqlstate, enum error_class class, enum error_retry retry) {
  struct error err = ERROR_INIT;
  err.class = class;
  err.retry = retry;
  strncpy(err.sqlstate, sqlstate, sizeof(err.sqlstate) - 1);
  return err;
}

static void follows_the_sqlstate(void **state) {
  (void)state;
  static const struct {
    const char *sqlstate;
    enum error_retry retry;
    enum failure expected;
  } rows[] = {
      {"40001", RETRY_TRANSACTION, FAILURE_REPEAT}, /* serialization failure */
      {"40P01", RETRY_TRANSACTION, FAILURE_REPEAT}, /* deadlock */
      {"55P03", RETRY_TRANSACTION, FAILURE_REPEAT}, /* lock time-out */
      {"08006", RETRY_CONNECTION, FAILURE_RECONNECT},
      {"57P01", RETRY_CONNECTION, FAILURE_RECONNECT}, /* the server ends */
      {"22001", RETRY_NEVER, FAILURE_ROW},            /* too long */
      {"23505", RETRY_NEVER, FAILURE_ROW},            /* not unique */
      {"P0001", RETRY_NEVER, FAILURE_ROW},            /* a trigger's own */
      {"", RETRY_NEVER, FAILURE_ROW},                 /* Lua */
      {"53100", RETRY_NEVER, FAILURE_STOP},           /* disk full */
      {"42703", RETRY_NEVER, FAILURE_STOP},           /* undefined column */
      {"42501", RETRY_NEVER, FAILURE_STOP},           /* no privilege */
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    struct error err = error_of(rows[i].sqlstate, ERROR_FAILED, rows[i].retry);
    assert_int_equal(failure_of(&err, 1, timeout_s, true), rows[i].expected);
  }
}

/* Both are 57014; only how long the statement ran tells them apart. */
static void tells_a_time_out_from_a_cancel(void **state) {
  (void)state;
  struct error err = error_of("57014", ERROR_FAILED, RETRY_NEVER);
  assert_int_equal(failure_of(&err, 10.01, timeout_s, true), FAILURE_SHRINK);
  assert_int_equal(failure_of(&err, 2, timeout_s, true), FAILURE_PAUSE);
  err.class = ERROR_INTERRUPTED;
  assert_int_equal(failure_of(&err, 2, timeout_s, true), FAILURE_INTERRUPTED);
}

static void takes_read_only_for_a_failover_only_after_a_commit(void **state) {
  (void)state;
  struct error err = error_of("25006", ERROR_FAILED, RETRY_CONNECTION);
  assert_int_equal(failure_of(&err, 1, timeout_s, true), FAILURE_WAIT);
  assert_int_equal(failure_of(&err, 1, timeout_s, false), FAILURE_STOP);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(follows_the_sqlstate),
      cmocka_unit_test(tells_a_time_out_from_a_cancel),
      cmocka_unit_test(takes_read_only_for_a_failover_only_after_a_commit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
