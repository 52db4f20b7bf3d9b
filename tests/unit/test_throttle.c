/*
 * test_throttle.c - what is pure of the throttle: windows of time with their zones, gauges with a simulated signal, lag
 * from positions, what a signal says when nobody answers any more.
 */
#include "throttle/gauge.h"
#include "throttle/lag.h"
#include "throttle/signal.h"
#include "throttle/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- windows --- */

/* Seconds since 1970 of a moment in UTC. */
static int64_t utc(int year, int month, int day, int hour, int minute) {
  struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};
  return (int64_t)timegm(&tm);
}

static struct window parse(const char *text, int64_t now) {
  struct window window;
  struct error err = ERROR_INIT;
  if (!window_parse(text, now, &window, &err))
    fail_msg("%s", err.message);
  return window;
}

static void assert_open(const char *text, int64_t now, bool open) {
  struct window window = parse(text, now - 86400);
  if (window_is_open(&window, now) != open)
    fail_msg("'%s' is %s at %lld", text, open ? "closed" : "open", (long long)now);
  window_release(&window);
}

static void test_window_times(void **state) {
  (void)state;
  /* 2026-11-25 is a Wednesday; Berlin is an hour before UTC in winter. */
  assert_open("22:00-06:00 UTC", utc(2026, 11, 25, 22, 0), true);
  assert_open("22:00-06:00 UTC", utc(2026, 11, 25, 21, 59), false);
  assert_open("22:00-06:00 UTC", utc(2026, 11, 26, 5, 59), true);
  assert_open("22:00-06:00 UTC", utc(2026, 11, 26, 6, 0), false);
  assert_open("22:00-06:00 Europe/Berlin", utc(2026, 11, 25, 21, 0), true);
  assert_open("22:00-06:00 Europe/Berlin", utc(2026, 11, 25, 20, 59), false);
  assert_open("09:00-17:30 UTC", utc(2026, 11, 25, 17, 29), true);
  assert_open("09:00-17:30 UTC", utc(2026, 11, 25, 17, 30), false);
  assert_open("00:00-24:00 UTC", utc(2026, 11, 25, 23, 59), true);
  assert_open("01:00-02:00 UTC; 05:00-06:00 UTC", utc(2026, 11, 25, 5, 30), true);
  assert_open("01:00-02:00 UTC; 05:00-06:00 UTC", utc(2026, 11, 25, 3, 30), false);
  assert_open("04:00-05:00 Asia/Kolkata", utc(2026, 11, 25, 22, 45), true); /* 5:30 before UTC */
}

static void test_window_days(void **state) {
  (void)state;
  assert_open("Wed 22:00-06:00 UTC", utc(2026, 11, 25, 23, 0), true);
  assert_open("Wed 22:00-06:00 UTC", utc(2026, 11, 26, 3, 0), true);     /* Thursday morning: began on Wednesday */
  assert_open("Wed 22:00-06:00 UTC", utc(2026, 11, 25, 3, 0), false);    /* began on Tuesday */
  assert_open("Mon-Fri 22:00-06:00 UTC", utc(2026, 11, 28, 3, 0), true); /* Saturday morning */
  assert_open("Mon-Fri 22:00-06:00 UTC", utc(2026, 11, 28, 23, 0), false);
  assert_open("Sat,Sun 00:00-24:00 UTC", utc(2026, 11, 29, 23, 59), true);
  assert_open("Sat,Sun 00:00-24:00 UTC", utc(2026, 11, 30, 0, 0), false);
  assert_open("Fri-Mon 08:00-09:00 UTC", utc(2026, 11, 29, 8, 30), true); /* over the end of the week */
  assert_open("Fri-Mon 08:00-09:00 UTC", utc(2026, 11, 25, 8, 30), false);
  assert_open("monday-Friday 08:00-09:00 UTC", utc(2026, 11, 25, 8, 30), true);
  assert_open("Wed 20:00-21:00 America/New_York", utc(2026, 11, 26, 1, 30), true); /* Wednesday there */
}

static void test_window_clock_change(void **state) {
  (void)state;
  /* Berlin: forward at 2026-03-29 01:00 UTC (02:00 becomes 03:00), back at 2026-10-25 01:00 UTC. */
  const char *night = "22:00-06:00 Europe/Berlin";
  assert_open(night, utc(2026, 3, 29, 3, 59), true);   /* 05:59 in summer */
  assert_open(night, utc(2026, 3, 29, 4, 0), false);   /* 06:00 */
  assert_open(night, utc(2026, 3, 28, 20, 59), false); /* 21:59 in winter */
  assert_open(night, utc(2026, 3, 29, 20, 0), true);   /* 22:00 in summer */
  assert_open(night, utc(2026, 10, 25, 4, 59), true);  /* 05:59 in winter */
  assert_open(night, utc(2026, 10, 25, 5, 0), false);
  const char *hour = "02:00-03:00 Europe/Berlin";
  assert_open(hour, utc(2026, 3, 29, 0, 59), false); /* that hour does not exist */
  assert_open(hour, utc(2026, 3, 29, 1, 0), false);
  assert_open(hour, utc(2026, 10, 25, 0, 30), true); /* and comes twice */
  assert_open(hour, utc(2026, 10, 25, 1, 30), true);
  assert_open(hour, utc(2026, 10, 25, 2, 0), false);
}

