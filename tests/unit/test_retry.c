/*
 * test_retry.c - how often, after how long and with how many rows a worker tries again.
 */
#include "backfill/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void repeats_a_batch_eight_times(void **state) {
  (void)state;
  static const enum failure repeated[] = {FAILURE_REPEAT, FAILURE_SHRINK, FAILURE_RECONNECT};
  for (size_t i = 0; i < ARRAY_LEN(repeated); i++) {
    assert_false(retry_is_over(repeated[i], 7, 1e9, 600));
    assert_true(retry_is_over(repeated[i], 8, 0, 600));
  }
}

static void asks_a_reading_server_by_time(void **state) {
  (void)state;
  assert_false(retry_is_over(FAILURE_WAIT, 1000, 599, 600));
  assert_true(retry_is_over(FAILURE_WAIT, 1, 600, 600));
}

static void never_repeats_what_fails_again(void **state) {
  (void)state;
  assert_true(retry_is_over(FAILURE_STOP, 0, 0, 600));
  assert_true(retry_is_over(FAILURE_PAUSE, 0, 0, 600));
  assert_true(retry_is_over(FAILURE_INTERRUPTED, 0, 0, 600));
}

/* The jitter's middle is the pause itself. */
static void doubles_up_to_thirty_seconds(void **state) {
  (void)state;
  static const double expected[] = {0.25, 0.5, 1, 2, 4, 8, 16, 30, 30};
  for (int before = 0; before < (int)ARRAY_LEN(expected); before++) {
    assert_true(retry_pause_s(FAILURE_REPEAT, before, 0.5) == expected[before]);
    assert_true(retry_pause_s(FAILURE_SHRINK, before, 0) == expected[before] * 0.75);
    assert_true(retry_pause_s(FAILURE_SHRINK, before, 1) == expected[before] * 1.25);
  }
}

static void connects_at_once_then_every_five_seconds(void **state) {
  (void)state;
  static const enum failure connecting[] = {FAILURE_RECONNECT, FAILURE_WAIT};
  for (size_t i = 0; i < ARRAY_LEN(connecting); i++) {
    assert_true(retry_pause_s(connecting[i], 0, 0.5) == 0);
    assert_true(retry_pause_s(connecting[i], 1, 0.5) == 0.25);
    assert_true(retry_pause_s(connecting[i], 2, 0.5) == 0.5);
    assert_true(retry_pause_s(connecting[i], 500, 0.5) == 5);
  }
  assert_true(retry_opening_pause_s(0, 0.5) == 0.25);
  assert_true(retry_opening_pause_s(500, 0.5) == 5);
}

/* From the largest batch to the one row in a handful of batches. */
static void narrows_down_to_one_row(void **state) {
  (void)state;
  int64_t rows = 50000;
  int batches = 0;
  for (; rows > 1; batches++)
    rows = retry_narrower(rows);
  assert_int_equal(rows, 1);
  assert_true(batches <= 6);
  assert_int_equal(retry_narrower(8), 1);
  assert_int_equal(retry_narrower(9), 1);
  assert_int_equal(retry_narrower(80), 10);
}

static void shrinks_the_search_with_the_batch(void **state) {
  (void)state;
  assert_int_equal(retry_shrunk(0), 0);
  assert_int_equal(retry_shrunk(1), 1);
  assert_int_equal(retry_shrunk(10), 1);
  assert_int_equal(retry_shrunk(120), 12);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(repeats_a_batch_eight_times),
      cmocka_unit_test(asks_a_reading_server_by_time),
      cmocka_unit_test(never_repeats_what_fails_again),
      cmocka_unit_test(doubles_up_to_thirty_seconds),
      cmocka_unit_test(connects_at_once_then_every_five_seconds),
      cmocka_unit_test(narrows_down_to_one_row),
      cmocka_unit_test(shrinks_the_search_with_the_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
