/*
 * runner.c - see runner.h.
 *
 * Everything happens in turn(): the loop's callbacks only set flags. The first worker has the session's own connection,
 * so that a revision's temporary tables and settings are there for its functions; session->conn is the control
 * connection meanwhile. A database that lets one connection write at a time has one worker, and no further connection.
 */
#include "backfill/runner_parts.h"

#include "backfill/persist.h"
#include "backfill/presence.h"
#include "base/clock.h"
#include "base/log.h"

#include <math.h>
#include <stdlib.h>

void runner_end(struct runner *r, enum job_end why, const char *limit) {
  if (r->job.end != JOB_GOES_ON)
    return;
  r->job.limit = limit;
  job_end(&r->job, why, NULL);
  crew_wake(r);
}

double runner_end_patience_s(const struct runner *r) {
  static const double longest_s = 5;
  return fmin(longest_s, r->job.reconnect_s / 4);
}

double runner_lag_s(const struct runner *r) {
  return r->throttle.lag_s ? r->throttle.lag_s(r->throttle.data) : -1;
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
  runner_report(r, false);
  const struct runner_limits *limits = &r->request->limits;
  if (limits->max_rows > 0 && r->rows >= limits->max_rows)
    runner_end(r, JOB_STOPPED, "--max-rows is reached");
}

/* --- turns --- */

static void go_on_with_control(struct runner *r) {
  if (!r->shares_conn)
    control_go_on(&r->control);
  else if (r->workers.len && worker_is_quiet(crew_at(r, 0)) && !conn_is_busy(r->own_conn))
    control_drain(&r->control);
}

/* One turn: whoever can go on does. */
static bool turn(struct runner *r, struct error *err) {
  upkeep_go_on(r);
  if (r->throttle_text && !job_held(&r->job)) /* the workers would be done before the next look tells of it */
    upkeep_tell_throttle(r);
  go_on_with_control(r);
  for (size_t i = 0; i < r->workers.len; i++)
    worker_go_on(crew_at(r, i));
  if (r->job.end == JOB_FINISHED)
    crew_wake(r);
  return crew_adjust(r, err);
}

/* --- interrupts --- */

/* The first interrupt lets the batches end, the second one ends their statements. */
static void handle_interrupt(void *data, int count) {
  struct runner *r = data;
  if (count - r->interrupts == 1) {
    log_info(runner_is_cut_off(r) ? "stopping, without waiting for the database any longer"
                                  : "stopping after this batch; interrupt again to roll it back");
    runner_end(r, JOB_STOPPED, NULL);
    return;
  }
  for (size_t i = 0; i < r->workers.len; i++)
    if (conn_is_busy(crew_at(r, i)->conn))
      conn_cancel(crew_at(r, i)->conn);
}

static void handle_tick(void *data) {
  runner_report(data, false);
}

/* --- life --- */

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

static void init_job(struct runner *r) {
  const struct runner_request *q = r->request;
  r->id = presence_runner_id();
  r->job = (struct job){.session = q->session,
                        .definition = q->definition,
                        .style = q->session->driver->table.placeholder,
                        .runner = r->id,
                        .fingerprint = q->fingerprint,
                        .exclusive = q->exclusive,
                        .run_seed = q->row->run_seed,
                        .reconnect_s = persist_seconds(q->session),
                        .throttle = r->throttle,
                        .forced_workers = q->limits.workers,
                        .err = ERROR_INIT,
                        .looks = 1000,
                        .data = r,
                        .on_batch = handle_batch};
  job_take_wishes(&r->job, q->row->desired, q->row->overrides, false, NULL);
  if (q->limits.workers && r->job.workers != q->limits.workers)
    log_warn("--workers %d does not count: `backfill set` has workers=%d; `moonbird backfill set %s workers=` takes it "
             "back",
             q->limits.workers, r->job.workers, q->row->name);
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
  upkeep_start(r);
}

static void stop_listening(struct runner *r) {
  upkeep_stop(r);
  session_watch(r->session);
}

/* A connection that was lost while it was idle is noticed only now. A database that is gone is not asked on an old one:
 * it may be one that does not answer. */
static bool revive(struct runner *r, struct conn *conn, struct error *err) {
  if (!r->is_gone && conn_transaction_state(conn) == MOONBIRD_TX_IDLE && conn_script(conn, "SELECT 1", err))
    return true;
  error_clear(err);
  persist_limit_opening(r->session, conn);
  return conn_open(conn, &r->session->url, "moonbird", err);
}

/* A database in a file that nobody else has open was there all the time. */
static bool revive_all(struct runner *r, struct error *err) {
  return r->shares_conn || (revive(r, r->own_conn, err) && revive(r, r->session->conn, err));
}

static void close_all(struct runner *r) {
  struct conn *control = r->session->conn;
  control_release(&r->control);
  r->session->conn = r->own_conn;
  crew_release(r);
  if (control != r->own_conn)
    conn_free(control);
  lookout_stop(r->lookout);
  job_release(&r->job);
  free(r->throttle_text);
  estimate_release(&r->estimate);
  free(r->id);
}

