/*
 * backfill.c - runs a backfill inside a revision; see backfill.h.
 *
 *   commit point   what the revision did before, the journal's entry "started" and the state row: one transaction
 *   batches        each a transaction of its own (worker.c)
 *   finish         state row and journal's entry "done", in the transaction in which the revision goes on
 *
 * Called by lib/backfill.lua through moonbird.host. A run that takes the revision up again finds the entry "started"
 * and goes on from the range's cursor.
 */
#include "backfill/backfill.h"

#include "backfill/key.h"
#include "backfill/progress.h"
#include "backfill/range.h"
#include "backfill/state.h"
#include "backfill/worker.h"
#include "base/clock.h"
#include "base/log.h"
#include "run/statement.h"
#include "run/step.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One call of op.backfill. */
struct backfill {
  struct session *session;
  struct definition definition;
  const char *fingerprint;
  bool resumed;
  struct range range;
  bool has_range; /* false: the table is empty */
  struct worker worker;
  struct rate rate;
  double begun_s;
  int interrupts; /* at the start */
};

/* --- progress --- */

static void report(struct backfill *b, bool ended) {
  const struct run_listener *listener = b->session->request->listener;
  if (!listener || !listener->backfill)
    return;
  struct backfill_progress p = {
      .name = b->definition.name,
      .table = b->definition.table,
      .state = b->range.done || !b->has_range ? "done"
               : ended                        ? "stopped"
                                              : "running",
      .rows_done = b->range.rows_done,
      .rows_estimated = b->definition.rows_estimated,
      .batch_size = b->worker.limit,
      .elapsed_s = clock_monotonic_s() - b->begun_s,
      .resumed = b->resumed,
      .ended = ended,
  };
  double position = key_position(b->range.low, b->range.high, b->range.cursor);
  bool complete = b->range.done || !b->has_range;
  p.ended = complete;
  progress_estimate(&p, &b->rate, b->range.cursor ? position : 0);
  p.ended = ended;
  listener->backfill(listener->data, &p);
}

static void handle_batch(void *data, int64_t rows, double seconds) {
  struct backfill *b = data;
  (void)rows, (void)seconds;
  rate_add(&b->rate, clock_monotonic_s(), b->range.rows_done);
  report(b, false);
}

static void handle_tick(void *data) {
  report(data, false);
}

/* --- start
 * -------------------------------------------------------------------------------------------------------------------
 */

/* The first or the last key of the table; NULL where it is empty. */
static bool read_end_key(struct backfill *b, const char *sql, char **key, struct error *err) {
  struct statement statement = {.sql = sql, .len = strlen(sql)};
  struct conn *conn = b->session->conn;
  conn_start_execute(conn, &statement, 1, NULL, NULL);
  conn_wait(conn);
  if (!conn_check(conn, statement.sql, statement.len, err))
    return false;
  const struct outcome *out = conn_outcome(conn);
  *key = NULL;
  if (out->status == MOONBIRD_OK && out->result)
    *key = key_from_row(&out->batch, 0, (uint32_t)b->definition.key.len);
  conn_discard(conn, out->result);
  return true;
}

/* A key with NULLs has no place in the order (SQLite allows them in most primary keys); they come first in it, but for
 * those in further columns, which lib/backfill.lua looks for. */
static bool check_key(const struct backfill *b, const char *key, struct error *err) {
  if (!key || !key_has_null(key))
    return true;
  char *names = strvec_join(&b->definition.key, ", ");
  error_set(err, ERROR_FAILED, "backfill of %s: the key (%s) is NULL in a row", b->definition.table, names);
  error_hint(err, "give op.backfill a `key` that is unique and NOT NULL");
  free(names);
  return false;
}

static bool read_bounds(struct backfill *b, char **low, char **high, struct error *err) {
  return read_end_key(b, b->definition.first_key, low, err) && read_end_key(b, b->definition.last_key, high, err) &&
         check_key(b, *low, err) && check_key(b, *high, err);
}

