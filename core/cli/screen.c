/*
 * screen.c - lays out the state of a backfill; see screen.h.
 *
 *   split_names  people                                        running  12 min 31 s
 *     [██████████████████████████████                                     ]  41.3 %
 *     206 512 000 of about 500 000 000 rows, 3 h 12 min left
 *
 *     rows/s       25 310 over 1 min, 24 870 over 10 min
 *     ...
 *
 * Lines without anything to say are left out. In a narrow pane, where no column is left beside the labels, words flow
 * behind them; below NARROWEST columns lines are as wide as there.
 */
#include "cli/screen.h"

#include "backfill/overrides.h"
#include "base/clock.h"
#include "cli/progress.h"
#include "cli/width.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 2, LABEL_COLUMNS = 13, NARROW = 40, NARROWEST = 20, NAME_LEAST = 10, LINES_MOST = 3 };

#define COLOR_OFF   "\033[0m"
#define COLOR_BOLD  "\033[1m"
#define COLOR_GOOD  "\033[32m"
#define COLOR_WAIT  "\033[33m"
#define COLOR_BAD   "\033[31m"
#define COLOR_LABEL "\033[36m"

struct view {
  struct strbuf *out;
  const struct backfill_status *s;
  size_t columns;
  size_t indent;
  bool is_narrow;
  bool utf8;
  bool color;
};

void screen_add_count(struct strbuf *out, int64_t count) {
  char digits[32];
  int len = snprintf(digits, sizeof digits, "%" PRId64, count);
  for (int i = 0; i < len; i++) {
    if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
      strbuf_add_char(out, ' ');
    strbuf_add_char(out, digits[i]);
  }
}

static bool is(const char *text, const char *word) {
  return text && strcmp(text, word) == 0;
}

/* It runs, says the table, and nobody is alive to do so. */
static bool is_deserted(const struct backfill_status *s) {
  return is(s->observed, OBSERVED_RUNNING) && s->workers_alive == 0;
}

/* Nobody has asked for the pause: the last run has ended before the backfill did, and anybody may run it. */
static bool is_stopped(const struct backfill_status *s) {
  return !is(s->desired, DESIRED_PAUSE) && (is_deserted(s) || is(s->observed, OBSERVED_PAUSED));
}

static const char *state_word(const struct backfill_status *s) {
  if (is_deserted(s) && is(s->desired, DESIRED_PAUSE))
    return OBSERVED_PAUSED;
  return is_stopped(s) ? "stopped" : s->observed ? s->observed : "unknown";
}

void screen_add_state(struct strbuf *out, const struct backfill_status *s) {
  strbuf_add_str(out, state_word(s));
  if (status_has_ended(s))
    return;
  if (is(s->desired, DESIRED_PAUSE) && !is(state_word(s), OBSERVED_PAUSED))
    strbuf_add_str(out, ", to be paused");
  if (is(s->desired, DESIRED_CANCEL))
    strbuf_add_str(out, ", to be cancelled");
}

static const char *state_color(const struct backfill_status *s) {
  if (is(s->observed, OBSERVED_FAILED) || is(s->observed, OBSERVED_CANCELLED) || is_deserted(s))
    return COLOR_BAD;
  if (is(s->observed, OBSERVED_PAUSED) || is(s->observed, OBSERVED_DONE_BAD) || s->throttle_reason)
    return COLOR_WAIT;
  return COLOR_GOOD;
}

/* --- lines --- */

static void add_colored(const struct view *v, const char *color, const char *text) {
  if (v->color)
    strbuf_add_str(v->out, color);
  strbuf_add_str(v->out, text);
  if (v->color)
    strbuf_add_str(v->out, COLOR_OFF);
}

static void blank_line_ends(struct strbuf *words) {
  for (size_t i = 0; i < words->len; i++)
    if (words->buf[i] == '\n' || words->buf[i] == '\t')
      words->buf[i] = ' ';
}

