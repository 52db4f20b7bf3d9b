/*
 * worker.c - life of a worker, and what follows what; see worker.h and BACKFILL.md, section 4.
 *
 *   state          call                            then
 *   SEEK           BEGIN; SET LOCAL ...            NEXT
 *   NEXT           a free range, SKIP LOCKED       TAKE, or FRONTIER where none is free
 *   TAKE           worker, epoch + 1               SEEK_COMMIT
 *   FRONTIER       the backfill's row FOR UPDATE   PLAN, or LEFT when all is planned
 *   PLAN           key of the n-th row             INSERT
 *   INSERT         the new range, ours             MOVE_FRONTIER, SEEK_COMMIT
 *   LEFT           one that is not done            ROLLBACK: PAUSE and SEEK, or ENDED (nothing is left)
 *   SEEK_COMMIT    COMMIT                          BEGIN
 *
 *   BEGIN          BEGIN; SET LOCAL ...            CLAIM
 *   CLAIM          own range FOR UPDATE            HOP (set, batch, bounded) or PAGE; gone: ROLLBACK, SEEK
 *   HOP            key of the n-th row             UPDATE (set), COUNT or FUNCTION (batch), PAGE, ANNOUNCE
 *   ANNOUNCE       the batch's end                 ANNOUNCE_COMMIT, BEGIN
 *   PAGE           SELECT rows, locked or not      WRITE, or CHECKPOINT when there is nothing to write
 *   WRITE          one statement for many rows     WRITE while chunks are left, MORE, CHECKPOINT; ROLLBACK and BEGIN
 *                                                  when a row that was not locked has been changed meanwhile
 *   MORE           fetch                           as after PAGE
 *   COUNT          rows of the last batch          FUNCTION
 *   FUNCTION       the script's own statements     CHECKPOINT; ROLLBACK and BEGIN with as many rows as fit; or
 * ANNOUNCE, where the rows are only read to see how many fit UPDATE         one UPDATE                      CHECKPOINT
 *   BAD_..., MENDED, SYNC   before CHECKPOINT, where there is something to put aside or a range ends
 *   CHECKPOINT     cursor, rows, state             COMMIT
 *   COMMIT         COMMIT                          BEGIN, SEEK, PAUSE, HELD, ENDED
 *
 *   ROLLBACK       ROLLBACK                        what recover.c decides
 *   CONNECT        opens anew                      BEGIN, SEEK, PAUSE
 *   PAUSE          timer                           what was said
 *   HELD           timer                           BEGIN, SEEK, HELD
 *
 * Every error goes to recover_from.
 */
#include "backfill/worker.h"

#include "backfill/worker_states.h"
#include "base/clock.h"
#include "lua/connection.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_MS = 250 };

/* --- life --- */

/* The beginning of a batch, with the worker's id where the database wants it. What could end a string there, as the
 * name of a strange host might, becomes a line. */
static char *begin_as(const char *begin, const char *id) {
  static const char word[] = "{worker}";
  const char *at = strstr(begin, word);
  if (!at)
    return xstrdup(begin);
  char *text = xasprintf("%.*s%s%s", (int)(at - begin), begin, id, at + strlen(word));
  char *end = text + (at - begin) + strlen(id);
  for (char *c = text + (at - begin); c < end; c++)
    if (*c == '\'' || *c == '\\')
      *c = '_';
  return text;
}

void worker_init(struct worker *w, struct job *job, struct conn *conn, int number) {
  *w = (struct worker){.job = job,
                       .conn = conn,
                       .number = number,
                       .id = xasprintf("%s/%d", job->runner, number + 1),
                       .sizer = job->definition->sizer,
                       .row_lock = ROW_LOCK_INIT,
                       .stood_back_s = clock_monotonic_s(),
                       .condemned_for = ERROR_INIT,
                       .err = ERROR_INIT,
                       .bad = VEC_INIT};
  w->begin = begin_as(job->definition->begin, w->id);
  batch_init(&w->params, 0);
  uv_timer_init(loop_uv(job->session->loop), &w->timer);
  w->timer.data = w;
  lua_State *L = job->session->host->L;
  connection_push(L, conn);
  w->connection_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void handle_timer_closed(uv_handle_t *handle) {
  ((struct worker *)handle->data)->timer_closed = true;
}

/* A script that kept the connection of its batch must not reach it any more. */
static void close_connection(struct worker *w) {
  lua_State *L = w->job->session->host->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, w->connection_ref);
  connection_close(L, lua_gettop(L));
  lua_pop(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, w->connection_ref);
}

