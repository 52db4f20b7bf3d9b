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

static bool run_env(struct session *session, const char *path, const struct strbuf *text, struct error *err) {
  struct host *host = session->host;
  if (!host_load(host, text->buf, text->len, path, err) || !host_call(host, 0, 1, err)) {
    err->class = ERROR_USAGE;
    return false;
  }
  if (!lua_istable(host->L, -1)) {
    error_set(err, ERROR_USAGE, "%s must return a table, not %s", path, luaL_typename(host->L, -1));
    lua_pop(host->L, 1);
    return false;
  }
  lua_setfield(host->L, LUA_REGISTRYINDEX, env_key);
  return true;
}

static bool take_url(struct session *session, const char *path, char **url, struct error *err) {
  lua_State *L = session->host->L;
  lua_getfield(L, LUA_REGISTRYINDEX, env_key);
  lua_getfield(L, -1, "url");
  bool ok = lua_isnil(L, -1) || lua_type(L, -1) == LUA_TSTRING;
  if (ok)
    *url = xstrdup_or_null(lua_tostring(L, -1));
  else
    error_set(err, ERROR_USAGE, "%s: url must be a string, not %s", path, luaL_typename(L, -1));
  lua_pop(L, 2);
  return ok;
}

bool env_load(struct session *session, char **url, struct error *err) {
  *url = NULL;
  const char *folder = environment_location(session->request->env);
  add_package_path(session->host->L, folder);
  char *path = xasprintf("%s/env.lua", folder);
  struct strbuf text = STRBUF_INIT;
  bool ok = strbuf_read_file(&text, path);
  if (ok)
    ok = run_env(session, path, &text, err) && take_url(session, path, url, err);
  else if (errno == ENOENT)
    ok = true;
  else
    error_set(err, ERROR_USAGE, "%s cannot be read: %s", path, strerror(errno));
  strbuf_release(&text);
  free(path);
  return ok;
}
