/*
 * statement.c - the journal as lib/statement.lua sees it; see statement.h. What each function does to the transaction
 * is said where it is registered.
 */
#include "run/statement.h"

#include "base/digest.h"
#include "base/log.h"
#include "run/lock_tries.h"
#include "run/step.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

struct session *statement_session(lua_State *L) {
  struct session *session = host_of(L)->run;
  if (!session || !session->step)
    luaL_error(L, "this can be called only while a revision runs");
  return session;
}

static struct journal_entry *check_entry(lua_State *L, int index) {
  struct journal_entry *e = lua_touserdata(L, index);
  luaL_argcheck(L, e != NULL, index, "journal entry expected");
  return e;
}

/* What lib/statement.lua is to do with a statement. */
static const char *verdict(const struct journal_entry *e, bool known) {
  if (!known)
    return "run";
  switch (e->state) {
  case ENTRY_DONE:
    return "skip";
  case ENTRY_FAILED:
    return "fail";
  case ENTRY_STARTED:
    break;
  }
  return e->new_fingerprint ? "changed" : "resume";
}

/* The text begins with the SQLSTATE, where there was one: "[23505] duplicate key ..." */
static void push_recorded_failure(lua_State *L, const char *text) {
  struct error err = ERROR_INIT;
  bool has_state = strlen(text) > 8 && text[0] == '[' && text[6] == ']' && text[7] == ' ';
  error_set(&err, ERROR_FAILED, "%s", has_state ? text + 8 : text);
  if (has_state)
    memcpy(err.sqlstate, text + 1, 5);
  host_push_error(L, &err);
}

static int statement_next(lua_State *L) {
  host_check_allowed(L);
  struct session *session = statement_session(L);
  struct step *step = session->step;
  const char *kind = luaL_checkstring(L, 1);
  size_t len;
  const char *source = luaL_checklstring(L, 2, &len);
  const char *shown = luaL_checkstring(L, 3);
  char fingerprint[SHA256_HEX_SIZE];
  sha256_hex(source, len, fingerprint);
  struct journal_entry *e;
  bool known;
  struct error err = ERROR_INIT;
  if (!session_check_transaction(session, &err))
    return host_throw(L, &err);
  if (!journal_next(&step->journal, session, kind, fingerprint, shown, &e, &known, &err))
    return host_throw(L, &err);
  lua_pushstring(L, verdict(e, known));
  lua_pushlightuserdata(L, e);
  if (e->state == ENTRY_FAILED)
    push_recorded_failure(L, e->error ? e->error : "");
  else
    lua_pushinteger(L, e->result);
  return 3;
}

static int statement_done(lua_State *L) {
  struct session *session = statement_session(L);
  struct error err = ERROR_INIT;
  journal_set_done(check_entry(L, 1), luaL_optinteger(L, 2, 0));
  if (session->in_transaction && !session->savepoints && !journal_spill(&session->step->journal, session, &err))
    return host_throw(L, &err);
  return 0;
}

static int statement_failed(lua_State *L) {
  struct journal_entry *e = check_entry(L, 1);
  const struct error *err = host_error_at(L, 2);
  const char *text = luaL_tolstring(L, 2, NULL);
  if (err && err->sqlstate[0])
    text = lua_pushfstring(L, "[%s] %s", err->sqlstate, text);
  journal_set_failed(e, text);
  return 0;
}

static int fail_with_hint(lua_State *L) {
  struct error err = ERROR_INIT;
  const struct error *thrown = host_error_at(L, 1);
  if (thrown)
    error_copy(&err, thrown);
  else
    error_set(&err, ERROR_FAILED, "%s", luaL_tolstring(L, 1, NULL));
  error_add_hint(&err, luaL_checkstring(L, 2));
  return host_throw(L, &err);
}

static int statement_accept(lua_State *L) {
  journal_accept(check_entry(L, 1));
  return 0;
}

static int statement_refuse(lua_State *L) {
  struct error err = ERROR_INIT;
  journal_refuse(&statement_session(L)->step->journal, check_entry(L, 1), &err);
  return host_throw(L, &err);
}

static int accepts_code_change(lua_State *L) {
  lua_pushboolean(L, statement_session(L)->request->accept_code_change);
  return 1;
}

