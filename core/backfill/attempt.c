/*
 * attempt.c - one batch, from BEGIN to COMMIT; see worker.c for the table of states.
 *
 * The range row is locked first, so that whatever follows is done by its one owner; its cursor in the database counts,
 * not the one in memory: after a COMMIT whose outcome nobody knows, that tells whether the batch is done.
 * What a batch does with its rows is in rows.c, with those that cannot be done in quarantine.c.
 */
#include "backfill/key.h"
#include "backfill/page.h"
#include "backfill/worker_states.h"
#include "base/clock.h"
#include "base/log.h"

#include <lauxlib.h>
#include <stdlib.h>

/* --- parameters --- */

/* The key to go on from: the range's low key, included, or the cursor, excluded. */
static const char *from_key(const struct worker *w) {
  return w->range.cursor ? w->range.cursor : w->range.low;
}

static const char *pick(const struct worker *w, const struct sql_pair *pair) {
  return w->read_key || w->range.cursor ? pair->after : pair->first;
}

/* Parameters of every range statement: from-key, high-key, and `extra` if it is not negative. A page that comes in
 * pieces goes on behind the last one. */
static bool range_params(struct worker *w, const char *high, int64_t extra) {
  const char *from = w->read_key ? w->read_key : from_key(w);
  uint32_t n = worker_key_len(w);
  worker_new_params(w, 2 * n + (extra >= 0 ? 1 : 0));
  if (!key_add(from, &w->params, 0, n, &w->err) || !key_add(high, &w->params, n, n, &w->err))
    return false;
  if (extra >= 0)
    batch_add_int(&w->params, 2 * n, extra);
  return true;
}

void attempt_execute_range(struct worker *w, const struct sql_pair *pair, const char *high, int64_t extra,
                           uint32_t flags, uint64_t first_rows) {
  if (range_params(w, high, extra))
    worker_execute(w, pick(w, pair), MOONBIRD_REPEATED | flags, first_rows);
  else
    recover_from(w);
}

static void add_range(struct worker *w, uint32_t column) {
  batch_add_str(&w->params, column, w->job->definition->name);
  batch_add_int(&w->params, column + 1, w->range.number);
}

/* Stable: a batch that is repeated, and one with effects outside even after a kill, begins at the same key. */
char *attempt_batch_id(const struct worker *w) {
  return xasprintf("%s/%lld/%s", w->job->definition->name, (long long)w->range.number, from_key(w));
}

/* --- the size --- */

static void take_settings(struct worker *w) {
  const struct job *job = w->job;
  if (w->settings == job->settings)
    return;
  w->settings = job->settings;
  sizer_configure(&w->sizer, &job->definition->sizer, job->size, job->target_ms, job->min, job->max);
}

/* The sizer's rows, but not more bytes than a batch may have. */
static int64_t next_limit(struct worker *w) {
  const struct throttle *throttle = &w->job->throttle;
  if (w->fitting)
    return w->fitting;
  if (w->narrow)
    return w->narrow;
  int divisor = throttle->divisor ? throttle->divisor(throttle->data) : 1;
  return page_rows(w->sizer.size, divisor, w->row_bytes, w->job->definition->max_bytes);
}

/* --- what each state starts --- */

/* The groups of a chunk have the statements of one way. */
static void choose_lock(struct worker *w) {
  const struct definition *d = w->job->definition;
  bool is_repeated = w->attempts || w->narrow || w->condemned;
  bool lock = !d->version_columns || d->external || is_repeated || w->job->has_inserted || w->row_lock.left;
  if (lock != w->locks_rows) {
    chunk_release(&w->chunks[0], w->job->session->host->L);
    chunk_release(&w->chunks[1], w->job->session->host->L);
  }
  w->locks_rows = lock;
}

static void begin_batch(struct worker *w) {
  take_settings(w);
  choose_lock(w);
  w->limit = next_limit(w);
  w->fitting = 0;
  w->rows = 0;
  w->page_total = w->piece_rows = 0;
  w->page_bytes = 0;
  free(w->read_key);
  w->read_key = NULL;
  w->filled = w->fill_failed = w->page_done = w->announced = false;
  w->finishes_range = w->is_mixed = false;
  vec_release_with(&w->bad, bad_row_free);
  w->begun_s = clock_monotonic_s();
  worker_execute(w, w->begin, MOONBIRD_SCRIPT, 0);
}

static void start_claim(struct worker *w) {
  worker_new_params(w, 2);
  add_range(w, 0);
  worker_execute_named(w, "range_claim", 1);
}

