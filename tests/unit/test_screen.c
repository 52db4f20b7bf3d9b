/*
 * test_screen.c - the state of a backfill on 80 columns, and on fewer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/screen.h"
#include "cli/width.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static struct status_worker workers[] = {
    {.host = "db1",
     .pid = 4711,
     .range = 7,
     .batch_size = 12000,
     .rate_1m = 12310,
     .heartbeat_age_s = 0.5,
     .alive = true},
    {.host = "db1", .pid = 4712, .range = 0, .batch_size = 12000, .rate_1m = -1, .heartbeat_age_s = 1, .alive = true},
    {.host = "a.host.with.a.long.name", .pid = 9, .heartbeat_age_s = 65, .alive = false},
};
static void *worker_items[] = {&workers[0], &workers[1], &workers[2]};

static struct backfill_status running(void) {
  return (struct backfill_status){.name = "split_names",
                                  .table = "people",
                                  .desired = "run",
                                  .observed = "running",
                                  .throttle_reason = "replica lag 12 s, above 5 s",
                                  .rows_done = 206512000,
                                  .rows_estimated = 500000000,
                                  .fraction = 0.4139,
                                  .eta_s = 11520,
                                  .elapsed_s = 751,
                                  .commit_age_s = 0.42,
                                  .throttled_for_s = 20,
                                  .throttled_s = 61,
                                  .bad_rows = 3,
                                  .batch_size = 12000,
                                  .rate_1m = 25310,
                                  .rate_10m = 24870,
                                  .lag_ms = 12000,
                                  .workers_alive = 2,
                                  .workers = {.items = worker_items, .len = 3}};
}

static char *rendered(const struct backfill_status *s, size_t columns, bool utf8) {
  struct screen_options options = {.columns = columns, .utf8 = utf8, .workers = true};
  struct strbuf text = STRBUF_INIT;
  screen_status(&text, s, &options);
  return strbuf_detach(&text);
}

static void assert_has(const struct backfill_status *s, const char *part) {
  char *text = rendered(s, 80, false);
  if (!strstr(text, part))
    fail_msg("'%s' is not in:\n%s", part, text);
  free(text);
}

static void assert_lacks(const struct backfill_status *s, const char *part) {
  char *text = rendered(s, 80, false);
  if (strstr(text, part))
    fail_msg("'%s' is in:\n%s", part, text);
  free(text);
}

static void test_the_whole(void **state) {
  (void)state;
  struct backfill_status s = running();
  char *text = rendered(&s, 80, false);
  assert_string_equal(text, "split_names  people                              running, throttled  12 min 31 s\n"
                            "  [===========================>                                       ]   41.3 %\n"
                            "  206 512 000 of about 500 000 000 rows, 3 h 12 min left\n"
                            "\n"
                            "  rows/s       25 310 over 1 min, 24 870 over 10 min\n"
                            "  batches of   12 000 rows\n"
                            "  workers      2 on 1 host\n"
                            "  throttled    replica lag 12 s, above 5 s, for 20 s, 8.1 % of the time\n"
                            "  replica lag  12.0 s\n"
                            "  last commit  0.4 s ago\n"
                            "  bad rows     3; 'moonbird backfill bad list split_names' shows them\n"
                            "\n"
                            "  db1          pid 4711  range 7  batch 12000  12310 rows/s  seen 0.5 s ago\n"
                            "  db1          pid 4712  batch 12000  seen 1.0 s ago\n"
                            "  a.host.wi... pid 9  no sign of life for 1 min 05 s\n");
  free(text);
}

static void test_a_narrow_pane(void **state) {
  (void)state;
  struct backfill_status s = running();
  char *text = rendered(&s, 24, false);
  assert_string_equal(text, "split_names\n"
                            "running, throttled\n"
                            "[=====>       ]   41.3 %\n"
                            "206 512 000 of about 500\n"
                            " 000 000 rows, 3 h 12\n"
                            " min left\n"
                            "\n"
                            "rows/s 25 310 over 1\n"
                            " min, 24 870 over 10 min\n"
                            "batches of 12 000 rows\n"
                            "workers 2 on 1 host\n"
                            "throttled replica lag 12\n"
                            " s, above 5 s, for 20 s,\n"
                            " 8.1 % of the time\n"
                            "replica lag 12.0 s\n"
                            "last commit 0.4 s ago\n"
                            "bad rows 3; 'moonbird\n"
                            " backfill bad list\n"
                            " split_names' shows them\n"
                            "\n"
                            "db1 pid 4711  range 7\n"
                            " batch 12000  12310\n"
                            " rows/s  seen 0.5 s ago\n"
                            "db1 pid 4712  batch\n"
                            " 12000  seen 1.0 s ago\n"
                            "a.host.wi... pid 9  no\n"
                            " sign of life for 1 min\n"
                            " 05 s\n");
  free(text);
}

static void test_no_line_is_too_wide(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.name = "имя\033[2J\nbackfill_with_a_very_long_name_that_does_not_fit_anywhere_at_all_whatever_one_does";
  s.last_error = "ERROR: something\nover two lines that is far longer than any terminal ever was or will be, really";
  s.desired = "cancel";
  s.elapsed_s = 444444;
  for (size_t columns = 20; columns < 200; columns++) {
    char *text = rendered(&s, columns, true);
    assert_null(strchr(text, '\033'));
    for (const char *line = text; *line;) {
      size_t len = strcspn(line, "\n");
      assert_true(width_of_len(line, len) <= columns);
      line += len + 1;
    }
    free(text);
  }
}

static void test_never_done_before_the_end(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.fraction = 0.99999;
  assert_has(&s, " 99.9 %");
  s.fraction = 1;
  s.observed = "done";
  s.eta_s = -1;
  assert_has(&s, "100.0 %");
  assert_lacks(&s, "left");
}

static void test_what_is_not_known_is_not_shown(void **state) {
  (void)state;
  struct backfill_status s = {.name = "b",
                              .observed = "planned",
                              .desired = "run",
                              .rows_estimated = -1,
                              .fraction = -1,
                              .elapsed_s = -1,
                              .commit_age_s = -1,
                              .throttled_for_s = -1,
                              .rate_1m = -1,
                              .rate_10m = -1,
                              .lag_ms = -1,
                              .eta_s = -1};
  assert_lacks(&s, "%");
  assert_lacks(&s, "about");
  assert_has(&s, "  workers      none; 'moonbird backfill run b' begins\n");
  assert_lacks(&s, "lag");
  assert_has(&s, "planned\n  0 rows\n");
  /* The estimate was too low: it is known to be wrong. */
  s = running();
  s.rows_estimated = 1000;
  assert_lacks(&s, "about");
}

