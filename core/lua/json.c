/*
 * json.c - `json.encode` and `json.decode` of scripts, through jansson.
 *
 * JSON null is `null`, both ways. A Lua table with only the keys 1..n (n > 0) is an array, every other an object;
 * json.array(t) marks a table as an array, an empty one too. Keys are written in order, so that the same value is the
 * same text.
 */
#include "base/strbuf.h"
#include "lua/modules.h"
#include "lua/value.h"

#include <jansson.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 200 };

static const char array_mark[] = "moonbird.json_array";

static json_t *to_json(lua_State *L, int index, int depth);

static bool is_array(lua_State *L, int index) {
  if (lua_getmetatable(L, index)) {
    luaL_getmetatable(L, array_mark);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (marked)
      return true;
  }
  lua_Unsigned len = lua_rawlen(L, index);
  lua_Unsigned count = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    count++;
  }
  return len > 0 && count == len;
}

static json_t *array_to_json(lua_State *L, int index, int depth) {
  json_t *array = json_array();
  lua_Unsigned len = lua_rawlen(L, index);
  for (lua_Unsigned i = 1; array && i <= len; i++) {
    lua_rawgeti(L, index, (lua_Integer)i);
    json_t *item = to_json(L, lua_gettop(L), depth + 1);
    lua_pop(L, 1);
    if (!item || json_array_append_new(array, item) != 0) {
      json_decref(array);
      return NULL;
    }
  }
  return array;
}

static json_t *object_to_json(lua_State *L, int index, int depth) {
  json_t *object = json_object();
  lua_pushnil(L);
  while (object && lua_next(L, index)) {
    json_t *item = lua_type(L, -2) == LUA_TSTRING ? to_json(L, lua_gettop(L), depth + 1) : NULL;
    size_t len = 0;
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &len) : NULL;
    bool named = item && strlen(key) == len;
    if (!named)
      json_decref(item);
    if (!named || json_object_set_new(object, key, item) != 0) {
      json_decref(object);
      lua_pop(L, 2);
      return NULL;
    }
    lua_pop(L, 1);
  }
  return object;
}

/* NULL for what has no JSON form. */
static json_t *to_json(lua_State *L, int index, int depth) {
  if (depth > MAX_DEPTH || !lua_checkstack(L, 4))
    return NULL;
  size_t len;
  const char *text;
  switch (lua_type(L, index)) {
  case LUA_TBOOLEAN:
    return json_boolean(lua_toboolean(L, index));
  case LUA_TNUMBER:
    return lua_isinteger(L, index) ? json_integer(lua_tointeger(L, index)) : json_real(lua_tonumber(L, index));
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &len);
    return json_stringn(text, len);
  case LUA_TTABLE:
    return is_array(L, index) ? array_to_json(L, index, depth) : object_to_json(L, index, depth);
  default:
    return value_is_null(L, index) ? json_null() : NULL;
  }
}

/* Appends a number of jansson's text, which has 17 digits: 0.1 is 0.10000000000000001 there. One with a fraction or an
 * exponent keeps one. */
static void add_number(struct strbuf *out, const char *text, size_t len) {
  if (!memchr(text, '.', len) && !memchr(text, 'e', len)) {
    strbuf_add(out, text, len);
    return;
  }
  size_t start = out->len;
  strbuf_add_number(out, strtod(text, NULL));
  if (!strpbrk(out->buf + start, ".e"))
    strbuf_add_str(out, ".0");
}

/* The same JSON with its numbers as short as they can be; frees `text`. */
static char *shorten_numbers(char *text) {
  struct strbuf out = STRBUF_INIT;
  for (const char *at = text; *at;) {
    size_t len = 1;
    if (*at == '"') {
      while (at[len] != '"')
        len += at[len] == '\\' ? 2 : 1;
      strbuf_add(&out, at, ++len);
    } else if ((len = strspn(at, "-+.0123456789eE")) > 0 && *at != 'e') {
      add_number(&out, at, len);
    } else {
      len = 1;
      strbuf_add_char(&out, *at);
    }
    at += len;
  }
  free(text);
  return strbuf_detach(&out);
}

static char *dump(const json_t *value) {
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
  return text ? shorten_numbers(text) : NULL;
}

static int encode(lua_State *L) {
  luaL_checkany(L, 1);
  json_t *value = to_json(L, 1, 0);
  char *text = value ? dump(value) : NULL;
  json_decref(value);
  if (!text)
    return luaL_error(
        L,
        "json.encode: the value has no JSON form (functions, keys that are not strings, invalid UTF-8, infinite "
        "numbers and tables nested deeper than %d have none)",
        MAX_DEPTH);
  lua_pushstring(L, text);
  free(text);
  return 1;
}

static void push_json(lua_State *L, const json_t *value) {
  luaL_checkstack(L, 4, "JSON is nested too deep");
  size_t i;
  json_t *item;
  const char *key;
  switch (json_typeof(value)) {
  case JSON_OBJECT:
    lua_createtable(L, 0, (int)json_object_size(value));
    json_object_foreach((json_t *)(uintptr_t)value, key, item) {
      push_json(L, item);
      lua_setfield(L, -2, key);
    }
    return;
  case JSON_ARRAY:
    lua_createtable(L, (int)json_array_size(value), 0);
    luaL_setmetatable(L, array_mark);
    json_array_foreach(value, i, item) {
      push_json(L, item);
      lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return;
  case JSON_STRING:
    lua_pushlstring(L, json_string_value(value), json_string_length(value));
    return;
  case JSON_INTEGER:
    lua_pushinteger(L, json_integer_value(value));
    return;
  case JSON_REAL:
    lua_pushnumber(L, json_real_value(value));
    return;
  case JSON_TRUE:
  case JSON_FALSE:
    lua_pushboolean(L, json_is_true(value));
    return;
  case JSON_NULL:
    value_push_null(L);
    return;
  }
}

/* The document is freed by its userdata, should a push run out of memory. */
static int document_gc(lua_State *L) {
  json_t **slot = lua_touserdata(L, 1);
  json_decref(*slot);
  *slot = NULL;
  return 0;
}

static int decode(lua_State *L) {
  size_t len;
  const char *text = luaL_checklstring(L, 1, &len);
  json_t **slot = lua_newuserdatauv(L, sizeof(*slot), 0);
  *slot = NULL;
  luaL_setmetatable(L, "moonbird.json_document");
  json_error_t why;
  *slot = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
  if (!*slot)
    return luaL_error(L, "json.decode: line %d, column %d: %s", why.line, why.column, why.text);
  push_json(L, *slot);
  return 1;
}

static int mark_array(lua_State *L) {
  if (lua_isnoneornil(L, 1))
    lua_newtable(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_setmetatable(L, array_mark);
  return 1;
}

int open_json(lua_State *L) {
  static const luaL_Reg functions[] = {{"encode", encode}, {"decode", decode}, {"array", mark_array}, {NULL, NULL}};
  luaL_newmetatable(L, array_mark);
  lua_pop(L, 1);
  luaL_newmetatable(L, "moonbird.json_document");
  lua_pushcfunction(L, document_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
