/*
 * worker.c - the batch loop; see worker.h and BACKFILL.md, section 4.
 *
 *   state        call                            then
 *   BEGIN        BEGIN; SET LOCAL ...            CLAIM
 *   CLAIM        SELECT own range FOR UPDATE     HOP (set, batch, filtered) or PAGE
 *   HOP          key of the n-th row             UPDATE (set), COUNT or FUNCTION (batch), PAGE (filtered)
 *   PAGE         SELECT rows FOR NO KEY UPDATE   WRITE, or CHECKPOINT when there is nothing to write
 *   WRITE        one statement for many rows     WRITE while chunks are left, MORE, CHECKPOINT
 *   MORE         fetch                           as after PAGE
 *   COUNT        rows of the last batch          FUNCTION
 *   FUNCTION     none: worker_call_function      SYNC, CHECKPOINT
 *   UPDATE       one UPDATE                      CHECKPOINT
 *   SYNC         SET LOCAL ... (range ends)      CHECKPOINT
 *   CHECKPOINT   cursor, rows, state             COMMIT
 *   COMMIT       COMMIT                          PAUSE, BEGIN, ENDED
 *   ROLLBACK     ROLLBACK                        PAUSE (to repeat), ENDED
 *   PAUSE        timer                           BEGIN
 *
 * Every error goes to fail(), which decides between ROLLBACK-and-repeat and ROLLBACK-and-end. An error of the data
 * (SQLSTATE classes 22 and 23) is narrowed down: the batch is repeated with fewer and fewer rows, until it is one,
 * whose key the message names.
 */
#include "backfill/worker.h"

#include "backfill/key.h"
#include "base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 1000, MOST_ATTEMPTS = 8, FIRST_RETRY_MS = 250, LAST_RETRY_MS = 30000 };

static void enter(struct worker *w, enum worker_state state);
static void fail(struct worker *w);

/* --- life
 * --------------------------------------------------------------------------------------------------------------------
 */

void worker_init(struct worker *w, struct session *session, struct conn *conn, const struct definition *definition,
                 struct range *range) {
  *w = (struct worker){.session = session,
                       .conn = conn,
                       .definition = definition,
                       .style = session->driver->table.placeholder,
                       .range = range,
                       .sizer = definition->sizer,
                       .err = ERROR_INIT};
  batch_init(&w->params, 0);
  uv_timer_init(loop_uv(session->loop), &w->timer);
  w->timer.data = w;
}

static void handle_timer_closed(uv_handle_t *handle) {
  ((struct worker *)handle->data)->timer_closed = true;
}

void worker_release(struct worker *w) {
  uv_close((uv_handle_t *)&w->timer, handle_timer_closed);
  while (!w->timer_closed)
    loop_run_once(w->session->loop);
  chunk_release(&w->chunks[0], w->session->host->L);
  chunk_release(&w->chunks[1], w->session->host->L);
  conn_discard(w->conn, w->result);
  batch_release(&w->params);
  error_release(&w->err);
  free(w->end_key);
  w->state = WORKER_IDLE;
}

void worker_start(struct worker *w) {
  enter(w, WORKER_BEGIN);
}

void worker_stop(struct worker *w) {
  w->stop = true;
  if (w->state == WORKER_PAUSE)
    uv_timer_start(&w->timer, w->timer.timer_cb, 0, 0);
}

/* --- statements --- */

static void handle_done(void *data);

static void execute(struct worker *w, const char *sql, uint32_t flags, uint64_t first_rows) {
  w->statement = (struct statement){.sql = sql, .len = strlen(sql), .flags = flags};
  if (!(flags & MOONBIRD_SCRIPT) && w->params.column_count)
    w->statement.params = batch_view(&w->params);
  conn_start_execute(w->conn, &w->statement, first_rows, handle_done, w);
}

static void new_params(struct worker *w, uint32_t count) {
  batch_release(&w->params);
  batch_init(&w->params, count);
}

static uint32_t key_len(const struct worker *w) {
  return (uint32_t)w->definition->key.len;
}

/* The key to go on from: the range's low key, included, or the cursor, excluded. */
static const char *from_key(const struct worker *w) {
  return w->range->cursor ? w->range->cursor : w->range->low;
}