static void test_states_in_words(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.desired = "pause";
  assert_has(&s, "running, to be paused");
  s.observed = "paused";
  assert_lacks(&s, "to be");
  s.desired = "run";
  assert_lacks(&s, "paused");
  assert_has(&s, "stopped\n");
  s.observed = "running";
  s.workers_alive = 0;
  assert_has(&s, "stopped");
  assert_has(&s, "none; 'moonbird backfill run split_names' goes on");
}

static void test_who_holds_it_and_why(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.observed = "paused";
  s.desired = "pause";
  s.workers_alive = 0;
  s.held = (struct status_event){.at = "2026-11-22 03:04:05.678+00", .by = "ann@db1", .age_s = 65};
  assert_has(&s, "\n  paused       2026-11-22 03:04:05, 1 min 05 s ago, by ann@db1\n");
  s.held.why = "a reason that is too long for a line of eighty columns, and is told on two of them";
  assert_has(&s, "  paused       2026-11-22 03:04:05, 1 min 05 s ago, by ann@db1: a reason that is\n"
                 "               too long for a line of eighty columns, and is told on two of them\n");
  s.observed = "running";
  assert_has(&s, "  paused\n");
  s.workers_alive = 1;
  assert_has(&s, "running, to be paused");
  assert_has(&s, "\n  to pause     2026");
  s.desired = "run";
  assert_lacks(&s, "03:04:05");
  s.braked_for_s = 1799.5;
  assert_has(&s, "\n  brake        for 30 min 00 s, by an operator\n");
  s.brake = (struct status_event){.at = "x", .by = "ann@db1", .why = "incident\n\0334711"};
  assert_has(&s, "\n  brake        for 30 min 00 s, by ann@db1: incident ?4711\n");
}

static void test_settings_as_they_are_typed(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.overrides = "{\"workers\":2,\"nice\":0.5,\"max_lag\":false,\"lock_yield\":10,\"max_wal\":67108864,"
                "\"target_ms\":200}";
  assert_has(&s, "\n  set          workers=2 nice=0.5 max_lag=off lock_yield=10s max_wal=64MiB\n"
                 "               target_ms=200\n");
}

static void test_the_command_that_goes_on(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.workers_alive = 0;
  s.name = "8f2c:1";
  s.observed = "paused";
  assert_has(&s, "none; 'moonbird upgrade 8f2c' goes on");
  s.desired = "pause";
  assert_has(&s, "none; 'moonbird backfill resume 8f2c:1 && moonbird upgrade 8f2c'\n");
  s.name = "8f2c:1:down";
  s.desired = "run";
  assert_has(&s, "none; 'moonbird downgrade -1' goes on");
  s.name = "split";
  s.observed = "cancelled";
  assert_has(&s, "none; 'moonbird backfill resume split' takes it up again");
}

static void test_a_guessed_percentage(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.is_estimate = true;
  assert_has(&s, "]  about 41.3 %\n");
  assert_has(&s, " rows, about 3 h 12 min left\n");
  s.rows_estimated = 1000000;
  s.eta_s = -1;
  assert_has(&s, "  206 512 000 rows, more than the estimated 1 000 000\n");
}

static void test_an_estimate_that_the_keys_contradict(void **state) {
  (void)state;
  struct backfill_status s = running();
  s.rows_estimated = 3 * s.rows_estimated;
  assert_lacks(&s, "about");
}

int main(void) {
  setlocale(LC_CTYPE, "C.UTF-8");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_whole),
      cmocka_unit_test(test_a_narrow_pane),
      cmocka_unit_test(test_no_line_is_too_wide),
      cmocka_unit_test(test_never_done_before_the_end),
      cmocka_unit_test(test_what_is_not_known_is_not_shown),
      cmocka_unit_test(test_states_in_words),
      cmocka_unit_test(test_who_holds_it_and_why),
      cmocka_unit_test(test_settings_as_they_are_typed),
      cmocka_unit_test(test_the_command_that_goes_on),
      cmocka_unit_test(test_a_guessed_percentage),
      cmocka_unit_test(test_an_estimate_that_the_keys_contradict),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
