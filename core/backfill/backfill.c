/*
 * backfill.c - runs a backfill inside a revision; see backfill.h.
 *
 *   commit point   what the revision did before, the journal's entry "started" and the state row: one transaction
 *   batches        each a transaction of its own (runner.h, worker.h)
 *   finish         state row and journal's entry "done", in the transaction in which the revision goes on
 *
 * Called by lib/backfill.lua through moonbird.host. A run that takes the revision up again finds the entry "started"
 * and goes on from the ranges. A named backfill that somebody has finished already is only noted.
 */
#include "backfill/backfill.h"

#include "backfill/brake.h"
#include "backfill/named.h"
#include "backfill/outcome.h"
#include "backfill/persist.h"
#include "backfill/presence.h"
#include "backfill/range.h"
#include "backfill/runner.h"
#include "backfill/start.h"
#include "base/log.h"
#include "run/env.h"
#include "run/statement.h"
#include "run/step.h"
#include "script/files.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* One call of op.backfill. */
struct backfill {
  struct session *session;
  struct definition definition;
  struct journal_entry *entry;
  bool resumed;    /* an interrupted run of the revision has begun it */
  bool has_tables; /* known before the statement that makes them: a failing look would spoil a transaction */
  bool named;      /* other processes may work on it */
  bool deferred;   /* it is only registered */
  struct backfill_row row;
  char *fingerprint; /* of the code that it runs: the row may tell another one meanwhile */
  int64_t rows_done;
};

/* --- start --- */

/* Another script under the same name must not go on with what the first one has begun. */
static bool check_named(struct backfill *b, struct error *err) {
  struct session *session = b->session;
  bool same = strcmp(b->row.fingerprint, b->entry->fingerprint) == 0, begun = false;
  if (!state_check_table(&b->row, &b->definition, err) || !range_has_begun(session, b->row.name, &begun, err))
    return false;
  const char *params[] = {b->entry->fingerprint, b->row.name};
  if (same || !begun || session->request->accept_code_change)
    return same || session_execute(session, "backfill_accept", params, 2, NULL, err);
  error_set(err, ERROR_HISTORY, "backfill %s has begun with other code than %s has now", b->row.name, "its file");
  return error_hint(err, "put the file back as it was; or, when rows done by the old and rows done by the new code may "
                         "stand side by side, add --accept-code-change");
}

/* With which revision the row goes when that is taken back: see backfill_forget. A named one that downgrade() runs goes
 * at its end, or the next downgrade would take it for done; an inline one has a name of its own there. */
static const char *owner(const struct backfill *b) {
  const struct step *step = b->session->step;
  return b->named || step->plan->direction == DIRECTION_UPGRADE ? step->script->id : NULL;
}

/* The row: what is there of a named one stays. */
static bool register_row(struct backfill *b, struct error *err) {
  struct session *session = b->session;
  const struct journal_clock *clock = &session->step->journal.clock;
  const char *revision = owner(b);
  bool found = false;
  if (!start_tables(session, b->has_tables, err))
    return false;
  if (b->named && !state_read(session, b->definition.name, &b->row, &found, err))
    return false;
  if (found) {
    const char *params[] = {revision, b->row.name};
    return check_named(b, err) && session_execute(session, "backfill_adopt", params, 2, NULL, err);
  }
  /* What an inline one left when its revision was run before; a named one may be registered by somebody just now. */
  return start_check_keys(session, &b->definition, err) &&
         (b->named || state_forget(session, b->definition.name, err)) &&
         state_register(session, &b->definition, b->entry->fingerprint, revision, clock->time_s, clock->seed, err);
}

static bool read_row(struct backfill *b, struct error *err) {
  bool found;
  backfill_row_release(&b->row);
  return state_read(b->session, b->definition.name, &b->row, &found, err) &&
         (found || error_set(err, ERROR_HISTORY, "the state of backfill %s is gone", b->definition.name));
}

/* Commits what came before; without a transaction of the revision's own in one that is made for it. */
static bool start_new(struct backfill *b, struct error *err) {
  struct session *session = b->session;
  return (session->in_transaction || session_begin(session, err)) && register_row(b, err) &&
         step_commit_point(session, err) && read_row(b, err);
}

