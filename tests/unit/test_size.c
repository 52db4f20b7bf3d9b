/*
 * test_size.c - the size of batches against a simulated table whose rows get dearer and cheaper (BACKFILL.md, 4.5).
 */
#include "backfill/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const double target_s = 0.5;

/* A table: what a batch costs apart from its rows, what a row costs, and how unsteady it is. */
struct table {
  double batch_s;
  double row_s;
  double noise; /* 0.2: each batch takes 80 % to 120 % */
  uint32_t random;
};

static double next_random(struct table *t) {
  t->random = t->random * 1664525u + 1013904223u;
  return (double)(t->random >> 8) / (double)(1u << 24);
}

static double run_batch(struct table *t, struct sizer *s) {
  double seconds = (t->batch_s + t->row_s * (double)s->size) * (1 + t->noise * (2 * next_random(t) - 1));
  int64_t before = s->size, proven = s->proven;
  sizer_add(s, s->size, seconds);
  assert_true(s->size >= s->min && s->size <= s->max);
  if (s->size > proven)
    assert_true((double)s->size <= (double)before * 1.5 + 1); /* never grows faster to where it has not been */
  return seconds;
}

static void settle(struct table *t, struct sizer *s) {
  for (int i = 0; i < 300; i++)
    run_batch(t, s);
}

/* Between 60 % and 110 % of the target: the 90th percentile may not pass it by much. */
static void assert_at_target(struct table *t, struct sizer *s) {
  double seconds = t->batch_s + t->row_s * (double)s->size;
  if (seconds < target_s * 0.6 || seconds > target_s * 1.1)
    fail_msg("batches of %ld rows take %g s", (long)s->size, seconds);
}

static void finds_the_target_from_any_start(void **state) {
  (void)state;
  static const int64_t starts[] = {1, 10, 1000, 50000};
  for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
    struct table t = {.batch_s = 0.002, .row_s = 0.0001, .random = 1};
    struct sizer s;
    sizer_init(&s, target_s, starts[i], 1, 50000);
    settle(&t, &s);
    assert_at_target(&t, &s);
  }
}

/* Until none is beyond 3 x target any more; 5 samples more, and it is at the target itself. */
static void recovers_in_three_batches_when_rows_get_50_times_dearer(void **state) {
  (void)state;
  for (uint32_t seed = 0; seed < 20; seed++) {
    struct table t = {.batch_s = 0.002, .row_s = 0.00005, .noise = 0.1, .random = seed};
    struct sizer s;
    sizer_init(&s, target_s, 1000, 10, 50000);
    settle(&t, &s);
    t.row_s *= 50;
    for (int i = 0; i < 3; i++)
      run_batch(&t, &s);
    assert_true(t.batch_s + t.row_s * (double)s.size <= target_s * 3);
    for (int i = 0; i < 5; i++)
      run_batch(&t, &s);
    assert_true(t.batch_s + t.row_s * (double)s.size <= target_s * 1.2);
    settle(&t, &s);
    t.noise = 0;
    assert_at_target(&t, &s);
  }
}

/* And back, to about the target. */
static void recovers_in_three_batches_when_rows_get_cheap_again(void **state) {
  (void)state;
  for (uint32_t seed = 0; seed < 20; seed++) {
    struct table t = {.batch_s = 0.002, .row_s = 0.00005, .noise = 0.1, .random = seed};
    struct sizer s;
    sizer_init(&s, target_s, 1000, 10, 50000);
    settle(&t, &s);
    for (int i = 0; i < 4; i++) {
      t.row_s *= 50;
      settle(&t, &s);
      t.row_s /= 50;
      for (int batch = 0; batch < 3; batch++)
        assert_true(run_batch(&t, &s) < target_s * 1.2);
      assert_true(t.batch_s + t.row_s * (double)s.size >= target_s * 0.7);
      for (int batch = 0; batch < 3 * SIZE_SAMPLES; batch++)
        run_batch(&t, &s);
    }
    t.noise = 0;
    assert_at_target(&t, &s);
  }
}

