/*
 * test_metrics.c - what Prometheus is told: counts, labels, and a form that it can read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backfill/metrics.h"

#include <stdlib.h>
#include <string.h>

static char *written(const struct metrics *m) {
  struct strbuf text = STRBUF_INIT;
  metrics_write(m, &text);
  return strbuf_detach(&text);
}

/* Is this whole line in the text? */
static bool has_line(const char *text, const char *line) {
  size_t len = strlen(line);
  for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
    if ((at == text || at[-1] == '\n') && at[len] == '\n')
      return true;
  return false;
}

static void assert_line(const struct metrics *m, const char *line) {
  char *text = written(m);
  if (!has_line(text, line))
    fail_msg("no line '%s' in:\n%s", line, text);
  free(text);
}

static void assert_no_text(const struct metrics *m, const char *part) {
  char *text = written(m);
  if (strstr(text, part))
    fail_msg("'%s' is in:\n%s", part, text);
  free(text);
}

static void test_batches(void **state) {
  (void)state;
  struct metrics m;
  metrics_init(&m, "split");
  assert_no_text(&m, "last_commit");
  metrics_committed(&m, 1000, 0.02, 1764000000.25);
  metrics_committed(&m, 500, 0.5, 1764000001.5);
  metrics_committed(&m, 1, 61, 1764000060);
  metrics_rolled_back(&m, BATCH_RETRIED, "40P01");
  metrics_rolled_back(&m, BATCH_RETRIED, "40P01");
  metrics_rolled_back(&m, BATCH_SPLIT, NULL);
  metrics_rolled_back(&m, BATCH_FAILED, "53100");
  assert_line(&m, "moonbird_backfill_rows_total{backfill=\"split\"} 1501");
  assert_line(&m, "moonbird_backfill_batches_total{backfill=\"split\",result=\"committed\"} 3");
  assert_line(&m, "moonbird_backfill_batches_total{backfill=\"split\",result=\"retried\"} 2");
  assert_line(&m, "moonbird_backfill_batches_total{backfill=\"split\",result=\"shrunk\"} 0");
  assert_line(&m, "moonbird_backfill_batches_total{backfill=\"split\",result=\"failed\"} 1");
  assert_line(&m, "moonbird_backfill_retries_total{backfill=\"split\",sqlstate=\"40P01\"} 2");
  assert_line(&m, "moonbird_backfill_retries_total{backfill=\"split\",sqlstate=\"none\"} 1");
  assert_no_text(&m, "53100");
  assert_line(&m, "moonbird_backfill_last_commit_timestamp_seconds{backfill=\"split\"} 1764000060.000");
  metrics_release(&m);
}

static void test_histogram_is_cumulated(void **state) {
  (void)state;
  struct metrics m;
  metrics_init(&m, "b");
  metrics_committed(&m, 1, 0.02, 1);
  metrics_committed(&m, 1, 0.025, 1); /* a bound belongs to its bucket */
  metrics_committed(&m, 1, 0.3, 1);
  metrics_committed(&m, 1, 100, 1);
  assert_line(&m, "moonbird_backfill_batch_seconds_bucket{backfill=\"b\",le=\"0.01\"} 0");
  assert_line(&m, "moonbird_backfill_batch_seconds_bucket{backfill=\"b\",le=\"0.025\"} 2");
  assert_line(&m, "moonbird_backfill_batch_seconds_bucket{backfill=\"b\",le=\"0.25\"} 2");
  assert_line(&m, "moonbird_backfill_batch_seconds_bucket{backfill=\"b\",le=\"0.5\"} 3");
  assert_line(&m, "moonbird_backfill_batch_seconds_bucket{backfill=\"b\",le=\"60\"} 3");
  assert_line(&m, "moonbird_backfill_batch_seconds_bucket{backfill=\"b\",le=\"+Inf\"} 4");
  assert_line(&m, "moonbird_backfill_batch_seconds_count{backfill=\"b\"} 4");
  assert_line(&m, "moonbird_backfill_batch_seconds_sum{backfill=\"b\"} 100.345");
  metrics_release(&m);
}

static void test_reasons_without_their_figures(void **state) {
  (void)state;
  struct metrics m;
  metrics_init(&m, "b");
  metrics_throttled(&m, "replica lag 12 s, above 5 s", 1.5);
  metrics_throttled(&m, "replica lag 6.2 s, above 5 s", 1);
  metrics_throttled(&m, "window: closed until 22:00", 2);
  metrics_throttled(&m, "5", 1);
  assert_line(&m, "moonbird_backfill_throttled_seconds_total{backfill=\"b\",reason=\"replica lag\"} 2.5");
  assert_line(&m, "moonbird_backfill_throttled_seconds_total{backfill=\"b\",reason=\"window\"} 2");
  assert_line(&m, "moonbird_backfill_throttled_seconds_total{backfill=\"b\",reason=\"other\"} 1");
  metrics_release(&m);
}

static void test_number_of_reasons_is_bounded(void **state) {
  (void)state;
  struct metrics m;
  metrics_init(&m, "b");
  for (int i = 0; i < 200; i++) {
    char reason[8] = {(char)('a' + i % 26), (char)('a' + i / 26), '\0'};
    metrics_throttled(&m, reason, 1);
  }
  assert_true(m.throttles.len <= 33);
  assert_line(&m, "moonbird_backfill_throttled_seconds_total{backfill=\"b\",reason=\"other\"} 168");
  metrics_release(&m);
}

static void test_labels_are_escaped(void **state) {
  (void)state;
  struct metrics m;
  metrics_init(&m, "a\"b\\c\nd\xFF");
  assert_line(&m, "moonbird_backfill_rows_total{backfill=\"a\\\"b\\\\c\\nd?\"} 0");
  metrics_release(&m);
}

static void test_gauges(void **state) {
  (void)state;
  struct metrics m;
  metrics_init(&m, "b");
  assert_no_text(&m, "lag_seconds");
  assert_no_text(&m, "progress_ratio");
  m.lag_s = 0.25;
  m.progress = 0.5;
  m.workers = 4;
  m.batch_size = 12000;
  m.throttled = true;
  assert_line(&m, "moonbird_backfill_replica_lag_seconds{backfill=\"b\"} 0.25");
  assert_line(&m, "moonbird_backfill_progress_ratio{backfill=\"b\"} 0.5");
  assert_line(&m, "moonbird_backfill_workers{backfill=\"b\"} 4");
  assert_line(&m, "moonbird_backfill_batch_size_rows{backfill=\"b\"} 12000");
  assert_line(&m, "moonbird_backfill_throttled{backfill=\"b\"} 1");
  metrics_release(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_batches),
      cmocka_unit_test(test_histogram_is_cumulated),
      cmocka_unit_test(test_reasons_without_their_figures),
      cmocka_unit_test(test_number_of_reasons_is_bounded),
      cmocka_unit_test(test_labels_are_escaped),
      cmocka_unit_test(test_gauges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
