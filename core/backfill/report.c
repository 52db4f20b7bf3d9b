/*
 * report.c - what a runner tells its listener: how far it is, how fast, and what it waits for.
 */
#include "backfill/runner_parts.h"

#include "base/clock.h"

static bool is_cut_off(const struct worker *w) {
  return w->state == WORKER_CONNECT || (w->state == WORKER_PAUSE && w->then == WORKER_CONNECT);
}

bool runner_is_cut_off(const struct runner *r) {
  for (size_t i = 0; i < r->workers.len; i++)
    if (is_cut_off(crew_at(r, i)))
      return true;
  return false;
}

static const char *waiting_reason(const struct runner *r, struct strbuf *text) {
  for (size_t i = 0; i < r->workers.len; i++) {
    const struct worker *w = crew_at(r, i);
    if (w->state == WORKER_HELD && w->held_for)
      return w->held_for[0] ? w->held_for : NULL;
    if (is_cut_off(w))
      return "the connection is lost; connecting again";
    if (w->waits_for && w->state == WORKER_PAUSE) {
      strbuf_clear(text);
      strbuf_addf(text, "waiting for the range of %s", w->waits_for);
    } else if (w->state != WORKER_ENDED) {
      return NULL;
    }
  }
  return text->len ? text->buf : NULL;
}

static size_t working(const struct runner *r) {
  size_t count = 0;
  for (size_t i = 0; i < r->workers.len; i++)
    count += crew_at(r, i)->state != WORKER_ENDED;
  return count;
}

static int64_t largest_batch(const struct runner *r) {
  int64_t size = 0;
  for (size_t i = 0; i < r->workers.len; i++)
    if (crew_at(r, i)->limit > size)
      size = crew_at(r, i)->limit;
  return size;
}

static const char *state_word(const struct runner *r, bool ended) {
  switch (r->job.end) {
  case JOB_FINISHED:
    return "done";
  case JOB_PAUSED:
    return ended ? "paused" : "running";
  case JOB_CANCELLED:
    return ended ? "cancelled" : "running";
  case JOB_GOES_ON:
  case JOB_STOPPED:
  case JOB_INTERRUPTED:
  case JOB_FAILED:
    break;
  }
  return ended ? "stopped" : "running";
}

/* Own ranges are known better than the table's last look at them. */
static double position(struct runner *r) {
  struct estimate own = r->estimate;
  for (size_t i = 0; i < r->workers.len; i++) {
    const struct worker *w = crew_at(r, i);
    if (w->has_range)
      estimate_own(&own, w->range.high, w->range.cursor ? w->range.cursor : w->range.low);
  }
  return estimate_advance(&r->estimate, estimate_position(&own));
}

void runner_report(struct runner *r, bool ended) {
  const struct run_listener *listener = r->session->request->listener;
  if (!listener || !listener->backfill)
    return;
  bool complete = r->job.end == JOB_FINISHED && ended;
  struct strbuf reason = STRBUF_INIT;
  struct backfill_progress p = {
      .name = r->job.definition->name,
      .table = r->job.definition->table,
      .state = complete ? "done" : state_word(r, ended),
      .reason = ended ? NULL : waiting_reason(r, &reason),
      .rows_done = r->estimate.rows_before + r->rows,
      .rows_now = r->rows,
      .rows_estimated = r->request->row->rows_estimated,
      .batch_size = largest_batch(r),
      .elapsed_s = clock_monotonic_s() - r->begun_s,
      .workers = ended ? 0 : working(r),
      .lag_s = runner_lag_s(r),
      .resumed = r->request->resumed,
      .ended = complete,
  };
  progress_estimate(&p, &r->estimate.rate, position(r));
  p.ended = ended;
  listener->backfill(listener->data, &p);
  strbuf_release(&reason);
}
