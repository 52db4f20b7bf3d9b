/*
 * runner.c - see runner.h.
 *
 * Everything happens in turn(): the loop's callbacks only set flags. The first worker has the session's own connection,
 * so that a revision's temporary tables and settings are there for its functions; session->conn is the control
 * connection meanwhile. A database that lets one connection write at a time has one worker, and no further connection.
 */
#include "backfill/runner.h"

#include "backfill/control.h"
#include "backfill/estimate.h"
#include "backfill/persist.h"
#include "backfill/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/whoami.h"
#include "throttle/lookout.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WATCH_MS = 1000, RANGE_BATCHES = 20, MOST_BACKLOG = 16, MOST_WORKERS = 64 };

static const double lease_default_s = 30;
static const double add_again_s = 10;

struct runner {
  const struct runner_request *request;
  struct session *session;
  struct conn *own_conn; /* session->conn as it was */
  struct job job;
  char *id;
  struct vec workers; /* struct worker * */
  double add_at_s;    /* when further ones may connect */
  struct control control;
  struct lookout *lookout;
  struct throttle throttle;
  bool shares_conn; /* the control statements run on the one worker's connection */
  uv_timer_t watch;
  bool watch_due;
  bool is_gone; /* the database, for longer than it is waited for */
  bool watch_closed;
  double lease_s;
  double beat_s; /* of the last heartbeat */
  double begun_s;
  int interrupts; /* at the start */
  int64_t rows;   /* of this process, in this run */
  struct estimate estimate;
  struct rate_window window; /* rows of this process */
  const char *throttled_for; /* what the table says; static or the throttle's */
  char *throttle_text;
  double throttled_s; /* since */
  double held_s;      /* all that time, until it last ended */
};

/* --- workers --- */

static struct worker *worker_at(const struct runner *r, size_t index) {
  return r->workers.items[index];
}

static bool insert_worker(struct runner *r, const struct worker *w, struct error *err) {
  struct batch_builder params;
  batch_init(&params, 7);
  batch_add_str(&params, 0, w->id);
  batch_add_str(&params, 1, r->id);
  batch_add_str(&params, 2, r->job.definition->name);
  batch_add_str(&params, 3, whoami_host());
  batch_add_int(&params, 4, getpid());
  batch_add_int(&params, 5, w->sizer.size);
  batch_add_float(&params, 6, r->lease_s);
  bool ok = session_execute_batch(r->session, "worker_insert", &params, NULL, err);
  batch_release(&params);
  return ok;
}

/* The first one works on the session's own connection. */
static bool add_worker(struct runner *r, struct error *err) {
  struct conn *conn = r->own_conn;
  if (r->workers.len && !session_connect(r->session, "moonbird:backfill", &conn, err))
    return false;
  struct worker *w = xcalloc(1, sizeof(*w));
  worker_init(w, &r->job, conn, (int)r->workers.len);
  vec_push(&r->workers, w);
  control_drain(&r->control);
  if (!insert_worker(r, w, err))
    return false;
  worker_start(w);
  return true;
}

static bool may_have_more(const struct runner *r) {
  return !r->shares_conn && r->job.end == JOB_GOES_ON && (int)r->workers.len < r->job.workers &&
         r->workers.len < MOST_WORKERS;
}

/* One that has ended because there were too many is counted no more, and the range that it had is free. */
static void retire(struct runner *r, struct worker *w) {
  w->retired = true;
  w->has_range = false;
  w->narrow = 0;
  range_release(&w->range);
  struct batch_builder params;
  batch_init(&params, 1);
  batch_add_str(&params, 0, w->id);
  control_post(&r->control, "worker_retire", &params, NULL, NULL);
}

static bool come_back(struct runner *r, struct worker *w, struct error *err) {
  control_drain(&r->control);
  if (w->retired && !insert_worker(r, w, err))
    return false;
  w->retired = false;
  worker_start(w);
  return true;
}

