/*
 * schema.c - opens what lib/schema/command.lua needs, and takes its texts over; see schema.h.
 */
#include "run/schema.h"

#include "base/log.h"
#include "config/settings.h"
#include "db/driver.h"
#include "run/env.h"
#include "run/session.h"
#include "run/versions.h"

#include <lauxlib.h>
#include <string.h>

void schema_result_release(struct schema_result *result) {
  strbuf_release(&result->text);
  strbuf_release(&result->json);
  strbuf_release(&result->upgrade);
  strbuf_release(&result->downgrade);
}

/* A difference to a database that lacks revisions would repeat them. */
static bool check_up_to_date(struct session *session, struct error *err) {
  struct vec rows = VEC_INIT;
  bool at_heads = false;
  bool ok = versions_read(session, &rows, err) &&
            graph_is_at_heads(environment_graph(session->request->env), &rows, &at_heads, err);
  strvec_release(&rows);
  if (!ok || at_heads)
    return ok;
  error_set(err, ERROR_PENDING, "Target database is not up to date.");
  return error_hint(err, "'moonbird upgrade heads' applies what is missing; then the difference to the models is "
                         "what is new in them");
}

/* --- the request as Lua sees it; the table is at the top --- */

/* request.ask(kind, old, new) -> boolean */
static int ask(lua_State *L) {
  const struct schema_request *request = lua_touserdata(L, lua_upvalueindex(1));
  lua_pushboolean(
      L, request->ask(request->ask_data, luaL_checkstring(L, 1), luaL_checkstring(L, 2), luaL_checkstring(L, 3)));
  return 1;
}

static void add_text(lua_State *L, const char *field, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, field);
}

static void add_texts(lua_State *L, const char *field, const struct vec *texts) {
  lua_newtable(L);
  for (size_t i = 0; texts && i < texts->len; i++) {
    lua_pushstring(L, strvec_at(texts, i));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, field);
}

/* config_load has seen that the setting can be read. */
static void add_schemas(lua_State *L, const struct config *config) {
  struct vec names = VEC_INIT;
  const char *text = config_text(config, "schemas");
  if (text && !setting_parse_names(text, &names))
    BUG("schemas = %s", text);
  add_texts(L, "schemas", &names);
  strvec_release(&names);
}

static void push_request(struct session *session, const struct schema_request *request, const struct strbuf *models) {
  static const char *const actions[] = {
      [SCHEMA_AUTOGENERATE] = "autogenerate", [SCHEMA_CHECK] = "check", [SCHEMA_DIFF] = "diff", [SCHEMA_DUMP] = "dump"};
  lua_State *L = session->host->L;
  const struct config *config = session->request->config;
  lua_newtable(L);
  add_text(L, "action", actions[request->action]);
  add_text(L, "format", request->format);
  add_text(L, "folder", environment_location(session->request->env));
  add_text(L, "version_table", config_text(config, "version_table"));
  add_text(L, "version_schema", config_text(config, "version_table_schema"));
  add_schemas(L, config);
  add_texts(L, "renames", request->renames);
  env_push_settings(session);
  lua_setfield(L, -2, "settings");
  if (models) {
    lua_pushlstring(L, models->buf, models->len);
    lua_setfield(L, -2, "models_text");
  }
  lua_pushboolean(L, request->action == SCHEMA_AUTOGENERATE);
  lua_setfield(L, -2, "hints");
  if (request->ask) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)request);
    lua_pushcclosure(L, ask, 1);
    lua_setfield(L, -2, "ask");
  }
}

/* --- the result --- */

static void take_text(lua_State *L, const char *field, struct strbuf *text) {
  size_t len;
  lua_getfield(L, -1, field);
  const char *value = lua_tolstring(L, -1, &len);
  if (value)
    strbuf_add(text, value, len);
  lua_pop(L, 1);
}

