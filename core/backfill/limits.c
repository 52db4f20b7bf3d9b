/*
 * limits.c - see limits.h.
 */
#include "backfill/limits.h"

#include "base/clock.h"

#include <stddef.h>

const char *limits_reached(const struct runner_limits *limits, double held_s) {
  if (limits->max_time_s > 0 && clock_monotonic_s() - limits->begun_s - held_s >= limits->max_time_s)
    return "--max-time is over";
  if (limits->until_s > 0 && (double)clock_wall_us() / 1e6 >= limits->until_s)
    return "--until has come";
  return NULL;
}
