/*
 * screen.h - how the state of a backfill looks on 80 columns: once for `status`, again and again for `status --watch`.
 *
 * Pure: appends to the caller's buffer; the terminal is watch.c's.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "backfill/status.h"
#include "base/strbuf.h"

struct screen_options {
  size_t columns; /* no line is wider */
  bool utf8;
  bool color;
  bool workers; /* one line for each worker */
};

/* Appends whole lines. */
void screen_status(struct strbuf *out, const struct backfill_status *status, const struct screen_options *options);

/* "1 234 567" */
void screen_add_count(struct strbuf *out, int64_t count);

/* The state in words: what it is, and what it will be when the workers have seen what was asked for. */
void screen_add_state(struct strbuf *out, const struct backfill_status *status);

#endif
