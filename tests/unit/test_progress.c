/*
 * test_progress.c - the bar at every width, the plain lines, and what stands on the screen in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/progress.h"
#include "cli/width.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const struct backfill_progress half = {.name = "people",
                                              .table = "people",
                                              .state = "running",
                                              .rows_done = 452000,
                                              .rows_estimated = 1000000,
                                              .fraction = 0.452,
                                              .rows_per_s = 106383,
                                              .eta_s = 5.1,
                                              .batch_size = 10000,
                                              .elapsed_s = 4.2};

static void render(struct strbuf *text, const struct backfill_progress *news, size_t columns, bool utf8) {
  strbuf_clear(text);
  progress_render_bar(text, news, columns, utf8);
}

static void test_wide_bar_has_everything(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  render(&text, &half, 120, false);
  assert_string_equal(text.buf, "people  [=================>                    ]   45.2 %  452000/1000000 rows  "
                                "106383 rows/s  ETA 6 s  batch 10000");
  strbuf_release(&text);
}

static void test_an_estimate_is_called_so(void **state) {
  (void)state;
  struct backfill_progress guess = half;
  guess.is_estimate = true;
  struct strbuf text = STRBUF_INIT;
  render(&text, &guess, 120, false);
  assert_non_null(strstr(text.buf, "]  about 45.2 %  "));
  strbuf_clear(&text);
  progress_render_line(&text, &guess);
  assert_non_null(strstr(text.buf, "452000 rows (about 45.2 %), "));
  strbuf_release(&text);
}

/* Percent stays at every width; the reason of a pause outlives rows, speed and batch. */
static void test_bar_fits_every_width(void **state) {
  (void)state;
  struct backfill_progress paused = half;
  paused.reason = "replica lag 7 s";
  paused.name = "Personen\xC3\xA4nderung \xE4\xBA\xBA\xE5\x8F\xA3";
  struct strbuf text = STRBUF_INIT;
  for (size_t columns = 1; columns <= 200; columns++) {
    for (int utf8 = 0; utf8 < 2; utf8++) {
      render(&text, &half, columns, utf8);
      assert_true(width_of(text.buf) <= columns);
      if (columns >= 20)
        assert_non_null(strstr(text.buf, "45.2 %"));
      render(&text, &paused, columns, utf8);
      assert_true(width_of(text.buf) <= columns);
      if (columns >= 40)
        assert_non_null(strstr(text.buf, "replica lag 7 s"));
      if (columns >= 20)
        assert_non_null(strstr(text.buf, "re"));
    }
  }
  strbuf_release(&text);
}

static void test_narrow_bars(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  render(&text, &half, 80, false);
  assert_string_equal(text.buf, "people  [=======>        ]   45.2 %  452000/1000000 rows  106383 rows/s  ETA 6 s");
  render(&text, &half, 30, false);
  assert_string_equal(text.buf, "people  [====>      ]   45.2 %");
  strbuf_release(&text);
}

static void test_percent_is_never_done_before_the_end(void **state) {
  (void)state;
  static const double fractions[] = {0.9991, 0.99999, 1.0, 1.5, 100};
  struct strbuf text = STRBUF_INIT;
  struct backfill_progress news = half;
  for (size_t i = 0; i < ARRAY_LEN(fractions); i++) {
    news.fraction = fractions[i];
    render(&text, &news, 100, false);
    assert_non_null(strstr(text.buf, " 99.9 %"));
    strbuf_clear(&text);
    progress_render_line(&text, &news);
    assert_non_null(strstr(text.buf, "(99.9 %)"));
  }
  news.ended = true;
  news.state = "done";
  news.fraction = 1;
  render(&text, &news, 100, false);
  assert_non_null(strstr(text.buf, "100.0 %"));
  strbuf_release(&text);
}

static void test_more_rows_than_estimated(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  struct backfill_progress news = half;
  news.rows_estimated = 400000;
  render(&text, &news, 120, false);
  assert_non_null(strstr(text.buf, " 452000 rows"));
  assert_null(strstr(text.buf, "400000"));
  strbuf_release(&text);
}

