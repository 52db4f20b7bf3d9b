/*
 * offline.c - writes a run as an SQL script; see offline.h. Called by session.c and step.c in place of the connection,
 * and by lib/offline.lua. Which statements there are, and in what order, is not decided here.
 */
#include "run/offline.h"

#include "db/driver.h"
#include "lua/connection.h"
#include "lua/dialect.h"
#include "lua/value.h"
#include "run/statement.h"
#include "run/step.h"
#include "sql/placeholder.h"
#include "sql/split.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

void offline_release(struct offline *offline) {
  strbuf_release(&offline->script);
  strvec_release(&offline->rows);
}

/* --- where it starts --- */

void offline_split(const char *range, char **from, const char **to) {
  const char *colon = strchr(range, ':');
  *from = colon ? xstrndup(range, (size_t)(colon - range)) : NULL;
  *to = colon ? colon + 1 : range;
}

bool offline_start(struct offline *offline, const struct graph *graph, const char *from, struct error *err) {
  if (!from || !*from)
    return true;
  struct vec revisions = VEC_INIT;
  if (!graph_resolve(graph, from, &revisions, err))
    return false;
  for (size_t i = 0; i < revisions.len; i++)
    strvec_push(&offline->rows, ((const struct revision *)revisions.items[i])->id);
  vec_release(&revisions);
  return true;
}

/* --- writing --- */

static bool refuse_nul(const char *sql, size_t len, struct error *err) {
  if (!memchr(sql, '\0', len))
    return true;
  error_set(err, ERROR_FAILED, "a statement holds a NUL byte, which no SQL script can");
  return error_statement(err, sql, len);
}

/* A statement that its data follows: it is ended already. */
static bool add_with_data(struct offline *offline, const char *sql, size_t len, struct error *err) {
  if (!refuse_nul(sql, len, err))
    return false;
  strbuf_add(&offline->script, sql, len);
  strbuf_add_str(&offline->script, "\n\n");
  return true;
}

bool offline_add(struct offline *offline, const char *sql, size_t len, struct error *err) {
  if (!refuse_nul(sql, len, err))
    return false;
  size_t before = offline->script.len;
  sql_add_terminated(&offline->script, &offline->rules, sql, len);
  if (offline->script.len > before)
    strbuf_add_str(&offline->script, "\n\n");
  return true;
}