static void test_window_opening(void **state) {
  (void)state;
  char text[64];
  struct window window = parse("Sat 22:00-06:00 Europe/Berlin", utc(2026, 11, 25, 12, 0));
  int64_t next = window_next_opening(&window, utc(2026, 11, 25, 12, 0));
  assert_int_equal(next, utc(2026, 11, 28, 21, 0));
  window_format(&window, next, text, sizeof(text));
  assert_string_equal(text, "2026-11-28 22:00 Europe/Berlin");
  window_refresh(&window, utc(2027, 12, 24, 0, 0)); /* what was known has ended */
  assert_true(window_is_open(&window, utc(2028, 7, 1, 20, 30)));
  assert_false(window_is_open(&window, utc(2028, 7, 1, 19, 30)));
  window_release(&window);
}

static void test_window_refuses(void **state) {
  (void)state;
  static const char *const texts[] = {
      "",
      "22:00",
      "22:00-",
      "22:00-22:00",
      "24:00-06:00",
      "22:60-06:00",
      "25:00-06:00",
      "9:00-17:00",
      "22:00-06:00 Europe/Nowhere",
      "22:00-06:00 ../../etc/passwd",
      "Mon-Foo 22:00-06:00",
      "Mon-",
      "Mon22:00-06:00",
      "22:00-06:00 UTC and more",
      "22:00-06:00;",
      "22:00-06:00Europe/Berlin",
      "night",
  };
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct window window;
    struct error err = ERROR_INIT;
    if (window_parse(texts[i], 0, &window, &err))
      fail_msg("'%s' is accepted", texts[i]);
    assert_int_equal(err.class, ERROR_USAGE);
    assert_non_null(err.hint);
    error_release(&err);
  }
}

/* --- gauges --- */

static void test_gauge_hysteresis(void **state) {
  (void)state;
  struct gauge gauge;
  gauge_init(&gauge, 10, 0);
  assert_int_equal(gauge_verdict(&gauge, 1), GAUGE_GO);
  gauge_take(&gauge, 10, 1);
  assert_int_equal(gauge_verdict(&gauge, 1), GAUGE_GO); /* at the limit */
  gauge_take(&gauge, 10.5, 2);
  assert_int_equal(gauge_verdict(&gauge, 2), GAUGE_ABOVE);
  gauge_take(&gauge, 5, 3);
  assert_int_equal(gauge_verdict(&gauge, 3), GAUGE_ABOVE); /* half is not below half */
  gauge_take(&gauge, 4.9, 4);
  assert_int_equal(gauge_verdict(&gauge, 4), GAUGE_GO);
  gauge_take(&gauge, 9.9, 5);
  assert_int_equal(gauge_verdict(&gauge, 5), GAUGE_GO); /* only the limit stops it again */
}

/* A signal that swings about the limit must not start and stop the work with every look. */
static void test_gauge_swings(void **state) {
  (void)state;
  struct gauge gauge;
  int changes = 0;
  enum gauge_verdict before = GAUGE_GO;
  gauge_init(&gauge, 100, 0);
  for (int second = 0; second < 600; second++) {
    gauge_take(&gauge, second % 2 ? 110 : 90, second);
    enum gauge_verdict now = gauge_verdict(&gauge, second);
    changes += now != before;
    before = now;
  }
  assert_int_equal(changes, 1);
}

static void test_gauge_stale(void **state) {
  (void)state;
  struct gauge gauge;
  gauge_init(&gauge, 10, 100);
  gauge_take(&gauge, 0, 100);
  assert_int_equal(gauge_verdict(&gauge, 115), GAUGE_GO);
  assert_int_equal(gauge_verdict(&gauge, 115.1), GAUGE_STALE);
  gauge_take(&gauge, 0, 116);
  assert_int_equal(gauge_verdict(&gauge, 116), GAUGE_GO);
  gauge_set_limit(&gauge, -1); /* off */
  assert_int_equal(gauge_verdict(&gauge, 1000), GAUGE_GO);
}