static void test_what_is_unknown_is_hidden(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  struct backfill_progress news = half;
  news.eta_s = -1;
  render(&text, &news, 200, false);
  assert_null(strstr(text.buf, "ETA"));
  news.fraction = -1;
  news.rows_per_s = 0;
  news.rows_estimated = -1;
  render(&text, &news, 200, false);
  assert_string_equal(text.buf, "people  452000 rows  batch 10000");
  strbuf_clear(&text);
  progress_render_line(&text, &news);
  assert_string_equal(text.buf, "backfill people: 452000 rows, batches of 10000");
  strbuf_release(&text);
}

static void test_names_cannot_move_the_cursor(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  struct backfill_progress news = half;
  news.name = "a\nb\033[2Jc\xFF";
  news.reason = "x\ry";
  render(&text, &news, 200, false);
  assert_null(strpbrk(text.buf, "\n\r\033\xFF"));
  assert_non_null(strstr(text.buf, "a?b?[2Jc?"));
  strbuf_clear(&text);
  progress_render_line(&text, &news);
  assert_null(strpbrk(text.buf, "\n\r\033\xFF"));
  strbuf_release(&text);
}

static void test_plain_lines(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  struct backfill_progress news = half;
  news.reason = "throttled: replica lag 7 s";
  progress_render_line(&text, &news);
  assert_string_equal(text.buf, "backfill people: 452000 rows (45.2 %), 106383 rows/s, batches of 10000, ETA 6 s, "
                                "throttled: replica lag 7 s");
  strbuf_clear(&text);
  news = half;
  news.rows_done = news.rows_now = 1000000;
  news.elapsed_s = 9.4;
  news.fraction = 1;
  news.ended = true;
  news.state = "done";
  progress_render_line(&text, &news);
  assert_string_equal(text.buf, "backfill people: 1000000 rows in 9.4 s (106382 rows/s), batches of 10000, done");
  strbuf_clear(&text);
  news.rows_now = 470000;
  progress_render_line(&text, &news);
  assert_string_equal(text.buf, "backfill people: 1000000 rows, 470000 of them now, in 9.4 s (50000 rows/s), "
                                "batches of 10000, done");
  strbuf_release(&text);
}

/* A stream into memory, so that the bytes of a whole run can be looked at. */
struct screen {
  char *text;
  size_t len;
  FILE *to;
  struct progress progress;
};

static void screen_open(struct screen *s, bool terminal, double interval_s) {
  s->to = open_memstream(&s->text, &s->len);
  progress_init(&s->progress, s->to, terminal, false, interval_s);
  s->progress.columns = 80;
}

static void screen_close(struct screen *s) {
  progress_release(&s->progress);
  fclose(s->to);
  free(s->text);
}

static size_t count(const char *text, const char *word) {
  size_t found = 0;
  for (; (text = strstr(text, word)) != NULL; text += strlen(word))
    found++;
  return found;
}

static void test_lines_without_a_terminal(void **state) {
  (void)state;
  struct screen s;
  screen_open(&s, false, 30);
  struct backfill_progress news = half;
  for (int tenth = 0; tenth <= 900; tenth++)
    progress_backfill(&s.progress, &news, 1000 + tenth / 10.0);
  assert_int_equal(count(s.text, "\n"), 3);
  news.ended = true;
  news.state = "done";
  progress_backfill(&s.progress, &news, 1091);
  assert_int_equal(count(s.text, "\n"), 4);
  assert_int_equal(count(s.text, "done\n"), 1);
  assert_null(strpbrk(s.text, "\r\033"));
  screen_close(&s);
}

static void test_short_backfill_has_one_line(void **state) {
  (void)state;
  struct screen s;
  screen_open(&s, false, 30);
  struct backfill_progress news = half;
  progress_backfill(&s.progress, &news, 5);
  news.ended = true;
  news.state = "done";
  progress_backfill(&s.progress, &news, 6);
  assert_int_equal(count(s.text, "\n"), 1);
  screen_close(&s);
}

static void test_bar_is_drawn_four_times_a_second(void **state) {
  (void)state;
  struct screen s;
  screen_open(&s, true, 30);
  struct backfill_progress news = half;
  for (int ms = 0; ms < 1000; ms++)
    progress_backfill(&s.progress, &news, 50 + ms / 1000.0);
  assert_int_equal(count(s.text, "\r"), 4);
  screen_close(&s);
}