/* Writes down the first and the last key; NULL: the table is empty. */
static bool set_bounds(struct session *session, const char *name, const char *low, const char *high,
                       struct error *err) {
  struct batch_builder params;
  batch_init(&params, 4);
  batch_add_str(&params, 0, low);
  batch_add_str(&params, 1, high);
  batch_add_bool(&params, 2, true);
  batch_add_str(&params, 3, name);
  bool ok = session_execute_batch(session, "backfill_bounds", &params, NULL, err);
  batch_release(&params);
  return ok && state_observe(session, name, OBSERVED_RUNNING, NULL, err);
}

/* Fixes the range and commits what came before; without a transaction of the revision's own in one that is made for it.
 */
static bool start_new(struct backfill *b, bool has_tables, struct error *err) {
  struct session *session = b->session;
  char *low = NULL, *high = NULL;
  const struct journal_clock *clock = &session->step->journal.clock;
  bool ok = (session->in_transaction || session_begin(session, err)) &&
            (has_tables || state_create_tables(session, err)) && read_bounds(b, &low, &high, err) &&
            state_register(session, &b->definition, b->fingerprint, clock->time_s, clock->seed, err) &&
            set_bounds(session, b->definition.name, low, high, err) &&
            (!low || range_insert(session, b->definition.name, low, high, err)) && step_commit_point(session, err);
  if (ok && low)
    b->range = (struct range){.number = 1, .low = xstrdup(low), .high = xstrdup(high)};
  b->has_range = ok && low != NULL;
  free(low);
  free(high);
  return ok;
}

static bool start_again(struct backfill *b, struct error *err) {
  struct backfill_row row;
  bool found;
  if (!step_commit_point(b->session, err) || !state_read(b->session, b->definition.name, &row, &found, err))
    return false;
  bool ok = !found || state_check_table(&row, &b->definition, err);
  backfill_row_release(&row);
  return ok && range_read(b->session, b->definition.name, &b->range, &b->has_range, err);
}

/* Whether the tables exist must be known before the statement that makes them; a failing look would spoil a
 * transaction, so the dialect's catalog is asked (lib/backfill.lua does it). */
static bool start(struct backfill *b, bool has_tables, struct error *err) {
  bool ok = b->resumed ? start_again(b, err) : start_new(b, has_tables, err);
  if (!ok || !b->has_range || b->range.done)
    return ok;
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  char *worker = xasprintf("%s:%ld", host, (long)getpid());
  ok = range_claim(b->session, b->definition.name, &b->range, worker, err);
  free(worker);
  return ok;
}

/* --- batches --- */

/* The first interrupt lets the batch end, the second one ends the statement. */
static void handle_interrupt(void *data, int count) {
  struct backfill *b = data;
  if (count - b->interrupts == 1)
    log_info("stopping after this batch; interrupt again to roll it back");
  worker_stop(&b->worker);
  if (count - b->interrupts > 1)
    conn_cancel(b->session->conn);
}

/* A script that catches the error must not go on as if the backfill had ended. */
static bool stopped_error(const struct backfill *b, struct error *err) {
  host_interrupt(b->session->host);
  error_set(err, ERROR_PENDING, "the backfill of %s was stopped at a safe point, after %lld rows", b->definition.table,
            (long long)b->range.rows_done);
  return error_hint(err, "run the same command again: it goes on from there");
}

static bool run_batches(struct backfill *b, struct error *err) {
  struct session *session = b->session;
  struct worker *w = &b->worker;
  worker_init(w, session, session->conn, &b->definition, &b->range);
  w->on_batch = handle_batch;
  w->on_batch_data = b;
  b->interrupts = loop_interrupts(session->loop);
  host_allow_interrupts(session->host, 1);
  loop_on_interrupt(session->loop, handle_interrupt, b);
  loop_on_tick(session->loop, handle_tick, b);
  rate_add(&b->rate, clock_monotonic_s(), b->range.rows_done);
  report(b, false); /* where it begins */
  if (b->definition.form == FORM_ROW)
    session->host->refusal = "row() runs while its connection is at work, so it cannot use the database: return the "
                             "columns to change, or take the `batch` form";
  worker_start(w);
  while (w->state != WORKER_ENDED) {
    if (w->state == WORKER_FUNCTION)
      worker_call_function(w);
    else
      loop_run_once(session->loop);
  }
  session->host->refusal = NULL;
  session_watch(session);
  bool ok = !error_is_set(&w->err) && !w->stopped;
  if (w->stopped)
    stopped_error(b, err);
  else if (!ok)
    error_move(err, &w->err);
  b->definition.sizer = w->sizer;
  report(b, true);
  worker_release(w);
  return ok;
}

