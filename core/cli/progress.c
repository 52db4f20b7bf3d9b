/*
 * progress.c - see progress.h. The bar is a row of pieces, each with a rank: where the terminal is too narrow, the
 * pieces of the highest rank go first, and what is left over is the bar's.
 */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/log.h"
#include "cli/width.h"
#include "config/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  PIECE_MAX = 8,
  BAR_MIN = 10,
  BAR_MAX = 40,
  NAME_LEAST_COLUMNS = 4,
  NAME_MIN_COLUMNS = 12,
  NAME_MAX_COLUMNS = 30
};

#define DEFAULT_INTERVAL_S 30.0
#define REDRAW_S           0.25

void progress_init(struct progress *p, FILE *to, bool terminal, bool utf8, double interval_s) {
  *p = (struct progress){.to = to,
                         .terminal = terminal,
                         .utf8 = utf8,
                         .interval_s = interval_s,
                         .live = STRBUF_INIT,
                         .drawn_at = -INFINITY,
                         .line_at = -INFINITY};
}

void progress_release(struct progress *p) {
  progress_erase(p);
  strbuf_release(&p->live);
}

double progress_interval(void) {
  const char *text = getenv("MOONBIRD_PROGRESS_INTERVAL");
  double seconds = DEFAULT_INTERVAL_S;
  if (text && text[0] && !setting_parse_seconds(text, &seconds))
    log_warn("MOONBIRD_PROGRESS_INTERVAL is no number of seconds: '%s'; %g are used", text, DEFAULT_INTERVAL_S);
  return seconds;
}

static size_t terminal_columns(const struct progress *p) {
  return p->columns ? p->columns : width_of_terminal(fileno(p->to));
}

/* The last column stays free: some terminals wrap when it is written. */
static size_t usable_columns(const struct progress *p) {
  size_t columns = terminal_columns(p);
  return columns > 1 ? columns - 1 : 1;
}

/* To the beginning of the live line. One that the terminal has folded, as it was made narrower, has several rows. */
static void add_return(const struct progress *p, struct strbuf *out) {
  size_t columns = terminal_columns(p);
  size_t rows_above = p->on_screen && p->width ? (p->width - 1) / columns : 0;
  if (rows_above)
    strbuf_addf(out, "\033[%zuA\r\033[J", rows_above);
  else
    strbuf_add_char(out, '\r');
}

/* One write a line, so that lines of two processes do not mix. */
static void write_out(struct progress *p, const struct strbuf *text) {
  fwrite(text->buf, 1, text->len, p->to);
  fflush(p->to);
}

void progress_erase(struct progress *p) {
  if (!p->on_screen)
    return;
  struct strbuf text = STRBUF_INIT;
  add_return(p, &text);
  strbuf_add_str(&text, "\033[K");
  p->on_screen = false;
  write_out(p, &text);
  strbuf_release(&text);
}

void progress_show(struct progress *p, const char *text, double now) {
  if (!p->terminal)
    return;
  strbuf_clear(&p->live);
  add_return(p, &p->live);
  p->width = width_add_cut(&p->live, text, usable_columns(p));
  strbuf_add_str(&p->live, "\033[K");
  write_out(p, &p->live);
  p->on_screen = true;
  p->drawn_at = now;
}

void progress_refresh(struct progress *p, const char *text, double now) {
  if (now - p->drawn_at >= REDRAW_S)
    progress_show(p, text, now);
}

void progress_print(struct progress *p, const char *line) {
  struct strbuf text = STRBUF_INIT;
  if (p->on_screen) {
    add_return(p, &text);
    strbuf_add_str(&text, "\033[K");
  }
  strbuf_addf(&text, "%s\n", line);
  p->on_screen = false;
  write_out(p, &text);
  strbuf_release(&text);
}

void progress_format_seconds(double seconds, char text[CLOCK_TEXT_SIZE]) {
  if (seconds < 60)
    snprintf(text, CLOCK_TEXT_SIZE, "%.0f s", floor(seconds));
  else
    clock_format_duration(seconds, text);
}

/* 1234567 as "1 234 567" would need more room: thousands of millions are written short. */
static void add_count(struct strbuf *out, int64_t count) {
  if (count < 10000000)
    strbuf_addf(out, "%lld", (long long)count);
  else if (count < 10000000000)
    strbuf_addf(out, "%.1f M", floor((double)count / 1e5) / 10);
  else
    strbuf_addf(out, "%.1f G", floor((double)count / 1e8) / 10);
}

static bool is_done(const struct backfill_progress *news) {
  return news->ended && news->fraction >= 1;
}

double progress_percent(double fraction, bool done) {
  if (done)
    return 100;
  if (fraction < 0)
    return -1;
  double tenths = floor(fraction * 1000 + 1e-9);
  return tenths > 999 ? 99.9 : tenths / 10;
}

