/*
 * group.c - see group.h. The names that a row function returns are compared by address first: Lua keeps equal short
 * strings once.
 */
#include "backfill/group.h"

#include "lua/dialect.h"
#include "lua/host.h"
#include "lua/value.h"
#include "sql/placeholder.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

void group_free(struct group *g, lua_State *L) {
  luaL_unref(L, LUA_REGISTRYINDEX, g->names_ref);
  strvec_release(&g->columns);
  free(g->names);
  free(g->transports);
  free(g->sql);
  free(g->table);
  free(g->schema);
  batch_release(&g->rows);
  free(g);
}

size_t group_row_count(const struct group *g) {
  return g->rows.column_count ? g->rows.columns[0].rows : 0;
}

bool group_statement(struct group *g, struct statement *statement) {
  if (!group_row_count(g))
    return false;
  *statement = (struct statement){.sql = g->sql,
                                  .len = strlen(g->sql),
                                  .flags = MOONBIRD_REPEATED,
                                  .bind = g->bind,
                                  .params = batch_view(&g->rows)};
  return true;
}

void group_cut(struct group *g, size_t rows) {
  for (uint32_t c = 0; c < g->rows.column_count; c++)
    batch_cut(&g->rows, c, rows);
}

/* --- columns --- */

/* Takes sql, bind and transports from the table at the stack's top, which the dialect made. */
static void take_statement(lua_State *L, struct group *g, const char *style, uint32_t column_count) {
  lua_getfield(L, -1, "sql");
  struct placeholders p = PLACEHOLDERS_INIT;
  size_t len;
  const char *text = luaL_checklstring(L, -1, &len);
  placeholders_translate(&p, dialect_rules(L), text, len, PLACEHOLDER_POSITION, style);
  g->sql = strbuf_detach(&p.sql);
  placeholders_release(&p);
  lua_getfield(L, -2, "bind");
  g->bind = strcmp(luaL_checkstring(L, -1), "arrays") == 0 ? MOONBIRD_BIND_ARRAYS : MOONBIRD_BIND_EACH;
  lua_getfield(L, -3, "transports");
  for (uint32_t i = 0; i < column_count; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    g->transports[i] = transport_from_name(lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 3);
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Pushes a new list of the string keys of the table at `index`, sorted so that equal sets give equal SQL. */
static size_t push_column_names(lua_State *L, int index, struct group *g) {
  size_t cap = 0, count = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    g->names = xgrow(g->names, &cap, count + 1, sizeof(*g->names));
    g->names[count++] = lua_tostring(L, -1);
  }
  if (count)
    qsort(g->names, count, sizeof(*g->names), compare_names);
  lua_createtable(L, (int)count, 0);
  for (size_t i = 0; i < count; i++) {
    lua_pushstring(L, g->names[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
    strvec_push(&g->columns, g->names[i]);
  }
  return count;
}

static void check_names(lua_State *L, int index) {
  lua_pushnil(L);
  while (lua_next(L, index)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "the columns of a row must be a table of names and values, not a list");
    lua_pop(L, 1);
  }
}

/* What the writer of lib/backfill_rows.lua calls it. */
static const char *kind_name(const struct group *g) {
  static const char *const kinds[] = {[GROUP_INSERT] = "insert", [GROUP_UPDATE] = "update", [GROUP_DELETE] = "delete"};
  if (!g->versioned)
    return kinds[g->kind];
  return g->kind == GROUP_UPDATE ? "update version" : "delete version";
}

/* The function and its four arguments are on the stack. */
static void call_writer(lua_State *L, const struct group *g, const struct group_lender *lender) {
  struct error err = ERROR_INIT;
  if (g->kind != GROUP_INSERT) {
    lua_call(L, 4, 1);
    return;
  }
  lender->borrow(lender->data);
  bool ok = host_pcall(L, 4, 1, &err);
  lender->give_back(lender->data);
  if (!ok)
    host_throw(L, &err);
}

void group_open(lua_State *L, struct group *g, int writer_ref, int index, const char *style,
                const struct group_lender *lender) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, writer_ref);
  lua_pushstring(L, kind_name(g));
  if (index)
    check_names(L, index);
  size_t count = 0;
  if (index)
    count = push_column_names(L, index, g);
  else
    lua_newtable(L);
  uint32_t total = g->key_len + (uint32_t)count;
  batch_init(&g->rows, total);
  g->transports = xcalloc(total, sizeof(*g->transports));
  lua_pushvalue(L, -1);
  g->names_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushstring(L, g->table);
  lua_pushstring(L, g->schema);
  call_writer(L, g, lender);
  take_statement(L, g, style, total);
  lua_pop(L, 1);
}