static const char *pick(const struct worker *w, const struct sql_pair *pair) {
  return w->range->cursor ? pair->after : pair->first;
}

/* Parameters of every range statement: from-key, high-key, and `extra` if it is not negative. */
static bool range_params(struct worker *w, const char *high, int64_t extra) {
  uint32_t n = key_len(w);
  new_params(w, 2 * n + (extra >= 0 ? 1 : 0));
  if (!key_add(from_key(w), &w->params, 0, n, &w->err) || !key_add(high, &w->params, n, n, &w->err))
    return false;
  if (extra >= 0)
    batch_add_int(&w->params, 2 * n, extra);
  return true;
}

/* --- what each state starts --- */

static void start_claim(struct worker *w) {
  new_params(w, 2);
  batch_add_str(&w->params, 0, w->definition->name);
  batch_add_int(&w->params, 1, w->range->number);
  execute(w, texts_get(&w->session->texts, "range_claim"), MOONBIRD_REPEATED, 1);
}

static void start_hop(struct worker *w) {
  if (!range_params(w, w->range->high, w->limit - 1))
    fail(w);
  else
    execute(w, pick(w, &w->definition->hop), MOONBIRD_REPEATED, 1);
}

static void start_page(struct worker *w) {
  bool filtered = w->definition->filtered;
  const char *high = filtered ? w->end_key : w->range->high;
  if (!range_params(w, high, filtered ? -1 : w->limit))
    fail(w);
  else
    execute(w, pick(w, &w->definition->page), MOONBIRD_REPEATED, UINT32_MAX);
}

static void start_update(struct worker *w) {
  if (!range_params(w, w->end_key, -1))
    fail(w);
  else
    execute(w, pick(w, &w->definition->update), MOONBIRD_REPEATED, 0);
}

static void start_count(struct worker *w) {
  if (!range_params(w, w->end_key, -1))
    fail(w);
  else
    execute(w, pick(w, &w->definition->count), MOONBIRD_REPEATED, 1);
}

static void start_checkpoint(struct worker *w) {
  new_params(w, 6);
  batch_add_str(&w->params, 0, w->end_key);
  batch_add_int(&w->params, 1, w->rows);
  batch_add_str(&w->params, 2, w->finishes_range ? "done" : "active");
  batch_add_str(&w->params, 3, w->definition->name);
  batch_add_int(&w->params, 4, w->range->number);
  batch_add_int(&w->params, 5, w->range->epoch);
  execute(w, texts_get(&w->session->texts, "range_checkpoint"), MOONBIRD_REPEATED, 0);
}

static void handle_pause_over(uv_timer_t *timer) {
  struct worker *w = timer->data;
  enter(w, w->stop ? WORKER_ENDED : WORKER_BEGIN);
}

static void start_pause(struct worker *w, uint64_t ms) {
  w->state = WORKER_PAUSE;
  uv_timer_start(&w->timer, handle_pause_over, ms, 0);
}

/* The sizer's rows, but not more bytes than a batch may have. */
static int64_t next_limit(const struct worker *w) {
  if (w->narrow)
    return w->narrow;
  double most = w->row_bytes > 0 ? w->definition->max_bytes / w->row_bytes : (double)w->sizer.size;
  return most < 1 ? 1 : most < (double)w->sizer.size ? (int64_t)most : w->sizer.size;
}

static void begin_batch(struct worker *w) {
  w->limit = next_limit(w);
  w->rows = 0;
  w->page_total = 0;
  w->filled = w->fill_failed = w->page_done = false;
  w->finishes_range = false;
  w->begun_s = clock_monotonic_s();
  execute(w, w->definition->begin, MOONBIRD_SCRIPT, 0);
}