/* The literals are the dialect's: `exec` of the writer puts them in. */
bool offline_execute(struct session *session, const char *sql, struct batch_builder *params, struct error *err) {
  if (!params->column_count)
    return offline_add(session->offline, sql, strlen(sql), err);
  lua_State *L = session->host->L;
  if (!host_require(session->host, "offline", err))
    return false;
  lua_getfield(L, -1, "connection");
  lua_getfield(L, -1, "exec");
  lua_replace(L, -3);
  lua_pushstring(L, sql);
  const moonbird_batch *batch = batch_view(params);
  lua_createtable(L, (int)batch->column_count, 0);
  for (uint32_t i = 0; i < batch->column_count; i++) {
    struct value value = batch_value(&batch->columns[i], 0);
    if (value.type == MOONBIRD_TYPE_NONE)
      value_push_null(L);
    else
      value_push(L, &value);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return host_call(session->host, 3, 0, err);
}

static void add_ids(struct strbuf *out, const struct vec *revisions) {
  for (size_t i = 0; i < revisions->len; i++)
    strbuf_addf(out, "%s%s", i ? ", " : "", ((const struct revision *)revisions->items[i])->id);
}

/* A stamp goes from the rows that it replaces. */
static void add_replaced(struct strbuf *out, const struct plan_step *step) {
  const char *between = "";
  for (size_t i = 0; i < step->change_count; i++) {
    if (!step->changes[i].from)
      continue;
    strbuf_addf(out, "%s%s", between, step->changes[i].from);
    between = ", ";
  }
}

/* Alembic's form: nothing stands for base. */
void offline_add_step(struct offline *offline, const struct plan_step *step) {
  struct strbuf *out = &offline->script;
  const char *id = step->revision ? step->revision->id : "";
  switch (step->direction) {
  case DIRECTION_UPGRADE:
    strbuf_add_str(out, "-- Running upgrade ");
    add_ids(out, &step->revision->down);
    strbuf_addf(out, " -> %s\n\n", id);
    return;
  case DIRECTION_DOWNGRADE:
    strbuf_addf(out, "-- Running downgrade %s -> ", id);
    add_ids(out, &step->revision->down);
    break;
  case DIRECTION_STAMP:
    strbuf_add_str(out, "-- Running stamp_revision ");
    add_replaced(out, step);
    strbuf_addf(out, " -> %s", id);
    break;
  }
  strbuf_add_str(out, "\n\n");
}

/* --- what lib/offline.lua calls --- */

static struct session *offline_session(lua_State *L) {
  struct session *session = host_of(L)->run;
  if (!session || !session->offline)
    luaL_error(L, "this can be called only with --sql");
  return session;
}

/* host.script_add(sql, has_data) */
static int script_add(lua_State *L) {
  host_check_allowed(L);
  size_t len;
  const char *sql = luaL_checklstring(L, 1, &len);
  struct offline *offline = offline_session(L)->offline;
  struct error err = ERROR_INIT;
  bool ok = lua_toboolean(L, 2) ? add_with_data(offline, sql, len, &err) : offline_add(offline, sql, len, &err);
  if (!ok)
    return host_throw(L, &err);
  return 0;
}

/* host.script_commit(): ends the transaction, if there is one */
static int script_commit(lua_State *L) {
  struct error err = ERROR_INIT;
  if (!session_commit(offline_session(L), &err))
    return host_throw(L, &err);
  return 0;
}

/* host.script_refuse(message, hint): throws */
static int script_refuse(lua_State *L) {
  struct error err = ERROR_INIT;
  error_set(&err, ERROR_FAILED, "%s", luaL_checkstring(L, 1));
  error_hint(&err, "%s", luaL_checkstring(L, 2));
  return host_throw(L, &err);
}

/* host.script_scratch(): a connection to an empty database in memory; nil where the driver has none */
static int script_scratch(lua_State *L) {
  struct session *session = offline_session(L);
  struct url url = {.scheme = session->url.scheme};
  struct error err = ERROR_INIT;
  if (!driver_can(session->driver, MOONBIRD_CAP_FILE))
    return 0;
  if (!session->scratch_conn) {
    session->scratch_conn = conn_new(session->loop, session->driver);
    if (!conn_open(session->scratch_conn, &url, "moonbird", &err))
      return host_throw(L, &err);
  }
  connection_push(L, session->scratch_conn);
  return 1;
}

static int placeholders_gc(lua_State *L) {
  placeholders_release(luaL_checkudata(L, 1, "moonbird.placeholders"));
  return 0;
}

/* The struct lives in a userdata, so that errors thrown on the way free it. */
static struct placeholders *new_placeholders(lua_State *L) {
  struct placeholders *p = lua_newuserdatauv(L, sizeof(*p), 0);
  *p = (struct placeholders)PLACEHOLDERS_INIT;
  if (luaL_newmetatable(L, "moonbird.placeholders")) {
    lua_pushcfunction(L, placeholders_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return p;
}

/* host.sql_pieces(sql, named) -> { text before the first placeholder, text behind it, ... }, { names } */
static int sql_pieces(lua_State *L) {
  size_t len, at = 0;
  const char *sql = luaL_checklstring(L, 1, &len);
  struct placeholders *p = new_placeholders(L);
  placeholders_translate(p, dialect_rules(L), sql, len, lua_toboolean(L, 2) ? PLACEHOLDER_NAME : PLACEHOLDER_POSITION,
                         "?");
  lua_createtable(L, (int)p->marks.len + 1, 0);
  for (size_t i = 0; i < p->marks.len; i++) {
    size_t mark = (uintptr_t)p->marks.items[i];
    lua_pushlstring(L, p->sql.buf + at, mark - at);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
    at = mark + 1;
  }
  lua_pushlstring(L, p->sql.buf + at, p->sql.len - at);
  lua_rawseti(L, -2, (lua_Integer)p->marks.len + 1);
  lua_createtable(L, (int)p->names.len, 0);
  for (size_t i = 0; i < p->names.len; i++) {
    lua_pushstring(L, strvec_at(&p->names, i));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 2;
}

bool offline_push_connection(struct session *session, struct error *err) {
  static const luaL_Reg functions[] = {{"script_add", script_add},       {"script_commit", script_commit},
                                       {"script_refuse", script_refuse}, {"script_scratch", script_scratch},
                                       {"sql_pieces", sql_pieces},       {NULL, NULL}};
  lua_State *L = session->host->L;
  session->offline->rules = *dialect_rules(L);
  if (!host_require(session->host, "host", err))
    return false;
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
  if (!host_require(session->host, "offline", err))
    return false;
  lua_getfield(L, -1, "connection");
  lua_remove(L, -2);
  return true;
}
