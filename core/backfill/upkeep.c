/*
 * upkeep.c - what a runner looks after beside the batches, once a second: the operator's wishes, heartbeats, the
 * throttle, its limits, and whether the database is still there.
 */
#include "backfill/runner_parts.h"

#include "backfill/persist.h"
#include "backfill/presence.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { WATCH_MS = 1000, MOST_BACKLOG = 16 };

/* With those of commits whose answer has not been heard yet: who reads the table may have seen them. */
static int64_t rows_until_now(const struct runner *r) {
  int64_t rows = r->rows;
  for (size_t i = 0; i < r->workers.len; i++) {
    const struct worker *w = crew_at(r, i);
    rows += w->state == WORKER_COMMIT ? w->rows : 0;
  }
  return rows;
}

static char *text_at(const moonbird_batch *rows, uint32_t column) {
  struct value v = batch_value(&rows->columns[column], 0);
  return v.type == MOONBIRD_TYPE_TEXT ? xstrndup(v.bytes, v.len) : NULL;
}

static void take_watch(void *data, const moonbird_batch *rows) {
  struct runner *r = data;
  enum { DESIRED, OVERRIDES, BRAKED, FINGERPRINT = 9 };
  char *wish = text_at(rows, DESIRED), *overrides = text_at(rows, OVERRIDES), *code = text_at(rows, FINGERPRINT);
  enum job_end before = r->job.end;
  job_take_wishes(&r->job, wish, overrides, batch_value(&rows->columns[BRAKED], 0).integer != 0, code);
  free(wish);
  free(overrides);
  free(code);
  if (r->job.end != before)
    crew_wake(r);
  estimate_take(&r->estimate, rows, r->id, rows_until_now(r));
}

static void post_watch(struct runner *r, control_rows_fn take) {
  struct batch_builder params;
  batch_init(&params, 1);
  batch_add_str(&params, 0, r->job.definition->name);
  control_post(&r->control, "watch", &params, take, r);
}

void upkeep_finish(struct runner *r) {
  upkeep_tell_throttle(r); /* what it waited since the last look */
  if (!r->shares_conn) {
    control_hurry(&r->control, runner_end_patience_s(r));
    post_watch(r, NULL); /* does it answer still? */
  }
  if (!r->is_gone)
    control_drain(&r->control);
  r->is_gone = r->is_gone || control_lost_for_s(&r->control) > 0;
  if (r->is_gone)
    control_abandon(&r->control);
}

/* Rows a second of this process over so many seconds, as if its workers were equally fast; readers add them up. */
static int64_t rate_share(const struct runner *r, double now_s, double seconds) {
  size_t workers = 0;
  for (size_t i = 0; i < r->workers.len; i++)
    workers += !crew_at(r, i)->retired;
  return (int64_t)(window_rate(&r->window, now_s, seconds) / (double)(workers ? workers : 1) + 0.5);
}

static void post_beats(struct runner *r) {
  double now = clock_monotonic_s();
  if (now - r->beat_s < presence_beat_every_s(r->lease_s))
    return;
  r->beat_s = now;
  for (size_t i = 0; i < r->workers.len; i++) {
    const struct worker *w = crew_at(r, i);
    if (w->retired)
      continue;
    const struct presence_news news = {.batch_size = w->limit,
                                       .rate_1m = rate_share(r, now, 60),
                                       .rate_10m = rate_share(r, now, 600),
                                       .lag_s = runner_lag_s(r)};
    struct batch_builder row, params;
    presence_insert_params(&row, w->id, r->id, r->job.definition->name, w->limit, r->lease_s);
    control_post(&r->control, "worker_insert", &row, NULL, NULL);
    presence_beat_params(&params, w->id, r->lease_s, &news);
    control_post(&r->control, "worker_beat", &params, NULL, NULL);
  }
}

static void post_log(struct runner *r, const char *event, const char *detail) {
  struct batch_builder params;
  state_log_params(&params, r->job.definition->name, event, detail, NULL);
  control_post(&r->control, "backfill_log_insert", &params, NULL, NULL);
}

/* What began or ended to hold the workers, for the log: a change from one reason to another is none. */
static void log_throttle(struct runner *r, const char *reason) {
  char age[CLOCK_TEXT_SIZE];
  if (reason) {
    log_info("throttled: %s", reason);
    post_log(r, "throttled", reason);
    return;
  }
  clock_format_duration(clock_monotonic_s() - r->throttled_s, age);
  char *detail = xasprintf("after %s: %s", age, r->throttle_text);
  if (r->job.end == JOB_GOES_ON)
    log_info("goes on");
  post_log(r, "unthrottled", detail);
  free(detail);
}

static void take_brake(void *data, const moonbird_batch *rows) {
  struct runner *r = data;
  char *who = text_at(rows, 0);
  r->asks_brake = false;
  r->knows_brake = r->job.braked; /* or it has ended meanwhile */
  if (who && r->knows_brake)
    r->job.brake_why = xasprintf("braked by an operator: %s", who);
  free(who);
}