/* Only what stays is left when the live line has been taken off: "\r", the text, erase to the end of the line. */
static void test_live_line_is_taken_off(void **state) {
  (void)state;
  struct screen s;
  screen_open(&s, true, 30);
  progress_show(&s.progress, "  -> abc  summary", 1);
  assert_string_equal(s.text, "\r  -> abc  summary\033[K");
  progress_erase(&s.progress);
  assert_string_equal(s.text, "\r  -> abc  summary\033[K\r\033[K");
  progress_erase(&s.progress);
  assert_int_equal(s.len, 17 + 2 + 2 + 4 - 0);
  progress_show(&s.progress, "x", 2);
  progress_print(&s.progress, "done");
  assert_string_equal(s.text + 25, "\rx\033[K\r\033[Kdone\n");
  screen_close(&s);
}

static void test_live_line_is_narrower_than_the_screen(void **state) {
  (void)state;
  struct screen s;
  screen_open(&s, true, 30);
  s.progress.columns = 20;
  progress_show(&s.progress, "a line that is much longer than this screen", 1);
  assert_string_equal(s.text, "\ra line that is m...\033[K");
  progress_backfill(&s.progress, &half, 9);
  const char *last = strrchr(s.text, '\r') + 1;
  assert_true(width_of_len(last, (size_t)(strchr(last, '\033') - last)) < 20);
  screen_close(&s);
}

/* A window that is made narrower folds the line: it is taken off with all of its rows. */
static void test_live_line_that_was_folded(void **state) {
  (void)state;
  struct screen s;
  screen_open(&s, true, 30);
  s.progress.columns = 80;
  progress_show(&s.progress, "a line of 41 columns on a screen of eighty", 1);
  s.progress.columns = 20;
  size_t before = s.len;
  progress_show(&s.progress, "short", 2);
  assert_string_equal(s.text + before, "\033[2A\r\033[Jshort\033[K");
  before = s.len;
  progress_erase(&s.progress);
  assert_string_equal(s.text + before, "\r\033[K");
  screen_close(&s);
}

static void test_resumed_backfill_counts_its_own_rows(void **state) {
  (void)state;
  struct screen s;
  screen_open(&s, false, 30);
  struct backfill_progress news = half;
  news.resumed = true;
  news.rows_done = 600000;
  progress_backfill(&s.progress, &news, 1);
  news.rows_done = 1000000;
  news.rows_now = 300000; /* another process did some too */
  news.elapsed_s = 4;
  news.ended = true;
  news.state = "done";
  news.fraction = 1;
  progress_backfill(&s.progress, &news, 5);
  assert_string_equal(s.text, "backfill people: 1000000 rows, 300000 of them now, in 4.0 s (75000 rows/s), batches of "
                              "10000, done\n");
  screen_close(&s);
}

static void test_interval_setting(void **state) {
  (void)state;
  unsetenv("MOONBIRD_PROGRESS_INTERVAL");
  assert_true(progress_interval() == 30);
  setenv("MOONBIRD_PROGRESS_INTERVAL", "0.5", 1);
  assert_true(progress_interval() == 0.5);
  setenv("MOONBIRD_PROGRESS_INTERVAL", "often", 1);
  assert_true(progress_interval() == 30);
  unsetenv("MOONBIRD_PROGRESS_INTERVAL");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wide_bar_has_everything),
      cmocka_unit_test(test_an_estimate_is_called_so),
      cmocka_unit_test(test_bar_fits_every_width),
      cmocka_unit_test(test_narrow_bars),
      cmocka_unit_test(test_percent_is_never_done_before_the_end),
      cmocka_unit_test(test_more_rows_than_estimated),
      cmocka_unit_test(test_what_is_unknown_is_hidden),
      cmocka_unit_test(test_names_cannot_move_the_cursor),
      cmocka_unit_test(test_plain_lines),
      cmocka_unit_test(test_lines_without_a_terminal),
      cmocka_unit_test(test_short_backfill_has_one_line),
      cmocka_unit_test(test_bar_is_drawn_four_times_a_second),
      cmocka_unit_test(test_live_line_is_taken_off),
      cmocka_unit_test(test_live_line_is_narrower_than_the_screen),
      cmocka_unit_test(test_live_line_that_was_folded),
      cmocka_unit_test(test_resumed_backfill_counts_its_own_rows),
      cmocka_unit_test(test_interval_setting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