static bool start_again(struct backfill *b, struct error *err) {
  return step_commit_point(b->session, err) && read_row(b, err) && state_check_table(&b->row, &b->definition, err);
}

/* --- batches --- */

/* A script that catches the error must not go on as if the backfill had ended. */
static void end_script(struct backfill *b, const struct error *err) {
  if (err->class == ERROR_PENDING || err->class == ERROR_INTERRUPTED)
    host_interrupt(b->session->host);
}

static bool run_batches(struct backfill *b, struct error *err) {
  struct session *session = b->session;
  struct runner_request request = {.session = session,
                                   .definition = &b->definition,
                                   .row = &b->row,
                                   .fingerprint = b->fingerprint,
                                   .exclusive = !b->named,
                                   .resumed = b->resumed || b->row.rows_done > 0};
  struct runner_outcome outcome;
  bool ok = runner_run(&request, &outcome, err);
  b->rows_done = outcome.rows_done;
  ok = outcome_settle(session, &b->definition, &outcome, ok, err);
  b->definition.sizer.size = outcome.batch_size;
  outcome_release(&outcome);
  if (!ok)
    end_script(b, err);
  return ok;
}

/* --- the whole --- */

static bool write_finished(void *data, struct error *err) {
  struct backfill *b = data;
  struct session *session = b->session;
  if (!session->in_transaction && !session_begin(session, err))
    return false;
  journal_set_done(b->entry, b->rows_done);
  bool ok = state_finish(session, b->definition.name, b->rows_done, b->definition.sizer.size, err) &&
            read_row(b, err) && journal_update(&session->step->journal, session, b->entry, err);
  ok = ok && (session->step->transactional || session_commit(session, err));
  if (!ok)
    b->entry->state = ENTRY_STARTED;
  return ok;
}

/* Nothing of the revision is in this transaction yet, so it may begin anew on another connection. Whoever has written
 * on_error = "quarantine" in a revision wants it to go on; that rows are left is said. */
static bool finish(struct backfill *b, struct error *err) {
  struct error bad = ERROR_INIT;
  if (!persist(b->session, NULL, write_finished, b, err)) {
    end_script(b, err);
    return false;
  }
  if (!outcome_check_bad(b->row.name, b->row.quarantined, &bad))
    log_warn("%s; %s", bad.message, bad.hint);
  error_release(&bad);
  return true;
}

/* From the first key on, unless somebody has ended the wait for it. */
static bool begin_batches(struct backfill *b, struct error *err) {
  struct runner_outcome outcome = {.end = JOB_GOES_ON};
  bool ok = start_bounds(b->session, &b->definition, NULL, &b->row, &outcome, err);
  if (ok && outcome.end == JOB_GOES_ON)
    return brake_follow(b->session, b->row.name, err) && run_batches(b, err);
  ok = outcome_settle(b->session, &b->definition, &outcome, ok, err);
  outcome_release(&outcome);
  end_script(b, err);
  return ok;
}

static bool run(struct backfill *b, struct error *err) {
  if (!(b->resumed ? start_again(b, err) : start_new(b, err)))
    return false;
  b->rows_done = b->row.rows_done;
  b->fingerprint = xstrdup(b->row.fingerprint);
  if (state_is_done(b->row.observed)) {
    log_info("backfill %s was done before: nothing to do", b->definition.name);
    return true;
  }
  return state_observe(b->session, b->row.name, OBSERVED_RUNNING, NULL, err) && begin_batches(b, err);
}

/* Registered in the revision's transaction; operators run it. */
static bool defer(struct backfill *b, struct error *err) {
  struct session *session = b->session;
  bool own = !session->in_transaction;
  if ((own && !session_begin(session, err)) || !register_row(b, err))
    return false;
  log_info("backfill %s is registered: `moonbird backfill run %s` runs it", b->definition.name, b->definition.name);
  journal_set_done(b->entry, 0);
  return !own || step_commit_point(session, err);
}