/* Words over some lines where they need it; the last one is cut. `used` columns of the first one are taken, `start` of
 * the others are left free. */
static void add_words(const struct view *v, const char *rest, size_t used, size_t start) {
  for (int line = 1; *rest || line == 1; line++) {
    size_t room = v->columns - (line > 1 ? start : used);
    size_t len = line < LINES_MOST ? width_of_line(rest, room) : strlen(rest);
    size_t shown = len;
    while (shown && rest[shown - 1] == ' ')
      shown--;
    char *part = xstrndup(rest, shown);
    strbuf_add_repeated(v->out, ' ', line > 1 ? start : 0);
    width_add_cut(v->out, part, room);
    strbuf_add_char(v->out, '\n');
    free(part);
    rest += len + strspn(rest + len, " ");
  }
}

/* "  label        words"; where it is narrow "label words". Takes the words over. */
static void add_line(const struct view *v, const char *label, struct strbuf *words) {
  size_t start = v->indent + (v->is_narrow ? strlen(label) + 1 : LABEL_COLUMNS);
  strbuf_add_repeated(v->out, ' ', v->indent);
  add_colored(v, COLOR_LABEL, label);
  strbuf_add_repeated(v->out, ' ', start - v->indent - strlen(label));
  blank_line_ends(words);
  add_words(v, words->buf, start, v->is_narrow ? 1 : start);
  strbuf_release(words);
}

static void add_duration(struct strbuf *out, double seconds) {
  char text[CLOCK_TEXT_SIZE];
  progress_format_seconds(seconds, text);
  strbuf_add_str(out, text);
}

/* The state, and that it is held: nobody shall have to read on for that. */
static void add_state(const struct view *v, struct strbuf *out) {
  screen_add_state(out, v->s);
  if (v->s->throttle_reason && is(state_word(v->s), OBSERVED_RUNNING))
    strbuf_add_str(out, v->s->elapsed_s < 0 ? ", waiting" : ", throttled");
}

static void add_narrow_title(const struct view *v) {
  struct strbuf text = STRBUF_INIT;
  width_add_cut(&text, v->s->name, v->columns);
  add_colored(v, COLOR_BOLD, text.buf);
  strbuf_add_char(v->out, '\n');
  strbuf_clear(&text);
  add_state(v, &text);
  char *state = xstrndup(text.buf, text.len);
  strbuf_clear(&text);
  width_add_cut(&text, state, v->columns);
  add_colored(v, state_color(v->s), text.buf);
  strbuf_add_char(v->out, '\n');
  free(state);
  strbuf_release(&text);
}

/* Name and table on the left, state and time on the right. */
static void add_title(const struct view *v) {
  struct strbuf right = STRBUF_INIT;
  struct strbuf left = STRBUF_INIT;
  add_state(v, &right);
  size_t state_len = right.len;
  /* How long it has run; beside "paused" that would look like the length of the pause. */
  if (v->s->elapsed_s >= 0 && (status_is_done(v->s) || is(state_word(v->s), OBSERVED_RUNNING))) {
    strbuf_add_str(&right, "  ");
    add_duration(&right, v->s->elapsed_s);
  }
  size_t right_width = width_of(right.buf);
  if (right_width + NAME_LEAST > v->columns) {
    right.buf[right.len = state_len] = '\0';
    right_width = width_of(right.buf);
  }
  size_t room = v->columns - right_width - 2;
  size_t used = width_add_cut(&left, v->s->name, room);
  add_colored(v, COLOR_BOLD, left.buf);
  if (used + 6 < room) {
    strbuf_add_str(v->out, "  ");
    used += 2 + width_add_cut(v->out, v->s->table ? v->s->table : "", room - used - 2);
  }
  strbuf_add_repeated(v->out, ' ', room - used + 2);
  char *state = xstrndup(right.buf, state_len);
  add_colored(v, state_color(v->s), state);
  strbuf_addf(v->out, "%s\n", right.buf + state_len);
  free(state);
  strbuf_release(&left);
  strbuf_release(&right);
}