static void test_gauge_limits(void **state) {
  (void)state;
  struct gauge gauge;
  gauge_init(&gauge, 5, 0);
  gauge_take(&gauge, 8, 1);
  gauge_set_limit(&gauge, 10); /* the operator allows more */
  assert_int_equal(gauge_verdict(&gauge, 1), GAUGE_GO);
  gauge_set_limit(&gauge, 7);
  assert_int_equal(gauge_verdict(&gauge, 1), GAUGE_ABOVE);
  gauge_set_limit(&gauge, 0); /* nothing at all */
  assert_int_equal(gauge_verdict(&gauge, 1), GAUGE_ABOVE);
  gauge_take(&gauge, 0, 2);
  assert_int_equal(gauge_verdict(&gauge, 2), GAUGE_GO);
}

/* --- lag --- */

static void test_lag(void **state) {
  (void)state;
  static struct lag_history history;
  history.len = 0;
  assert_true(lag_seconds(&history, 0, 0, -1) == 0); /* nothing is known */
  for (int second = 0; second <= 100; second++)
    lag_note(&history, second, 1000 * second);
  assert_true(lag_seconds(&history, 100, 100000, -1) == 0);
  assert_true(lag_seconds(&history, 100, 99000, -1) == 0); /* passed with the last note */
  assert_true(lag_seconds(&history, 100, 90000, -1) == 9);
  assert_true(lag_seconds(&history, 100, 90500, -1) == 9);
  assert_int_equal(lag_bytes(&history, 90500), 9500);
  /* It grows while the replica stands still, also when the writer does. */
  lag_note(&history, 130, 100000);
  assert_true(lag_seconds(&history, 130, 90000, -1) == 39);
  assert_true(lag_seconds(&history, 130, 99500, -1) == 30);
  assert_true(lag_seconds(&history, 130, 100000, -1) == 0);
}

static void test_lag_beyond_history(void **state) {
  (void)state;
  static struct lag_history history;
  history.len = 0;
  lag_note(&history, 10, 5000);
  assert_true(lag_seconds(&history, 10, 100, 3600) == 0); /* it may only just have begun */
  lag_note(&history, 12, 6000);
  assert_true(lag_seconds(&history, 12, 100, 3600) == 3600);
  assert_true(lag_seconds(&history, 12, 100, -1) == 2);
  lag_note(&history, 13, 10); /* another server writes */
  assert_int_equal(lag_bytes(&history, 10), 0);
  history.len = 0;
  for (int second = 0; second < 5000; second++)
    lag_note(&history, second, second);
  double lag = lag_seconds(&history, 5000, 1000, -1);
  assert_true(lag > 2000 && lag <= 4000); /* coarse, but behind */
}

/* --- signals --- */

/* The database's own signals are as old as its last answer: none of them may be taken for "go" after that. */
static void test_signals_grow_stale(void **state) {
  (void)state;
  static const enum signal_kind kinds[] = {SIGNAL_GAUGE, SIGNAL_REPLICAS, SIGNAL_WAITERS, SIGNAL_PROBE,
                                           SIGNAL_FUNCTION};
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    char what[] = "what it reads", unit[] = "bytes", trouble[] = "no answer";
    struct signal *s = calloc(1, sizeof(*s));
    struct strbuf reason = STRBUF_INIT;
    assert_non_null(s);
    *s = (struct signal){.kind = kinds[i], .what = what, .unit = unit, .trouble = trouble, .lag_now = 5, .divisor = 1};
    gauge_init(&s->gauge, 10, 100);
    signal_add_reason(s, 115, &reason);
    assert_int_equal(reason.len, 0);
    signal_add_reason(s, 116, &reason);
    assert_string_equal(reason.buf, "what it reads: signal stale, last read 16 s ago (no answer)");
    strbuf_release(&reason);
    free(s);
  }
}

/* What has one connection in common has the same trouble; a value a little above its limit is seen to be above it. */
static void test_reasons_are_told_once_and_exactly(void **state) {
  (void)state;
  static char what[] = "slots", other[] = "archive", unit[] = "seconds", trouble[] = "no answer";
  struct strbuf reason = STRBUF_INIT;
  struct signal *s = calloc(1, sizeof(*s));
  assert_non_null(s);
  *s = (struct signal){.kind = SIGNAL_GAUGE, .what = what, .unit = unit, .trouble = trouble};
  gauge_init(&s->gauge, 3, 100);
  signal_add_reason(s, 116, &reason);
  s->what = other;
  signal_add_reason(s, 116, &reason);
  assert_string_equal(reason.buf, "slots: signal stale, last read 16 s ago (no answer); "
                                  "archive: signal stale, last read 16 s ago");
  strbuf_clear(&reason);
  gauge_take(&s->gauge, 3.0021, 120);
  signal_add_reason(s, 120, &reason);
  assert_string_equal(reason.buf, "archive: 3.002 s, above 3 s");
  strbuf_release(&reason);
  free(s);
}