static void enter(struct worker *w, enum worker_state state) {
  w->state = state;
  switch (state) {
  case WORKER_BEGIN:
    begin_batch(w);
    return;
  case WORKER_CLAIM:
    start_claim(w);
    return;
  case WORKER_HOP:
    start_hop(w);
    return;
  case WORKER_PAGE:
    start_page(w);
    return;
  case WORKER_MORE:
    conn_start_fetch(w->conn, w->result, UINT32_MAX, handle_done, w);
    return;
  case WORKER_COUNT:
    start_count(w);
    return;
  case WORKER_FUNCTION:
    return;
  case WORKER_UPDATE:
    start_update(w);
    return;
  case WORKER_SYNC:
    execute(w, w->definition->sync, MOONBIRD_SCRIPT, 0);
    return;
  case WORKER_CHECKPOINT:
    start_checkpoint(w);
    return;
  case WORKER_COMMIT:
    execute(w, "COMMIT", MOONBIRD_SCRIPT, 0);
    return;
  case WORKER_ROLLBACK:
    execute(w, "ROLLBACK", MOONBIRD_SCRIPT, 0);
    return;
  case WORKER_ENDED:
    w->stopped = w->stop && !w->range->done && !error_is_set(&w->err);
    return;
  case WORKER_IDLE:
  case WORKER_WRITE:
  case WORKER_PAUSE:
    break;
  }
  BUG("a worker cannot enter state %d", (int)state);
}

/* --- errors --- */

static bool is_timeout(const struct worker *w) {
  return strcmp(w->err.sqlstate, "57014") == 0 && w->err.class == ERROR_FAILED;
}

/* Serialization failures, deadlocks, lock and statement time-outs: the same batch may do the next time. */
static bool may_repeat(const struct worker *w) {
  if (w->stop || w->attempts >= MOST_ATTEMPTS || w->err.class != ERROR_FAILED)
    return false;
  return w->err.retry == RETRY_STATEMENT || w->err.retry == RETRY_TRANSACTION || is_timeout(w);
}

static void after_rollback(struct worker *w) {
  if (w->again) {
    w->again = false;
    error_clear(&w->err);
    enter(w, WORKER_BEGIN);
    return;
  }
  if (!may_repeat(w)) {
    enter(w, WORKER_ENDED);
    return;
  }
  if (is_timeout(w))
    sizer_timed_out(&w->sizer);
  double ms = fmin(LAST_RETRY_MS, FIRST_RETRY_MS * pow(2, w->attempts++));
  error_clear(&w->err);
  start_pause(w, (uint64_t)(ms * (0.75 + 0.5 * (double)random() / (double)RAND_MAX)));
}

/* w->err is set, and no call is in flight. */
static void fail(struct worker *w) {
  conn_discard(w->conn, w->result);
  w->result = NULL;
  int state = conn_transaction_state(w->conn);
  if (state == MOONBIRD_TX_ACTIVE || state == MOONBIRD_TX_FAILED)
    enter(w, WORKER_ROLLBACK);
  else
    after_rollback(w);
}

/* --- rows
 * --------------------------------------------------------------------------------------------------------------------
 */

static void after_rows(struct worker *w);

/* Lets Lua work on the next piece of the page. */
static bool fill_next(struct worker *w) {
  uint64_t left = w->page.row_count - w->page_row;
  uint64_t count = left < CHUNK_ROWS ? left : CHUNK_ROWS;
  struct chunk *chunk = &w->chunks[w->filling];
  w->filled = false;
  if (!count)
    return true;
  if (!chunk_fill(chunk, w->session->host, w->definition, w->style, &w->page, w->page_row, count, &w->err))
    return false;
  w->page_row += count;
  w->filled = true;
  return true;
}

/* Starts the next statement of the chunk that is being written; false when there is none. */
static bool write_next(struct worker *w) {
  if (!chunk_next_statement(&w->chunks[1 - w->filling], &w->statement))
    return false;
  w->state = WORKER_WRITE;
  conn_start_execute(w->conn, &w->statement, 0, handle_done, w);
  return true;
}

/* Hands the filled chunk to the connection, and fills the other one while it is written. */
static void write_filled(struct worker *w) {
  while (w->filled) {
    w->filling = 1 - w->filling;
    bool writing = write_next(w);
    if (!fill_next(w)) {
      /* The call in flight must come back before anything else can be done on the connection. */
      w->fill_failed = true;
      if (!writing)
        fail(w);
      return;
    }
    if (writing)
      return;
  }
  after_rows(w);
}

