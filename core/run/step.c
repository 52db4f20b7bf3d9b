/*
 * step.c - runs one step of a plan; see step.h. DESIGN.md, section 8, has the rules.
 */
#include "run/step.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/env.h"
#include "run/history.h"
#include "run/lock_tries.h"
#include "run/offline.h"
#include "run/sqlfile.h"
#include "run/statement.h"
#include "run/versions.h"
#include "script/files.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *direction_name(enum direction direction) {
  static const char *const names[] = {
      [DIRECTION_UPGRADE] = "upgrade", [DIRECTION_DOWNGRADE] = "downgrade", [DIRECTION_STAMP] = "stamp"};
  return names[direction];
}

/* --- loading --- */

/* Leaves the compiled chunk on the stack. */
static bool compile(struct session *session, const struct script *script, const struct strbuf *text,
                    struct error *err) {
  char *name = path_as_written(script->path);
  bool ok = host_load(session->host, text->buf, text->len, name, err);
  free(name);
  if (!ok)
    error_prefix(err, "revision %s cannot be loaded: ", script->id);
  return ok;
}

/* --- running the script --- */

/* Calls `revision.run(chunk, context, name)` of lib/revision.lua as a task. */
static bool run_lua(struct session *session, struct step *step, struct error *err) {
  lua_State *L = session->host->L;
  if (!host_require(session->host, "revision", err))
    return false;
  lua_getfield(L, -1, "run");
  lua_remove(L, -2);
  if (!compile(session, step->script, &step->text, err))
    return false;
  env_push_context(session, step->plan);
  lua_pushstring(L, step->script->name);
  lua_pushinteger(L, step->journal.clock.time_s);
  lua_pushinteger(L, step->journal.clock.seed);
  return host_call_task(session->host, 5, err);
}

/* Pushes a function of lib/sql_revision.lua, and the file for it. */
static bool push_sql(struct session *session, const char *function, const struct script *script,
                     const struct strbuf *text, struct error *err) {
  lua_State *L = session->host->L;
  if (!host_require(session->host, "sql_revision", err))
    return false;
  lua_getfield(L, -1, function);
  lua_remove(L, -2);
  char *path = path_as_written(script->path);
  sqlfile_push(L, path, text);
  free(path);
  return true;
}

/* `sql_revision.run(file, direction)` as a task. */
static bool run_sql(struct session *session, struct step *step, struct error *err) {
  if (!push_sql(session, "run", step->script, &step->text, err))
    return false;
  lua_pushstring(session->host->L, direction_name(step->plan->direction));
  return host_call_task(session->host, 2, err);
}

static bool run_script(struct session *session, struct step *step, struct error *err) {
  return step->script->kind == SCRIPT_SQL ? run_sql(session, step, err) : run_lua(session, step, err);
}

/* --- before anything is done --- */

static bool check_lua(struct session *session, const struct script *script, const struct strbuf *text,
                      struct error *err) {
  bool ok = compile(session, script, text, err);
  if (ok)
    lua_pop(session->host->L, 1);
  return ok;
}

static bool check_sql(struct session *session, const struct plan_step *plan, const struct script *script,
                      const struct strbuf *text, struct error *err) {
  if (!push_sql(session, "check", script, text, err))
    return false;
  lua_pushstring(session->host->L, direction_name(plan->direction));
  return host_call(session->host, 2, 0, err);
}

bool step_check(struct session *session, const struct plan_step *plan, struct error *err) {
  const struct script *script = revision_script(plan->revision);
  struct strbuf text = STRBUF_INIT;
  bool ok = script_read(script, &text, err);
  if (ok && script->kind == SCRIPT_LUA)
    ok = check_lua(session, script, &text, err);
  else if (ok)
    ok = check_sql(session, plan, script, &text, err);
  strbuf_release(&text);
  return ok;
}

/* --- transactions --- */

static bool begin(struct session *session, const struct step *step, struct error *err) {
  return !step->transactional || session->in_transaction || session_begin(session, err);
}

/* `transaction_per_migration = false`, but this revision wants none: what the ones before it did is committed. */
static bool leave_shared_transaction(struct session *session, const struct step *step, struct error *err) {
  return step->transactional || session_commit(session, err);
}

/* A run that is taken up again runs queries once more. */
static bool refuse_unrecorded(const struct step *step, struct error *err) {
  error_set(err, ERROR_FAILED,
            "a statement that changes rows was run through db:query, one, scalar or rows before a commit point; "
            "an interrupted run would do it twice");
  error_statement(err, step->unrecorded, strlen(step->unrecorded));
  return error_hint(
      err, "use db:exec for it and ask for its results by a query of their own, or move it behind the backfill");
}

bool step_commit_point(struct session *session, struct error *err) {
  struct step *step = session->step;
  if (session->savepoints)
    return error_set(err, ERROR_FAILED, "op.backfill commits its batches, so it cannot run inside db:transaction");
  if (step->unrecorded)
    return refuse_unrecorded(step, err);
  /* Without a transaction of the revision's own, the journal still wants its rows to come together. */
  if (!session_check_transaction(session, err) || (!session->in_transaction && !session_begin(session, err)))
    return false;
  bool had_journal = session->has_journal_table;
  if (!journal_write(&step->journal, session, err) || !session_commit(session, err)) {
    session->has_journal_table = had_journal;
    return false;
  }
  journal_committed(&step->journal);
  session->committed_inside = true;
  return true;
}

bool step_resume_transaction(struct session *session, struct error *err) {
  return begin(session, session->step, err);
}

