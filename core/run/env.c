/*
 * env.c - runs env.lua; see env.h. The table that it returns stays in the registry for what asks later (models, hooks).
 */
#include "run/env.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static const char env_key[] = "moonbird.env";

/* Scripts of the environment find each other: require "models" is ENVIRONMENT/models.lua. */
static void add_package_path(lua_State *L, const char *folder) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "path");
  lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", folder, folder, lua_tostring(L, -1));
  lua_setfield(L, -3, "path");
  lua_pop(L, 2);
}

static void push_x_args(lua_State *L, const struct vec *x_args) {
  lua_newtable(L);
  for (size_t i = 0; x_args && i < x_args->len; i++) {
    const char *arg = strvec_at(x_args, i);
    const char *equals = strchr(arg, '=');
    if (equals)
      lua_pushlstring(L, arg, (size_t)(equals - arg));
    else
      lua_pushstring(L, arg);
    lua_pushstring(L, equals ? equals + 1 : "");
    lua_settable(L, -3);
  }
}

/* What the command line says: the table is at the top. */
static void add_request(struct session *session, lua_State *L) {
  lua_pushboolean(L, session->offline != NULL);
  lua_setfield(L, -2, "offline");
  lua_pushstring(L, session->request->tag);
  lua_setfield(L, -2, "tag");
  push_x_args(L, session->request->x_args);
  lua_setfield(L, -2, "x");
}

/* Calls `load(chunk, path, context)` of lib/env.lua and keeps the table. The context has what is known before there is
 * a URL. */
static bool run_env(struct session *session, const char *path, const struct strbuf *text, struct error *err) {
  struct host *host = session->host;
  bool ok = host_require(host, "env", err);
  if (ok) {
    lua_getfield(host->L, -1, "load");
    lua_remove(host->L, -2);
    ok = host_load(host, text->buf, text->len, path, err);
  }
  if (ok) {
    lua_pushstring(host->L, path);
    lua_newtable(host->L);
    add_request(session, host->L);
    ok = host_call(host, 3, 1, err);
  }
  if (!ok) {
    err->class = ERROR_USAGE;
    return false;
  }
  lua_setfield(host->L, LUA_REGISTRYINDEX, env_key);
  return true;
}

static char *take_url(struct session *session) {
  lua_State *L = session->host->L;
  lua_getfield(L, LUA_REGISTRYINDEX, env_key);
  lua_getfield(L, -1, "url");
  char *url = xstrdup_or_null(lua_tostring(L, -1));
  lua_pop(L, 2);
  return url;
}

bool env_load(struct session *session, char **url, struct error *err) {
  *url = NULL;
  const char *folder = environment_location(session->request->env);
  add_package_path(session->host->L, folder);
  char *path = xasprintf("%s/env.lua", folder);
  struct strbuf text = STRBUF_INIT;
  bool ok = strbuf_read_file(&text, path);
  if (ok) {
    ok = run_env(session, path, &text, err);
    if (ok)
      *url = take_url(session);
  } else if (errno == ENOENT)
    ok = true;
  else
    error_set(err, ERROR_USAGE, "%s cannot be read: %s", path, strerror(errno));
  strbuf_release(&text);
  free(path);
  return ok;
}

void env_push_settings(struct session *session) {
  lua_State *L = session->host->L;
  if (lua_getfield(L, LUA_REGISTRYINDEX, env_key) != LUA_TNIL)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
}

/* --- context and hooks --- */

static void push_step(lua_State *L, const struct plan_step *step) {
  static const char *const directions[] = {
      [DIRECTION_UPGRADE] = "upgrade", [DIRECTION_DOWNGRADE] = "downgrade", [DIRECTION_STAMP] = "stamp"};
  lua_pushstring(L, directions[step->direction]);
  lua_setfield(L, -2, "direction");
  lua_pushstring(L, step->revision->id);
  lua_setfield(L, -2, "revision");
  lua_pushstring(L, step->revision->summary);
  lua_setfield(L, -2, "summary");
}

void env_push_context(struct session *session, const struct plan_step *step) {
  lua_State *L = session->host->L;
  lua_createtable(L, 0, 8);
  if (step)
    push_step(L, step);
  session_push_dialect(session);
  lua_getfield(L, -1, "name");
  lua_setfield(L, -3, "dialect");
  lua_pop(L, 1);
  lua_pushstring(L, session->url_shown);
  lua_setfield(L, -2, "url");
  add_request(session, L);
}

bool env_hook(struct session *session, const char *name, const struct plan_step *step, const char *message,
              struct error *err) {
  lua_State *L = session->host->L;
  if (lua_getfield(L, LUA_REGISTRYINDEX, env_key) == LUA_TNIL) {
    lua_pop(L, 1);
    return true;
  }
  if (!host_require(session->host, "env", err)) {
    lua_pop(L, 1);
    return false;
  }
  lua_getfield(L, -1, "hook");
  lua_replace(L, -2);
  lua_insert(L, -2); /* hook, settings */
  lua_pushstring(L, name);
  env_push_context(session, step);
  lua_pushstring(L, message);
  return host_call_task(session->host, 4, err) || error_prefix(err, "hook %s of env.lua: ", name);
}
