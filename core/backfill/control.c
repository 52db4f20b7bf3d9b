/*
 * control.c - see control.h. One call at a time, first come, first served.
 */
#include "backfill/control.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static const double reopen_every_s = 2;

struct control_call {
  const char *sql;
  struct batch_builder params;
  struct statement statement;
  control_rows_fn on_rows;
  void *data;
  bool started;
};

void control_init(struct control *c, struct session *session, struct conn *conn) {
  *c = (struct control){.session = session, .conn = conn, .queue = VEC_INIT};
}

static void free_call(void *item) {
  struct control_call *call = item;
  batch_release(&call->params);
  free(call);
}

void control_release(struct control *c) {
  if (conn_is_busy(c->conn)) {
    conn_cancel(c->conn);
    conn_wait(c->conn);
  }
  vec_release_with(&c->queue, free_call);
}

size_t control_backlog(const struct control *c) {
  return c->queue.len;
}

static void handle_done(void *data) {
  ((struct control *)data)->called = true;
}

static void start_next(struct control *c) {
  if (!c->queue.len || conn_is_busy(c->conn))
    return;
  if (c->broken_s > 0) {
    if (clock_monotonic_s() - c->broken_s < reopen_every_s)
      return;
    c->opening = true;
    conn_start_open(c->conn, &c->session->url, "moonbird:control", handle_done, c);
    return;
  }
  struct control_call *call = c->queue.items[0];
  call->statement = (struct statement){.sql = call->sql, .len = strlen(call->sql), .flags = MOONBIRD_REPEATED};
  if (call->params.column_count)
    call->statement.params = batch_view(&call->params);
  call->started = true;
  conn_start_execute(c->conn, &call->statement, call->on_rows ? UINT32_MAX : 0, handle_done, c);
}

static void after_opening(struct control *c) {
  struct error err = ERROR_INIT;
  c->opening = false;
  c->broken_s = conn_check_open(c->conn, &c->session->url, &err) ? 0 : clock_monotonic_s();
  error_release(&err);
}

static void after_call(struct control *c) {
  struct control_call *call = c->queue.items[0];
  const struct outcome *out = conn_outcome(c->conn);
  struct error err = ERROR_INIT;
  bool ok = conn_check(c->conn, call->sql, strlen(call->sql), &err);
  if (!ok && err.retry == RETRY_CONNECTION) {
    c->broken_s = clock_monotonic_s() - reopen_every_s; /* at once, the first time */
    error_release(&err);
    return;
  }
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