/* --- the whole --- */

static bool finish(struct backfill *b, struct journal_entry *entry, struct error *err) {
  struct session *session = b->session;
  if (!session->in_transaction && !session_begin(session, err))
    return false;
  journal_set_done(entry, b->range.rows_done);
  bool ok = state_finish(session, b->definition.name, b->range.rows_done, b->definition.sizer.size, err) &&
            journal_update(&session->step->journal, session, entry, err);
  ok = ok && (session->step->transactional || session_commit(session, err));
  if (!ok)
    entry->state = ENTRY_STARTED;
  return ok;
}

static bool run(struct backfill *b, struct journal_entry *entry, bool has_tables, struct error *err) {
  if (!start(b, has_tables, err))
    return false;
  bool work = b->has_range && !b->range.done;
  if (work && !run_batches(b, err))
    return false;
  if (!work)
    report(b, true);
  return finish(b, entry, err);
}

/* The struct lives in a userdata, so that errors thrown on the way free it. */
static int backfill_gc(lua_State *L) {
  struct backfill *b = lua_touserdata(L, 1);
  definition_release(L, &b->definition);
  range_release(&b->range);
  return 0;
}

/* host.backfill_run(definition, entry, resumed, has_tables) -> rows done */
static int backfill_run(lua_State *L) {
  struct session *session = statement_session(L);
  struct journal_entry *entry = lua_touserdata(L, 2);
  luaL_argcheck(L, entry != NULL, 2, "journal entry expected");
  struct backfill *b = lua_newuserdatauv(L, sizeof(*b), 0);
  *b = (struct backfill){.session = session, .fingerprint = entry->fingerprint, .begun_s = clock_monotonic_s()};
  b->definition.row_ref = b->definition.batch_ref = b->definition.writer_ref = LUA_NOREF;
  b->resumed = lua_toboolean(L, 3);
  luaL_setmetatable(L, "moonbird.backfill");
  definition_read(L, 1, session->driver->table.placeholder, &b->definition);
  struct error err = ERROR_INIT;
  if (!run(b, entry, lua_toboolean(L, 4), &err))
    return host_throw(L, &err);
  lua_pushinteger(L, b->range.rows_done);
  return 1;
}

/* host.backfill_has_begun(name) -> a batch of it was committed */
static int backfill_has_begun(lua_State *L) {
  struct session *session = statement_session(L);
  struct range range = {.low = NULL};
  bool found = false;
  struct error err = ERROR_INIT;
  if (!range_read(session, luaL_checkstring(L, 1), &range, &found, &err))
    return host_throw(L, &err);
  lua_pushboolean(L, found && (range.cursor || range.done));
  range_release(&range);
  return 1;
}

/* host.backfill_name(entry) -> the name of an inline backfill: "8f2c1d0e4b7a:3", with ":down" on the way down */
static int backfill_name(lua_State *L) {
  const struct session *session = statement_session(L);
  const struct journal_entry *entry = lua_touserdata(L, 1);
  luaL_argcheck(L, entry != NULL, 1, "journal entry expected");
  bool down = session->step->plan->direction == DIRECTION_DOWNGRADE;
  lua_pushfstring(L, "%s:%I%s", session->step->script->id, (LUAI_UACINT)entry->number, down ? ":down" : "");
  return 1;
}

bool backfill_install(struct session *session, struct error *err) {
  lua_State *L = session->host->L;
  luaL_newmetatable(L, "moonbird.backfill");
  lua_pushcfunction(L, backfill_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  if (!host_require(session->host, "host", err))
    return false;
  lua_pushcfunction(L, backfill_run);
  lua_setfield(L, -2, "backfill_run");
  lua_pushcfunction(L, backfill_has_begun);
  lua_setfield(L, -2, "backfill_has_begun");
  lua_pushcfunction(L, backfill_name);
  lua_setfield(L, -2, "backfill_name");
  lua_pop(L, 1);
  return true;
}