static double percent(const struct backfill_progress *news) {
  return progress_percent(news->fraction, is_done(news));
}

/* The highest goes first. */
enum { RANK_STAYS, RANK_REASON, RANK_NUMBER };

struct piece {
  struct strbuf text;
  int rank;
};

struct pieces {
  struct piece items[PIECE_MAX];
  size_t len;
};

static struct strbuf *piece_add(struct pieces *pieces, int rank) {
  if (pieces->len == PIECE_MAX)
    BUG("more than %d pieces in a bar", (int)PIECE_MAX);
  struct piece *piece = &pieces->items[pieces->len++];
  *piece = (struct piece){.text = STRBUF_INIT, .rank = rank};
  return &piece->text;
}

static void pieces_collect(struct pieces *pieces, const struct backfill_progress *news) {
  double done = percent(news);
  if (done >= 0)
    strbuf_addf(piece_add(pieces, RANK_STAYS), news->is_estimate ? "about %4.1f %%" : "%5.1f %%", done);
  struct strbuf *rows = piece_add(pieces, done >= 0 ? RANK_NUMBER : RANK_STAYS);
  add_count(rows, news->rows_done);
  /* An estimate below what is done already is known to be wrong. */
  if (news->rows_estimated >= news->rows_done) {
    strbuf_add_char(rows, '/');
    add_count(rows, news->rows_estimated);
  }
  strbuf_add_str(rows, " rows");
  if (news->rows_per_s > 0)
    strbuf_addf(piece_add(pieces, RANK_NUMBER + 2), "%.0f rows/s", news->rows_per_s);
  if (news->eta_s >= 0 && !news->ended) {
    char text[CLOCK_TEXT_SIZE];
    progress_format_seconds(ceil(news->eta_s), text);
    strbuf_addf(piece_add(pieces, RANK_NUMBER + 1), "ETA %s", text);
  }
  if (news->batch_size > 0)
    strbuf_addf(piece_add(pieces, RANK_NUMBER + 3), "batch %lld", (long long)news->batch_size);
  if (news->reason)
    strbuf_add_str(piece_add(pieces, RANK_REASON), news->reason);
}

/* Columns of all pieces, two blanks before each. */
static size_t pieces_width(const struct pieces *pieces) {
  size_t columns = 0;
  for (size_t i = 0; i < pieces->len; i++)
    columns += 2 + width_of(pieces->items[i].text.buf);
  return columns;
}

/* Takes out the piece of the highest rank, if that is at least `least`. */
static bool pieces_drop(struct pieces *pieces, int least) {
  size_t worst = pieces->len;
  for (size_t i = 0; i < pieces->len; i++)
    if (pieces->items[i].rank >= least && (worst == pieces->len || pieces->items[i].rank > pieces->items[worst].rank))
      worst = i;
  if (worst == pieces->len)
    return false;
  strbuf_release(&pieces->items[worst].text);
  memmove(&pieces->items[worst], &pieces->items[worst + 1], (pieces->len - worst - 1) * sizeof(struct piece));
  pieces->len--;
  return true;
}

/* Cuts the reason of a pause by so many columns, where enough of it stays to be seen. */
static bool pieces_shorten_reason(struct pieces *pieces, size_t by) {
  enum { REASON_LEAST = 5 };
  for (size_t i = 0; i < pieces->len; i++) {
    struct piece *piece = &pieces->items[i];
    size_t columns = width_of(piece->text.buf);
    if (piece->rank != RANK_REASON || columns < by + REASON_LEAST)
      continue;
    struct strbuf text = STRBUF_INIT;
    width_add_cut(&text, piece->text.buf, columns - by);
    strbuf_release(&piece->text);
    piece->text = text;
    return true;
  }
  return false;
}

void progress_add_bar(struct strbuf *out, double percent, size_t columns, bool utf8) {
  size_t inner = columns - 2;
  size_t filled = (size_t)(percent / 100 * (double)inner);
  strbuf_add_char(out, '[');
  for (size_t i = 0; i < inner; i++) {
    if (i < filled)
      strbuf_add_str(out, utf8 ? "\xE2\x96\x88" : "=");
    else
      strbuf_add_char(out, !utf8 && i == filled ? '>' : ' ');
  }
  strbuf_add_char(out, ']');
}