static void start_announce(struct worker *w) {
  worker_new_params(w, 4);
  batch_add_str(&w->params, 0, w->end_key);
  add_range(w, 1);
  batch_add_int(&w->params, 3, w->range.epoch);
  worker_execute_named(w, "range_announce", 0);
}

static void start_checkpoint(struct worker *w) {
  worker_new_params(w, 6);
  batch_add_str(&w->params, 0, w->end_key);
  batch_add_int(&w->params, 1, w->rows);
  batch_add_str(&w->params, 2, w->finishes_range ? "done" : "active");
  add_range(w, 3);
  batch_add_int(&w->params, 5, w->range.epoch);
  worker_execute_named(w, "range_checkpoint", 0);
}

static void resume_function(struct worker *w);

void attempt_enter(struct worker *w) {
  const struct definition *d = w->job->definition;
  switch (w->state) {
  case WORKER_BEGIN:
    begin_batch(w);
    return;
  case WORKER_CLAIM:
    start_claim(w);
    return;
  case WORKER_HOP:
    attempt_execute_range(w, &d->hop, w->range.high, w->limit - 1, 0, 1);
    return;
  case WORKER_ANNOUNCE:
    start_announce(w);
    return;
  case WORKER_PAGE:
  case WORKER_MORE:
    rows_enter(w);
    return;
  case WORKER_COUNT:
    attempt_execute_range(w, &d->count, w->end_key, -1, 0, 1);
    return;
  case WORKER_FUNCTION:
    resume_function(w);
    return;
  case WORKER_UPDATE:
    attempt_execute_range(w, &d->update, w->end_key, -1, 0, 0);
    return;
  case WORKER_BAD_REOPEN:
  case WORKER_BAD_AGAIN:
  case WORKER_BAD_INSERT:
  case WORKER_BAD_ADD:
  case WORKER_BAD_COUNT:
  case WORKER_MENDED:
  case WORKER_MENDED_ADD:
    quarantine_enter(w);
    return;
  case WORKER_SYNC:
    worker_execute(w, d->sync, MOONBIRD_SCRIPT, 0);
    return;
  case WORKER_CHECKPOINT:
    start_checkpoint(w);
    return;
  case WORKER_ANNOUNCE_COMMIT:
  case WORKER_COMMIT:
    worker_execute(w, "COMMIT", MOONBIRD_SCRIPT, 0);
    return;
  default:
    BUG("no state of a batch: %d", (int)w->state);
  }
}

/* --- the work is done, but for the checkpoint --- */

void attempt_enter_checkpoint(struct worker *w) {
  worker_enter(w, w->finishes_range && w->job->definition->sync ? WORKER_SYNC : WORKER_CHECKPOINT);
}

/* A range of one key may be that of a bad row, after `bad retry` or `verify --requeue`. */
void attempt_finish_work(struct worker *w) {
  bool is_single = !w->range.cursor && strcmp(w->range.low, w->range.high) == 0;
  if (w->bad.len)
    worker_enter(w, WORKER_BAD_REOPEN);
  else if (is_single)
    worker_enter(w, WORKER_MENDED);
  else
    attempt_enter_checkpoint(w);
}

/* --- the script's function --- */

/* The rows of the batch are in memory: function(bytes, rows of the range, its last key or nil, again). Only so many
 * were read, where the range ends with them; `again`, where the script has seen the range as it was before. */
static int take_rows_read(lua_State *L) {
  struct worker *w = lua_touserdata(L, lua_upvalueindex(1));
  double bytes = luaL_checknumber(L, 1);
  int64_t rows = luaL_checkinteger(L, 2);
  const char *end_key = luaL_optstring(L, 3, NULL);
  w->row_bytes = rows > 0 ? bytes / (double)rows : 0;
  if (!end_key)
    return 0;
  if (lua_toboolean(L, 4)) {
    w->fitting = rows;
    return 0;
  }
  free(w->end_key);
  w->end_key = xstrdup(end_key);
  w->finishes_range = false;
  w->rows = w->limit = rows; /* the sizer is told how many rows took the time */
  return 0;
}

/* What has effects outside is announced first, as it will be: until then its rows are only read, to see how many fit.
 */
static bool only_reads(const struct worker *w) {
  return w->job->definition->external && !w->announced;
}

