/*
 * signal_reason.c - says why a signal holds a backfill up; see signal.h. Called by lookout.c.
 *
 * A reason begins with what the signal is called and a colon: what is before the first figure or mark is its name in
 * the metrics.
 */
#include "throttle/signal.h"

#include "base/clock.h"

#include <math.h>
#include <string.h>

static void begin_reason(struct strbuf *reason) {
  if (reason->len)
    strbuf_add_str(reason, "; ");
}

static void add_amount(struct strbuf *text, const char *unit, double amount, int digits) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (strcmp(unit, "seconds") == 0) {
    strbuf_addf(text, "%.*g s", digits, amount);
    return;
  }
  if (strcmp(unit, "bytes") != 0) {
    strbuf_addf(text, "%.0f", amount);
    return;
  }
  size_t u = 0;
  for (; amount >= 1024 && u + 1 < ARRAY_LEN(units); u++)
    amount /= 1024;
  strbuf_addf(text, "%.*g %s", digits, amount >= 1000 ? floor(amount) : amount, units[u]);
}

/* ": 5.1 GiB, above 4 GiB", or while it is on its way down ": 3 GiB, goes on below 2 GiB". As many digits as it takes
 * to see a difference. */
static void add_limit(struct strbuf *text, const struct gauge *gauge, const char *unit) {
  enum { FEW_DIGITS = 3, MOST_DIGITS = 9 };
  struct strbuf value = STRBUF_INIT, limit = STRBUF_INIT;
  bool above = gauge->value > gauge->limit;
  for (int digits = FEW_DIGITS; digits <= MOST_DIGITS; digits++) {
    strbuf_clear(&value);
    strbuf_clear(&limit);
    add_amount(&value, unit, gauge->value, digits);
    add_amount(&limit, unit, above ? gauge->limit : gauge->limit / 2, digits);
    if (strcmp(value.buf, limit.buf) != 0)
      break;
  }
  strbuf_addf(text, "%s%s%s", value.buf, above ? ", above " : ", goes on below ", limit.buf);
  strbuf_release(&value);
  strbuf_release(&limit);
}

/* Signals that are asked over one connection have the same trouble: it is told once. */
static void add_stale(struct strbuf *text, const char *trouble, const struct gauge *gauge, double now_s) {
  strbuf_addf(text, "signal stale, last read %.0f s ago", now_s - gauge->seen_s);
  if (trouble && !strstr(text->buf, trouble))
    strbuf_addf(text, " (%s)", trouble);
}

static void add_gauge(const struct signal *s, double now_s, struct strbuf *reason) {
  enum gauge_verdict verdict = gauge_verdict(&s->gauge, now_s);
  if (verdict == GAUGE_GO)
    return;
  begin_reason(reason);
  strbuf_addf(reason, "%s: ", s->what);
  if (verdict == GAUGE_STALE) {
    add_stale(reason, s->trouble, &s->gauge, now_s);
    return;
  }
  if (s->worst)
    strbuf_addf(reason, "%s: ", s->worst);
  add_limit(reason, &s->gauge, s->unit);
}

static void add_replica(const struct signal *s, const struct replica *r, double now_s, struct strbuf *reason) {
  enum gauge_verdict lag = gauge_verdict(&r->lag, now_s), bytes = gauge_verdict(&r->bytes, now_s);
  if (r->is_gone || (lag == GAUGE_GO && bytes == GAUGE_GO))
    return;
  begin_reason(reason);
  strbuf_addf(reason, "%s: %s: ", s->what, r->name);
  if (lag == GAUGE_STALE || bytes == GAUGE_STALE) {
    add_stale(reason, r->trouble, &r->lag, now_s);
    return;
  }
  if (lag == GAUGE_ABOVE)
    add_limit(reason, &r->lag, "seconds");
  else
    add_limit(reason, &r->bytes, "bytes");
}

static bool has_limit(const struct signal *s) {
  return s->lag_now >= 0 || s->bytes_now >= 0;
}

/* Without the writer's own position nothing is known of its replicas. */
static void add_replicas(const struct signal *s, double now_s, struct strbuf *reason) {
  if (has_limit(s) && gauge_verdict(&s->gauge, now_s) == GAUGE_STALE) {
    begin_reason(reason);
    strbuf_addf(reason, "%s: ", s->what);
    add_stale(reason, s->trouble, &s->gauge, now_s);
    return;
  }
  for (size_t i = 0; i < s->replicas.len; i++)
    add_replica(s, s->replicas.items[i], now_s, reason);
}

static void add_waiters(const struct signal *s, double now_s, struct strbuf *reason) {
  if (gauge_verdict(&s->gauge, now_s) == GAUGE_STALE) {
    begin_reason(reason);
    strbuf_addf(reason, "%s: ", s->what);
    add_stale(reason, s->trouble, &s->gauge, now_s);
  }
  if (now_s >= s->yield_until_s || s->yield_now < 0)
    return;
  begin_reason(reason);
  strbuf_addf(reason, "table lock: yields to a session that waits for it (%s)", s->waiter ? s->waiter : "unknown");
}

static void add_told(const struct signal *s, double now_s, struct strbuf *reason) {
  bool is_stale = s->kind != SIGNAL_FILE && gauge_verdict(&s->gauge, now_s) == GAUGE_STALE;
  if (!is_stale && !s->says)
    return;
  begin_reason(reason);
  strbuf_addf(reason, "%s: %s", s->what, is_stale ? "" : s->says);
  if (is_stale)
    add_stale(reason, s->trouble, &s->gauge, now_s);
}

static void add_window(const struct signal *s, struct strbuf *reason) {
  int64_t now = clock_wall_us() / 1000000;
  char opens[96];
  if (window_is_open(&s->window, now))
    return;
  int64_t next = window_next_opening(&s->window, now);
  begin_reason(reason);
  strbuf_addf(reason, "window: outside of %s", s->text);
  if (next < 0)
    return;
  window_format(&s->window, next, opens, sizeof(opens));
  strbuf_addf(reason, ", which opens at %s", opens);
}

void signal_add_reason(const struct signal *s, double now_s, struct strbuf *reason) {
  switch (s->kind) {
  case SIGNAL_GAUGE:
    add_gauge(s, now_s, reason);
    return;
  case SIGNAL_REPLICAS:
    add_replicas(s, now_s, reason);
    return;
  case SIGNAL_WAITERS:
    add_waiters(s, now_s, reason);
    return;
  case SIGNAL_PROBE:
  case SIGNAL_FUNCTION:
  case SIGNAL_FILE:
    add_told(s, now_s, reason);
    return;
  case SIGNAL_WINDOW:
    add_window(s, reason);
    return;
  }
  BUG("a signal has no kind");
}
