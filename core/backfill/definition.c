/*
 * definition.c - reads the definition table; see definition.h.
 */
#include "backfill/definition.h"

#include "lua/dialect.h"
#include "lua/script_error.h"
#include "sql/placeholder.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum transport transport_from_name(const char *name) {
  static const char *const names[] = {
      [TRANSPORT_ANY] = "any",         [TRANSPORT_BOOL] = "bool", [TRANSPORT_INT64] = "int64",
      [TRANSPORT_FLOAT64] = "float64", [TRANSPORT_TEXT] = "text", [TRANSPORT_BYTES] = "bytes"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (name && strcmp(name, names[i]) == 0)
      return (enum transport)i;
  return TRANSPORT_ANY;
}

static char *text_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  char *text = xstrdup_or_null(lua_tostring(L, -1));
  lua_pop(L, 1);
  return text;
}

static double number_field(lua_State *L, int index, const char *name, double fallback) {
  lua_getfield(L, index, name);
  double number = lua_isnumber(L, -1) ? lua_tonumber(L, -1) : fallback;
  lua_pop(L, 1);
  return number;
}

static bool flag_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  bool flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

/* SQL with our placeholders, translated. */
static char *sql_field(lua_State *L, int index, const char *name, const char *style) {
  char *text = text_field(L, index, name);
  if (!text)
    return NULL;
  struct placeholders p = PLACEHOLDERS_INIT;
  placeholders_translate(&p, dialect_rules(L), text, strlen(text), PLACEHOLDER_POSITION, style);
  free(text);
  text = strbuf_detach(&p.sql);
  placeholders_release(&p);
  return text;
}

static struct sql_pair pair_field(lua_State *L, int index, const char *name, const char *style) {
  char *first = xasprintf("%s_first", name), *after = xasprintf("%s_after", name);
  struct sql_pair pair = {sql_field(L, index, first, style), sql_field(L, index, after, style)};
  free(first);
  free(after);
  return pair;
}

static int function_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void read_key(lua_State *L, int index, struct definition *d) {
  lua_getfield(L, index, "key");
  lua_getfield(L, index, "key_transports");
  size_t count = lua_rawlen(L, -2);
  d->key_transports = xcalloc(count, sizeof(*d->key_transports));
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -2, (lua_Integer)i + 1);
    strvec_push(&d->key, lua_tostring(L, -1));
    lua_rawgeti(L, -2, (lua_Integer)i + 1);
    d->key_transports[i] = transport_from_name(lua_tostring(L, -1));
    lua_pop(L, 2);
  }
  lua_pop(L, 2);
}

static void read_size(lua_State *L, int index, struct definition *d) {
  double fixed = number_field(L, index, "size_fixed", 0);
  if (fixed > 0)
    sizer_init_fixed(&d->sizer, (int64_t)fixed);
  else
    sizer_init(&d->sizer, number_field(L, index, "target_ms", 500) / 1000,
               (int64_t)number_field(L, index, "size_start", 1000), (int64_t)number_field(L, index, "size_min", 10),
               (int64_t)number_field(L, index, "size_max", 50000));
}

static enum backfill_form form_from_name(const char *name) {
  if (strcmp(name, "set") == 0)
    return FORM_SET;
  return strcmp(name, "row") == 0 ? FORM_ROW : FORM_BATCH;
}

void definition_init(struct definition *d) {
  *d = (struct definition){.row_ref = LUA_NOREF,
                           .guard_ref = LUA_NOREF,
                           .batch_ref = LUA_NOREF,
                           .writer_ref = LUA_NOREF,
                           .throttle_ref = LUA_NOREF};
}

void definition_read(lua_State *L, int index, const char *style, struct definition *d) {
  luaL_checktype(L, index, LUA_TTABLE);
  lua_getfield(L, index, "form");
  d->form = form_from_name(luaL_checkstring(L, -1));
  lua_pop(L, 1);
  d->bounded = flag_field(L, index, "bounded");
  d->may_have_twins = flag_field(L, index, "may_have_twins");
  d->external = flag_field(L, index, "external");
  d->streams = flag_field(L, index, "streams");
  d->quarantines = flag_field(L, index, "quarantines");
  d->max_bad = (int64_t)number_field(L, index, "max_bad", 100);
  d->workers = (int)number_field(L, index, "workers", 1);
  d->statement_timeout_s = number_field(L, index, "statement_timeout_ms", 0) / 1000;
  d->name = text_field(L, index, "name");
  d->table = text_field(L, index, "table_shown");
  d->key_columns = text_field(L, index, "key_columns");
  d->key_types = text_field(L, index, "key_types_json");
  d->rows_estimated = (int64_t)number_field(L, index, "estimate", -1);
  d->max_bytes = number_field(L, index, "max_bytes", 16 * 1024 * 1024);
  d->nice = number_field(L, index, "nice", 0);
  read_key(L, index, d);
  read_size(L, index, d);
  d->first_key = sql_field(L, index, "first_key", style);
  d->last_key = sql_field(L, index, "last_key", style);
  d->hop = pair_field(L, index, "hop", style);
  d->page = pair_field(L, index, "page", style);
  d->versioned_page = pair_field(L, index, "versioned_page", style);
  d->piece = pair_field(L, index, "piece", style);
  d->versioned_piece = pair_field(L, index, "versioned_piece", style);
  d->guarded = pair_field(L, index, "guarded", style);
  d->versioned_guarded = pair_field(L, index, "versioned_guarded", style);
  d->version_columns = (uint32_t)number_field(L, index, "version_columns", 0);
  d->update = pair_field(L, index, "update", style);
  d->count = pair_field(L, index, "count", style);
  d->undone = pair_field(L, index, "undone", style);
  d->marked = pair_field(L, index, "marked", style);
  d->again = pair_field(L, index, "again", style);
  d->writers = text_field(L, index, "writers");
  d->begin = text_field(L, index, "begin");
  d->sync = text_field(L, index, "sync");
  d->path = text_field(L, index, "path");
  lua_getfield(L, index, "row");
  d->row_place = script_function_place(L, -1);
  lua_pop(L, 1);
  d->row_ref = function_field(L, index, "row");
  d->guard_ref = function_field(L, index, "row_guard");
  d->batch_ref = function_field(L, index, "batch");
  d->writer_ref = function_field(L, index, "writer");
  d->throttle_ref = function_field(L, index, "throttle");
}

static void free_pair(struct sql_pair *pair) {
  free(pair->first);
  free(pair->after);
}

void definition_release(lua_State *L, struct definition *d) {
  luaL_unref(L, LUA_REGISTRYINDEX, d->row_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, d->guard_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, d->batch_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, d->writer_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, d->throttle_ref);
  free(d->name);
  free(d->table);
  strvec_release(&d->key);
  free(d->key_columns);
  free(d->key_types);
  free(d->key_transports);
  free(d->first_key);
  free(d->last_key);
  free_pair(&d->hop);
  free_pair(&d->page);
  free_pair(&d->versioned_page);
  free_pair(&d->piece);
  free_pair(&d->versioned_piece);
  free_pair(&d->guarded);
  free_pair(&d->versioned_guarded);
  free_pair(&d->update);
  free_pair(&d->count);
  free_pair(&d->undone);
  free_pair(&d->marked);
  free_pair(&d->again);
  free(d->writers);
  free(d->begin);
  free(d->sync);
  free(d->path);
  free(d->row_place);
  definition_init(d);
}