static void add_bar_line(const struct view *v) {
  double percent = progress_percent(v->s->fraction, status_is_done(v->s));
  enum { PERCENT_COLUMNS = 9, BAR_MOST = 100 };
  if (percent < 0)
    return;
  size_t bar = v->columns - v->indent - PERCENT_COLUMNS - (v->s->is_estimate ? strlen("about") : 0);
  strbuf_add_repeated(v->out, ' ', v->indent);
  progress_add_bar(v->out, percent, bar < BAR_MOST ? bar : BAR_MOST, v->utf8);
  strbuf_addf(v->out, v->s->is_estimate ? "  about %4.1f %%\n" : "  %5.1f %%\n", percent);
}

/* Is the number of rows as it was guessed? What is done already, and how far the keys are, may show that it was not. */
static bool is_likely(const struct backfill_status *s) {
  const double most_apart = 0.25;
  if (s->rows_estimated < s->rows_done || s->rows_estimated <= 0)
    return false;
  return s->fraction < 0 || fabs((double)s->rows_done / (double)s->rows_estimated - s->fraction) < most_apart;
}

static void add_rows_line(const struct view *v) {
  struct strbuf words = STRBUF_INIT;
  screen_add_count(&words, v->s->rows_done);
  if (!status_is_done(v->s) && is_likely(v->s)) {
    strbuf_add_str(&words, " of about ");
    screen_add_count(&words, v->s->rows_estimated);
  }
  strbuf_add_str(&words, " rows");
  if (v->s->is_estimate && v->s->rows_done > v->s->rows_estimated) {
    strbuf_add_str(&words, ", more than the estimated ");
    screen_add_count(&words, v->s->rows_estimated);
  }
  if (v->s->eta_s >= 0) {
    strbuf_add_str(&words, v->s->is_estimate ? ", about " : ", ");
    add_duration(&words, ceil(v->s->eta_s));
    strbuf_add_str(&words, " left");
  }
  strbuf_add_repeated(v->out, ' ', v->indent);
  if (v->is_narrow) {
    add_words(v, words.buf, 0, 1);
  } else {
    width_add_cut(v->out, words.buf, v->columns - v->indent);
    strbuf_add_char(v->out, '\n');
  }
  strbuf_release(&words);
}

static void add_rates(const struct view *v) {
  if (v->s->rate_1m < 0 && v->s->rate_10m < 0)
    return;
  struct strbuf words = STRBUF_INIT;
  screen_add_count(&words, v->s->rate_1m < 0 ? 0 : v->s->rate_1m);
  strbuf_add_str(&words, " over 1 min, ");
  screen_add_count(&words, v->s->rate_10m < 0 ? 0 : v->s->rate_10m);
  strbuf_add_str(&words, " over 10 min");
  add_line(v, "rows/s", &words);
}

static void add_batches(const struct view *v) {
  if (v->s->batch_size <= 0 || v->s->elapsed_s < 0 || status_has_ended(v->s))
    return;
  struct strbuf words = STRBUF_INIT;
  screen_add_count(&words, v->s->batch_size);
  strbuf_add_str(&words, " rows");
  add_line(v, "batches of", &words);
}

static size_t count_hosts(const struct backfill_status *s) {
  size_t hosts = 0;
  for (size_t i = 0; i < s->workers.len; i++) {
    const struct status_worker *w = s->workers.items[i];
    bool seen = false;
    for (size_t k = 0; k < i && !seen; k++) {
      const struct status_worker *before = s->workers.items[k];
      seen = before->alive && is(before->host, w->host);
    }
    hosts += w->alive && !seen;
  }
  return hosts;
}

