/*
 * estimate.h - how far a backfill is over all its processes: the table is looked at once a second, and what this
 * process did since is added.
 *
 * Ownership: the struct owns its texts (estimate_release).
 */
#ifndef BACKFILL_ESTIMATE_H
#define BACKFILL_ESTIMATE_H

#include "backfill/progress.h"
#include "backfill/state.h"

struct estimate {
  struct rate rate;
  char *first_key;
  char *last_key;
  double frontier;     /* ranges are planned up to here, 0 to 1; -1: keys have no such place */
  double open;         /* part of the key space in ranges that are planned and not done, but for our own */
  double farthest;     /* the position that was given before */
  int64_t rows_before; /* rows of all, without those of this process in this run */
};

void estimate_init(struct estimate *estimate, const struct backfill_row *row);
void estimate_release(struct estimate *estimate);

/* Of a run that goes on, before it looks: a range that is planned and not done. `cursor` may be NULL. */
void estimate_open(struct estimate *estimate, const char *low, const char *high, const char *cursor);

/* The answer of `watch`; `own_rows` are those of this process in this run, with those of commits that are under way,
 * which the table may have or not. `runner` is its id. */
void estimate_take(struct estimate *estimate, const moonbird_batch *rows, const char *runner, int64_t own_rows);

/* At the end: rows of all the others, as they stand in the table. */
void estimate_settle(struct estimate *estimate, int64_t rows_before);

/* In a copy: a range of our own that is open from `cursor` to `high`. */
void estimate_own(struct estimate *estimate, const char *high, const char *cursor);

/* 0 to 1; -1 where keys have no such place. */
double estimate_position(const struct estimate *estimate);

/* The same, never below what it gave before: a range that goes from hand to hand may be counted twice for a moment. */
double estimate_advance(struct estimate *estimate, double position);

#endif
