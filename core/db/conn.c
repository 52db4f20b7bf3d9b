/*
 * conn.c - a connection and its thread; see conn.h.
 *
 * The main thread fills `call` and posts `called`; the thread runs the driver's blocking function, sets `is_answered`
 * and wakes the loop by `uv_async`. Between the two only the thread touches `call`, `outcome` and the driver's handle.
 */
#include "db/conn.h"

#include "base/clock.h"
#include "base/vec.h"
#include "db/notice.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { MAX_OPTIONS = 64 };

enum call_kind { CALL_OPEN, CALL_EXECUTE, CALL_EXECUTE_ALL, CALL_FETCH, CALL_LOCK, CALL_UNLOCK, CALL_CLOSE };

struct call {
  enum call_kind kind;
  moonbird_statement statement;
  const struct statement *statements;
  size_t statement_count;
  uint64_t max_rows;
  moonbird_result *result;
  const char *key;
  char *holder;
  size_t holder_size;
  struct vec garbage; /* results to free first */
};

struct conn {
  struct loop *loop;
  const struct driver *driver;
  moonbird_conn *handle;
  uv_thread_t thread;
  uv_sem_t called;
  uv_async_t answered;
  atomic_bool is_answered;
  struct call call;
  struct outcome outcome;
  struct notice_box notices;
  moonbird_option options[MAX_OPTIONS]; /* of the last open; their texts are borrowed for the call */
  uint32_t option_count;

  /* main thread only */
  struct vec garbage; /* for the next call */
  bool busy;
  bool cancelled;
  bool timed_out;
  double started_s;       /* the call in flight */
  char opening_limit[16]; /* seconds, or "" */
  double timeout_s;       /* 0: none */
  uv_timer_t timer;
  bool closed;
  int cancels_running;
  int handles_open;
  conn_done_fn done;
  void *done_data;
};

/* --- the connection's thread --- */

static moonbird_statement driver_statement(const struct statement *s) {
  return (moonbird_statement){.size = sizeof(moonbird_statement),
                              .flags = s->flags,
                              .bind = s->bind,
                              .sql = s->sql,
                              .sql_len = s->len,
                              .params = s->params};
}

static void run_execute(struct conn *conn) {
  const moonbird_driver *d = &conn->driver->table;
  struct call *call = &conn->call;
  struct outcome *out = &conn->outcome;
  out->status = d->execute(conn->handle, &call->statement, &out->result, &out->summary, &out->error);
  if (out->status == MOONBIRD_ERROR || !out->result || !call->max_rows)
    return;
  out->status = d->fetch(out->result, call->max_rows, &out->batch, &out->error);
  if (out->status != MOONBIRD_ERROR)
    return;
  d->result_free(out->result);
  out->result = NULL;
}

static int32_t transaction_state(const struct conn *conn) {
  const moonbird_driver *d = &conn->driver->table;
  return d->transaction_state ? d->transaction_state(conn->handle) : MOONBIRD_TX_UNKNOWN;
}

static void run_execute_all(struct conn *conn) {
  const moonbird_driver *d = &conn->driver->table;
  const struct call *call = &conn->call;
  struct outcome *out = &conn->outcome;
  int32_t state = transaction_state(conn);
  do {
    moonbird_statement statement = driver_statement(&call->statements[out->executed]);
    out->status = d->execute(conn->handle, &statement, &out->result, &out->summary, &out->error);
    if (out->status == MOONBIRD_ERROR)
      return;
    d->result_free(out->result);
    out->result = NULL;
    out->executed++;
  } while (out->executed < call->statement_count && transaction_state(conn) == state);
}

static void run_lock(struct conn *conn) {
  const moonbird_driver *d = &conn->driver->table;
  struct call *call = &conn->call;
  conn->outcome.status =
      d->lock(conn->handle, call->key, call->holder, (uint32_t)call->holder_size, &conn->outcome.error);
}

/* It could not be opened again after it was lost. */
static void refuse_call(struct outcome *out) {
  out->status = MOONBIRD_ERROR;
  out->error.retry = MOONBIRD_RETRY_CONNECTION;
  memcpy(out->error.sqlstate, "08003", sizeof("08003"));
  snprintf(out->error.message, sizeof(out->error.message), "the connection to the database was lost");
}

