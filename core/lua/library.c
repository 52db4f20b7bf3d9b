/*
 * library.c - a package searcher for the embedded Lua library; see library.h.
 */
#include "lua/library.h"

#include "base/embedded.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

extern const struct embedded_file lua_library[];

static const char prefix[] = "moonbird.";

/* From the folder of a developer; raises an error when the file is broken, so that nobody runs the other one unawares.
 */
static int load_from_disk(lua_State *L, const char *folder, const char *file) {
  const char *path = lua_pushfstring(L, "%s/%s", folder, file);
  if (luaL_loadfilex(L, path, "t") != LUA_OK)
    return lua_error(L);
  lua_pushstring(L, path);
  return 2;
}

static int search(lua_State *L) {
  const char *module = luaL_checkstring(L, 1);
  if (strncmp(module, prefix, sizeof(prefix) - 1) != 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  const char *file = lua_pushfstring(L, "%s.lua", luaL_gsub(L, module + sizeof(prefix) - 1, ".", "/"));
  const char *folder = getenv("MOONBIRD_LUA_DIR");
  if (folder && folder[0])
    return load_from_disk(L, folder, file);
  const struct embedded_file *embedded = embedded_find(lua_library, file);
  if (!embedded) {
    lua_pushfstring(L, "no module '%s' in the program", module);
    return 1;
  }
  const char *chunk = lua_pushfstring(L, "=moonbird/%s", file);
  if (luaL_loadbufferx(L, embedded->text, embedded->len, chunk, "b") != LUA_OK)
    return lua_error(L);
  lua_pushstring(L, chunk + 1);
  return 2;
}

bool library_has(const char *file) {
  return embedded_find(lua_library, file) != NULL;
}

void library_install(lua_State *L) {
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchers");
  int count = (int)lua_rawlen(L, -1);
  for (int i = count; i >= 2; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, search);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}
