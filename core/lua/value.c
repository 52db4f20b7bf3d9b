/*
 * value.c - values between Lua and batches; see value.h.
 */
#include "lua/value.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char null_address = 0;

void value_push_null(lua_State *L) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)&null_address);
}

bool value_is_null(lua_State *L, int index) {
  return lua_isnoneornil(L, index) || lua_touserdata(L, index) == (const void *)&null_address;
}

void value_push(lua_State *L, const struct value *value) {
  switch (value->type) {
  case MOONBIRD_TYPE_BOOL:
    lua_pushboolean(L, value->boolean);
    return;
  case MOONBIRD_TYPE_INT64:
    lua_pushinteger(L, value->integer);
    return;
  case MOONBIRD_TYPE_FLOAT64:
    lua_pushnumber(L, value->number);
    return;
  case MOONBIRD_TYPE_TEXT:
  case MOONBIRD_TYPE_BYTES:
    lua_pushlstring(L, value->bytes, value->len);
    return;
  default:
    lua_pushnil(L);
    return;
  }
}

/* Tables of lib/sql.lua know themselves by their metatable's name. */
static bool is_made_by(lua_State *L, int index, const char *name) {
  if (lua_type(L, index) != LUA_TTABLE || luaL_getmetafield(L, index, "__name") == LUA_TNIL)
    return false;
  const char *found = lua_tostring(L, -1);
  bool is_it = found && strcmp(found, name) == 0;
  lua_pop(L, 1);
  return is_it;
}

bool value_is_blob(lua_State *L, int index) {
  return is_made_by(L, index, "moonbird.blob");
}

bool value_is_sql(lua_State *L, int index) {
  return is_made_by(L, index, "moonbird.sql");
}

/* The bytes of blob(s) are in field 1. */
static bool add_blob(lua_State *L, int index, struct batch_builder *builder, uint32_t column) {
  index = lua_absindex(L, index);
  if (!value_is_blob(L, index))
    return false;
  lua_rawgeti(L, index, 1);
  size_t len;
  const char *bytes = lua_tolstring(L, -1, &len);
  bool ok = bytes && batch_add_bytes(builder, column, bytes, len);
  lua_pop(L, 1);
  return ok;
}

bool value_add(lua_State *L, int index, struct batch_builder *builder, uint32_t column) {
  size_t len;
  const char *text;
  switch (lua_type(L, index)) {
  case LUA_TBOOLEAN:
    batch_add_bool(builder, column, lua_toboolean(L, index));
    return true;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      batch_add_int(builder, column, lua_tointeger(L, index));
    else
      batch_add_float(builder, column, lua_tonumber(L, index));
    return true;
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &len);
    return batch_add_text(builder, column, text, len);
  case LUA_TTABLE:
    return add_blob(L, index, builder, column);
  default:
    if (!value_is_null(L, index))
      return false;
    batch_add_null(builder, column);
    return true;
  }
}

/* Lua's own text has 14 digits. */
static void push_float_text(lua_State *L, double number) {
  if (isnan(number) || isinf(number)) {
    lua_pushstring(L, isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
    return;
  }
  struct strbuf text = STRBUF_INIT;
  strbuf_add_number(&text, number);
  lua_pushstring(L, text.buf);
  strbuf_release(&text);
}

const char *value_push_text(lua_State *L, int index, size_t *len) {
  lua_pushvalue(L, index); /* lua_tolstring changes a number in its place */
  bool is_float = lua_type(L, -1) == LUA_TNUMBER && !lua_isinteger(L, -1);
  double number = is_float ? lua_tonumber(L, -1) : 0;
  const char *text = lua_tolstring(L, -1, len);
  if (!is_float || (isfinite(number) && strtod(text, NULL) == number))
    return text;
  lua_pop(L, 1);
  push_float_text(L, number);
  return lua_tolstring(L, -1, len);
}

void value_push_row(lua_State *L, const moonbird_batch *batch, uint64_t row) {
  lua_createtable(L, 0, (int)batch->column_count);
  for (uint32_t c = 0; c < batch->column_count; c++) {
    struct value v = batch_value(&batch->columns[c], row);
    if (v.type == MOONBIRD_TYPE_NONE)
      continue;
    value_push(L, &v);
    lua_setfield(L, -2, batch->columns[c].name);
  }
}
