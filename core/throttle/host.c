/*
 * host.c - see host.h. Called when a session is opened.
 */
#include "throttle/host.h"

#include "config/settings.h"

#include <lauxlib.h>

/* host.parse_duration(text) -> seconds, or nil */
static int parse_duration(lua_State *L) {
  double seconds;
  if (!setting_parse_seconds(luaL_checkstring(L, 1), &seconds))
    return 0;
  lua_pushnumber(L, seconds);
  return 1;
}

/* host.parse_size(text) -> bytes, or nil */
static int parse_size(lua_State *L) {
  int64_t bytes;
  if (!setting_parse_bytes(luaL_checkstring(L, 1), &bytes))
    return 0;
  lua_pushnumber(L, (lua_Number)bytes);
  return 1;
}

bool throttle_install(struct session *session, struct error *err) {
  static const char *const names[] = {"max_lag", "max_lag_bytes", "max_slot_wal", "max_archive_backlog",
                                      "max_wal", "lock_yield",    "max_blocked",  "replicas",
                                      "probe",   "flag_file",     "window"};
  static const luaL_Reg functions[] = {{"parse_duration", parse_duration}, {"parse_size", parse_size}, {NULL, NULL}};
  lua_State *L = session->host->L;
  if (!host_require(session->host, "host", err))
    return false;
  luaL_setfuncs(L, functions, 0);
  lua_createtable(L, 0, (int)ARRAY_LEN(names));
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    lua_pushstring(L, config_other(session->request->config, "backfill", names[i]));
    lua_setfield(L, -2, names[i]);
  }
  lua_setfield(L, -2, "throttle_defaults");
  lua_pop(L, 1);
  return true;
}