static void run_call(struct conn *conn) {
  const moonbird_driver *d = &conn->driver->table;
  struct call *call = &conn->call;
  struct outcome *out = &conn->outcome;
  if (!conn->handle && call->kind != CALL_OPEN && call->kind != CALL_CLOSE) {
    refuse_call(out);
    return;
  }
  switch (call->kind) {
  case CALL_OPEN:
    d->close(conn->handle);
    conn->handle = NULL;
    out->status = d->open(conn->options, conn->option_count, &conn->notices, &conn->handle, &out->error);
    return;
  case CALL_EXECUTE:
    run_execute(conn);
    return;
  case CALL_EXECUTE_ALL:
    run_execute_all(conn);
    return;
  case CALL_FETCH:
    out->status = d->fetch(call->result, call->max_rows, &out->batch, &out->error);
    return;
  case CALL_LOCK:
    run_lock(conn);
    return;
  case CALL_UNLOCK:
    d->unlock(conn->handle, call->key);
    return;
  case CALL_CLOSE:
    d->close(conn->handle);
    conn->handle = NULL;
    return;
  }
}

static void run_thread(void *data) {
  struct conn *conn = data;
  for (bool open = true; open;) {
    uv_sem_wait(&conn->called);
    struct vec *garbage = &conn->call.garbage;
    for (size_t i = 0; i < garbage->len; i++)
      conn->driver->table.result_free(garbage->items[i]);
    vec_release(garbage);
    open = conn->call.kind != CALL_CLOSE;
    run_call(conn);
    atomic_store(&conn->is_answered, true);
    uv_async_send(&conn->answered);
  }
}

/* --- main thread --- */

static void handle_answer(uv_async_t *async) {
  struct conn *conn = async->data;
  if (!atomic_exchange(&conn->is_answered, false))
    return;
  conn->busy = false;
  uv_timer_stop(&conn->timer);
  uv_unref((uv_handle_t *)&conn->answered);
  notice_box_flush(&conn->notices);
  conn_done_fn done = conn->done;
  conn->done = NULL;
  if (done)
    done(conn->done_data);
}

static void start_cancel(struct conn *conn);

static void handle_timeout(uv_timer_t *timer) {
  struct conn *conn = timer->data;
  conn->timed_out = true;
  start_cancel(conn);
}

/* Signals are for the main thread: their handler touches Lua. New threads inherit the mask. */
static void block_signals(sigset_t *before) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, before);
}

