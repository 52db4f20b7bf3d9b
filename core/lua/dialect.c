/*
 * dialect.c - loads the Lua that a driver carries; see dialect.h.
 *
 * Called by whoever opens a connection for Lua. Knows no dialect by name.
 */
#include "lua/dialect.h"

#include <lauxlib.h>
#include <stdlib.h>

/* package.preload["sqlite.catalog"] = the loaded module; a broken one is an error at once, not when it is needed. */
static bool preload_modules(struct host *host, const moonbird_driver *driver, struct error *err) {
  lua_State *L = host->L;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (uint64_t i = 0; driver->modules && i < driver->module_count; i++) {
    const moonbird_source *module = &driver->modules[i];
    char *name = xasprintf("%s/dialect/%s.lua", driver->name, module->name);
    bool ok = host_load(host, module->text, (size_t)module->len, name, err);
    free(name);
    if (!ok) {
      lua_pop(L, 1);
      return false;
    }
    const char *key = lua_pushfstring(L, "%s.%s", driver->name, module->name);
    lua_insert(L, -2);
    lua_setfield(L, -3, key);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return true;
}

bool dialect_push(struct host *host, const moonbird_driver *driver, struct error *err) {
  if (!preload_modules(host, driver, err))
    return false;
  char *name = xasprintf("%s/dialect.lua", driver->name);
  bool ok = host_load(host, driver->dialect, (size_t)driver->dialect_len, name, err);
  free(name);
  if (!ok || !host_require(host, "dialect", err) || !host_call(host, 1, 1, err))
    return false;
  if (lua_istable(host->L, -1))
    return true;
  lua_pop(host->L, 1);
  return error_set(err, ERROR_CONNECT, "the dialect of driver %s returns no table", driver->name);
}
