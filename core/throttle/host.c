/*
 * host.c - see host.h. Called when a session is opened.
 */
#include "throttle/host.h"

#include "base/clock.h"
#include "config/settings.h"
#include "throttle/window.h"

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

/* host.window_problem(text) -> nil, or why it is no window of time, and what to write */
static int window_problem(lua_State *L) {
  struct window window;
  struct error err = ERROR_INIT;
  if (window_parse(luaL_checkstring(L, 1), clock_wall_us() / 1000000, &window, &err)) {
    window_release(&window);
    return 0;
  }
  lua_pushstring(L, err.message);
  lua_pushstring(L, err.hint);
  error_release(&err);
  return 2;
}

bool throttle_install(struct session *session, struct error *err) {
  static const char *const names[] = {"max_lag", "max_lag_bytes", "max_slot_wal", "max_archive_backlog",
                                      "max_wal", "lock_yield",    "max_blocked",  "replicas",
                                      "probe",   "flag_file",     "window"};
  static const luaL_Reg functions[] = {
      {"parse_duration", parse_duration}, {"parse_size", parse_size}, {"window_problem", window_problem}, {NULL, NULL}};
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
