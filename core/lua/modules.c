/*
 * modules.c - the table of C modules; see modules.h. `moonbird.host` is made by hand: run/ and backfill/ add to it.
 */
#include "lua/modules.h"

#include "base/clock.h"
#include "base/digest.h"
#include "lua/dialect.h"
#include "lua/script_error.h"
#include "lua/value.h"
#include "sql/split.h"

#include <lauxlib.h>

/* host.sha256(text) -> 64 hexadecimal digits */
static int host_sha256(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  char hex[SHA256_HEX_SIZE];
  sha256_hex(text, len, hex);
  lua_pushlstring(L, hex, SHA256_HEX_SIZE - 1);
  return 1;
}

/* host.md5(text) -> 32 hexadecimal digits */
static int host_md5(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  char hex[MD5_HEX_SIZE];
  md5_hex(text, len, hex);
  lua_pushlstring(L, hex, MD5_HEX_SIZE - 1);
  return 1;
}

/* host.monotonic() -> seconds since some moment, for durations */
static int host_monotonic(lua_State *L) {
  lua_pushnumber(L, clock_monotonic_s());
  return 1;
}

/* host.sql_statements(sql) -> { the text of each statement }; what is no statement any more is the last one */
static int host_sql_statements(lua_State *L) {
  size_t len;
  const char *sql = luaL_checklstring(L, 1, &len);
  struct sql_splitter splitter;
  struct sql_statement statement;
  struct error broken = ERROR_INIT;
  sql_split_init(&splitter, dialect_rules(L), sql, len, 1);
  lua_newtable(L);
  for (enum sql_split found = SQL_SPLIT_STATEMENT; found == SQL_SPLIT_STATEMENT;) {
    found = sql_split_next(&splitter, &statement, &broken);
    if (found == SQL_SPLIT_END || !statement.len)
      continue;
    lua_pushlstring(L, statement.text, statement.len);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  }
  error_release(&broken);
  return 1;
}

static int open_host(lua_State *L) {
  lua_newtable(L);
  value_push_null(L);
  lua_setfield(L, -2, "null");
  lua_pushcfunction(L, host_sha256);
  lua_setfield(L, -2, "sha256");
  lua_pushcfunction(L, host_md5);
  lua_setfield(L, -2, "md5");
  lua_pushcfunction(L, host_monotonic);
  lua_setfield(L, -2, "monotonic");
  lua_pushcfunction(L, host_sql_statements);
  lua_setfield(L, -2, "sql_statements");
  script_error_push_fail(L);
  lua_setfield(L, -2, "fail");
  script_error_add_handlers(L);
  return 1;
}

void modules_install(lua_State *L) {
  static const luaL_Reg preload[] = {
      {"moonbird.host", open_host},
      {"moonbird.json", open_json},
      {"moonbird.log", open_log},
      {NULL, NULL},
  };
  script_error_install(L);
  connection_install(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, preload, 0);
  lua_pop(L, 1);
}
