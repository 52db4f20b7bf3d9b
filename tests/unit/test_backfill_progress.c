/*
 * test_backfill_progress.c - the figures of a progress bar: never done before the end, no time left out of thin air.
 */
#include "backfill/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct backfill_progress progress(int64_t done, int64_t estimated, double elapsed_s) {
  return (struct backfill_progress){.rows_done = done, .rows_estimated = estimated, .elapsed_s = elapsed_s};
}

static struct rate steady(double rows_per_second, double seconds) {
  struct rate rate = {.count = 0};
  for (double at = 0; at <= seconds; at += 0.5)
    rate_add(&rate, 1000 + at, (int64_t)(rows_per_second * at));
  return rate;
}

static void assert_near(double got, double want) {
  if (got < want * 0.99 || got > want * 1.01)
    fail_msg("%g is not about %g", got, want);
}

static void never_done_before_the_end(void **state) {
  (void)state;
  struct rate rate = steady(100, 20);
  static const double positions[] = {0.9991, 0.99999, 1, 1.5, 1e9};
  for (size_t i = 0; i < sizeof(positions) / sizeof(*positions); i++) {
    struct backfill_progress p = progress(1000, 1000, 30);
    progress_estimate(&p, &rate, positions[i]);
    assert_true(p.fraction <= 0.999);
    assert_true(p.fraction >= 0.998);
  }
  struct backfill_progress p = progress(5000, 1000, 30); /* the estimate was too low */
  progress_estimate(&p, &rate, -1);
  assert_true(p.fraction <= 0.999);
  p.ended = true;
  progress_estimate(&p, &rate, 0.3);
  assert_true(p.fraction == 1);
  assert_true(p.eta_s == -1);
}

static void position_counts_before_the_estimate(void **state) {
  (void)state;
  struct rate rate = steady(100, 20);
  struct backfill_progress p = progress(500, 1000, 30);
  progress_estimate(&p, &rate, 0.25);
  assert_near(p.fraction, 0.25);
  assert_false(p.is_estimate);
  progress_estimate(&p, &rate, -1);
  assert_near(p.fraction, 0.5);
  assert_true(p.is_estimate);
  p.rows_done = 1100; /* the estimate was too low: how much is left nobody knows */
  progress_estimate(&p, &rate, -1);
  assert_true(p.fraction == 0.999);
  assert_true(p.eta_s == -1);
  p.rows_estimated = -1;
  progress_estimate(&p, &rate, -1);
  assert_true(p.fraction == -1);
  assert_true(p.eta_s == -1);
  p.rows_estimated = 0;
  progress_estimate(&p, &rate, -1);
  assert_true(p.fraction == -1);
}

static void no_time_left_before_it_means_something(void **state) {
  (void)state;
  struct rate rate = steady(100, 20);
  struct backfill_progress p = progress(2000, 4000, 1.9);
  progress_estimate(&p, &rate, 0.5);
  assert_true(p.eta_s == -1); /* too early */
  p.elapsed_s = 2.1;
  progress_estimate(&p, &rate, 0.009);
  assert_true(p.eta_s == -1); /* too little */
  struct rate none = {.count = 0};
  progress_estimate(&p, &none, 0.5);
  assert_true(p.eta_s == -1); /* no rate */
  progress_estimate(&p, &rate, 0.5);
  assert_near(p.eta_s, 20);
  progress_estimate(&p, &rate, 0.8);
  assert_near(p.eta_s, 5);
}

static void the_rate_is_of_the_last_seconds(void **state) {
  (void)state;
  struct rate rate = {.count = 0};
  assert_true(rate_per_s(&rate) == 0);
  rate_add(&rate, 5, 0);
  assert_true(rate_per_s(&rate) == 0);
  rate_add(&rate, 5, 100); /* no time has passed */
  assert_true(rate_per_s(&rate) == 0);
  int64_t rows = 0;
  rate = (struct rate){.count = 0};
  for (int i = 0; i < 200; i++)
    rate_add(&rate, i * 0.25, rows += 250); /* 1000 a second */
  for (int i = 0; i < 60; i++)
    rate_add(&rate, 50 + i * 0.25, rows += 25); /* then 100 */
  assert_near(rate_per_s(&rate), 100);
}

static void slow_batches_still_have_a_rate(void **state) {
  (void)state;
  struct rate rate = {.count = 0};
  rate_add(&rate, 0, 0);
  rate_add(&rate, 60, 600);
  assert_near(rate_per_s(&rate), 10);
  rate_add(&rate, 120, 1800);
  assert_near(rate_per_s(&rate), 20);
}

static void rows_of_the_last_minutes(void **state) {
  (void)state;
  struct rate_window window;
  double begun = 5001.5;
  window_init(&window, begun);
  assert_true(window_rate(&window, begun, 60) == 0);
  for (double at = begun; at < begun + 20; at += 0.5)
    window_add(&window, at, 100);
  assert_near(window_rate(&window, begun + 20, 600), 200);
  for (double at = begun + 20; at < begun + 900; at += 0.5)
    window_add(&window, at, 100);
  double now = begun + 900;
  assert_near(window_rate(&window, now, 60), 200);
  assert_near(window_rate(&window, now, 600), 200);
  /* It stands still: the window moves on without it. */
  assert_near(window_rate(&window, now + 298.5, 600), 100);
  assert_true(window_rate(&window, now + 65, 60) == 0);
  assert_true(window_rate(&window, now + 3600, 600) == 0);
  /* A long pause leaves nothing of the time before in the ring. */
  window_add(&window, now + 3600, 600);
  assert_near(window_rate(&window, now + 3601, 600), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_of_the_last_minutes),
      cmocka_unit_test(never_done_before_the_end),
      cmocka_unit_test(position_counts_before_the_estimate),
      cmocka_unit_test(no_time_left_before_it_means_something),
      cmocka_unit_test(the_rate_is_of_the_last_seconds),
      cmocka_unit_test(slow_batches_still_have_a_rate),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
