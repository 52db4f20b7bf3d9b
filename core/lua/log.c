/*
 * log.c - `log.info`, `log.warn`, `log.error` of scripts, and their `print`.
 */
#include "base/log.h"
#include "base/strbuf.h"
#include "lua/modules.h"

#include <lauxlib.h>

/* Arguments as print writes them, separated by tabs; a string that is not cut at a NUL byte would tear the line, so it
 * is shown as a question mark. */
static int write_line(lua_State *L, enum log_level level) {
  luaL_Buffer text;
  int count = lua_gettop(L);
  luaL_buffinit(L, &text);
  for (int i = 1; i <= count; i++) {
    if (i > 1)
      luaL_addchar(&text, '\t');
    luaL_tolstring(L, i, NULL);
    luaL_addvalue(&text);
  }
  luaL_pushresult(&text);
  size_t len;
  const char *line = lua_tolstring(L, -1, &len);
  log_write(level, "%.*s", (int)len, line);
  return 0;
}

static int log_info_lua(lua_State *L) {
  return write_line(L, LOG_INFO);
}

static int log_warn_lua(lua_State *L) {
  return write_line(L, LOG_WARN);
}

static int log_error_lua(lua_State *L) {
  return write_line(L, LOG_ERROR);
}

int open_log(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"info", log_info_lua}, {"warn", log_warn_lua}, {"error", log_error_lua}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