static void start_function(struct worker *w) {
  struct host *host = w->job->session->host;
  char *id = attempt_batch_id(w);
  lua_rawgeti(host->L, LUA_REGISTRYINDEX, w->job->definition->batch_ref);
  lua_pushboolean(host->L, w->range.cursor == NULL);
  lua_pushstring(host->L, from_key(w));
  lua_pushstring(host->L, w->end_key);
  lua_pushinteger(host->L, w->rows);
  lua_pushstring(host->L, id);
  lua_pushinteger(host->L, chunk_seed(w->job->run_seed, from_key(w)));
  lua_pushlightuserdata(host->L, w);
  lua_pushcclosure(host->L, take_rows_read, 1);
  lua_pushboolean(host->L, only_reads(w));
  host_task_start(host, &w->task, 8);
  free(id);
}

static void resume_function(struct worker *w) {
  struct host *host = w->job->session->host;
  if (!w->task.co)
    start_function(w);
  worker_set_connection(w, true);
  enum task_status status = host_task_resume(host, &w->task, &w->err);
  worker_set_connection(w, false);
  if (status == TASK_WAITS) {
    conn_on_done(w->task.awaited, worker_call, w);
    return;
  }
  host_task_release(host, &w->task);
  if (w->fitting) {
    recover_again(w);
    return;
  }
  int tx = conn_transaction_state(w->conn);
  if (status == TASK_ENDED && tx != MOONBIRD_TX_ACTIVE && tx != MOONBIRD_TX_UNKNOWN) {
    if (tx == MOONBIRD_TX_FAILED)
      error_set(&w->err, ERROR_FAILED,
                "a statement failed, and its error was caught, but nothing more can be done in the transaction");
    else
      error_set(&w->err, ERROR_FAILED, "the transaction is gone: a batch function must leave it to Moonbird");
    error_hint(&w->err, "what may fail belongs into db:transaction(function() ... end): then that part alone is "
                        "taken back");
    memcpy(w->err.sqlstate, "25000", 6);
    status = TASK_FAILED;
  }
  if (status != TASK_ENDED)
    recover_from(w);
  else if (only_reads(w))
    worker_enter(w, WORKER_ANNOUNCE);
  else
    attempt_finish_work(w);
}

/* --- what follows each state --- */

static void lose_range(struct worker *w, const char *to) {
  log_warn("range %lld of backfill %s was taken over by %s", (long long)w->range.number, w->job->definition->name,
           to ? to : "another worker");
  worker_drop_range(w);
  worker_enter(w, WORKER_ROLLBACK);
}

static void enter_work(struct worker *w) {
  const struct definition *d = w->job->definition;
  if (w->end_key)
    free(w->end_key);
  w->end_key = NULL;
  worker_enter(w, d->form == FORM_ROW && !d->bounded ? WORKER_PAGE : WORKER_HOP);
}

/* The batch of an earlier run has effects outside and was not committed: it is done again, just as it was. */
static void repeat_announced(struct worker *w, char *end_key) {
  free(w->end_key);
  w->end_key = end_key;
  w->announced = true;
  w->finishes_range = strcmp(end_key, w->range.high) == 0;
  worker_enter(w, w->job->definition->form == FORM_ROW ? WORKER_PAGE : WORKER_COUNT);
}

static void after_claim(struct worker *w) {
  bool found = worker_has_row(w);
  bool ours = found && worker_int_at(w, 0) == w->range.epoch;
  char *cursor = NULL, *state = NULL, *announced = NULL;
  if (found) {
    cursor = worker_text_at(w, 1);
    state = worker_text_at(w, 2);
    announced = worker_text_at(w, 3);
    worker_take_wishes(w, 4);
  }
  worker_discard(w);
  bool is_done = state && strcmp(state, "done") == 0;
  free(state);
  free(w->range.cursor);
  w->range.cursor = cursor;
  if (!ours || is_done) {
    free(announced);
    if (ours)
      worker_drop_range(w);
    if (ours)
      worker_enter(w, WORKER_ROLLBACK);
    else
      lose_range(w, NULL);
    return;
  }
  if (w->job->end != JOB_GOES_ON || w->job->braked) {
    free(announced);
    worker_enter(w, WORKER_ROLLBACK);
  } else if (announced && w->job->definition->external) {
    repeat_announced(w, announced);
  } else {
    free(announced);
    enter_work(w);
  }
}

static void after_hop(struct worker *w) {
  const struct definition *d = w->job->definition;
  bool found = worker_has_row(w);
  free(w->end_key);
  w->end_key = found ? key_from_row(&conn_outcome(w->conn)->batch, 0, worker_key_len(w)) : xstrdup(w->range.high);
  w->finishes_range = !found || strcmp(w->end_key, w->range.high) == 0;
  w->rows = found ? w->limit : 0;
  worker_discard(w);
  if (quarantine_is_due(w))
    quarantine_put_aside(w);
  else if (d->external && d->form != FORM_BATCH)
    worker_enter(w, WORKER_ANNOUNCE);
  else if (d->form == FORM_SET)
    worker_enter(w, WORKER_UPDATE);
  else if (d->form == FORM_ROW)
    worker_enter(w, WORKER_PAGE);
  else
    worker_enter(w, found ? WORKER_FUNCTION : WORKER_COUNT);
}