/* As many as the settings want: new ones, or those that had ended because there were too many. */
static bool adjust_workers(struct runner *r, struct error *err) {
  while (may_have_more(r) && clock_monotonic_s() >= r->add_at_s) {
    if (add_worker(r, err))
      continue;
    if (!r->workers.len || !persist_is_lost(err))
      return false;
    log_warn("a further worker cannot connect, it is tried again in %.0f s: %s", add_again_s, err->message);
    error_clear(err);
    r->add_at_s = clock_monotonic_s() + add_again_s;
  }
  if (r->job.end != JOB_GOES_ON)
    return true;
  for (size_t i = 0; i < r->workers.len; i++) {
    struct worker *w = worker_at(r, i);
    if (w->state != WORKER_ENDED)
      continue;
    if (w->number >= r->job.workers && !w->retired)
      retire(r, w);
    else if (w->number < r->job.workers && !come_back(r, w, err))
      return false;
  }
  return true;
}

static bool all_ended(const struct runner *r) {
  for (size_t i = 0; i < r->workers.len; i++)
    if (worker_at(r, i)->state != WORKER_ENDED)
      return false;
  return true;
}

static void wake_all(struct runner *r) {
  for (size_t i = 0; i < r->workers.len; i++)
    worker_wake(worker_at(r, i));
}

static void end(struct runner *r, enum job_end why, const char *limit) {
  if (r->job.end != JOB_GOES_ON)
    return;
  r->job.limit = limit;
  job_end(&r->job, why, NULL);
  wake_all(r);
}

/* --- progress --- */

static const char *waiting_reason(const struct runner *r, struct strbuf *text) {
  for (size_t i = 0; i < r->workers.len; i++) {
    const struct worker *w = worker_at(r, i);
    if (w->state == WORKER_HELD && w->held_for)
      return w->held_for[0] ? w->held_for : NULL;
    if (w->state == WORKER_CONNECT || (w->state == WORKER_PAUSE && w->then == WORKER_CONNECT))
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

static int64_t largest_batch(const struct runner *r) {
  int64_t size = 0;
  for (size_t i = 0; i < r->workers.len; i++)
    if (worker_at(r, i)->limit > size)
      size = worker_at(r, i)->limit;
  return size;
}

static size_t working(const struct runner *r) {
  size_t count = 0;
  for (size_t i = 0; i < r->workers.len; i++)
    count += worker_at(r, i)->state != WORKER_ENDED;
  return count;
}

/* Of the slowest replica; below 0: not known. */
static double lag_s(const struct runner *r) {
  return r->throttle.lag_s ? r->throttle.lag_s(r->throttle.data) : -1;
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
    const struct worker *w = worker_at(r, i);
    if (w->has_range)
      estimate_own(&own, w->range.high, w->range.cursor ? w->range.cursor : w->range.low);
  }
  return estimate_advance(&r->estimate, estimate_position(&own));
}

static void report(struct runner *r, bool ended) {
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
      .lag_s = lag_s(r),
      .resumed = r->request->resumed,
      .ended = complete,
  };
  progress_estimate(&p, &r->estimate.rate, position(r));
  p.ended = ended;
  listener->backfill(listener->data, &p);
  strbuf_release(&reason);
}

static void handle_batch(void *data, const struct batch_news *news) {
  struct runner *r = data;
  const struct run_listener *listener = r->session->request->listener;
  r->rows += news->rows;
  if (listener && listener->batch)
    listener->batch(listener->data, r->job.definition->name, news);
  if (news->result != BATCH_COMMITTED)
    return;
  window_add(&r->window, clock_monotonic_s(), news->rows);
  rate_add(&r->estimate.rate, clock_monotonic_s(), r->estimate.rows_before + r->rows);
  report(r, false);
  const struct runner_limits *limits = &r->request->limits;
  if (limits->max_rows > 0 && r->rows >= limits->max_rows)
    end(r, JOB_STOPPED, "--max-rows is reached");
}

