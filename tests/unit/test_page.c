/*
 * test_page.c - how many rows a batch asks for.
 */
#include "backfill/page.h"
#include "db/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double mib = 1024 * 1024;

static void test_rows(void **state) {
  (void)state;
  assert_int_equal(page_rows(1000, 1, 0, 16 * mib), 1000);   /* nothing is known */
  assert_int_equal(page_rows(1000, 1, 100, 16 * mib), 1000); /* they fit */
  assert_int_equal(page_rows(1000, 1, mib, 16 * mib), 16);
  assert_int_equal(page_rows(1000, 1, 100 * mib, 16 * mib), 1);
  assert_int_equal(page_rows(1, 1, 0, 1), 1);
}

static void test_divided(void **state) {
  (void)state;
  assert_int_equal(page_rows(1000, 4, 0, mib), 250);
  assert_int_equal(page_rows(1000, 4, mib, 16 * mib), 16); /* what fits anyway is not divided once more */
  assert_int_equal(page_rows(64, 64, 0, mib), 64);         /* too small to be divided */
  assert_int_equal(page_rows(65, 64, 0, mib), 1);
}

static void test_pieces(void **state) {
  (void)state;
  assert_int_equal(page_piece_rows(1000, 0), 1000); /* nothing is known */
  assert_int_equal(page_piece_rows(1000, 20), 40);  /* the next ones may be narrower */
  assert_int_equal(page_piece_rows(30, 20), 30);
}

static void test_bytes(void **state) {
  (void)state;
  struct batch_builder rows;
  batch_init(&rows, 2);
  batch_add_int(&rows, 0, 1);
  batch_add_int(&rows, 0, 2);
  batch_add_str(&rows, 1, "twelve bytes");
  batch_add_null(&rows, 1);
  assert_true(page_bytes(batch_view(&rows)) == 2 * 8 + 12);
  batch_release(&rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows),
      cmocka_unit_test(test_divided),
      cmocka_unit_test(test_pieces),
      cmocka_unit_test(test_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