void progress_render_bar(struct strbuf *out, const struct backfill_progress *news, size_t columns, bool utf8) {
  struct pieces pieces = {.len = 0};
  pieces_collect(&pieces, news);
  double done = percent(news);
  size_t bar_wanted = done >= 0 ? BAR_MIN + 2 : 0;
  size_t name_columns = width_of(news->name);
  if (name_columns > NAME_MAX_COLUMNS)
    name_columns = NAME_MAX_COLUMNS;
  size_t name_wanted = name_columns < NAME_MIN_COLUMNS ? name_columns : NAME_MIN_COLUMNS;
  /* Numbers go before the bar, the bar before the name, that before the reason of a pause. */
  for (size_t wanted; (wanted = name_wanted + bar_wanted + pieces_width(&pieces)) > columns;) {
    if (pieces_drop(&pieces, RANK_NUMBER))
      continue;
    if (bar_wanted)
      bar_wanted = 0;
    else if (name_wanted > NAME_LEAST_COLUMNS)
      name_wanted = NAME_LEAST_COLUMNS;
    else if (!pieces_shorten_reason(&pieces, wanted - columns) && !pieces_drop(&pieces, RANK_REASON))
      break;
  }
  size_t needed = pieces_width(&pieces);
  struct strbuf line = STRBUF_INIT;
  if (needed < columns)
    width_add_cut(&line, news->name, name_columns < columns - needed ? name_columns : columns - needed);
  size_t used = width_of(line.buf) + needed;
  if (bar_wanted && used + 2 + BAR_MIN <= columns) {
    size_t bar = columns - used - 2;
    strbuf_add_str(&line, "  ");
    progress_add_bar(&line, done, bar < BAR_MAX ? bar : BAR_MAX, utf8);
  }
  for (size_t i = 0; i < pieces.len; i++) {
    strbuf_addf(&line, "  %s", pieces.items[i].text.buf);
    strbuf_release(&pieces.items[i].text);
  }
  width_add_cut(out, line.buf, columns);
  strbuf_release(&line);
}

static void add_end(struct strbuf *out, const struct backfill_progress *news) {
  strbuf_addf(out, "%lld rows", (long long)news->rows_done);
  if (news->rows_now < news->rows_done)
    strbuf_addf(out, ", %lld of them now,", (long long)news->rows_now);
  strbuf_addf(out, " in %.1f s", news->elapsed_s);
  if (news->elapsed_s > 0)
    strbuf_addf(out, " (%.0f rows/s)", floor((double)news->rows_now / news->elapsed_s));
  if (news->batch_size > 0)
    strbuf_addf(out, ", batches of %lld", (long long)news->batch_size);
  strbuf_addf(out, ", %s", news->state);
}

static void add_middle(struct strbuf *out, const struct backfill_progress *news) {
  strbuf_addf(out, "%lld rows", (long long)news->rows_done);
  if (percent(news) >= 0)
    strbuf_addf(out, " (%s%.1f %%)", news->is_estimate ? "about " : "", percent(news));
  if (news->rows_per_s > 0)
    strbuf_addf(out, ", %.0f rows/s", news->rows_per_s);
  if (news->batch_size > 0)
    strbuf_addf(out, ", batches of %lld", (long long)news->batch_size);
  if (news->eta_s >= 0) {
    char text[CLOCK_TEXT_SIZE];
    progress_format_seconds(ceil(news->eta_s), text);
    strbuf_addf(out, ", ETA %s", text);
  }
}

void progress_render_line(struct strbuf *out, const struct backfill_progress *news) {
  strbuf_add_str(out, "backfill ");
  width_add_cut(out, news->name, SIZE_MAX);
  strbuf_add_str(out, ": ");
  if (news->ended)
    add_end(out, news);
  else
    add_middle(out, news);
  if (news->reason) {
    strbuf_add_str(out, ", ");
    width_add_cut(out, news->reason, SIZE_MAX);
  }
}

static void print_line(struct progress *p, const struct backfill_progress *news, double now) {
  struct strbuf line = STRBUF_INIT;
  progress_render_line(&line, news);
  progress_print(p, line.buf);
  strbuf_release(&line);
  p->line_at = now;
}

static void draw_bar(struct progress *p, const struct backfill_progress *news, double now) {
  if (now - p->drawn_at < REDRAW_S)
    return;
  struct strbuf bar = STRBUF_INIT;
  strbuf_add_str(&bar, "  ");
  size_t columns = usable_columns(p);
  if (columns > 2)
    progress_render_bar(&bar, news, columns - 2, p->utf8);
  progress_show(p, bar.buf, now);
  strbuf_release(&bar);
}

void progress_backfill(struct progress *p, const struct backfill_progress *news, double now) {
  if (!p->in_backfill) {
    p->in_backfill = true;
    p->line_at = now;
  }
  if (news->ended) {
    print_line(p, news, now);
    p->in_backfill = false;
    p->drawn_at = -INFINITY;
  } else if (p->terminal) {
    draw_bar(p, news, now);
  } else if (now - p->line_at >= p->interval_s) {
    print_line(p, news, now);
  }
}