/* The rows that are there have been written. */
static void after_rows(struct worker *w) {
  bool complete = !w->definition->filtered && w->page_total >= (uint64_t)w->limit;
  if (!complete && w->result && !w->page_done) {
    enter(w, WORKER_MORE);
    return;
  }
  conn_discard(w->conn, w->result);
  w->result = NULL;
  if (!w->definition->filtered)
    w->finishes_range = w->page_total < (uint64_t)w->limit;
  if (!w->end_key)
    w->end_key = xstrdup(w->range->high); /* no row is left in the range */
  w->rows = (int64_t)w->page_total;
  enter(w, w->finishes_range && w->definition->sync ? WORKER_SYNC : WORKER_CHECKPOINT);
}

static double average_row_bytes(const moonbird_batch *batch) {
  double bytes = 0;
  for (uint32_t c = 0; c < batch->column_count; c++) {
    const moonbird_column *column = &batch->columns[c];
    bytes += column->offsets ? column->offsets[batch->row_count] : 8.0 * (double)batch->row_count;
  }
  return bytes / (double)batch->row_count;
}

static void take_page(struct worker *w) {
  const struct outcome *out = conn_outcome(w->conn);
  w->page_done = !w->result || out->status == MOONBIRD_DONE;
  if (w->page_done) {
    after_rows(w);
    return;
  }
  w->page = out->batch;
  w->page_row = 0;
  w->page_total += w->page.row_count;
  w->row_bytes = average_row_bytes(&w->page);
  if (!w->definition->filtered) {
    free(w->end_key);
    w->end_key = key_from_row(&w->page, w->page.row_count - 1, key_len(w));
  }
  if (!fill_next(w))
    fail(w);
  else
    write_filled(w);
}

/* --- what follows each state --- */

static void after_claim(struct worker *w) {
  const struct outcome *out = conn_outcome(w->conn);
  bool ours = out->result && out->status == MOONBIRD_OK && out->batch.row_count == 1 &&
              batch_value(&out->batch.columns[0], 0).integer == w->range->epoch;
  conn_discard(w->conn, out->result);
  if (!ours) {
    error_set(&w->err, ERROR_PARTIAL, "the range of backfill %s was taken over by another worker", w->definition->name);
    fail(w);
    return;
  }
  enter(w, w->definition->form == FORM_ROW && !w->definition->filtered ? WORKER_PAGE : WORKER_HOP);
}

void worker_call_function(struct worker *w) {
  struct host *host = w->session->host;
  lua_rawgeti(host->L, LUA_REGISTRYINDEX, w->definition->batch_ref);
  lua_pushboolean(host->L, w->range->cursor == NULL);
  lua_pushstring(host->L, from_key(w));
  lua_pushstring(host->L, w->end_key);
  lua_pushinteger(host->L, w->rows);
  if (!host_call_task(host, 4, &w->err)) {
    error_prefix(&w->err, "backfill of %s, batch up to %s: ", w->definition->table, w->end_key);
    fail(w);
    return;
  }
  enter(w, w->finishes_range && w->definition->sync ? WORKER_SYNC : WORKER_CHECKPOINT);
}

static void after_count(struct worker *w) {
  const struct outcome *out = conn_outcome(w->conn);
  if (out->result && out->status == MOONBIRD_OK)
    w->rows = batch_value(&out->batch.columns[0], 0).integer;
  conn_discard(w->conn, out->result);
  enter(w, WORKER_FUNCTION);
}

static void after_hop(struct worker *w) {
  const struct outcome *out = conn_outcome(w->conn);
  bool found = out->result && out->status == MOONBIRD_OK;
  free(w->end_key);
  w->end_key = found ? key_from_row(&out->batch, 0, key_len(w)) : xstrdup(w->range->high);
  w->finishes_range = !found || strcmp(w->end_key, w->range->high) == 0;
  w->rows = found ? w->limit : 0;
  conn_discard(w->conn, out->result);
  if (w->definition->form == FORM_SET)
    enter(w, WORKER_UPDATE);
  else if (w->definition->form == FORM_ROW)
    enter(w, WORKER_PAGE);
  else
    enter(w, found ? WORKER_FUNCTION : WORKER_COUNT);
}

static void after_update(struct worker *w) {
  int64_t affected = conn_outcome(w->conn)->summary.rows_affected;
  w->rows = affected > 0 ? affected : 0;
  enter(w, w->finishes_range && w->definition->sync ? WORKER_SYNC : WORKER_CHECKPOINT);
}