/* A batch that waited for something is no reason to be slow for long. */
static void one_slow_batch_costs_three_small_ones(void **state) {
  (void)state;
  struct table t = {.batch_s = 0.002, .row_s = 0.00005, .random = 1};
  struct sizer s;
  sizer_init(&s, target_s, 1000, 10, 50000);
  settle(&t, &s);
  int64_t before = s.size;
  sizer_timed_out(&s);
  assert_int_equal(s.size, before / 10);
  for (int i = 0; i < 3; i++)
    run_batch(&t, &s);
  assert_true(s.size > before * 9 / 10);
}

/* What is cheap for a moment only (rows that `where` leaves out) misleads it once, not again and again. */
static void a_size_that_failed_twice_is_not_taken_back(void **state) {
  (void)state;
  struct table cheap = {.row_s = 0.00005}, dear = {.row_s = 0.0025};
  struct sizer s;
  sizer_init(&s, target_s, 1000, 10, 50000);
  settle(&cheap, &s);
  settle(&dear, &s);
  int beyond = 0;
  for (int i = 0; i < 200; i++) {
    run_batch(&cheap, &s);
    for (int k = 0; k < 4; k++)
      beyond += run_batch(&dear, &s) > target_s * 3;
  }
  assert_true(beyond <= 1);
}

/* Where it has not been it goes no faster than the other rules allow, and no slower: 9 of the last 10 must be cheap
 * before the 90th percentile is, then each step wants 5 samples. */
static void uses_it_as_fast_as_it_may_when_rows_get_50_times_cheaper(void **state) {
  (void)state;
  enum { FIRST_STEP = 9, STEPS = 10, SAMPLES = 5 };
  for (uint32_t seed = 0; seed < 20; seed++) {
    struct table t = {.batch_s = 0.002, .row_s = 0.0025, .noise = 0.1, .random = seed};
    struct sizer s;
    sizer_init(&s, target_s, 1000, 10, 50000);
    settle(&t, &s);
    t.row_s /= 50;
    for (int i = 0; i < FIRST_STEP + (STEPS - 1) * SAMPLES; i++)
      assert_true(run_batch(&t, &s) < target_s * 1.2);
    t.noise = 0;
    assert_at_target(&t, &s);
  }
}

static void does_not_oscillate(void **state) {
  (void)state;
  struct table t = {.batch_s = 0.01, .row_s = 0.0001, .noise = 0.2, .random = 3};
  struct sizer s;
  sizer_init(&s, target_s, 1000, 10, 50000);
  settle(&t, &s);
  int64_t least = s.size, most = s.size;
  int turns = 0, last = 0;
  for (int i = 0; i < 500; i++) {
    int64_t before = s.size;
    run_batch(&t, &s);
    int way = (s.size > before) - (s.size < before);
    turns += way && last && way != last && llabs(s.size - before) > before / 5;
    last = way ? way : last;
    least = s.size < least ? s.size : least;
    most = s.size > most ? s.size : most;
  }
  assert_true(most <= least * 2);
  assert_true(turns < 10);
}

static void outliers_shrink_it_at_once(void **state) {
  (void)state;
  struct sizer s;
  sizer_init(&s, target_s, 1000, 10, 50000);
  sizer_add(&s, 1000, target_s * 3.1);
  assert_int_equal(s.size, 500);
  sizer_add(&s, 500, target_s * 5.1);
  assert_int_equal(s.size, 50);
  sizer_timed_out(&s);
  assert_int_equal(s.size, 10);
  sizer_timed_out(&s);
  assert_int_equal(s.size, 10);
}

static void short_batches_do_not_count(void **state) {
  (void)state;
  struct sizer s;
  sizer_init(&s, target_s, 1000, 10, 50000);
  for (int i = 0; i < 50; i++) {
    sizer_add(&s, 3, 0.0001);
    sizer_add(&s, 0, 100);
  }
  assert_int_equal(s.size, 1000);
}

