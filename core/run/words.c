/*
 * words.c - gets the words for the SQL texts from the Lua library; see words.h.
 */
#include "run/words.h"

#include <lauxlib.h>
#include <string.h>

bool words_load(struct session *session, struct map *words, struct error *err) {
  lua_State *L = session->host->L;
  if (!host_require(session->host, "words", err))
    return false;
  session_push_dialect(session);
  lua_pushstring(L, config_text(session->request->config, "version_table"));
  lua_pushstring(L, config_text(session->request->config, "version_table_schema"));
  if (!host_call(session->host, 3, 1, err))
    return false;
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    map_put(words, lua_tostring(L, -2), xstrdup(lua_tostring(L, -1)));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return true;
}