static void add_workers_line(const struct view *v) {
  if (status_is_done(v->s))
    return;
  struct strbuf words = STRBUF_INIT;
  if (v->s->workers_alive) {
    size_t hosts = count_hosts(v->s);
    strbuf_addf(&words, "%zu on %zu host%s", v->s->workers_alive, hosts, hosts == 1 ? "" : "s");
  } else if (is(v->s->observed, OBSERVED_CANCELLED)) {
    strbuf_addf(&words, "none; 'moonbird backfill resume %s' takes it up again", v->s->name);
  } else {
    char *command = state_command(v->s->name, is(v->s->desired, DESIRED_PAUSE));
    strbuf_addf(&words, "none; '%s' %s", command, is(v->s->observed, OBSERVED_PLANNED) ? "begins" : "goes on");
    free(command);
  }
  add_line(v, "workers", &words);
}

/* Whole seconds: "2026-11-22 12:00:00". */
static void add_moment(struct strbuf *out, const char *moment) {
  strbuf_add(out, moment, strcspn(moment, ".+"));
}

/* "2026-11-22 12:00:00, 12 s ago, by ann@db1: why" */
static void add_event(struct strbuf *out, const struct status_event *event, bool with_why) {
  add_moment(out, event->at);
  strbuf_add_str(out, ", ");
  if (event->age_s >= 1)
    add_duration(out, event->age_s);
  strbuf_addf(out, "%s, by %s", event->age_s < 1 ? "just now" : " ago", event->by);
  if (event->why && with_why)
    strbuf_addf(out, ": %s", event->why);
}

/* Since when nothing runs, and who or what has ended it. The message of a failure has a line of its own. */
static void add_held(const struct view *v) {
  const struct backfill_status *s = v->s;
  bool rests = is_stopped(s) || is(state_word(s), OBSERVED_PAUSED) || status_has_ended(s);
  if (!s->held.at || !(rests || !is(s->desired, DESIRED_RUN)))
    return;
  struct strbuf words = STRBUF_INIT;
  add_event(&words, &s->held, !is(s->observed, OBSERVED_FAILED));
  add_line(v, rests ? state_word(s) : is(s->desired, DESIRED_PAUSE) ? "to pause" : "to cancel", &words);
}

/* "for 12 min, by ann@db1: incident 4711" */
static void add_brake(const struct view *v) {
  const struct backfill_status *s = v->s;
  if (s->braked_for_s <= 0)
    return;
  struct strbuf words = STRBUF_INIT;
  strbuf_add_str(&words, "for ");
  add_duration(&words, ceil(s->braked_for_s));
  strbuf_addf(&words, ", by %s", s->brake.by ? s->brake.by : "an operator");
  if (s->brake.why)
    strbuf_addf(&words, ": %s", s->brake.why);
  add_line(v, "brake", &words);
}

static void add_throttle(const struct view *v) {
  struct strbuf words = STRBUF_INIT;
  if (v->s->throttle_reason)
    strbuf_addf(&words, "%s", v->s->throttle_reason);
  if (v->s->throttled_for_s >= 0) {
    strbuf_add_str(&words, words.len ? ", for " : "for ");
    add_duration(&words, v->s->throttled_for_s);
  }
  if (v->s->throttled_s >= 0.5 && v->s->elapsed_s > 0)
    strbuf_addf(&words, "%s%.1f %% of the time", words.len ? ", " : "", status_throttled_share(v->s) * 100);
  if (words.len)
    add_line(v, v->s->elapsed_s < 0 ? "start" : "throttled", &words);
}

static void add_lag(const struct view *v) {
  if (v->s->lag_ms < 0)
    return;
  struct strbuf words = STRBUF_INIT;
  strbuf_addf(&words, "%.1f s", (double)v->s->lag_ms / 1000);
  add_line(v, "replica lag", &words);
}

static void add_commit(const struct view *v) {
  if (v->s->commit_age_s < 0 || status_has_ended(v->s))
    return;
  struct strbuf words = STRBUF_INIT;
  if (v->s->commit_age_s < 10)
    strbuf_addf(&words, "%.1f s", v->s->commit_age_s);
  else
    add_duration(&words, v->s->commit_age_s);
  strbuf_add_str(&words, " ago");
  add_line(v, "last commit", &words);
}

