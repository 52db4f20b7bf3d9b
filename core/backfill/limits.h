/*
 * limits.h - when one run of a backfill is to end, however far it is: --max-time, --max-rows, --until.
 *
 * Pure, but for the clocks. Rows are counted by the runner, times end every wait.
 */
#ifndef BACKFILL_LIMITS_H
#define BACKFILL_LIMITS_H

#include <stdint.h>

/* 0: none. */
struct runner_limits {
  int workers;       /* instead of the definition's */
  double max_time_s; /* without what the throttle held */
  int64_t max_rows;
  double until_s; /* wall clock, seconds since 1970 */
  double begun_s; /* monotonic clock: from here on `max_time_s` counts */
};

/* The limit of time that is reached, as words for people, or NULL. `held_s` does not count towards --max-time. */
const char *limits_reached(const struct runner_limits *limits, double held_s);

#endif