static void after_count(struct worker *w) {
  if (worker_has_row(w))
    w->rows = worker_int_at(w, 0);
  worker_discard(w);
  worker_enter(w, WORKER_FUNCTION);
}

static void after_update(struct worker *w) {
  int64_t affected = conn_outcome(w->conn)->summary.rows_affected;
  w->rows = affected > 0 ? affected : 0;
  attempt_finish_work(w);
}

static void after_checkpoint(struct worker *w) {
  if (conn_outcome(w->conn)->summary.rows_affected == 1)
    worker_enter(w, WORKER_COMMIT);
  else
    lose_range(w, NULL);
}

static void tell(struct worker *w, double seconds) {
  struct job *job = w->job;
  struct batch_news news = {
      .result = BATCH_COMMITTED, .rows = w->rows, .bad = (int64_t)w->bad.len, .seconds = seconds, .size = w->limit};
  job->has_committed = true;
  if (job->on_batch)
    job->on_batch(job->data, &news);
  if (job->throttle.batch_done)
    job->throttle.batch_done(job->throttle.data, w->rows, seconds);
}

/*
 * Seconds without a transaction before the next batch. Where one connection writes at a time, those that wait for it
 * form no queue: they look again, some of them only every 100 ms. Batches one upon another would keep them out
 * until they give up (5 s by default), so a run stands back for one such look, every two seconds.
 */
static double pause_s(struct worker *w, double batch_s) {
  const double every_s = 2, look_s = 0.12;
  double pause = batch_s * w->job->nice, now = clock_monotonic_s();
  if (!driver_can(w->job->session->driver, MOONBIRD_CAP_MANY_CONNECTIONS) && now - w->stood_back_s >= every_s &&
      pause < look_s)
    pause = look_s;
  if (pause >= look_s)
    w->stood_back_s = now + pause;
  return pause;
}

static void after_commit(struct worker *w) {
  double seconds = clock_monotonic_s() - w->begun_s;
  free(w->range.cursor);
  w->range.cursor = w->end_key;
  w->end_key = NULL;
  w->range.rows_done += w->rows;
  w->attempts = w->losses = 0;
  recover_done(w);
  if (!w->is_mixed)
    row_lock_committed(&w->row_lock);
  sizer_add(&w->sizer, w->limit, seconds);
  tell(w, seconds);
  if (w->finishes_range)
    worker_drop_range(w);
  double pause = pause_s(w, seconds);
  if (w->job->end == JOB_GOES_ON && pause > 0)
    worker_pause(w, pause, WORKER_BEGIN);
  else
    worker_next_batch(w);
}

void attempt_go_on(struct worker *w) {
  switch (w->state) {
  case WORKER_BEGIN:
    worker_enter(w, WORKER_CLAIM);
    return;
  case WORKER_CLAIM:
    after_claim(w);
    return;
  case WORKER_HOP:
    after_hop(w);
    return;
  case WORKER_ANNOUNCE:
    worker_enter(w, WORKER_ANNOUNCE_COMMIT);
    return;
  case WORKER_ANNOUNCE_COMMIT:
    worker_enter(w, WORKER_BEGIN);
    return;
  case WORKER_PAGE:
  case WORKER_MORE:
  case WORKER_WRITE:
    rows_go_on(w);
    return;
  case WORKER_COUNT:
    after_count(w);
    return;
  case WORKER_FUNCTION:
    resume_function(w);
    return;
  case WORKER_UPDATE:
    after_update(w);
    return;
  case WORKER_BAD_REOPEN:
  case WORKER_BAD_AGAIN:
  case WORKER_BAD_INSERT:
  case WORKER_BAD_ADD:
  case WORKER_BAD_COUNT:
  case WORKER_MENDED:
  case WORKER_MENDED_ADD:
    quarantine_go_on(w);
    return;
  case WORKER_SYNC:
    worker_enter(w, WORKER_CHECKPOINT);
    return;
  case WORKER_CHECKPOINT:
    after_checkpoint(w);
    return;
  case WORKER_COMMIT:
    after_commit(w);
    return;
  default:
    BUG("an answer for a worker in state %d", (int)w->state);
  }
}