bool group_has_columns(const struct group *g, lua_State *L, int index) {
  size_t found = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (!name[0] || !strvec_contains(&g->columns, name)) {
      lua_pop(L, 1);
      return false;
    }
    found++;
  }
  return found == g->columns.len;
}

/* --- values --- */

/* "column age takes an integer, not 5.5" */
static int refuse_value(lua_State *L, const char *column, const char *wanted, int index) {
  const char *given = lua_pushfstring(L, "a %s", luaL_typename(L, index));
  if (lua_type(L, index) == LUA_TNUMBER)
    given = value_push_text(L, index, NULL);
  else if (value_is_blob(L, index))
    given = "blob(...)";
  else if (value_is_sql(L, index))
    given = "sql \"...\", which the form `set` takes";
  else if (lua_type(L, index) == LUA_TTABLE)
    given = "a table (json.encode makes a string of one)";
  return luaL_error(L, "column %s takes %s, not %s", column, wanted, given);
}

static bool add_text(lua_State *L, int index, struct batch_builder *rows, uint32_t column) {
  size_t len;
  const char *text = value_push_text(L, index, &len); /* a copy: a number in the script's table stays one */
  bool ok = batch_add_text(rows, column, text, len);
  lua_pop(L, 1);
  return ok;
}

static bool add_bytes(lua_State *L, int index, struct batch_builder *rows, uint32_t column) {
  size_t len;
  const char *bytes = lua_tolstring(L, index, &len);
  return batch_add_bytes(rows, column, bytes, len);
}

static void add_integer(lua_State *L, int index, struct batch_builder *rows, uint32_t column, const char *name) {
  int is_exact = 0;
  lua_Integer integer = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &is_exact) : 0;
  if (!is_exact)
    refuse_value(L, name, "an integer of 64 bits", index);
  batch_add_int(rows, column, integer);
}

static void add_value(lua_State *L, int index, struct group *g, uint32_t column, const char *name) {
  struct batch_builder *rows = &g->rows;
  int type = lua_type(L, index);
  if (value_is_null(L, index)) {
    batch_add_null(rows, column);
    return;
  }
  switch (g->transports[column]) {
  case TRANSPORT_BOOL:
    if (type != LUA_TBOOLEAN)
      refuse_value(L, name, "a boolean", index);
    batch_add_bool(rows, column, lua_toboolean(L, index));
    return;
  case TRANSPORT_INT64:
    add_integer(L, index, rows, column, name);
    return;
  case TRANSPORT_FLOAT64:
    if (type != LUA_TNUMBER)
      refuse_value(L, name, "a number", index);
    batch_add_float(rows, column, lua_tonumber(L, index));
    return;
  case TRANSPORT_TEXT:
    if ((type != LUA_TSTRING && type != LUA_TNUMBER) || !add_text(L, index, rows, column))
      refuse_value(L, name, "a string", index);
    return;
  case TRANSPORT_BYTES:
    if (value_is_blob(L, index) ? !value_add(L, index, rows, column)
                                : type != LUA_TSTRING || !add_bytes(L, index, rows, column))
      refuse_value(L, name, "a string of bytes", index);
    return;
  case TRANSPORT_ANY:
    if (!value_add(L, index, rows, column))
      refuse_value(L, name, "a string, a number, a boolean, null or blob(...)", index);
  }
}

static size_t name_index(const struct group *g, const char *name) {
  for (size_t i = 0; i < g->columns.len; i++)
    if (g->names[i] == name || strcmp(g->names[i], name) == 0)
      return i;
  return g->columns.len;
}

bool group_try_add(lua_State *L, struct group *g, int index) {
  size_t before = group_row_count(g), found = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    size_t i = name_index(g, name);
    if (i == g->columns.len) {
      lua_pop(L, 2);
      group_cut(g, before);
      return false;
    }
    add_value(L, lua_gettop(L), g, g->key_len + (uint32_t)i, name);
    lua_pop(L, 1);
    found++;
  }
  if (found == g->columns.len)
    return true;
  group_cut(g, before);
  return false;
}
