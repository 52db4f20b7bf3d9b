/*
 * control.c - see control.h. One call at a time, first come, first served.
 */
#include "backfill/control.h"

#include "backfill/persist.h"
#include "base/clock.h"
#include "base/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double reopen_every_s = 2, longest_s = 30;

struct control_call {
  const char *sql;
  struct batch_builder params;
  struct statement statement;
  control_rows_fn on_rows;
  void *data;
  bool started;
};

static void handle_cut_off(uv_timer_t *timer) {
  conn_sever(((struct control *)timer->data)->conn);
}

void control_init(struct control *c, struct session *session, struct conn *conn) {
  *c = (struct control){.session = session,
                        .conn = conn,
                        .queue = VEC_INIT,
                        .why = ERROR_INIT,
                        .cut_off_s = fmin(longest_s, persist_seconds(session) / 4)};
  persist_limit_opening(session, conn);
  uv_timer_init(loop_uv(session->loop), &c->cut_off);
  c->cut_off.data = c;
}

static void free_call(void *item) {
  struct control_call *call = item;
  batch_release(&call->params);
  free(call);
}

static void handle_closed(uv_handle_t *handle) {
  ((struct control *)handle->data)->cut_off_closed = true;
}

void control_abandon(struct control *c) {
  if (conn_is_busy(c->conn)) {
    conn_sever(c->conn); /* nobody waits for the answer, and it may never come */
    conn_wait(c->conn);
  }
  uv_timer_stop(&c->cut_off);
  vec_release_with(&c->queue, free_call);
  c->queue = (struct vec)VEC_INIT;
}

double control_silent_for_s(const struct control *c) {
  return conn_busy_for_s(c->conn);
}

void control_release(struct control *c) {
  control_abandon(c);
  uv_close((uv_handle_t *)&c->cut_off, handle_closed);
  while (!c->cut_off_closed)
    loop_run_once(c->session->loop);
  error_release(&c->why);
}

size_t control_backlog(const struct control *c) {
  return c->queue.len;
}

double control_lost_for_s(const struct control *c) {
  return c->lost_s > 0 ? clock_monotonic_s() - c->lost_s : 0;
}

const struct error *control_why(const struct control *c) {
  return &c->why;
}

static void start_cut_off(struct control *c) {
  uv_timer_start(&c->cut_off, handle_cut_off, (uint64_t)(1000 * c->cut_off_s), 1000);
}

void control_hurry(struct control *c, double seconds) {
  c->cut_off_s = fmin(c->cut_off_s, seconds);
  if (conn_is_busy(c->conn))
    start_cut_off(c);
}

static void handle_done(void *data) {
  struct control *c = data;
  uv_timer_stop(&c->cut_off);
  c->called = true;
}

static void start_next(struct control *c) {
  if (!c->queue.len || conn_is_busy(c->conn) || (c->broken && clock_monotonic_s() < c->open_at_s))
    return;
  if (c->broken) {
    c->opening = true;
    conn_start_open(c->conn, &c->session->url, "moonbird:control", handle_done, c);
    return;
  }
  struct control_call *call = c->queue.items[0];
  call->statement = (struct statement){.sql = call->sql, .len = strlen(call->sql), .flags = MOONBIRD_REPEATED};
  if (call->params.column_count)
    call->statement.params = batch_view(&call->params);
  call->started = true;
  start_cut_off(c);
  conn_start_execute(c->conn, &call->statement, call->on_rows ? UINT32_MAX : 0, handle_done, c);
}

/* Opened at once the first time; a server that lets us in and then refuses must not be asked without pause. */
static void note_lost(struct control *c, struct error *err) {
  double now_s = clock_monotonic_s();
  c->broken = true;
  c->open_at_s = c->lost_s > 0 ? now_s + reopen_every_s : now_s;
  if (c->lost_s == 0)
    c->lost_s = now_s;
  error_move(&c->why, err);
}

static void after_opening(struct control *c) {
  struct error err = ERROR_INIT;
  c->opening = false;
  c->broken = !conn_check_open(c->conn, &c->session->url, &err);
  if (c->broken)
    note_lost(c, &err);
  error_release(&err);
}

static void after_call(struct control *c) {
  struct control_call *call = c->queue.items[0];
  const struct outcome *out = conn_outcome(c->conn);
  struct error err = ERROR_INIT;
  bool ok = conn_check(c->conn, call->sql, strlen(call->sql), &err);
  if (!ok && persist_is_lost(&err)) {
    note_lost(c, &err);
    return;
  }
  c->lost_s = 0;
  vec_remove(&c->queue, 0);
  if (!ok)
    log_warn("the state of the backfill cannot be written: %s", err.message);
  else if (call->on_rows && out->result && out->status == MOONBIRD_OK)
    call->on_rows(call->data, &out->batch);
  if (ok)
    conn_discard(c->conn, out->result);
  error_release(&err);
  free_call(call);
}

void control_go_on(struct control *c) {
  if (c->called) {
    c->called = false;
    if (c->opening)
      after_opening(c);
    else
      after_call(c);
  }
  start_next(c);
}

void control_post(struct control *c, const char *name, struct batch_builder *params, control_rows_fn on_rows,
                  void *data) {
  struct control_call *call = xcalloc(1, sizeof(*call));
  *call = (struct control_call){
      .sql = texts_get(&c->session->texts, name), .params = *params, .on_rows = on_rows, .data = data};
  vec_push(&c->queue, call);
}

void control_drain(struct control *c) {
  control_go_on(c);
  while (conn_is_busy(c->conn) || c->called) {
    while (conn_is_busy(c->conn))
      loop_run_once(c->session->loop);
    control_go_on(c);
  }
}
