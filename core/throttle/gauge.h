/*
 * gauge.h - a signal with a limit: when it holds the work up, and when it lets it go on.
 *
 * It trips above the limit and lets go below half of it, so that the work does not start and stop with every look. A
 * value that is too old is not "no load": it holds the work up as well (it fails closed). Pure but for the clock that
 * the caller passes in; the struct owns nothing.
 */
#ifndef THROTTLE_GAUGE_H
#define THROTTLE_GAUGE_H

#include <stdbool.h>

/* Seconds after which what was read counts no more. */
#define GAUGE_STALE_S 15.0

enum gauge_verdict { GAUGE_GO, GAUGE_ABOVE, GAUGE_STALE };

struct gauge {
  double limit; /* below 0: off */
  double value;
  double seen_s; /* monotonic; of the last value */
  bool tripped;
};

/* Begins as if a harmless value had just been read. */
void gauge_init(struct gauge *gauge, double limit, double now_s);

/* The operator has another limit in mind. */
void gauge_set_limit(struct gauge *gauge, double limit);

void gauge_take(struct gauge *gauge, double value, double now_s);

enum gauge_verdict gauge_verdict(const struct gauge *gauge, double now_s);

#endif