static bool begin_crew(void *data, struct error *err) {
  struct runner *r = data;
  return crew_sweep(r, err) && crew_add(r, err);
}

/* A worker that ends while others go on leaves its range to them. */
static void loop(struct runner *r, struct error *err) {
  if (!persist(r->session, &r->request->limits, begin_crew, r, err) || !crew_adjust(r, err))
    return;
  while (!crew_has_ended(r)) {
    loop_run_once(r->session->loop);
    if (!turn(r, err)) {
      job_end(&r->job, JOB_FAILED, NULL);
      crew_wake(r);
    }
  }
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

/* What a run leaves undone that was told to stop is known from the ranges. An end that others must hear of is written,
 * however long that takes. */
static bool must_be_written(const struct runner *r) {
  return r->job.end == JOB_FINISHED || r->job.pause_reason;
}

/* The rows of this run whose commit was heard of: there may be more. */
static bool leave_unsettled(struct runner *r, struct runner_outcome *outcome, struct error *err) {
  const struct error *why = error_is_set(err) ? err : control_why(&r->control);
  outcome->rows_done = r->estimate.rows_before + r->rows;
  outcome->lost = xstrdup(error_is_set(why) ? why->message : "it does not answer");
  error_clear(err);
  return true;
}

static bool settle(struct runner *r, struct runner_outcome *outcome, struct error *err) {
  struct settling settling = {.runner = r, .outcome = outcome};
  if (must_be_written(r))
    return persist(r->session, &r->request->limits, write_settled, &settling, err);
  return write_settled(&settling, err) || (persist_is_lost(err) && leave_unsettled(r, outcome, err));
}

static bool connect_all(void *data, struct error *err) {
  struct runner *r = data;
  if (!lookout_start(r->session, r->request->definition->throttle_ref, &r->lookout, &r->throttle, err))
    return false;
  if (open_control(r, err))
    return true;
  lookout_stop(r->lookout);
  return false;
}

/* A database that is there, and lets us have no further connection, is not waited for. */
static bool connect_or_wait(struct runner *r, struct error *err) {
  struct error gone = ERROR_INIT;
  if (connect_all(r, err))
    return true;
  if (!persist_is_lost(err) || conn_script(r->session->conn, "SELECT 1", &gone))
    return false;
  error_release(&gone);
  error_clear(err);
  return persist(r->session, &r->request->limits, connect_all, r, err);
}

static bool begin(struct runner *r, struct error *err) {
  if (!connect_or_wait(r, err))
    return false;
  init_job(r);
  estimate_begin(r, r->request->row);
  window_init(&r->window, r->begun_s);
  const struct definition *d = r->job.definition;
  if (!r->shares_conn) /* else nobody can join in, and one range has all */
    r->job.range_rows = size_range(d->sizer.size, d->rows_estimated);
  start_listening(r);
  return true;
}

/* What is to be said of the end, and written where somebody can be reached or must be. */
static bool conclude(struct runner *r, struct runner_outcome *outcome, struct error *err) {
  bool waits = must_be_written(r);
  outcome->end = r->job.end;
  outcome->batch_size = r->workers.len ? crew_at(r, 0)->sizer.size : 0;
  outcome->reason = xstrdup_or_null(r->job.limit ? r->job.limit : r->job.pause_reason);
  struct error why = ERROR_INIT;
  bool is_there = (waits || !r->is_gone) && revive_all(r, &why);
  if (is_there)
    crew_give_back(r);
  bool ok = is_there || waits ? settle(r, outcome, err) : leave_unsettled(r, outcome, &why);
  error_release(&why);
  return ok;
}

static bool wind_up(struct runner *r, struct runner_outcome *outcome, struct error *err) {
  stop_listening(r);
  upkeep_finish(r);
  if (!error_is_set(err) && r->job.end != JOB_FAILED)
    return conclude(r, outcome, err);
  struct error ignored = ERROR_INIT;
  if (revive_all(r, &ignored))
    crew_give_back(r);
  error_release(&ignored);
  outcome->end = r->job.end;
  if (!error_is_set(err))
    error_copy(err, &r->job.err);
  return false;
}

bool runner_run(const struct runner_request *request, struct runner_outcome *outcome, struct error *err) {
  struct runner r = {.request = request,
                     .session = request->session,
                     .workers = VEC_INIT,
                     .begun_s = clock_monotonic_s(),
                     .lease_s = presence_lease_s(request->session)};
  *outcome = (struct runner_outcome){.end = JOB_GOES_ON};
  if (!begin(&r, err))
    return false;
  runner_report(&r, false); /* where it begins */
  loop(&r, err);
  bool ok = wind_up(&r, outcome, err);
  if (ok)
    estimate_settle(&r.estimate, outcome->rows_done - r.rows);
  runner_report(&r, true);
  close_all(&r);
  return ok;
}
