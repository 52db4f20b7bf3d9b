/*
 * dialect.c - loads the Lua that a driver carries; see dialect.h.
 *
 * Called by whoever opens a connection for Lua. Knows no dialect by name.
 */
#include "lua/dialect.h"

#include <lauxlib.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* package.preload["sqlite.catalog"] = the loaded module; a broken one is an error at once, not when it is needed. */
static bool preload_modules(struct host *host, const moonbird_driver *driver, struct error *err) {
  lua_State *L = host->L;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (uint64_t i = 0; driver->modules && i < driver->module_count; i++) {
    const moonbird_source *module = &driver->modules[i];
    char *name = xasprintf("%s/dialect/%s.lua", driver->name, module->name);
    bool ok = host_load_compiled(host, module->text, (size_t)module->len, name, err);
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

/* --- the table `lexical` --- */

static const char rules_key[] = "moonbird.sql_rules";

static const struct {
  const char *name;
  size_t offset;
} flags[] = {
    {"backslash_escapes", offsetof(struct sql_rules, backslash_escapes)},
    {"e_strings", offsetof(struct sql_rules, e_strings)},
    {"dollar_quotes", offsetof(struct sql_rules, dollar_quotes)},
    {"backquotes", offsetof(struct sql_rules, backquotes)},
    {"brackets", offsetof(struct sql_rules, brackets)},
    {"nested_comments", offsetof(struct sql_rules, nested_comments)},
    {"hash_comments", offsetof(struct sql_rules, hash_comments)},
    {"statement_lists", offsetof(struct sql_rules, statement_lists)},
    {"trigger_bodies", offsetof(struct sql_rules, trigger_bodies)},
    {"atomic_bodies", offsetof(struct sql_rules, atomic_bodies)},
    {"copy_data", offsetof(struct sql_rules, copy_data)},
};

bool dialect_set_rule(struct sql_rules *rules, const char *name, bool value) {
  for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
    if (strcmp(name, flags[i].name) != 0)
      continue;
    *(bool *)((char *)rules + flags[i].offset) = value;
    return true;
  }
  return false;
}

/* The value of an entry is at the stack's top. */
static bool take_rule(lua_State *L, struct sql_rules *rules, const char *name) {
  if (strcmp(name, "shell_prefix") == 0) {
    const char *prefix = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    rules->shell_prefix = prefix[0];
    return prefix[0] && !prefix[1];
  }
  return lua_isboolean(L, -1) && dialect_set_rule(rules, name, lua_toboolean(L, -1));
}

/* The dialect is at the stack's top. */
static bool read_rules(lua_State *L, struct sql_rules *rules, const char *driver, struct error *err) {
  if (lua_getfield(L, -1, "lexical") != LUA_TTABLE) {
    lua_pop(L, 1);
    return error_set(err, ERROR_CONNECT, "the dialect of driver %s has no table `lexical`", driver);
  }
  bool ok = true;
  for (lua_pushnil(L); ok && lua_next(L, -2);) {
    ok = lua_type(L, -2) == LUA_TSTRING && take_rule(L, rules, lua_tostring(L, -2));
    if (!ok)
      error_set(err, ERROR_CONNECT, "the dialect of driver %s: lexical.%s is not a rule, or has not the right value",
                driver, lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?");
    lua_pop(L, ok ? 1 : 2);
  }
  lua_pop(L, 1);
  return ok;
}

static bool keep_rules(lua_State *L, const char *driver, struct error *err) {
  struct sql_rules rules = {.shell_prefix = 0};
  if (!read_rules(L, &rules, driver, err))
    return false;
  struct sql_rules *kept = lua_newuserdatauv(L, sizeof(*kept), 0);
  *kept = rules;
  lua_setfield(L, LUA_REGISTRYINDEX, rules_key);
  return true;
}

const struct sql_rules *dialect_rules(lua_State *L) {
  static const struct sql_rules standard = {.shell_prefix = 0};
  lua_getfield(L, LUA_REGISTRYINDEX, rules_key);
  const struct sql_rules *rules = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return rules ? rules : &standard;
}

bool dialect_push(struct host *host, const moonbird_driver *driver, struct error *err) {
  if (!preload_modules(host, driver, err))
    return false;
  char *name = xasprintf("%s/dialect.lua", driver->name);
  bool ok = host_load_compiled(host, driver->dialect, (size_t)driver->dialect_len, name, err);
  free(name);
  if (!ok || !host_require(host, "dialect", err) || !host_call(host, 1, 1, err))
    return false;
  if (!lua_istable(host->L, -1)) {
    lua_pop(host->L, 1);
    return error_set(err, ERROR_CONNECT, "the dialect of driver %s returns no table", driver->name);
  }
  if (keep_rules(host->L, driver->name, err))
    return true;
  lua_pop(host->L, 1);
  return false;
}
