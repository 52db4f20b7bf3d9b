/*
 * progress.h - rate, position and time left of a backfill, from its committed batches.
 *
 * Pure but for the clock that the caller passes in. Ownership: the struct owns nothing.
 */
#ifndef BACKFILL_PROGRESS_H
#define BACKFILL_PROGRESS_H

#include "run/run.h"

enum { RATE_SAMPLES = 64 };

struct rate_sample {
  double at_s;
  int64_t rows;
};

/* Rows against time over the last seconds. */
struct rate {
  struct rate_sample samples[RATE_SAMPLES]; /* a ring */
  size_t count;
};

/* `rows` have been done altogether at the moment `at_s` (monotonic). */
void rate_add(struct rate *rate, double at_s, int64_t rows);

/* Rows a second over at most the last 10 s; 0 before there are two samples. */
double rate_per_s(const struct rate *rate);

/* Rows against time over the last ten minutes, in steps of some seconds; for what a runner tells others. */
enum { WINDOW_STEP_S = 5, WINDOW_STEPS = 121 };

struct rate_window {
  int64_t rows[WINDOW_STEPS]; /* a ring of steps */
  int64_t step;               /* the one that is filled; counted from the clock's 0 */
  double begun_s;
};

void window_init(struct rate_window *window, double now_s);

/* `rows` more have been done at the moment `at_s` (monotonic). */
void window_add(struct rate_window *window, double at_s, int64_t rows);

/* Rows a second over the last `seconds` (at most 600) before `now_s`, or since the window began. */
double window_rate(const struct rate_window *window, double now_s, double seconds);

/* Fills fraction, is_estimate, rows_per_s and eta_s of `p` from the others and from `position` (0..1, -1 unknown).
 * Never 1 before the end; no estimate of the time left in the first two seconds or before 1 % is done. */
void progress_estimate(struct backfill_progress *p, const struct rate *rate, double position);

#endif