/* --- watching --- */

/* With those of commits whose answer has not been heard yet: who reads the table may have seen them. */
static int64_t rows_until_now(const struct runner *r) {
  int64_t rows = r->rows;
  for (size_t i = 0; i < r->workers.len; i++) {
    const struct worker *w = worker_at(r, i);
    rows += w->state == WORKER_COMMIT ? w->rows : 0;
  }
  return rows;
}

static void take_watch(void *data, const moonbird_batch *rows) {
  struct runner *r = data;
  struct value desired = batch_value(&rows->columns[0], 0), overrides = batch_value(&rows->columns[1], 0);
  char *wish = desired.type == MOONBIRD_TYPE_TEXT ? xstrndup(desired.bytes, desired.len) : NULL;
  char *text = overrides.type == MOONBIRD_TYPE_TEXT ? xstrndup(overrides.bytes, overrides.len) : NULL;
  enum job_end before = r->job.end;
  job_take_wishes(&r->job, wish, text, batch_value(&rows->columns[2], 0).integer != 0);
  free(wish);
  free(text);
  if (r->job.end != before)
    wake_all(r);
  estimate_take(&r->estimate, rows, r->id, rows_until_now(r));
}

static void post_watch(struct runner *r) {
  struct batch_builder params;
  batch_init(&params, 1);
  batch_add_str(&params, 0, r->job.definition->name);
  control_post(&r->control, "watch", &params, take_watch, r);
}

/* Rows a second of this process over so many seconds, as if its workers were equally fast; readers add them up. */
static int64_t rate_share(const struct runner *r, double now_s, double seconds) {
  size_t workers = 0;
  for (size_t i = 0; i < r->workers.len; i++)
    workers += !worker_at(r, i)->retired;
  return (int64_t)(window_rate(&r->window, now_s, seconds) / (double)(workers ? workers : 1) + 0.5);
}