static void add_troubles(const struct view *v) {
  if (v->s->bad_rows > 0) {
    struct strbuf words = STRBUF_INIT;
    screen_add_count(&words, v->s->bad_rows);
    strbuf_addf(&words, "; 'moonbird backfill bad list %s' shows them", v->s->name);
    add_line(v, "bad rows", &words);
  }
  if (v->s->ranges_failed > 0) {
    struct strbuf words = STRBUF_INIT;
    screen_add_count(&words, v->s->ranges_failed);
    strbuf_addf(&words, " of %" PRId64 " failed; the next run does them again", v->s->ranges);
    add_line(v, "ranges", &words);
  }
  if (v->s->last_error) {
    struct strbuf words = STRBUF_INIT;
    strbuf_add_str(&words, v->s->last_error);
    add_line(v, "last error", &words);
  }
}

static void add_overrides(const struct view *v) {
  if (!v->s->overrides || is(v->s->overrides, "{}"))
    return;
  struct strbuf words = STRBUF_INIT;
  overrides_show(v->s->overrides, &words);
  add_line(v, "set", &words);
}

static void add_when(const struct view *v, const char *label, const char *moment) {
  if (!moment)
    return;
  struct strbuf words = STRBUF_INIT;
  add_moment(&words, moment);
  add_line(v, label, &words);
}

static void add_worker(const struct view *v, const struct status_worker *w) {
  struct strbuf words = STRBUF_INIT;
  strbuf_addf(&words, "pid %" PRId64, w->pid);
  if (!w->alive) {
    strbuf_add_str(&words, "  no sign of life for ");
    add_duration(&words, w->heartbeat_age_s);
  } else {
    if (w->range > 0)
      strbuf_addf(&words, "  range %" PRId64, w->range);
    if (w->batch_size > 0)
      strbuf_addf(&words, "  batch %" PRId64, w->batch_size);
    if (w->rate_1m >= 0)
      strbuf_addf(&words, "  %" PRId64 " rows/s", w->rate_1m);
    strbuf_addf(&words, "  seen %.1f s ago", w->heartbeat_age_s);
  }
  strbuf_add_repeated(v->out, ' ', v->indent);
  size_t used = width_add_cut(v->out, w->host ? w->host : "", LABEL_COLUMNS - 1);
  if (v->is_narrow) {
    strbuf_add_char(v->out, ' ');
    add_words(v, words.buf, used + 1, 1);
  } else {
    strbuf_add_repeated(v->out, ' ', LABEL_COLUMNS - used);
    width_add_cut(v->out, words.buf, v->columns - v->indent - LABEL_COLUMNS);
    strbuf_add_char(v->out, '\n');
  }
  strbuf_release(&words);
}

void screen_status(struct strbuf *out, const struct backfill_status *s, const struct screen_options *options) {
  size_t columns = options->columns > NARROWEST ? options->columns : NARROWEST;
  struct view v = {.out = out,
                   .s = s,
                   .columns = columns,
                   .indent = columns < NARROW ? 0 : INDENT,
                   .is_narrow = columns < NARROW,
                   .utf8 = options->utf8,
                   .color = options->color};
  if (v.is_narrow)
    add_narrow_title(&v);
  else
    add_title(&v);
  add_bar_line(&v);
  add_rows_line(&v);
  strbuf_add_char(out, '\n');
  add_rates(&v);
  add_batches(&v);
  add_workers_line(&v);
  add_held(&v);
  add_brake(&v);
  add_throttle(&v);
  add_lag(&v);
  add_commit(&v);
  add_troubles(&v);
  add_overrides(&v);
  add_when(&v, "finished", s->finished_at);
  add_when(&v, "verified", s->verified_at);
  if (!options->workers || !s->workers.len)
    return;
  strbuf_add_char(out, '\n');
  for (size_t i = 0; i < s->workers.len; i++)
    add_worker(&v, s->workers.items[i]);
}