void worker_release(struct worker *w) {
  struct host *host = w->job->session->host;
  uv_close((uv_handle_t *)&w->timer, handle_timer_closed);
  while (!w->timer_closed)
    loop_run_once(w->job->session->loop);
  host_task_release(host, &w->task);
  close_connection(w);
  chunk_release(&w->chunks[0], host->L);
  chunk_release(&w->chunks[1], host->L);
  conn_discard(w->conn, w->result);
  batch_release(&w->params);
  vec_release_with(&w->bad, bad_row_free);
  range_release(&w->range);
  error_release(&w->condemned_for);
  error_release(&w->err);
  free(w->condemned);
  free(w->waits_for);
  free(w->end_key);
  free(w->read_key);
  free(w->begin);
  free(w->id);
}

void worker_start(struct worker *w) {
  worker_next_batch(w);
}

bool worker_is_quiet(const struct worker *w) {
  return w->state == WORKER_IDLE || w->state == WORKER_PAUSE || w->state == WORKER_HELD || w->state == WORKER_ENDED;
}

void worker_drop_range(struct worker *w) {
  range_release(&w->range);
  w->has_range = false;
  w->narrow = 0;
}

void worker_set_connection(struct worker *w, bool own) {
  lua_State *L = w->job->session->host->L;
  struct error err = ERROR_INIT;
  if (!host_require(w->job->session->host, "host", &err))
    BUG("moonbird.host is gone: %s", err.message);
  if (own)
    lua_rawgeti(L, LUA_REGISTRYINDEX, w->connection_ref);
  else
    session_push_connection(w->job->session);
  lua_setfield(L, -2, "connection");
  lua_pop(L, 1);
}

/* --- calls --- */

void worker_call(void *data) {
  ((struct worker *)data)->called = true;
}

static void handle_timer(uv_timer_t *timer) {
  struct worker *w = timer->data;
  if (w->state != WORKER_PAUSE && w->state != WORKER_HELD)
    BUG("a pause of worker %d ends in state %d", w->number, (int)w->state);
  worker_call(w);
}

void worker_execute(struct worker *w, const char *sql, uint32_t flags, uint64_t first_rows) {
  w->statement = (struct statement){.sql = sql, .len = strlen(sql), .flags = flags};
  if (!(flags & MOONBIRD_SCRIPT) && w->params.column_count)
    w->statement.params = batch_view(&w->params);
  w->statement_begun_s = clock_monotonic_s();
  conn_start_execute(w->conn, &w->statement, first_rows, worker_call, w);
}

void worker_execute_named(struct worker *w, const char *name, uint64_t first_rows) {
  worker_execute(w, texts_get(&w->job->session->texts, name), MOONBIRD_REPEATED, first_rows);
}

void worker_new_params(struct worker *w, uint32_t count) {
  batch_release(&w->params);
  batch_init(&w->params, count);
}

uint32_t worker_key_len(const struct worker *w) {
  return (uint32_t)w->job->definition->key.len;
}

bool worker_has_row(const struct worker *w) {
  const struct outcome *out = conn_outcome(w->conn);
  return out->result && out->status == MOONBIRD_OK && out->batch.row_count > 0;
}

char *worker_text_at(const struct worker *w, uint32_t column) {
  struct value v = batch_value(&conn_outcome(w->conn)->batch.columns[column], 0);
  bool is_text = v.type == MOONBIRD_TYPE_TEXT || v.type == MOONBIRD_TYPE_BYTES;
  return is_text ? xstrndup(v.bytes, v.len) : NULL;
}

