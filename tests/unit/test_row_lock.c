/*
 * test_row_lock.c - for how many batches rows are locked after others have changed them.
 */
#include "backfill/row_lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void commit(struct row_lock *lock, int batches) {
  for (int i = 0; i < batches; i++)
    row_lock_committed(lock);
}

static void test_conflict_locks_for_a_while(void **state) {
  (void)state;
  struct row_lock lock = ROW_LOCK_INIT;
  assert_int_equal(lock.left, 0);
  row_lock_conflicted(&lock);
  commit(&lock, ROW_LOCK_FIRST - 1);
  assert_int_equal(lock.left, 1);
  commit(&lock, 1);
  assert_int_equal(lock.left, 0);
}

static void test_frequent_conflicts_lock_longer(void **state) {
  (void)state;
  struct row_lock lock = ROW_LOCK_INIT;
  row_lock_conflicted(&lock);
  commit(&lock, ROW_LOCK_FIRST);
  row_lock_conflicted(&lock);
  assert_int_equal(lock.left, 2 * ROW_LOCK_FIRST);
  for (int i = 0; i < 20; i++)
    row_lock_conflicted(&lock);
  assert_int_equal(lock.left, ROW_LOCK_MOST);
}

static void test_quiet_batches_forget(void **state) {
  (void)state;
  struct row_lock lock = ROW_LOCK_INIT;
  row_lock_conflicted(&lock);
  row_lock_conflicted(&lock);
  commit(&lock, lock.left + 100);
  row_lock_conflicted(&lock);
  assert_int_equal(lock.left, ROW_LOCK_FIRST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_conflict_locks_for_a_while),
      cmocka_unit_test(test_frequent_conflicts_lock_longer),
      cmocka_unit_test(test_quiet_batches_forget),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
