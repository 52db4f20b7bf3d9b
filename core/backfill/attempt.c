/*
 * attempt.c - one batch, from BEGIN to COMMIT; see worker.c for the table of states.
 *
 * The range row is locked first, so that whatever follows is done by its one owner; its cursor in the database counts,
 * not the one in memory: after a COMMIT whose outcome nobody knows, that tells whether the batch is done.
 *
 * Where the dialect can tell versions of a row apart, rows are read without a lock, which saves writing each of them
 * twice, and a row that somebody has changed since is not found when it is written: then the batch is taken back and
 * done again with locks. Inserts into other tables want the lock from the beginning: whoever changes the row after
 * them must find what was inserted. So do rows that several statements write, because they set different columns:
 * locked as they are read, all are locked in the order of the key, and whoever keeps to it meets no deadlock.
 */
#include "backfill/key.h"
#include "backfill/page.h"
#include "backfill/worker_states.h"
#include "base/clock.h"
#include "base/log.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { CHUNK_ROWS = 1000 };

static const char row_refusal[] =
    "row() runs while its connection is at work, so it cannot use the database: return the columns to change, or take "
    "the `batch` form";

/* --- parameters --- */

/* The key to go on from: the range's low key, included, or the cursor, excluded. */
static const char *from_key(const struct worker *w) {
  return w->range.cursor ? w->range.cursor : w->range.low;
}

static const char *pick(const struct worker *w, const struct sql_pair *pair) {
  return w->range.cursor ? pair->after : pair->first;
}

/* Parameters of every range statement: from-key, high-key, and `extra` if it is not negative. */
static bool range_params(struct worker *w, const char *high, int64_t extra) {
  uint32_t n = worker_key_len(w);
  worker_new_params(w, 2 * n + (extra >= 0 ? 1 : 0));
  if (!key_add(from_key(w), &w->params, 0, n, &w->err) || !key_add(high, &w->params, n, n, &w->err))
    return false;
  if (extra >= 0)
    batch_add_int(&w->params, 2 * n, extra);
  return true;
}