static int commit_point(lua_State *L) {
  struct error err = ERROR_INIT;
  if (!step_commit_point(statement_session(L), &err))
    return host_throw(L, &err);
  return 0;
}

static int in_transaction(lua_State *L) {
  lua_pushboolean(L, statement_session(L)->in_transaction);
  return 1;
}

static int check_transaction(lua_State *L) {
  struct error err = ERROR_INIT;
  if (!session_check_transaction(statement_session(L), &err))
    return host_throw(L, &err);
  return 0;
}

/* The script's text holds the word. */
static int script_mentions(lua_State *L) {
  const struct strbuf *text = &statement_session(L)->step->text;
  size_t len;
  const char *word = luaL_checklstring(L, 1, &len);
  lua_pushboolean(L, memmem(text->buf, text->len, word, len) != NULL);
  return 1;
}

static int is_resumed(lua_State *L) {
  lua_pushboolean(L, statement_session(L)->step->journal.found > 0);
  return 1;
}

static int ddl_lock_timeout_ms(lua_State *L) {
  lua_pushinteger(L, lock_tries_timeout_ms(statement_session(L)));
  return 1;
}

static int note_lock_limit(lua_State *L) {
  struct session *session = statement_session(L);
  session->step->limited_transaction = lua_toboolean(L, 1) ? session->transaction_number : 0;
  return 0;
}

static int transaction_number(lua_State *L) {
  lua_pushinteger(L, statement_session(L)->transaction_number);
  return 1;
}

static int begin(lua_State *L) {
  struct error err = ERROR_INIT;
  if (!session_begin(statement_session(L), &err))
    return host_throw(L, &err);
  return 0;
}

static int rollback(lua_State *L) {
  session_rollback(statement_session(L));
  return 0;
}

static int note_unrecorded(lua_State *L) {
  struct session *session = statement_session(L);
  struct step *step = session->step;
  if (!step->unrecorded && !session->savepoints)
    step->unrecorded = xstrdup(luaL_checkstring(L, 1));
  return 0;
}

static int savepoint_depth(lua_State *L) {
  struct session *session = host_of(L)->run;
  session->savepoints += (int)luaL_optinteger(L, 1, 0);
  lua_pushinteger(L, session->savepoints);
  return 1;
}

/* Without the values: they are people's data. */
static int tell(lua_State *L) {
  log_debug("%s", luaL_checkstring(L, 1));
  return 0;
}

bool statement_install(struct session *session, struct error *err) {
  static const luaL_Reg functions[] = {
      {"statement_next",
       statement_next}, /* (kind, fingerprint source, text for people) -> verdict, entry, result or error */
      {"statement_done", statement_done},           /* (entry, rows affected) */
      {"statement_failed", statement_failed},       /* (entry, error) */
      {"fail_with_hint", fail_with_hint},           /* (error, hint): throws it, with this hint behind its own */
      {"statement_accept", statement_accept},       /* (entry): goes on under its new definition */
      {"statement_refuse", statement_refuse},       /* (entry): throws the error that shows both */
      {"accepts_code_change", accepts_code_change}, /* --accept-code-change was given */
      {"note_unrecorded", note_unrecorded},         /* (sql): a query that changed something */
      {"commit_point", commit_point},               /* writes the journal, commits */
      {"in_transaction", in_transaction},           /* the revision has one, as far as Moonbird knows */
      {"check_transaction", check_transaction},     /* throws when the revision's is gone */
      {"is_resumed", is_resumed},                   /* an earlier run has committed a part of the revision */
      {"ddl_lock_timeout_ms", ddl_lock_timeout_ms}, /* 0: DDL waits for its locks without end */
      {"note_lock_limit", note_lock_limit},         /* (is_set): that limit, in the transaction of now */
      {"transaction_number", transaction_number},   /* of the one that was begun last */
      {"script_mentions", script_mentions},         /* (word) -> its text holds it */
      {"begin", begin},
      {"rollback", rollback},
      {"savepoint_depth", savepoint_depth}, /* (change) -> open db:transaction blocks */
      {"tell", tell},                       /* (sql): to who asked for more with -v */
      {NULL, NULL},
  };
  if (!host_require(session->host, "host", err))
    return false;
  luaL_setfuncs(session->host->L, functions, 0);
  lua_pop(session->host->L, 1);
  return true;
}