static void after_write(struct worker *w) {
  if (w->fill_failed) {
    w->fill_failed = false;
    fail(w);
  } else if (!write_next(w)) {
    write_filled(w);
  }
}

static void after_checkpoint(struct worker *w) {
  if (conn_outcome(w->conn)->summary.rows_affected == 1) {
    enter(w, WORKER_COMMIT);
    return;
  }
  error_set(&w->err, ERROR_PARTIAL, "the range of backfill %s was taken over by another worker", w->definition->name);
  fail(w);
}

static void after_commit(struct worker *w) {
  double seconds = clock_monotonic_s() - w->begun_s;
  free(w->range->cursor);
  w->range->cursor = w->end_key;
  w->end_key = NULL;
  w->range->rows_done += w->rows;
  w->range->done = w->finishes_range;
  w->attempts = 0;
  w->narrow_rows -= w->limit;
  if (w->narrow_rows <= 0)
    w->narrow = 0; /* the row has been mended meanwhile */
  sizer_add(&w->sizer, w->limit, seconds);
  if (w->on_batch)
    w->on_batch(w->on_batch_data, w->rows, seconds);
  if (w->range->done || w->stop)
    enter(w, WORKER_ENDED);
  else if (w->definition->nice > 0)
    start_pause(w, (uint64_t)(seconds * w->definition->nice * 1000));
  else
    enter(w, WORKER_BEGIN);
}

static void go_on(struct worker *w) {
  switch (w->state) {
  case WORKER_BEGIN:
    enter(w, WORKER_CLAIM);
    return;
  case WORKER_CLAIM:
    after_claim(w);
    return;
  case WORKER_HOP:
    after_hop(w);
    return;
  case WORKER_PAGE:
    w->result = conn_outcome(w->conn)->result;
    take_page(w);
    return;
  case WORKER_MORE:
    take_page(w);
    return;
  case WORKER_WRITE:
    after_write(w);
    return;
  case WORKER_COUNT:
    after_count(w);
    return;
  case WORKER_UPDATE:
    after_update(w);
    return;
  case WORKER_SYNC:
    enter(w, WORKER_CHECKPOINT);
    return;
  case WORKER_CHECKPOINT:
    after_checkpoint(w);
    return;
  case WORKER_COMMIT:
    after_commit(w);
    return;
  case WORKER_ROLLBACK:
    after_rollback(w);
    return;
  case WORKER_IDLE:
  case WORKER_FUNCTION:
  case WORKER_PAUSE:
  case WORKER_ENDED:
    break;
  }
  BUG("an answer for a worker in state %d", (int)w->state);
}

/* SQLSTATE classes 22 (data exception) and 23 (integrity constraint violation) come from a value in a row. */
static bool is_data_error(const struct error *err) {
  return strncmp(err->sqlstate, "22", 2) == 0 || strncmp(err->sqlstate, "23", 2) == 0;
}

/* Names the row, or asks for the batch once more with an eighth of its rows. */
static void narrow_down(struct worker *w) {
  enum { NARROWER = 8 };
  bool of_rows = is_data_error(&w->err) && (w->state == WORKER_WRITE || w->state == WORKER_UPDATE);
  if (of_rows && w->limit > 1) {
    w->narrow_rows = w->narrow ? w->narrow_rows : w->limit;
    w->narrow = w->limit > NARROWER ? w->limit / NARROWER : 1;
    w->again = true;
  } else if (of_rows && w->end_key) {
    char *names = strvec_join(&w->definition->key, ", ");
    error_prefix(&w->err, "backfill of %s, row %s = %.*s: ", w->definition->table, names, (int)strlen(w->end_key) - 2,
                 w->end_key + 1);
    free(names);
  } else {
    error_prefix(&w->err, "backfill of %s: ", w->definition->table);
  }
}

/* A call has come back. */
static void handle_done(void *data) {
  struct worker *w = data;
  if (w->state == WORKER_ROLLBACK) {
    go_on(w); /* what went wrong before is what counts */
    return;
  }
  struct error err = ERROR_INIT;
  if (conn_check(w->conn, w->statement.sql, w->statement.len, &err)) {
    go_on(w);
    return;
  }
  error_move(&w->err, &err);
  w->fill_failed = false;
  narrow_down(w);
  fail(w);
}