static struct signal *new_replicas(void) {
  struct signal *s = calloc(1, sizeof(*s));
  assert_non_null(s);
  *s = (struct signal){.kind = SIGNAL_REPLICAS, .what = strdup("replica lag"), .lag_now = 5, .bytes_now = -1};
  gauge_init(&s->gauge, 0, 0);
  return s;
}

static void free_replicas(struct signal *s) {
  for (size_t i = 0; i < s->replicas.len; i++)
    signal_free_replica(s->replicas.items[i]);
  vec_release(&s->replicas);
  free(s->what);
  free(s);
}

static void add_answer(struct batch_builder *rows, const char *name, int64_t position, double told) {
  batch_add_str(rows, 0, name);
  batch_add_int(rows, 1, position);
  batch_add_float(rows, 2, told);
  batch_add_bool(rows, 3, true);
}

/* The writer's line of history, and its replicas. */
static void answer(struct signal *s, double now_s, int line, const char *first, const char *second) {
  struct batch_builder rows;
  struct error err = ERROR_INIT;
  batch_init(&rows, 4);
  add_answer(&rows, NULL, 1000, line);
  add_answer(&rows, first, 1000, -1);
  if (second)
    add_answer(&rows, second, 1000, -1);
  assert_true(signal_take(s, NULL, batch_view(&rows), now_s, &err));
  batch_release(&rows);
}

/* What nobody can ask any more holds the work up for ever, so a replica that has taken over must not be missed. */
static void test_another_writer(void **state) {
  (void)state;
  struct signal *s = new_replicas();
  struct strbuf reason = STRBUF_INIT;
  answer(s, 0, 1, "a", "b");
  for (int second = 1; second <= 20; second++)
    answer(s, second, 1, "a", NULL);
  signal_add_reason(s, 20, &reason);
  assert_string_equal(reason.buf, "replica lag: b: signal stale, last read 20 s ago");
  strbuf_clear(&reason);
  answer(s, 21, 2, "a", NULL);
  signal_add_reason(s, 21, &reason);
  assert_string_equal(reason.buf, "");
  answer(s, 40, 2, "c", NULL);
  signal_add_reason(s, 40, &reason);
  assert_string_equal(reason.buf, "replica lag: a: signal stale, last read 19 s ago");
  strbuf_release(&reason);
  free_replicas(s);
}

static void test_named_replica_is_promoted(void **state) {
  (void)state;
  struct signal *s = new_replicas();
  struct strbuf reason = STRBUF_INIT;
  struct replica *r = signal_add_replica(s, "postgresql://b", true, 0);
  gauge_take(&s->gauge, 0, 100);
  signal_fail_replica(r, "no answer");
  signal_add_reason(s, 100, &reason);
  assert_string_equal(reason.buf, "replica lag: postgresql://b: signal stale, last read 100 s ago (no answer)");
  strbuf_clear(&reason);
  signal_lose_replica(r);
  signal_add_reason(s, 100, &reason);
  assert_string_equal(reason.buf, "");
  assert_true(signal_lag_s(s) < 0);
  lag_note(&s->history, 90, 1000);
  signal_take_replica(s, r, 10, -1, 100); /* it replays a log again, and is far behind */
  signal_add_reason(s, 100, &reason);
  assert_string_equal(reason.buf, "replica lag: postgresql://b: 10 s, above 5 s");
  strbuf_release(&reason);
  free_replicas(s);
}

/* Batches that were made smaller for those who wait grow again when nobody has waited for a while. */
static void test_divisor_recovers(void **state) {
  (void)state;
  struct signal *s = calloc(1, sizeof(*s));
  assert_non_null(s);
  s->kind = SIGNAL_WAITERS;
  s->divisor = 8;
  s->blocked_at_s = 100;
  assert_int_equal(signal_divisor(s, 109.9), 8);
  assert_int_equal(signal_divisor(s, 110), 4);
  assert_int_equal(signal_divisor(s, 119.9), 4);
  assert_int_equal(signal_divisor(s, 131), 1);
  assert_int_equal(signal_divisor(s, 1000), 1);
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_window_times),
      cmocka_unit_test(test_window_days),
      cmocka_unit_test(test_window_clock_change),
      cmocka_unit_test(test_window_opening),
      cmocka_unit_test(test_window_refuses),
      cmocka_unit_test(test_gauge_hysteresis),
      cmocka_unit_test(test_gauge_swings),
      cmocka_unit_test(test_gauge_stale),
      cmocka_unit_test(test_gauge_limits),
      cmocka_unit_test(test_lag),
      cmocka_unit_test(test_lag_beyond_history),
      cmocka_unit_test(test_signals_grow_stale),
      cmocka_unit_test(test_divisor_recovers),
      cmocka_unit_test(test_another_writer),
      cmocka_unit_test(test_named_replica_is_promoted),
      cmocka_unit_test(test_reasons_are_told_once_and_exactly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