static void take_result(lua_State *L, struct schema_result *result) {
  take_text(L, "text", &result->text);
  take_text(L, "json", &result->json);
  take_text(L, "upgrade", &result->upgrade);
  take_text(L, "downgrade", &result->downgrade);
  lua_getfield(L, -1, "count");
  result->count = lua_tointeger(L, -1);
  lua_pop(L, 1);
}

/* A mistake in the models is one of configuration, as in env.lua; the result tells who was at work. */
static void settle_class(lua_State *L, struct error *err) {
  lua_getfield(L, -1, "judges_models");
  if (lua_toboolean(L, -1) && err->class == ERROR_FAILED)
    err->class = ERROR_USAGE;
  lua_pop(L, 1);
}

static bool call(struct session *session, const struct schema_request *request, const struct strbuf *models,
                 struct schema_result *result, struct error *err) {
  lua_State *L = session->host->L;
  lua_newtable(L); /* the result */
  if (!host_require(session->host, "schema.command", err)) {
    lua_pop(L, 1);
    return false;
  }
  lua_getfield(L, -1, "run");
  lua_remove(L, -2);
  push_request(session, request, models);
  lua_pushvalue(L, -3);
  bool ok = host_call_task(session->host, 2, err);
  if (ok)
    take_result(L, result);
  else
    settle_class(L, err);
  lua_pop(L, 1);
  return ok;
}

/* The other database of a diff. */
struct other {
  const struct driver *driver;
  struct schema_result models; /* what it has, as models */
};

/* An empty database would be a difference, but hardly what was meant. */
static bool check_exists(const struct session *session, struct error *err) {
  if (!session->file_is_missing)
    return true;
  error_set(err, ERROR_CONNECT, "Can't connect to database %s: there is no such file", session->url_shown);
  return error_hint(err, "a relative path begins where you are");
}

static bool check_same_kind(const struct session *session, const struct other *other, struct error *err) {
  if (session->driver == other->driver)
    return true;
  error_set(err, ERROR_USAGE, "a %s database cannot be compared with a %s one", session->driver->table.name,
            other->driver->table.name);
  return error_hint(err, "give the URL of another %s database; 'moonbird diff' without one compares with the models",
                    session->driver->table.name);
}

static bool read_other(const struct schema_request *request, struct other *other, struct error *err) {
  struct run_request other_run = *request->run;
  other_run.url = request->other_url;
  struct schema_request dump = {.run = &other_run, .action = SCHEMA_DUMP, .format = "lua"};
  struct session session;
  if (!session_open(&session, &other_run, true, err))
    return false;
  other->driver = session.driver;
  bool ok = check_exists(&session, err) && call(&session, &dump, NULL, &other->models, err) &&
            session_check_interrupt(&session, err);
  session_close(&session);
  return ok;
}

/* With `other` NULL the models are the environment's. */
static bool run(const struct schema_request *request, const struct other *other, struct schema_result *result,
                struct error *err) {
  struct session session;
  bool wants_heads = request->action == SCHEMA_AUTOGENERATE || request->action == SCHEMA_CHECK;
  if (!session_open(&session, request->run, true, err))
    return false;
  if (request->action == SCHEMA_DUMP && session.file_is_missing)
    log_warn("there is no file yet for %s: its schema is empty", session.url_shown);
  bool ok = (!other || check_same_kind(&session, other, err)) && (!wants_heads || check_up_to_date(&session, err)) &&
            call(&session, request, other ? &other->models.text : NULL, result, err) &&
            session_check_interrupt(&session, err);
  session_close(&session);
  return ok;
}

bool run_schema(const struct schema_request *request, struct schema_result *result, struct error *err) {
  if (!request->other_url)
    return run(request, NULL, result, err);
  struct other other = {.driver = NULL, .models = SCHEMA_RESULT_INIT};
  bool ok = read_other(request, &other, err) && run(request, &other, result, err);
  schema_result_release(&other.models);
  return ok;
}
