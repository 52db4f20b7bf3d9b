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

static void push_number_and_text(lua_State *L, const struct setting *s, double number, const char *name,
                                 const char *text_name) {
  struct strbuf text = STRBUF_INIT;
  setting_show(s->type, number, &text);
  lua_pushnumber(L, number);
  lua_setfield(L, -2, name);
  lua_pushlstring(L, text.buf, text.len);
  lua_setfield(L, -2, text_name);
  strbuf_release(&text);
}

/* host.throttle_ranges: limit -> { least, most, from, to }, the last two as texts */
static void push_ranges(lua_State *L) {
  lua_newtable(L);
  for (size_t i = 0; i < backfill_settings.len; i++) {
    const struct setting *s = &backfill_settings.rows[i];
    if (!s->may_be_off)
      continue;
    lua_createtable(L, 0, 4);
    push_number_and_text(L, s, s->least, "least", "from");
    push_number_and_text(L, s, s->most, "most", "to");
    lua_setfield(L, -2, s->name);
  }
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
  push_ranges(L);
  lua_setfield(L, -2, "throttle_ranges");
  lua_pop(L, 1);
  return true;
}