/* Who has braked is asked once for each brake, and known before it is told of; where the answer does not come, because
 * the connection is lost, that is what there is to tell. */
static bool knows_brake(struct runner *r) {
  struct batch_builder params;
  if (!r->job.braked) {
    r->knows_brake = false;
    free(r->job.brake_why);
    r->job.brake_why = NULL;
    return true;
  }
  if (r->knows_brake || r->asks_brake)
    return r->knows_brake || control_lost_for_s(&r->control) > 0;
  r->asks_brake = true;
  batch_init(&params, 1);
  batch_add_str(&params, 0, r->job.definition->name);
  control_post(&r->control, "brake_why", &params, take_brake, r);
  return false;
}

void upkeep_tell_throttle(struct runner *r) {
  if (!knows_brake(r))
    return;
  const char *reason = r->job.end == JOB_GOES_ON ? job_held(&r->job) : NULL;
  bool same = reason && r->throttle_text ? strcmp(reason, r->throttle_text) == 0 : !reason && !r->throttle_text;
  if (same)
    return;
  bool begins = !r->throttle_text, ends = !reason;
  struct batch_builder params;
  batch_init(&params, 2);
  if (ends)
    batch_add_int(&params, 0, (int64_t)((clock_monotonic_s() - r->throttled_s) * 1000));
  else
    batch_add_str(&params, 0, reason);
  batch_add_str(&params, 1, r->job.definition->name);
  control_post(&r->control,
               ends     ? "backfill_unthrottle"
               : begins ? "backfill_throttle"
                        : "backfill_throttle_again",
               &params, NULL, NULL);
  if (begins)
    r->throttled_s = clock_monotonic_s();
  if (ends)
    r->held_s += clock_monotonic_s() - r->throttled_s;
  if (begins || ends)
    log_throttle(r, reason);
  free(r->throttle_text);
  r->throttle_text = xstrdup_or_null(reason);
  if (ends)
    crew_wake(r);
}

/* Throttled time counts towards no deadline but that of the clock on the wall. */
static void check_limits(struct runner *r) {
  double held_s = r->held_s + (r->throttle_text ? clock_monotonic_s() - r->throttled_s : 0);
  const char *limit = limits_reached(&r->request->limits, held_s);
  if (limit)
    runner_end(r, JOB_STOPPED, limit);
}

/* Once the run is to end, a database that does not answer is not waited for: what it has committed stays, and what it
 * has not is rolled back. */
static void check_answers(struct runner *r) {
  double most_s = runner_end_patience_s(r);
  bool is_silent = !r->shares_conn && control_silent_for_s(&r->control) > most_s;
  if (!is_silent && control_lost_for_s(&r->control) <= most_s)
    return;
  r->is_gone = true;
  crew_wake(r);
}

/* A worker that is held or waits does not ask the database anything, and would never notice that it is gone. */
static void check_database(struct runner *r) {
  if (!r->is_gone && r->job.end != JOB_GOES_ON)
    check_answers(r);
  if (control_lost_for_s(&r->control) <= r->job.reconnect_s || r->is_gone)
    return;
  r->is_gone = true;
  struct error err = ERROR_INIT;
  error_copy(&err, control_why(&r->control));
  persist_explain(r->session, &err);
  job_end(&r->job, JOB_FAILED, &err);
  error_release(&err);
  crew_wake(r);
}

/* The server ends statements that take too long; one that has said nothing for much longer is gone without a word. */
static void cut_off_silent(struct runner *r) {
  double timeout_s = r->job.definition->statement_timeout_s;
  for (size_t i = 0; i < r->workers.len; i++) {
    struct conn *conn = crew_at(r, i)->conn;
    if (r->is_gone || (timeout_s > 0 && conn_busy_for_s(conn) > timeout_s + r->job.reconnect_s / 4))
      conn_sever(conn);
  }
}

void upkeep_go_on(struct runner *r) {
  if (!r->watch_due)
    return;
  r->watch_due = false;
  check_limits(r);
  check_database(r);
  cut_off_silent(r);
  upkeep_tell_throttle(r);
  if (control_backlog(&r->control) > MOST_BACKLOG)
    return;
  post_beats(r);
  post_watch(r, take_watch);
}

/* --- the timer --- */

static void handle_watch(uv_timer_t *timer) {
  ((struct runner *)timer->data)->watch_due = true;
}

void upkeep_start(struct runner *r) {
  uv_timer_init(loop_uv(r->session->loop), &r->watch);
  r->watch.data = r;
  uv_timer_start(&r->watch, handle_watch, WATCH_MS, WATCH_MS);
}

static void handle_watch_closed(uv_handle_t *handle) {
  ((struct runner *)handle->data)->watch_closed = true;
}

void upkeep_stop(struct runner *r) {
  uv_close((uv_handle_t *)&r->watch, handle_watch_closed);
  while (!r->watch_closed)
    loop_run_once(r->session->loop);
}