static void post_beats(struct runner *r) {
  double now = clock_monotonic_s();
  if (now - r->beat_s < r->lease_s / 6)
    return;
  r->beat_s = now;
  for (size_t i = 0; i < r->workers.len; i++) {
    const struct worker *w = worker_at(r, i);
    if (w->retired)
      continue;
    struct batch_builder params;
    batch_init(&params, 6);
    batch_add_int(&params, 0, w->limit);
    batch_add_int(&params, 1, rate_share(r, now, 60));
    batch_add_int(&params, 2, rate_share(r, now, 600));
    if (lag_s(r) >= 0)
      batch_add_int(&params, 3, (int64_t)(1000 * lag_s(r)));
    else
      batch_add_null(&params, 3);
    batch_add_float(&params, 4, r->lease_s);
    batch_add_str(&params, 5, w->id);
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

/* What holds the workers, or NULL; for the table and the log. */
static void post_throttle(struct runner *r) {
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
    wake_all(r);
}

/* Throttled time counts towards no deadline but that of the clock on the wall. */
static void check_limits(struct runner *r) {
  const struct runner_limits *limits = &r->request->limits;
  double now_s = clock_monotonic_s();
  double held_s = r->held_s + (r->throttle_text ? now_s - r->throttled_s : 0);
  if (limits->max_time_s > 0 && now_s - r->begun_s - held_s >= limits->max_time_s)
    end(r, JOB_STOPPED, "--max-time is over");
  else if (limits->until_s > 0 && (double)clock_wall_us() / 1e6 >= limits->until_s)
    end(r, JOB_STOPPED, "--until has come");
}

/* A worker that is held or waits does not ask the database anything, and would never notice that it is gone. */
static void check_database(struct runner *r) {
  if (control_lost_for_s(&r->control) <= r->job.reconnect_s || r->is_gone)
    return;
  r->is_gone = true;
  struct error err = ERROR_INIT;
  error_copy(&err, control_why(&r->control));
  persist_explain(r->session, &err);
  r->job.end = JOB_GOES_ON; /* whatever else was to end it cannot be written down */
  job_end(&r->job, JOB_FAILED, &err);
  error_release(&err);
  wake_all(r);
}

/* The server ends statements that take too long; one that has said nothing for much longer is gone without a word. */
static void cut_off_silent(struct runner *r) {
  double timeout_s = r->job.definition->statement_timeout_s;
  for (size_t i = 0; i < r->workers.len; i++) {
    struct conn *conn = worker_at(r, i)->conn;
    if (r->is_gone || (timeout_s > 0 && conn_busy_for_s(conn) > timeout_s + r->job.reconnect_s / 4))
      conn_sever(conn);
  }
}

static void handle_watch(uv_timer_t *timer) {
  ((struct runner *)timer->data)->watch_due = true;
}

static void watch(struct runner *r) {
  if (!r->watch_due)
    return;
  r->watch_due = false;
  check_limits(r);
  check_database(r);
  cut_off_silent(r);
  post_throttle(r);
  if (control_backlog(&r->control) > MOST_BACKLOG)
    return;
  post_beats(r);
  post_watch(r);
}

static void go_on_with_control(struct runner *r) {
  if (!r->shares_conn)
    control_go_on(&r->control);
  else if (r->workers.len && worker_is_quiet(worker_at(r, 0)) && !conn_is_busy(r->own_conn))
    control_drain(&r->control);
}

/* One turn: whoever can go on does. */
static bool turn(struct runner *r, struct error *err) {
  watch(r);
  if (r->throttle_text && !job_held(&r->job))
    post_throttle(r); /* at once: the workers would be done before the next look, and nobody told that it goes on */
  go_on_with_control(r);
  for (size_t i = 0; i < r->workers.len; i++)
    worker_go_on(worker_at(r, i));
  if (r->job.end == JOB_FINISHED)
    wake_all(r);
  return adjust_workers(r, err);
}

/* --- interrupts --- */

/* The first interrupt lets the batches end, the second one ends their statements. */
static void handle_interrupt(void *data, int count) {
  struct runner *r = data;
  if (count - r->interrupts == 1) {
    log_info("stopping after this batch; interrupt again to roll it back");
    end(r, JOB_STOPPED, NULL);
    return;
  }
  for (size_t i = 0; i < r->workers.len; i++)
    if (conn_is_busy(worker_at(r, i)->conn))
      conn_cancel(worker_at(r, i)->conn);
}

static void handle_tick(void *data) {
  report(data, false);
}

/* --- life --- */

static bool sweep(struct runner *r, struct error *err) {
  const char *name = r->job.definition->name;
  return session_execute(r->session, "worker_sweep", &name, 1, NULL, err) &&
         session_execute(r->session, "range_unfail", &name, 1, NULL, err);
}

static bool open_control(struct runner *r, struct error *err) {
  r->own_conn = r->session->conn;
  r->shares_conn = !driver_can(r->session->driver, MOONBIRD_CAP_MANY_CONNECTIONS);
  struct conn *conn = r->own_conn;
  if (!r->shares_conn && !session_connect(r->session, "moonbird:control", &conn, err))
    return false;
  control_init(&r->control, r->session, conn);
  r->session->conn = conn;
  return true;
}

/* Ranges of about 20 batches; where nobody can join in, all in one. Many small ones would make the table of them slow.
 */
static int64_t range_rows(const struct runner *r) {
  enum { MOST_RANGES = 2000, FEWEST_ROWS = 1000 };
  const struct definition *d = r->job.definition;
  if (r->shares_conn)
    return 0;
  int64_t rows = d->sizer.size * RANGE_BATCHES;
  if (d->rows_estimated / MOST_RANGES > rows)
    rows = d->rows_estimated / MOST_RANGES;
  return rows < FEWEST_ROWS ? FEWEST_ROWS : rows;
}

static void init_job(struct runner *r) {
  const struct runner_request *q = r->request;
  r->id = xasprintf("%s:%ld:%06llx", whoami_host(), (long)getpid(), (unsigned long long)clock_wall_us() & 0xffffff);
  r->job = (struct job){.session = q->session,
                        .definition = q->definition,
                        .style = q->session->driver->table.placeholder,
                        .runner = r->id,
                        .exclusive = q->exclusive,
                        .range_rows = 0,
                        .run_seed = q->row->run_seed,
                        .reconnect_s = persist_seconds(q->session),
                        .throttle = r->throttle,
                        .forced_workers = q->limits.workers,
                        .err = ERROR_INIT,
                        .data = r,
                        .on_batch = handle_batch};
  job_take_wishes(&r->job, q->row->desired, q->row->overrides, false);
}

/* A run that goes on is not where the frontier is: ranges below it are open. Where they cannot be read, the first look
 * of the watch tells. */
static void estimate_begin(struct runner *r, const struct backfill_row *row) {
  const char *params[] = {row->name, row->name};
  struct rowset rows = ROWSET_INIT;
  struct error err = ERROR_INIT;
  estimate_init(&r->estimate, row);
  if (row->frontier_key && !session_query(r->session, "status_open_ranges", params, 2, &rows, &err))
    log_debug("%s", err.message);
  for (size_t i = 0; i < rows.row_count; i++)
    estimate_open(&r->estimate, rowset_text(&rows, i, 1), rowset_text(&rows, i, 2), rowset_text(&rows, i, 3));
  rowset_release(&rows);
  error_release(&err);
}

static void start_listening(struct runner *r) {
  struct session *session = r->session;
  r->interrupts = loop_interrupts(session->loop);
  host_allow_interrupts(session->host, 1);
  loop_on_interrupt(session->loop, handle_interrupt, r);
  loop_on_tick(session->loop, handle_tick, r);
  uv_timer_init(loop_uv(session->loop), &r->watch);
  r->watch.data = r;
  uv_timer_start(&r->watch, handle_watch, WATCH_MS, WATCH_MS);
}

static void handle_watch_closed(uv_handle_t *handle) {
  ((struct runner *)handle->data)->watch_closed = true;
}

static void stop_listening(struct runner *r) {
  uv_close((uv_handle_t *)&r->watch, handle_watch_closed);
  while (!r->watch_closed)
    loop_run_once(r->session->loop);
  session_watch(r->session);
}

/* A connection that was lost while it was idle is noticed only now. A database that is gone is not asked on an old one:
 * it may be one that does not answer. */
static void revive(struct runner *r, struct conn *conn) {
  struct error ignored = ERROR_INIT;
  if (!r->is_gone && conn_transaction_state(conn) == MOONBIRD_TX_IDLE && conn_script(conn, "SELECT 1", &ignored))
    return;
  error_clear(&ignored);
  persist_limit_opening(r->session, conn);
  if (!conn_open(conn, &r->session->url, "moonbird", &ignored))
    log_debug("%s", ignored.message);
  error_release(&ignored);
}

/* Ranges and rows of workers are given back, so that others need not wait for the lease's end. What cannot be written
 * (the server is gone) ends with the lease. */
static void give_back(struct runner *r) {
  struct error err = ERROR_INIT;
  bool ok = true;
  for (size_t i = 0; i < r->workers.len && ok; i++) {
    const struct worker *w = worker_at(r, i);
    const struct error *why = w->failed ? &r->job.err : NULL;
    ok = !w->has_range || range_give_back(r->session, r->job.definition->name, &w->range, w->attempts, why, &err);
  }
  const char *id = r->id, *name = r->job.definition->name;
  if (!ok || !session_execute(r->session, "worker_delete", &id, 1, NULL, &err) ||
      !session_execute(r->session, "worker_sweep", &name, 1, NULL, &err))
    log_debug("ranges were not given back: %s", err.message);
  error_release(&err);
}

static void close_all(struct runner *r) {
  struct conn *control = r->session->conn;
  control_release(&r->control);
  r->session->conn = r->own_conn;
  for (size_t i = 0; i < r->workers.len; i++) {
    struct worker *w = worker_at(r, i);
    struct conn *conn = w->conn;
    worker_release(w);
    if (conn != r->own_conn)
      conn_free(conn);
    free(w);
  }
  vec_release(&r->workers);
  if (control != r->own_conn)
    conn_free(control);
  lookout_stop(r->lookout);
  job_release(&r->job);
  free(r->throttle_text);
  estimate_release(&r->estimate);
  free(r->id);
}

/* A worker that ends while others go on leaves its range to them. */
static bool loop(struct runner *r, struct error *err) {
  if (!sweep(r, err) || !add_worker(r, err) || !adjust_workers(r, err))
    return false;
  while (!all_ended(r)) {
    loop_run_once(r->session->loop);
    if (!turn(r, err)) {
      job_end(&r->job, JOB_FAILED, NULL);
      wake_all(r);
    }
  }
  return !error_is_set(err);
}

/* What a lost connection must not take away. */
struct settling {
  struct runner *runner;
  struct runner_outcome *outcome;
};

static bool write_settled(void *data, struct error *err) {
  const struct settling *settling = data;
  struct runner *r = settling->runner;
  const char *name = r->job.definition->name;
  if (r->job.pause_reason && !state_desire(r->session, name, DESIRED_PAUSE, "paused", r->job.pause_reason, err))
    return false;
  return range_rows_done(r->session, name, &settling->outcome->rows_done, err);
}

static bool settle(struct runner *r, struct runner_outcome *outcome, struct error *err) {
  struct settling settling = {.runner = r, .outcome = outcome};
  outcome->end = r->job.end;
  outcome->batch_size = r->workers.len ? worker_at(r, 0)->sizer.size : 0;
  outcome->reason = xstrdup_or_null(r->job.limit ? r->job.limit : r->job.pause_reason);
  return persist(r->session, write_settled, &settling, err);
}

bool runner_run(const struct runner_request *request, struct runner_outcome *outcome, struct error *err) {
  struct runner r = {.request = request,
                     .session = request->session,
                     .workers = VEC_INIT,
                     .begun_s = clock_monotonic_s(),
                     .lease_s = config_backfill_number(request->session->request->config, "lease", lease_default_s)};
  *outcome = (struct runner_outcome){.end = JOB_GOES_ON};
  if (!lookout_start(r.session, request->definition->throttle_ref, &r.lookout, &r.throttle, err))
    return false;
  init_job(&r);
  estimate_begin(&r, request->row);
  window_init(&r.window, r.begun_s);
  if (!open_control(&r, err)) {
    r.session->conn = r.own_conn;
    lookout_stop(r.lookout);
    job_release(&r.job);
    free(r.id);
    return false;
  }
  r.job.range_rows = range_rows(&r);
  start_listening(&r);
  report(&r, false); /* where it begins */
  bool ok = loop(&r, err);
  stop_listening(&r);
  post_throttle(&r); /* what it waited since the last look */
  control_drain(&r.control);
  if (!r.shares_conn) {
    revive(&r, r.own_conn);
    revive(&r, r.session->conn);
  }
  give_back(&r);
  if (ok && r.job.end == JOB_FAILED) {
    error_copy(err, &r.job.err);
    ok = false;
  }
  ok = ok && settle(&r, outcome, err);
  outcome->end = r.job.end;
  if (ok)
    estimate_settle(&r.estimate, outcome->rows_done - r.rows);
  report(&r, true);
  close_all(&r);
  return ok;
}