static void keeps_to_its_limits(void **state) {
  (void)state;
  struct table cheap = {.row_s = 1e-9}, dear = {.row_s = 10};
  struct sizer s;
  sizer_init(&s, target_s, 99999, 20, 3000);
  assert_int_equal(s.size, 3000);
  settle(&cheap, &s);
  assert_int_equal(s.size, 3000);
  settle(&dear, &s);
  assert_int_equal(s.size, 20);
  sizer_init(&s, target_s, 1, 20, 3000);
  assert_int_equal(s.size, 20);
  settle(&cheap, &s);
  assert_int_equal(s.size, 3000);
  sizer_init(&s, target_s, 1, 1, 100000); /* from one row on it can still grow */
  settle(&cheap, &s);
  assert_int_equal(s.size, 100000);
}

static void a_fixed_size_stays(void **state) {
  (void)state;
  struct sizer s;
  sizer_init_fixed(&s, 77);
  for (int i = 0; i < 20; i++)
    sizer_add(&s, 77, i % 2 ? 1000 : 0.00001);
  assert_int_equal(s.size, 77);
  sizer_timed_out(&s); /* the batch could never be done otherwise */
  assert_int_equal(s.size, 7);
  sizer_timed_out(&s);
  assert_int_equal(s.size, 1);
}

/* What an operator has set counts, whatever the script says. */
static void takes_what_is_set(void **state) {
  (void)state;
  struct sizer base, fixed, s;
  sizer_init(&base, target_s, 1000, 100, 5000);
  sizer_init_fixed(&fixed, 500);
  s = base;
  sizer_configure(&s, &base, 0, 0, 0, 20); /* max below the script's min */
  assert_int_equal(s.size, 20);
  s = base;
  sizer_configure(&s, &base, 0, 0, 9000, 0); /* min above the script's max */
  assert_int_equal(s.size, 9000);
  s = fixed;
  sizer_configure(&s, &fixed, 0, 0, 0, 50);
  assert_int_equal(s.size, 50);
  sizer_configure(&s, &fixed, 0, 0, 800, 0);
  assert_int_equal(s.size, 800);
  sizer_configure(&s, &fixed, 0, 0, 0, 0); /* all taken back */
  assert_int_equal(s.size, 500);
  sizer_configure(&s, &base, 7, 0, 0, 0);
  assert_int_equal(s.size, 7);
}

static int64_t count_ranges(int64_t table_rows, int64_t range_rows) {
  int64_t number = 0;
  while (table_rows > 0)
    table_rows -= size_range_at(range_rows, ++number);
  return number;
}

static void a_range_is_twenty_batches(void **state) {
  (void)state;
  assert_int_equal(size_range(500, -1), 10000);
  assert_int_equal(size_range(10, 100), 1000); /* not too few */
  assert_int_equal(size_range(500, 10000000), 10000);
  assert_int_equal(size_range(500, 500000000), 250000);
  assert_int_equal(count_ranges(500000000, size_range(500, 500000000)), 2000);
}

static void there_are_never_very_many_ranges(void **state) {
  (void)state;
  assert_int_equal(count_ranges(2000000, size_range(50, -1)), 2000);
  assert_in_range(count_ranges(500000000, size_range(50, -1)), 2000, 20000);
  assert_in_range(count_ranges(500000000, size_range(50, 1000)), 2000, 20000); /* it has grown since it was analyzed */
  assert_in_range(size_range_at(1000, 500000), 1000000, 2000000);              /* of a run that began with them */
  assert_int_equal(size_range_at(0, 1), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_the_target_from_any_start),
      cmocka_unit_test(recovers_in_three_batches_when_rows_get_50_times_dearer),
      cmocka_unit_test(recovers_in_three_batches_when_rows_get_cheap_again),
      cmocka_unit_test(one_slow_batch_costs_three_small_ones),
      cmocka_unit_test(a_size_that_failed_twice_is_not_taken_back),
      cmocka_unit_test(uses_it_as_fast_as_it_may_when_rows_get_50_times_cheaper),
      cmocka_unit_test(does_not_oscillate),
      cmocka_unit_test(outliers_shrink_it_at_once),
      cmocka_unit_test(short_batches_do_not_count),
      cmocka_unit_test(keeps_to_its_limits),
      cmocka_unit_test(a_fixed_size_stays),
      cmocka_unit_test(takes_what_is_set),
      cmocka_unit_test(a_range_is_twenty_batches),
      cmocka_unit_test(there_are_never_very_many_ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