static void restore_signals(const sigset_t *before) {
  pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void start(struct conn *conn, struct call call, conn_done_fn done, void *data) {
  if (conn->busy)
    BUG("a second call on a connection that is busy");
  /* A cancel that is still on its way would end this call instead of the one that it was meant for. */
  while (conn->cancels_running)
    loop_run_once(conn->loop);
  conn->busy = true;
  conn->started_s = clock_monotonic_s();
  uv_ref((uv_handle_t *)&conn->answered); /* so that the loop has something to wait for */
  conn->cancelled = conn->timed_out = false;
  if (conn->timeout_s > 0)
    uv_timer_start(&conn->timer, handle_timeout, (uint64_t)(conn->timeout_s * 1000), 0);
  conn->done = done;
  conn->done_data = data;
  conn->call = call;
  conn->call.garbage = conn->garbage;
  conn->garbage = (struct vec)VEC_INIT;
  conn->outcome = (struct outcome){
      .summary = {.size = sizeof(moonbird_summary), .rows_affected = -1},
      .batch = {.size = sizeof(moonbird_batch)},
      .error = {.size = sizeof(moonbird_error), .position = -1},
  };
  uv_sem_post(&conn->called);
}

static void start_and_wait(struct conn *conn, struct call call) {
  start(conn, call, NULL, NULL);
  conn_wait(conn);
}

struct conn *conn_new(struct loop *loop, const struct driver *driver) {
  struct conn *conn = xcalloc(1, sizeof(*conn));
  conn->loop = loop;
  conn->driver = driver;
  notice_box_init(&conn->notices);
  if (uv_sem_init(&conn->called, 0) != 0)
    BUG("cannot make a semaphore");
  if (uv_async_init(loop_uv(loop), &conn->answered, handle_answer) != 0)
    BUG("cannot watch a connection");
  uv_timer_init(loop_uv(loop), &conn->timer);
  conn->answered.data = conn->timer.data = conn;
  conn->handles_open = 2;
  uv_unref((uv_handle_t *)&conn->answered);
  sigset_t before;
  block_signals(&before);
  if (uv_thread_create(&conn->thread, run_thread, conn) != 0)
    BUG("cannot start a connection's thread");
  restore_signals(&before);
  return conn;
}

static void handle_closed(uv_handle_t *handle) {
  ((struct conn *)handle->data)->handles_open--;
}

void conn_free(struct conn *conn) {
  if (!conn)
    return;
  bool is_unheard = conn->busy && !conn->done && conn->call.kind == CALL_EXECUTE;
  conn_wait(conn);
  if (is_unheard)
    conn_discard(conn, conn->outcome.result);
  while (conn->cancels_running)
    loop_run_once(conn->loop);
  conn->closed = true;
  conn->timeout_s = 0;
  start_and_wait(conn, (struct call){.kind = CALL_CLOSE});
  uv_thread_join(&conn->thread);
  uv_close((uv_handle_t *)&conn->answered, handle_closed);
  uv_close((uv_handle_t *)&conn->timer, handle_closed);
  while (conn->handles_open)
    loop_run_once(conn->loop);
  uv_sem_destroy(&conn->called);
  vec_release(&conn->garbage);
  notice_box_release(&conn->notices);
  free(conn);
}

const struct driver *conn_driver(const struct conn *conn) {
  return conn->driver;
}

struct loop *conn_loop(const struct conn *conn) {
  return conn->loop;
}

bool conn_is_busy(const struct conn *conn) {
  return conn->busy;
}

double conn_busy_for_s(const struct conn *conn) {
  return conn->busy ? clock_monotonic_s() - conn->started_s : 0;
}

const struct outcome *conn_outcome(const struct conn *conn) {
  return &conn->outcome;
}

void conn_put_outcome(struct conn *conn, const struct outcome *outcome) {
  if (conn->busy)
    BUG("an outcome for a connection that is at work");
  conn->outcome = *outcome;
}

/* The async handle is not counted while nothing is awaited, so the loop needs it referenced here to have something to
 * wait for. */
void conn_wait(struct conn *conn) {
  uv_ref((uv_handle_t *)&conn->answered);
  while (conn->busy)
    loop_run_once(conn->loop);
  uv_unref((uv_handle_t *)&conn->answered);
}

void conn_start_execute(struct conn *conn, const struct statement *statement, uint64_t first_rows, conn_done_fn done,
                        void *data) {
  start(conn, (struct call){.kind = CALL_EXECUTE, .statement = driver_statement(statement), .max_rows = first_rows},
        done, data);
}

void conn_start_execute_all(struct conn *conn, const struct statement *statements, size_t count, conn_done_fn done,
                            void *data) {
  size_t at_once = conn->timeout_s > 0 && count > 1 ? 1 : count;
  start(conn, (struct call){.kind = CALL_EXECUTE_ALL, .statements = statements, .statement_count = at_once}, done,
        data);
}

void conn_start_fetch(struct conn *conn, moonbird_result *result, uint64_t max_rows, conn_done_fn done, void *data) {
  start(conn, (struct call){.kind = CALL_FETCH, .result = result, .max_rows = max_rows}, done, data);
}

void conn_discard(struct conn *conn, moonbird_result *result) {
  if (result)
    vec_push(&conn->garbage, result);
}

/* --- errors --- */

static void error_from_driver(struct error *err, enum error_class class, const moonbird_error *from) {
  error_set(err, class, "%s", from->message[0] ? from->message : "the driver gave no reason");
  memcpy(err->sqlstate, from->sqlstate, sizeof(err->sqlstate));
  err->sqlstate[sizeof(err->sqlstate) - 1] = '\0';
  err->retry = (enum error_retry)from->retry;
  err->position = from->position;
  if (from->detail[0])
    error_detail(err, "%s", from->detail);
  if (from->hint[0])
    error_hint(err, "%s", from->hint);
}

bool conn_check(struct conn *conn, const char *sql, size_t len, struct error *err) {
  if (conn->outcome.status != MOONBIRD_ERROR)
    return true;
  const moonbird_error *from = &conn->outcome.error;
  bool interrupted = conn->cancelled && strcmp(from->sqlstate, "57014") == 0;
  error_from_driver(err, interrupted ? ERROR_INTERRUPTED : ERROR_FAILED, from);
  if (conn->timed_out && !interrupted && strcmp(from->sqlstate, "57014") == 0) {
    error_prefix(err, "the statement took longer than statement_timeout (%g s): ", conn->timeout_s);
    error_hint(err, "raise statement_timeout, or do the work in a backfill");
  }
  if (sql)
    error_statement(err, sql, len);
  return false;
}

/* --- cancel --- */

/* PQcancel and the like connect to the server, so they run on a thread of libuv's pool. */
static void run_cancel(uv_work_t *work) {
  struct conn *conn = work->data;
  conn->driver->table.cancel(conn->handle);
}

static void after_cancel(uv_work_t *work, int status) {
  (void)status;
  struct conn *conn = work->data;
  conn->cancels_running--;
  free(work);
}

static void start_cancel(struct conn *conn) {
  bool may_cancel = conn->busy && !conn->closed && conn->call.kind != CALL_OPEN;
  if (!may_cancel || !conn->handle || !conn->driver->table.cancel)
    return;
  uv_work_t *work = xcalloc(1, sizeof(*work));
  work->data = conn;
  conn->cancels_running++;
  sigset_t before;
  block_signals(&before); /* the first work starts libuv's threads */
  if (uv_queue_work(loop_uv(conn->loop), work, run_cancel, after_cancel) != 0) {
    conn->cancels_running--;
    free(work);
  }
  restore_signals(&before);
}

void conn_cancel(struct conn *conn) {
  conn->cancelled = conn->busy;
  start_cancel(conn);
}

void conn_sever(struct conn *conn) {
  bool may_sever = conn->busy && !conn->closed && conn->call.kind != CALL_OPEN && conn->call.kind != CALL_CLOSE;
  if (may_sever && conn->handle && conn->driver->table.sever)
    conn->driver->table.sever(conn->handle);
}

void conn_set_timeout(struct conn *conn, double seconds) {
  conn->timeout_s = seconds > 0 ? seconds : 0;
}

void conn_on_done(struct conn *conn, conn_done_fn done, void *data) {
  if (!conn->busy)
    BUG("no call is in flight");
  conn->done = done;
  conn->done_data = data;
}

/* --- opening --- */

void conn_limit_opening(struct conn *conn, int seconds) {
  snprintf(conn->opening_limit, sizeof(conn->opening_limit), "%d", seconds);
}

static void add_option(struct conn *conn, const char *key, const char *value) {
  if (value && conn->option_count < MAX_OPTIONS)
    conn->options[conn->option_count++] = (moonbird_option){.key = key, .value = value};
}

static void set_options(struct conn *conn, const struct url *url, const char *application_name) {
  conn->option_count = 0;
  add_option(conn, "scheme", url->scheme);
  add_option(conn, "user", url->user);
  add_option(conn, "password", url->password);
  add_option(conn, "host", url->host);
  add_option(conn, "port", url->port);
  add_option(conn, "database", url->database);
  for (size_t i = 0; i < url->keys.len; i++)
    add_option(conn, strvec_at(&url->keys, i), strvec_at(&url->values, i));
  if (!strvec_contains(&url->keys, "application_name"))
    add_option(conn, "application_name", application_name);
  if (conn->opening_limit[0] && !strvec_contains(&url->keys, "connect_timeout"))
    add_option(conn, "connect_timeout", conn->opening_limit);
}

void conn_start_open(struct conn *conn, const struct url *url, const char *application_name, conn_done_fn done,
                     void *data) {
  set_options(conn, url, application_name);
  start(conn, (struct call){.kind = CALL_OPEN}, done, data);
}

bool conn_check_open(struct conn *conn, const struct url *url, struct error *err) {
  if (conn->outcome.status != MOONBIRD_ERROR)
    return true;
  error_from_driver(err, ERROR_CONNECT, &conn->outcome.error);
  char *shown = url_redacted(url);
  error_prefix(err, "Can't connect to database %s: ", shown);
  free(shown);
  return false;
}

bool conn_open(struct conn *conn, const struct url *url, const char *application_name, struct error *err) {
  conn_start_open(conn, url, application_name, NULL, NULL);
  conn_wait(conn);
  return conn_check_open(conn, url, err);
}

/* --- plain calls --- */

bool conn_execute(struct conn *conn, const struct statement *statement, int64_t *affected, struct error *err) {
  start_and_wait(conn, (struct call){.kind = CALL_EXECUTE, .statement = driver_statement(statement)});
  if (!conn_check(conn, statement->sql, statement->len, err))
    return false;
  conn_discard(conn, conn->outcome.result);
  if (affected)
    *affected = conn->outcome.summary.rows_affected;
  return true;
}

bool conn_script(struct conn *conn, const char *sql, struct error *err) {
  struct statement statement = {.sql = sql, .len = strlen(sql), .flags = MOONBIRD_SCRIPT};
  return conn_execute(conn, &statement, NULL, err);
}

static void copy_value(struct arena *arena, struct value *to, struct value from) {
  *to = from;
  if (from.type == MOONBIRD_TYPE_TEXT || from.type == MOONBIRD_TYPE_BYTES)
    to->bytes = arena_strndup(arena, from.bytes, from.len);
}

/* Appends the rows of a batch; `room` is the space in `rows->rows`. */
static void copy_batch(struct rowset *rows, const moonbird_batch *batch, size_t *room) {
  if (!rows->names) {
    rows->column_count = batch->column_count;
    rows->names = arena_alloc(&rows->arena, batch->column_count * sizeof(*rows->names));
    for (uint32_t c = 0; c < batch->column_count; c++)
      rows->names[c] = arena_strdup(&rows->arena, batch->columns[c].name ? batch->columns[c].name : "");
  }
  rows->rows = xgrow(rows->rows, room, rows->row_count + batch->row_count, sizeof(*rows->rows));
  for (uint64_t r = 0; r < batch->row_count; r++) {
    struct value *cells = arena_alloc(&rows->arena, batch->column_count * sizeof(*cells));
    for (uint32_t c = 0; c < batch->column_count; c++)
      copy_value(&rows->arena, &cells[c], batch_value(&batch->columns[c], r));
    rows->rows[rows->row_count++] = cells;
  }
}

bool conn_query(struct conn *conn, const struct statement *statement, struct rowset *rows, struct error *err) {
  enum { ROWS_AT_ONCE = 1000 };
  struct rowset got = ROWSET_INIT;
  size_t room = 0;
  start_and_wait(
      conn, (struct call){.kind = CALL_EXECUTE, .statement = driver_statement(statement), .max_rows = ROWS_AT_ONCE});
  moonbird_result *result = conn->outcome.result;
  while (conn->outcome.status == MOONBIRD_OK && result) {
    copy_batch(&got, &conn->outcome.batch, &room);
    start_and_wait(conn, (struct call){.kind = CALL_FETCH, .result = result, .max_rows = ROWS_AT_ONCE});
  }
  bool ok = conn_check(conn, statement->sql, statement->len, err);
  conn_discard(conn, result);
  if (!ok) {
    rowset_release(&got);
    return false;
  }
  *rows = got;
  return true;
}

void rowset_release(struct rowset *rows) {
  arena_release(&rows->arena);
  free(rows->rows);
  *rows = (struct rowset)ROWSET_INIT;
}

const char *rowset_text(const struct rowset *rows, size_t row, uint32_t column) {
  const struct value *v = &rows->rows[row][column];
  return v->type == MOONBIRD_TYPE_TEXT || v->type == MOONBIRD_TYPE_BYTES ? v->bytes : NULL;
}

int64_t rowset_int(const struct rowset *rows, size_t row, uint32_t column) {
  const struct value *v = &rows->rows[row][column];
  return v->type == MOONBIRD_TYPE_INT64 ? v->integer : v->type == MOONBIRD_TYPE_BOOL ? v->boolean : 0;
}

bool rowset_is_null(const struct rowset *rows, size_t row, uint32_t column) {
  return rows->rows[row][column].type == MOONBIRD_TYPE_NONE;
}

bool conn_try_lock(struct conn *conn, const char *key, bool *busy, char *holder, size_t holder_size,
                   struct error *err) {
  if (!conn->driver->table.lock)
    return error_set(err, ERROR_LOCK, "the driver %s cannot lock, so no command that writes can run safely",
                     conn->driver->table.name);
  holder[0] = '\0';
  start_and_wait(conn, (struct call){.kind = CALL_LOCK, .key = key, .holder = holder, .holder_size = holder_size});
  if (!conn_check(conn, NULL, 0, err))
    return false;
  *busy = conn->outcome.status == MOONBIRD_BUSY;
  return true;
}

void conn_unlock(struct conn *conn, const char *key) {
  if (conn->driver->table.unlock)
    start_and_wait(conn, (struct call){.kind = CALL_UNLOCK, .key = key});
}

int conn_transaction_state(struct conn *conn) {
  if (conn->busy)
    BUG("transaction state asked of a busy connection");
  if (!conn->handle)
    return MOONBIRD_TX_UNKNOWN;
  if (!conn->driver->table.transaction_state)
    return MOONBIRD_TX_UNKNOWN;
  return conn->driver->table.transaction_state(conn->handle);
}

bool conn_keeps_session(struct conn *conn) {
  if (conn->busy)
    BUG("a busy connection is asked for its session");
  return !conn->handle || !conn->driver->table.keeps_session || conn->driver->table.keeps_session(conn->handle) != 0;
}

const char *conn_server_version(struct conn *conn) {
  if (conn->busy || !conn->handle || !conn->driver->table.server_version)
    return NULL;
  return conn->driver->table.server_version(conn->handle);
}