/* The struct lives in a userdata, so that errors thrown on the way free it. */
static int backfill_gc(lua_State *L) {
  struct backfill *b = lua_touserdata(L, 1);
  definition_release(L, &b->definition);
  backfill_row_release(&b->row);
  free(b->fingerprint);
  return 0;
}

static bool flag_at(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  bool flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

/* host.backfill_run(definition, entry, { resumed, has_tables, named, deferred }) -> rows done */
static int backfill_run(lua_State *L) {
  struct session *session = statement_session(L);
  struct journal_entry *entry = lua_touserdata(L, 2);
  luaL_argcheck(L, entry != NULL, 2, "journal entry expected");
  luaL_checktype(L, 3, LUA_TTABLE);
  struct backfill *b = lua_newuserdatauv(L, sizeof(*b), 0);
  *b = (struct backfill){.session = session,
                         .entry = entry,
                         .resumed = flag_at(L, 3, "resumed"),
                         .has_tables = flag_at(L, 3, "has_tables"),
                         .named = flag_at(L, 3, "named"),
                         .deferred = flag_at(L, 3, "deferred")};
  definition_init(&b->definition);
  luaL_setmetatable(L, "moonbird.backfill");
  definition_read(L, 1, session->driver->table.placeholder, &b->definition);
  struct error err = ERROR_INIT;
  bool ok = b->deferred ? defer(b, &err) : run(b, &err) && finish(b, &err);
  session->has_backfill_table = session->has_backfill_table || ok;
  if (!ok)
    return host_throw(L, &err);
  lua_pushinteger(L, b->rows_done);
  return 1;
}

/* host.backfill_has_begun(name) -> a batch of it was committed */
static int backfill_has_begun(lua_State *L) {
  struct session *session = statement_session(L);
  bool begun = false;
  struct error err = ERROR_INIT;
  if (!range_has_begun(session, luaL_checkstring(L, 1), &begun, &err))
    return host_throw(L, &err);
  lua_pushboolean(L, begun);
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

/* host.backfill_name_rule(name) -> nil, or the rule that the name breaks */
static int backfill_name_rule(lua_State *L) {
  lua_pushstring(L, named_name_rule(luaL_checkstring(L, 1)));
  return 1;
}

/* host.run_context() -> what a file of backfills/ sees as `context`, also outside of a revision */
static int run_context(lua_State *L) {
  struct session *session = host_of(L)->run;
  env_push_context(session, session->step ? session->step->plan : NULL);
  if (session->host->L != L)
    lua_xmove(session->host->L, L, 1);
  return 1;
}

/* host.backfill_forget(revision): what a revision registered goes with it */
static int backfill_forget(lua_State *L) {
  struct session *session = statement_session(L);
  const char *revision = luaL_checkstring(L, 1);
  struct rowset rows = ROWSET_INIT;
  struct error err = ERROR_INIT;
  bool ok = session_query(session, "backfill_owned", &revision, 1, &rows, &err);
  for (size_t i = 0; ok && i < rows.row_count; i++) {
    const char *name = rowset_text(&rows, i, 0);
    ok = presence_check_none(session, name, "run the downgrade again", &err) && state_forget(session, name, &err) &&
         state_log(session, name, "forgotten", "its revision was taken back", NULL, &err);
  }
  rowset_release(&rows);
  return ok ? 0 : host_throw(L, &err);
}

bool backfill_install(struct session *session, struct error *err) {
  static const luaL_Reg functions[] = {{"backfill_run", backfill_run},
                                       {"backfill_has_begun", backfill_has_begun},
                                       {"backfill_name", backfill_name},
                                       {"backfill_name_rule", backfill_name_rule},
                                       {"backfill_forget", backfill_forget},
                                       {"run_context", run_context},
                                       {NULL, NULL}};
  lua_State *L = session->host->L;
  luaL_newmetatable(L, "moonbird.backfill");
  lua_pushcfunction(L, backfill_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  if (!host_require(session->host, "host", err))
    return false;
  luaL_setfuncs(L, functions, 0);
  char *location = path_as_written(environment_location(session->request->env));
  lua_pushstring(L, location);
  free(location);
  lua_setfield(L, -2, "environment_location");
  lua_pop(L, 1);
  return true;
}
