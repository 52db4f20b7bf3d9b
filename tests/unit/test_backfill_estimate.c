/*
 * test_backfill_estimate.c - rows of several processes are counted once: what the table says and what this process has
 * done since never overlap, whichever is heard first.
 */
#include "backfill/estimate.h"
#include "db/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct open_range {
  const char *worker, *low, *high, *cursor;
};

static struct estimate begin(void) {
  struct backfill_row row = {.first_key = "[1]", .last_key = "[1001]", .rows_done = 100};
  struct estimate e;
  estimate_init(&e, &row);
  return e;
}

/* The answer of `watch`: its first three columns are none of the estimate's. */
static void look(struct estimate *e, int64_t rows, const char *frontier, struct open_range range, int64_t own_rows) {
  struct batch_builder b;
  batch_init(&b, 9);
  for (uint32_t i = 0; i < 3; i++)
    batch_add_null(&b, i);
  batch_add_str(&b, 3, frontier);
  batch_add_int(&b, 4, rows);
  batch_add_str(&b, 5, range.worker);
  batch_add_str(&b, 6, range.low);
  batch_add_str(&b, 7, range.high);
  batch_add_str(&b, 8, range.cursor);
  estimate_take(e, batch_view(&b), "host:1:a", own_rows);
  batch_release(&b);
}

static const struct open_range none;

static void a_commit_under_way_is_not_of_another_process(void **state) {
  (void)state;
  struct estimate e = begin();
  look(&e, 150, NULL, none, 50); /* the table has our batch of 50 rows before we have heard of it */
  assert_int_equal(e.rows_before, 100);
  look(&e, 100, NULL, none, 50); /* and here it does not */
  assert_int_equal(e.rows_before, 100);
  look(&e, 180, NULL, none, 50);
  assert_int_equal(e.rows_before, 130);
  estimate_release(&e);
}

static void the_end_is_what_the_table_says(void **state) {
  (void)state;
  struct estimate e = begin();
  look(&e, 400, NULL, none, 0);
  assert_int_equal(e.rows_before, 400);
  estimate_settle(&e, 380);
  assert_int_equal(e.rows_before, 380);
  estimate_settle(&e, 420);
  assert_int_equal(e.rows_before, 420);
  estimate_release(&e);
}

static void open_ranges_of_others_are_not_done(void **state) {
  (void)state;
  struct estimate e = begin();
  look(&e, 100, "[501]", (struct open_range){"host:2:b:0", "[101]", "[301]", "[201]"}, 0);
  assert_true(estimate_position(&e) > 0.399 && estimate_position(&e) < 0.401);
  look(&e, 100, "[501]", (struct open_range){"host:1:a:0", "[101]", "[301]", "[201]"}, 0); /* ours is known better */
  assert_true(estimate_position(&e) > 0.499 && estimate_position(&e) < 0.501);
  estimate_own(&e, "[301]", "[251]");
  assert_true(estimate_position(&e) > 0.449 && estimate_position(&e) < 0.451);
  estimate_release(&e);
}

static void the_position_never_goes_back(void **state) {
  (void)state;
  struct estimate e = begin();
  assert_true(estimate_advance(&e, 0.5) == 0.5);
  assert_true(estimate_advance(&e, 0.4) == 0.5);
  assert_true(estimate_advance(&e, -1) == -1);
  assert_true(estimate_advance(&e, 0.6) == 0.6);
  estimate_release(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_commit_under_way_is_not_of_another_process),
      cmocka_unit_test(the_end_is_what_the_table_says),
      cmocka_unit_test(open_ranges_of_others_are_not_done),
      cmocka_unit_test(the_position_never_goes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
