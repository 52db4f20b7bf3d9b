/*
 * retry.c - see retry.h. Called by recover.c.
 */
#include "backfill/retry.h"

#include <math.h>

enum { MOST_TRIES = 8, NARROWER = 8, SHRUNK = 10 };

static const double first_s = 0.25, longest_s = 30, longest_connecting_s = 5;

static double doubled_s(int before, double longest, double chance) {
  return fmin(longest, first_s * pow(2, before)) * (0.75 + 0.5 * chance);
}

bool retry_is_over(enum failure failure, int before, double waited_s, double reconnect_s) {
  switch (failure) {
  case FAILURE_REPEAT:
  case FAILURE_SHRINK:
  case FAILURE_RECONNECT: /* then it is this batch that costs the connection */
    return before >= MOST_TRIES;
  case FAILURE_WAIT:
    return waited_s >= reconnect_s;
  case FAILURE_STOP:
  case FAILURE_PAUSE:
  case FAILURE_ROW:
  case FAILURE_INTERRUPTED:
    break;
  }
  return true;
}

double retry_pause_s(enum failure failure, int before, double chance) {
  if (failure == FAILURE_REPEAT || failure == FAILURE_SHRINK)
    return doubled_s(before, longest_s, chance);
  return before ? doubled_s(before - 1, longest_connecting_s, chance) : 0; /* the first connection at once */
}

double retry_opening_pause_s(int before, double chance) {
  return doubled_s(before, longest_connecting_s, chance);
}

int64_t retry_narrower(int64_t rows) {
  return rows > NARROWER ? rows / NARROWER : 1;
}

int64_t retry_shrunk(int64_t narrow) {
  return narrow > SHRUNK ? narrow / SHRUNK : narrow ? 1 : 0;
}