/* Version rows, log row and the end of the journal: one transaction, that of the script where it has one. */
static bool complete(struct session *session, struct step *step, struct error *err) {
  if (!session_check_transaction(session, err) || (!session->in_transaction && !session_begin(session, err)))
    return false;
  struct history_row row = {
      .revision = step->script->id,
      .direction = direction_name(step->plan->direction),
      .started_us = step->started_us,
      .duration_s = clock_monotonic_s() - step->started_s,
      .checksum = step->checksum,
      .text = step->text.buf,
      .text_len = step->text.len,
      .outcome = "done",
  };
  return versions_ensure_table(session, err) && versions_apply(session, step->plan, err) &&
         history_add(session, &row, err) && journal_close(&step->journal, session, err) &&
         session_check_interrupt(session, err) && (step->shares_transaction || session_commit(session, err));
}

/* An earlier run had more statements than this one came to. */
static bool check_all_passed(struct session *session, struct step *step, struct error *err) {
  const struct journal_entry *next;
  if (!journal_left_over(&step->journal, session, &next, err))
    return false;
  if (!next)
    return true;
  error_set(err, ERROR_PARTIAL,
            "an earlier, interrupted run of revision %s has committed statements that the script does "
            "not have any more",
            step->script->id);
  error_detail(err, "statement %lld: %s: %s", (long long)next->number, next->kind, next->statement);
  return error_hint(err, "put the script back as it was and run it again");
}

/* Whoever catches the error of a backfill may know what to do without its rows, but must not be alone in knowing. */
static void warn_of_unfinished(const struct step *step) {
  const struct journal_entry *begun = journal_first_begun(&step->journal);
  if (begun)
    log_warn("revision %s has caught an error and ends without its %s: not all of its rows are done", step->script->id,
             begun->statement);
}

static void note_failure(struct session *session, struct step *step, struct error *err) {
  struct history_row row = {
      .revision = step->script->id,
      .direction = direction_name(step->plan->direction),
      .started_us = step->started_us,
      .duration_s = clock_monotonic_s() - step->started_s,
      .checksum = step->checksum,
      .outcome = err->class == ERROR_INTERRUPTED || err->class == ERROR_PENDING ? "interrupted" : "failed",
      .message = err->message,
  };
  history_add_failure(session, &row);
  bool stopped_safely = err->class == ERROR_INTERRUPTED || err->class == ERROR_PENDING;
  if (!step->journal.used)
    return;
  if (!stopped_safely)
    err->class = ERROR_PARTIAL;
  if (!err->hint)
    error_hint(
        err,
        "what revision %s had committed before is kept: mend the cause and run the same command again, it goes on "
        "from there",
        step->script->id);
}

static bool run_in_transaction(struct session *session, struct step *step, struct error *err) {
  if (!begin(session, step, err))
    return false;
  if (session->offline)
    offline_add_step(session->offline, step->plan);
  if (!env_hook(session, "before_each", step->plan, NULL, err) || !run_script(session, step, err) ||
      !check_all_passed(session, step, err) || !env_hook(session, "after_each", step->plan, NULL, err) ||
      !session_check_interrupt(session, err))
    return false;
  warn_of_unfinished(step);
  return complete(session, step, err);
}

static bool prepare(struct session *session, struct step *step, struct error *err) {
  if (!script_read(step->script, &step->text, err))
    return false;
  script_checksum(step->text.buf, step->text.len, step->checksum);
  return journal_load(&step->journal, session, step->script->id, direction_name(step->plan->direction), err);
}

static void forget_uncommitted_tables(struct session *session, bool had_version, bool had_log, bool had_journal) {
  session->has_version_table = had_version;
  session->has_log_table = had_log;
  session->has_journal_table = had_journal;
}

/* What another try must find as the first one did. */
static void reset(struct session *session, struct step *step) {
  journal_release(&step->journal);
  step->journal = (struct journal){.revision = step->script->id, .direction = direction_name(step->plan->direction)};
  strbuf_clear(&step->text);
  free(step->unrecorded);
  step->unrecorded = NULL;
  session->savepoints = 0;
  step->limited_transaction = 0;
}

static bool try_once(struct session *session, struct step *step, bool is_first, struct error *err) {
  const struct run_listener *listener = session->request->listener;
  if (!leave_shared_transaction(session, step, err) || !prepare(session, step, err))
    return false;
  if (is_first && step->journal.found && listener && listener->step_resumed)
    listener->step_resumed(listener->data, step->plan, step->journal.ended - 1 /* the clock */);
  return run_in_transaction(session, step, err);
}

bool step_run(struct session *session, const struct plan_step *plan, bool shares_transaction, struct error *err) {
  struct step step = {
      .plan = plan,
      .script = revision_script(plan->revision),
      .text = STRBUF_INIT,
      .shares_transaction = shares_transaction,
      .started_us = clock_wall_us(),
      .started_s = clock_monotonic_s(),
  };
  step.transactional = step.script->transaction;
  bool had_version = session->has_version_table, had_log = session->has_log_table;
  bool had_journal = session->has_journal_table;
  session->step = &step;
  int64_t tries = session->shared_tries;
  bool ok;
  do {
    reset(session, &step);
    ok = try_once(session, &step, tries == 0, err);
    tries++;
    session->repeats = !ok && lock_tries_missed(session, &step, err);
    if (!ok) {
      session_rollback(session);
      forget_uncommitted_tables(session, had_version, had_log, had_journal || step.journal.used);
    }
    session->repeats = session->repeats && lock_tries_are_left(session, step.script->id, tries, err);
  } while (session->repeats && !shares_transaction && lock_tries_pause(session, step.script->id, tries, err));
  if (!ok && !(session->repeats && shares_transaction))
    note_failure(session, &step, err);
  session->step = NULL;
  journal_release(&step.journal);
  free(step.unrecorded);
  strbuf_release(&step.text);
  return ok;
}
