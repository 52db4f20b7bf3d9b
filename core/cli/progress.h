/*
 * progress.h - what moves on stderr while work goes on: one live line on a terminal, a plain line now and then without.
 *
 * The live line (a step that runs, a backfill's bar) is the last one of the screen, never wider than it, and is taken
 * off before anything else is written. Times come from the caller in seconds of any clock, so that tests can set them.
 *
 * Ownership: the struct owns its texts, not the stream. Main thread only.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/clock.h"
#include "base/strbuf.h"
#include "run/run.h"

#include <stdio.h>

struct progress {
  FILE *to;
  bool terminal;
  bool utf8;
  size_t columns;    /* fixed width for tests; 0: ask the terminal each time */
  double interval_s; /* without a terminal: seconds from line to line */
  bool on_screen;    /* the live line is visible */
  size_t width;      /* its columns */
  struct strbuf live;
  double drawn_at;
  bool in_backfill;
  double line_at; /* when the last plain line was written */
};

/* `interval_s` is 30 unless $MOONBIRD_PROGRESS_INTERVAL says otherwise (progress_interval). */
void progress_init(struct progress *p, FILE *to, bool terminal, bool utf8, double interval_s);
void progress_release(struct progress *p);

/* The setting from the environment; a value that is no duration is a warning and 30. */
double progress_interval(void);

/* Shows the text as the live line, at once. Nothing without a terminal. */
void progress_show(struct progress *p, const char *text, double now);

/* The same, but at most four times a second. */
void progress_refresh(struct progress *p, const char *text, double now);

/* Takes the live line off the screen. */
void progress_erase(struct progress *p);

/* A line that stays. */
void progress_print(struct progress *p, const char *line);

/* News of a backfill: a bar or a plain line; a last line that stays when it has ended. */
void progress_backfill(struct progress *p, const struct backfill_progress *news, double now);

/* Whole seconds of something that goes on: "12 s", "2 min 05 s". */
void progress_format_seconds(double seconds, char text[CLOCK_TEXT_SIZE]);

/* 0 to 100, in tenths rounded down; 100 only when `done`. Negative: the fraction is not known. */
double progress_percent(double fraction, bool done);

/* "[=====>    ]", so many columns wide with its brackets. */
void progress_add_bar(struct strbuf *out, double percent, size_t columns, bool utf8);

/* The bar of a run with its figures, at most `columns` wide. */
void progress_render_bar(struct strbuf *out, const struct backfill_progress *news, size_t columns, bool utf8);

/* The plain line. */
void progress_render_line(struct strbuf *out, const struct backfill_progress *news);

#endif