static void execute_range(struct worker *w, const struct sql_pair *pair, const char *high, int64_t extra,
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
static char *batch_id(const struct worker *w) {
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
  w->rows = 0;
  w->page_total = 0;
  w->page_bytes = 0;
  w->filled = w->fill_failed = w->page_done = w->announced = false;
  w->finishes_range = w->is_mixed = false;
  vec_release_with(&w->bad, bad_row_free);
  w->begun_s = clock_monotonic_s();
  worker_execute(w, w->job->definition->begin, MOONBIRD_SCRIPT, 0);
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

static void start_page(struct worker *w) {
  const struct definition *d = w->job->definition;
  const struct sql_pair *page = w->locks_rows ? &d->page : &d->versioned_page;
  bool in_pieces = page_comes_in_pieces(d->may_be_wide, w->row_bytes);
  execute_range(w, page, d->bounded ? w->end_key : w->range.high, d->bounded ? -1 : w->limit,
                in_pieces ? MOONBIRD_STREAM : 0, UINT32_MAX);
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

static void start_mended(struct worker *w) {
  worker_new_params(w, 2);
  batch_add_str(&w->params, 0, w->job->definition->name);
  batch_add_str(&w->params, 1, w->end_key);
  worker_execute_named(w, "bad_mended", 0);
}

static void add_to_quarantine(struct worker *w, int64_t rows) {
  worker_new_params(w, 2);
  batch_add_int(&w->params, 0, rows);
  batch_add_str(&w->params, 1, w->job->definition->name);
  worker_execute_named(w, "backfill_quarantine", 0);
}

static void start_bad_count(struct worker *w) {
  worker_new_params(w, 1);
  batch_add_str(&w->params, 0, w->job->definition->name);
  worker_execute_named(w, "bad_count", 1);
}

static void execute_each(struct worker *w, const char *name) {
  const char *sql = texts_get(&w->job->session->texts, name);
  w->statement = (struct statement){.sql = sql,
                                    .len = strlen(sql),
                                    .flags = MOONBIRD_REPEATED,
                                    .bind = MOONBIRD_BIND_EACH,
                                    .params = batch_view(&w->params)};
  conn_start_execute(w->conn, &w->statement, 0, worker_call, w);
}

static void start_bad_reopen(struct worker *w) {
  worker_new_params(w, 2);
  for (size_t i = 0; i < w->bad.len; i++) {
    batch_add_str(&w->params, 0, w->job->definition->name);
    batch_add_str(&w->params, 1, ((struct bad_row *)w->bad.items[i])->key);
  }
  execute_each(w, "bad_reopen");
}

/* One row of parameters for each bad row: `again` updates those that are there, else the others are inserted. */
static void start_bad(struct worker *w, bool again) {
  char *id = batch_id(w);
  worker_new_params(w, again ? 6 : 8);
  for (size_t i = 0; i < w->bad.len; i++) {
    const struct bad_row *bad = w->bad.items[i];
    uint32_t c = 0;
    if (!again) {
      batch_add_str(&w->params, c++, w->job->definition->name);
      batch_add_str(&w->params, c++, bad->key);
    }
    batch_add_int(&w->params, c++, w->range.number);
    batch_add_str(&w->params, c++, bad->sqlstate);
    batch_add_clean(&w->params, c++, bad->message);
    batch_add_str(&w->params, c++, id);
    batch_add_str(&w->params, c++, w->job->definition->name);
    batch_add_str(&w->params, c++, bad->key);
  }
  free(id);
  execute_each(w, again ? "bad_again" : "bad_insert");
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
    execute_range(w, &d->hop, w->range.high, w->limit - 1, 0, 1);
    return;
  case WORKER_ANNOUNCE:
    start_announce(w);
    return;
  case WORKER_PAGE:
    start_page(w);
    return;
  case WORKER_MORE:
    conn_start_fetch(w->conn, w->result, UINT32_MAX, worker_call, w);
    return;
  case WORKER_COUNT:
    execute_range(w, &d->count, w->end_key, -1, 0, 1);
    return;
  case WORKER_FUNCTION:
    resume_function(w);
    return;
  case WORKER_UPDATE:
    execute_range(w, &d->update, w->end_key, -1, 0, 0);
    return;
  case WORKER_BAD_REOPEN:
    start_bad_reopen(w);
    return;
  case WORKER_BAD_AGAIN:
  case WORKER_BAD_INSERT:
    start_bad(w, w->state == WORKER_BAD_AGAIN);
    return;
  case WORKER_BAD_ADD:
    add_to_quarantine(w, w->bad_reopened + conn_outcome(w->conn)->summary.rows_affected);
    return;
  case WORKER_BAD_COUNT:
    start_bad_count(w);
    return;
  case WORKER_MENDED:
    start_mended(w);
    return;
  case WORKER_MENDED_ADD:
    add_to_quarantine(w, -1);
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

static void enter_checkpoint(struct worker *w) {
  worker_enter(w, w->finishes_range && w->job->definition->sync ? WORKER_SYNC : WORKER_CHECKPOINT);
}

/* A range of one key may be that of a bad row, after `bad retry` or `verify --requeue`. */
static void finish_work(struct worker *w) {
  bool is_single = !w->range.cursor && strcmp(w->range.low, w->range.high) == 0;
  if (w->bad.len)
    worker_enter(w, WORKER_BAD_REOPEN);
  else if (is_single)
    worker_enter(w, WORKER_MENDED);
  else
    enter_checkpoint(w);
}

/* The batch is the one row that failed before: it is put aside, and nothing is done with it. */
static bool is_condemned(const struct worker *w) {
  return w->condemned && w->end_key && w->limit == 1 && strcmp(w->condemned, w->end_key) == 0;
}

static void put_aside(struct worker *w) {
  struct bad_row *bad = xcalloc(1, sizeof(*bad));
  const struct error *why = &w->condemned_for;
  *bad = (struct bad_row){.key = xstrdup(w->end_key),
                          .sqlstate = why->sqlstate[0] ? xstrdup(why->sqlstate) : NULL,
                          .message = xstrdup(why->message)};
  vec_push(&w->bad, bad);
  w->rows = 1;
  finish_work(w);
}

/* --- rows --- */

static void after_rows(struct worker *w);

/* While a chunk is written, its answer is put away and comes back behind what the borrower asked. */
static void lend_connection(void *data) {
  struct worker *w = data;
  struct host *host = w->job->session->host;
  conn_wait(w->conn);
  w->put_away = *conn_outcome(w->conn);
  host->refusal = NULL;
  worker_set_connection(w, true);
}

static void take_connection_back(void *data) {
  struct worker *w = data;
  conn_put_outcome(w->conn, &w->put_away);
  worker_set_connection(w, false);
  w->job->session->host->refusal = row_refusal;
}

/* Lets Lua work on the next piece of the page. */
static bool fill_next(struct worker *w) {
  struct host *host = w->job->session->host;
  uint64_t left = w->page.row_count - w->page_row;
  uint64_t count = left < CHUNK_ROWS ? left : CHUNK_ROWS;
  w->filled = false;
  if (!count)
    return true;
  char *id = batch_id(w);
  struct chunk_work work = {.host = host,
                            .definition = w->job->definition,
                            .style = w->job->style,
                            .batch_id = id,
                            .seed = w->job->run_seed,
                            .version_columns = w->locks_rows ? 0 : w->job->definition->version_columns,
                            .lender = {lend_connection, take_connection_back, w},
                            .bad = &w->bad};
  host->refusal = row_refusal;
  w->filled = chunk_fill(&w->chunks[w->filling], &work, &w->page, w->page_row, count, &w->err);
  host->refusal = NULL;
  free(id);
  w->page_row += count;
  return w->filled;
}

/* Starts the next statement of the chunk that is being written; false when there is none. */
static bool write_next(struct worker *w) {
  if (!chunk_next_statement(&w->chunks[1 - w->filling], &w->statement))
    return false;
  w->state = WORKER_WRITE;
  w->statement_begun_s = clock_monotonic_s();
  conn_start_execute(w->conn, &w->statement, 0, worker_call, w);
  return true;
}

/* Must the rows be locked as they are read, and are not? */
static bool wants_locks(struct worker *w) {
  const struct chunk *chunk = &w->chunks[w->filling];
  bool has_inserts = chunk_has_inserts(chunk), is_mixed = chunk_is_mixed(chunk);
  w->is_mixed = w->is_mixed || is_mixed;
  if (w->locks_rows || (!has_inserts && !is_mixed))
    return false;
  if (has_inserts)
    w->job->has_inserted = true;
  else
    row_lock_conflicted(&w->row_lock);
  return true;
}

/* Hands the filled chunk to the connection, and fills the other one while it is written. */
static void write_filled(struct worker *w) {
  while (w->filled) {
    if (wants_locks(w)) {
      recover_again(w);
      return;
    }
    w->filling = 1 - w->filling;
    bool writing = write_next(w);
    if (!fill_next(w)) {
      /* The call in flight must come back before anything else can be done on the connection. */
      w->fill_failed = true;
      if (!writing)
        recover_from(w);
      return;
    }
    if (writing)
      return;
  }
  after_rows(w);
}

/* A batch ends where it has as many rows, or as many bytes, as one may have; one with effects outside where it has said
 * before. */
static bool is_full(const struct worker *w) {
  const struct definition *d = w->job->definition;
  return (!d->bounded && w->page_total >= (uint64_t)w->limit) || (!d->external && w->page_bytes >= d->max_bytes);
}

/* The rows that are there have been written. */
static void after_rows(struct worker *w) {
  bool complete = is_full(w);
  if (!complete && w->result && !w->page_done) {
    worker_enter(w, WORKER_MORE);
    return;
  }
  conn_discard(w->conn, w->result);
  w->result = NULL;
  if (!w->job->definition->bounded)
    w->finishes_range = !complete;
  else if (complete)
    w->finishes_range = false;
  if (complete)
    w->limit = (int64_t)w->page_total; /* the sizer is told how many rows took the time */
  if (!w->end_key)
    w->end_key = xstrdup(w->range.high); /* no row is left in the range */
  w->rows = (int64_t)w->page_total;
  finish_work(w);
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
  w->page_bytes += page_bytes(&w->page);
  w->row_bytes = w->page_bytes / (double)w->page_total;
  if (!w->job->definition->bounded || is_full(w)) {
    free(w->end_key);
    w->end_key = key_from_row(&w->page, w->page.row_count - 1, worker_key_len(w));
  }
  if (is_condemned(w)) {
    conn_discard(w->conn, w->result);
    w->result = NULL;
    put_aside(w);
  } else if (!fill_next(w)) {
    recover_from(w);
  } else {
    write_filled(w);
  }
}

/* --- the script's function --- */

static void start_function(struct worker *w) {
  struct host *host = w->job->session->host;
  char *id = batch_id(w);
  lua_rawgeti(host->L, LUA_REGISTRYINDEX, w->job->definition->batch_ref);
  lua_pushboolean(host->L, w->range.cursor == NULL);
  lua_pushstring(host->L, from_key(w));
  lua_pushstring(host->L, w->end_key);
  lua_pushinteger(host->L, w->rows);
  lua_pushstring(host->L, id);
  lua_pushinteger(host->L, chunk_seed(w->job->run_seed, from_key(w)));
  host_task_start(host, &w->task, 6);
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
  if (status == TASK_ENDED)
    finish_work(w);
  else
    recover_from(w);
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
  if (is_condemned(w))
    put_aside(w);
  else if (d->external)
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
  finish_work(w);
}

/* Has somebody changed a row since it was read? Then it was not found. */
static bool has_missed_rows(const struct worker *w) {
  int64_t affected = conn_outcome(w->conn)->summary.rows_affected;
  return !w->locks_rows && affected != (int64_t)w->statement.params->row_count;
}

static void after_write(struct worker *w) {
  if (has_missed_rows(w)) {
    row_lock_conflicted(&w->row_lock);
    log_debug("worker %s: rows were changed meanwhile; the batch again, with locks", w->id);
    recover_again(w);
  } else if (w->fill_failed) {
    w->fill_failed = false;
    recover_from(w);
  } else if (!write_next(w)) {
    write_filled(w);
  }
}

static void after_bad_count(struct worker *w) {
  int64_t count = worker_has_row(w) ? worker_int_at(w, 0) : 0;
  worker_discard(w);
  if (count <= w->job->max_bad) {
    enter_checkpoint(w);
    return;
  }
  const struct bad_row *bad = w->bad.items[0];
  error_set(&w->err, ERROR_FINDINGS, "backfill %s: more than %lld bad rows, the last one %s: %s",
            w->job->definition->name, (long long)w->job->max_bad, bad->key, bad->message);
  error_hint(&w->err, "look at them with `moonbird backfill bad list %s`; max_bad says how many there may be",
             w->job->definition->name);
  recover_from(w);
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
  case WORKER_FUNCTION:
    resume_function(w);
    return;
  case WORKER_UPDATE:
    after_update(w);
    return;
  case WORKER_BAD_REOPEN:
    w->bad_reopened = conn_outcome(w->conn)->summary.rows_affected;
    worker_enter(w, WORKER_BAD_AGAIN);
    return;
  case WORKER_BAD_AGAIN:
    worker_enter(w, WORKER_BAD_INSERT);
    return;
  case WORKER_BAD_INSERT:
    worker_enter(w, WORKER_BAD_ADD);
    return;
  case WORKER_BAD_ADD:
    worker_enter(w, WORKER_BAD_COUNT);
    return;
  case WORKER_BAD_COUNT:
    after_bad_count(w);
    return;
  case WORKER_MENDED:
    if (conn_outcome(w->conn)->summary.rows_affected == 1)
      worker_enter(w, WORKER_MENDED_ADD);
    else
      enter_checkpoint(w);
    return;
  case WORKER_MENDED_ADD:
    enter_checkpoint(w);
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
