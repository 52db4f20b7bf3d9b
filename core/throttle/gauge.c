/*
 * gauge.c - see gauge.h. Called by the throttle for each signal.
 */
#include "throttle/gauge.h"

void gauge_init(struct gauge *gauge, double limit, double now_s) {
  *gauge = (struct gauge){.limit = limit, .seen_s = now_s};
}

static void judge(struct gauge *gauge) {
  if (gauge->value > gauge->limit)
    gauge->tripped = true;
  else if (gauge->value < gauge->limit / 2 || gauge->value <= 0)
    gauge->tripped = false;
}

void gauge_set_limit(struct gauge *gauge, double limit) {
  if (gauge->limit == limit)
    return;
  gauge->limit = limit;
  gauge->tripped = false;
  judge(gauge);
}

void gauge_take(struct gauge *gauge, double value, double now_s) {
  gauge->value = value;
  gauge->seen_s = now_s;
  judge(gauge);
}

enum gauge_verdict gauge_verdict(const struct gauge *gauge, double now_s) {
  if (gauge->limit < 0)
    return GAUGE_GO;
  if (now_s - gauge->seen_s > GAUGE_STALE_S)
    return GAUGE_STALE;
  return gauge->tripped ? GAUGE_ABOVE : GAUGE_GO;
}
