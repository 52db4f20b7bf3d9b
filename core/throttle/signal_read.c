/*
 * signal_read.c - makes a signal of the table that core/lua/lib/throttle.lua gives; see signal.h.
 */
#include "throttle/signal.h"

#include "base/clock.h"
#include "base/log.h"
#include "script/files.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static char *text_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  char *text = lua_isstring(L, -1) ? xstrdup(lua_tostring(L, -1)) : NULL;
  lua_pop(L, 1);
  return text;
}

/* A limit: -1 where there is none. */
static double limit_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  double number = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : -1;
  lua_pop(L, 1);
  return number;
}

static int function_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  if (lua_isfunction(L, -1))
    return luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
  return LUA_NOREF;
}

static enum signal_kind kind_field(lua_State *L, int index) {
  static const char *const names[] = {
      [SIGNAL_GAUGE] = "gauge",   [SIGNAL_REPLICAS] = "replicas", [SIGNAL_WAITERS] = "waiters",
      [SIGNAL_PROBE] = "probe",   [SIGNAL_FUNCTION] = "function", [SIGNAL_FILE] = "file",
      [SIGNAL_WINDOW] = "window",
  };
  lua_getfield(L, index, "kind");
  const char *name = luaL_checkstring(L, -1);
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    if (strcmp(names[i], name) != 0)
      continue;
    lua_pop(L, 1);
    return (enum signal_kind)i;
  }
  luaL_error(L, "a signal cannot be a %s", name);
  return SIGNAL_GAUGE;
}

static void read_urls(lua_State *L, int index, struct vec *urls) {
  lua_getfield(L, index, "urls");
  size_t count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
  for (size_t i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i);
    strvec_push(urls, luaL_checkstring(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

struct signal *signal_read(lua_State *L, int index) {
  enum signal_kind kind = kind_field(L, index);
  struct signal *s = xcalloc(1, sizeof(*s));
  s->kind = kind;
  s->name = text_field(L, index, "name");
  s->what = text_field(L, index, "what");
  s->unit = text_field(L, index, "unit");
  s->sql = kind == SIGNAL_FUNCTION ? NULL : text_field(L, index, "sql");
  s->before = text_field(L, index, "before");
  s->after = text_field(L, index, "after");
  s->text = text_field(L, index, "text");
  s->replica_sql = text_field(L, index, "replica_sql");
  s->call_ref = function_field(L, index, "call");
  s->ready_ref = function_field(L, index, "ready");
  s->value_ref = function_field(L, index, "value");
  s->limit = limit_field(L, index, "limit");
  s->lag_limit = s->lag_now = limit_field(L, index, "lag");
  s->bytes_limit = s->bytes_now = limit_field(L, index, "bytes");
  s->yield_s = s->yield_now = limit_field(L, index, "yield");
  s->blocked_s = s->blocked_now = limit_field(L, index, "blocked");
  s->divisor = 1;
  read_urls(L, index, &s->urls);
  return s;
}

/* A folder would hold for ever, and a file in a folder that is not there never. */
static bool check_file(const char *path, struct error *err) {
  char *folder = path_folder(path);
  bool is_folder = path_is_folder(path);
  if (!is_folder && !path_is_folder(folder))
    log_warn("throttle: flag_file is %s, and there is no folder %s to make it in", path, folder);
  free(folder);
  if (!is_folder)
    return true;
  error_set(err, ERROR_USAGE, "throttle: flag_file is %s, which is a folder", path);
  return error_hint(err, "name a file in it: while that is there, no batch begins");
}

bool signal_prepare(struct signal *s, double now_s, struct error *err) {
  gauge_init(&s->gauge, s->kind == SIGNAL_GAUGE ? s->limit : 0, now_s);
  if (s->kind == SIGNAL_FILE)
    return check_file(s->text, err);
  if (s->kind != SIGNAL_WINDOW)
    return true;
  return window_parse(s->text, clock_wall_us() / 1000000, &s->window, err) || error_prefix(err, "throttle: ");
}

void signal_free_replica(struct replica *r) {
  free(r->name);
  free(r->trouble);
  free(r);
}

void signal_free(struct signal *s, lua_State *L) {
  for (size_t i = 0; i < s->replicas.len; i++)
    signal_free_replica(s->replicas.items[i]);
  vec_release(&s->replicas);
  strvec_release(&s->urls);
  window_release(&s->window);
  luaL_unref(L, LUA_REGISTRYINDEX, s->call_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, s->ready_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, s->value_ref);
  free(s->name);
  free(s->what);
  free(s->unit);
  free(s->sql);
  free(s->before);
  free(s->after);
  free(s->text);
  free(s->replica_sql);
  free(s->worst);
  free(s->says);
  free(s->trouble);
  free(s->waiter);
  free(s);
}