int64_t worker_int_at(const struct worker *w, uint32_t column) {
  struct value v = batch_value(&conn_outcome(w->conn)->batch.columns[column], 0);
  return v.type == MOONBIRD_TYPE_INT64 ? v.integer : v.type == MOONBIRD_TYPE_BOOL ? v.boolean : 0;
}

void worker_discard(struct worker *w) {
  conn_discard(w->conn, conn_outcome(w->conn)->result);
}

void worker_take_wishes(struct worker *w, uint32_t column) {
  char *desired = worker_text_at(w, column), *overrides = worker_text_at(w, column + 1);
  char *fingerprint = worker_text_at(w, column + 3);
  job_take_wishes(w->job, desired, overrides, worker_int_at(w, column + 2) != 0, fingerprint);
  free(desired);
  free(overrides);
  free(fingerprint);
}

/* --- pauses --- */

void worker_pause(struct worker *w, double seconds, enum worker_state then) {
  w->state = WORKER_PAUSE;
  w->then = then;
  uv_timer_start(&w->timer, handle_timer, (uint64_t)(seconds * 1000), 0);
}

void worker_wake(struct worker *w) {
  if (w->state == WORKER_PAUSE || w->state == WORKER_HELD)
    uv_timer_start(&w->timer, handle_timer, 0, 0);
}

void worker_next_batch(struct worker *w) {
  struct job *job = w->job;
  if (job->end != JOB_GOES_ON || w->number >= job->workers) {
    worker_enter(w, WORKER_ENDED);
    return;
  }
  w->held_for = job_held(job);
  if (w->held_for) {
    w->state = WORKER_HELD;
    uv_timer_start(&w->timer, handle_timer, HELD_MS, 0);
    return;
  }
  worker_enter(w, w->has_range ? WORKER_BEGIN : WORKER_SEEK);
}

static void after_pause(struct worker *w) {
  bool is_new = w->then == WORKER_BEGIN || w->then == WORKER_SEEK;
  if (w->job->end != JOB_GOES_ON)
    worker_enter(w, WORKER_ENDED);
  else if (is_new)
    worker_next_batch(w);
  else
    worker_enter(w, w->then);
}

/* --- states --- */

void worker_enter(struct worker *w, enum worker_state state) {
  w->state = state;
  if (state == WORKER_ENDED || state == WORKER_IDLE)
    return;
  if (state == WORKER_ROLLBACK)
    worker_execute(w, "ROLLBACK", MOONBIRD_SCRIPT, 0);
  else if (state == WORKER_CONNECT)
    recover_connect(w);
  else if (state < WORKER_BEGIN)
    seek_enter(w);
  else if (state < WORKER_ROLLBACK)
    attempt_enter(w);
  else
    BUG("a worker cannot enter state %d", (int)state);
}

/* The answer of a call is there. What went wrong before a ROLLBACK is what counts, and a task sees its own errors. */
static bool check_answer(struct worker *w) {
  struct error err = ERROR_INIT;
  if (w->state == WORKER_ROLLBACK || w->state == WORKER_FUNCTION || w->state == WORKER_CONNECT)
    return true;
  if (conn_check(w->conn, w->statement.sql, w->statement.len, &err))
    return true;
  error_move(&w->err, &err);
  w->fill_failed = false;
  return false;
}

void worker_go_on(struct worker *w) {
  if (!w->called)
    return;
  w->called = false;
  uv_timer_stop(&w->timer); /* set again when a pause was over as worker_wake ended it */
  if (w->state == WORKER_PAUSE)
    after_pause(w);
  else if (w->state == WORKER_HELD)
    worker_next_batch(w);
  else if (!check_answer(w))
    recover_from(w);
  else if (w->state == WORKER_ROLLBACK)
    recover_after_rollback(w);
  else if (w->state == WORKER_CONNECT)
    recover_after_connect(w);
  else if (w->state < WORKER_BEGIN)
    seek_go_on(w);
  else
    attempt_go_on(w);
}
