/*
 * chunk.c - runs the row function over rows and collects what it returns; see chunk.h.
 *
 * This is the hot loop of a backfill: one row table is filled again and again, column names are pushed once for each
 * chunk, and the names that a row function returns are compared by address (Lua keeps equal short strings once).
 */
#include "backfill/chunk.h"

#include "backfill/key.h"
#include "lua/dialect.h"
#include "lua/value.h"
#include "sql/placeholder.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* What fill_rows needs; it runs in protected mode and may be left at any point. */
struct filling {
  struct chunk *chunk;
  const struct definition *definition;
  const char *style;
  const moonbird_batch *page;
  uint64_t row;
  uint64_t end;
};

/* Stack of fill_rows: [1] the filling, then these. */
enum { AT_FUNCTION = 2, AT_BATCH, AT_ROW, AT_FIRST_NAME };

/* --- groups --- */

static void free_group(struct group *g, lua_State *L) {
  luaL_unref(L, LUA_REGISTRYINDEX, g->names_ref);
  strvec_release(&g->columns);
  free(g->names);
  free(g->transports);
  free(g->sql);
  batch_release(&g->rows);
  free(g);
}

void chunk_release(struct chunk *chunk, lua_State *L) {
  while (chunk->groups) {
    struct group *next = chunk->groups->next;
    free_group(chunk->groups, L);
    chunk->groups = next;
  }
  chunk->writing = NULL;
}

void chunk_clear(struct chunk *chunk) {
  for (struct group *g = chunk->groups; g; g = g->next)
    batch_clear(&g->rows);
  chunk->writing = chunk->groups;
}

bool chunk_next_statement(struct chunk *chunk, struct statement *statement) {
  for (; chunk->writing; chunk->writing = chunk->writing->next) {
    struct group *g = chunk->writing;
    const moonbird_batch *rows = batch_view(&g->rows);
    if (!rows->row_count)
      continue;
    *statement = (struct statement){
        .sql = g->sql, .len = strlen(g->sql), .flags = MOONBIRD_REPEATED, .bind = g->bind, .params = rows};
    chunk->writing = g->next;
    return true;
  }
  return false;
}

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
      luaL_error(L, "row() must return a table of column names and values, not a list");
    lua_pop(L, 1);
  }
}

/* A new group for the columns of the table at `index` (0: for deletes). It is linked first, so that it is freed when an
 * error is thrown on the way. */
static struct group *add_group(lua_State *L, struct filling *f, int index) {
  struct group *g = xcalloc(1, sizeof(*g));
  g->names_ref = LUA_NOREF;
  g->next = f->chunk->groups;
  f->chunk->groups = g;
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->definition->writer_ref);
  if (index)
    check_names(L, index);
  size_t count = 0;
  if (index)
    count = push_column_names(L, index, g);
  else
    lua_newtable(L);
  uint32_t total = (uint32_t)(f->definition->key.len + count);
  batch_init(&g->rows, total);
  g->transports = xcalloc(total, sizeof(*g->transports));
  lua_pushvalue(L, -1);
  g->names_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_call(L, 1, 1);
  take_statement(L, g, f->style, total);
  lua_pop(L, 1);
  return g;
}

static bool has_columns(const struct group *g, lua_State *L, int index) {
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

static struct group *find_group(lua_State *L, struct filling *f, int index) {
  for (struct group *g = f->chunk->groups; g; g = g->next)
    if (g->columns.len && has_columns(g, L, index))
      return g;
  return add_group(L, f, index);
}

static struct group *delete_group(lua_State *L, struct filling *f) {
  for (struct group *g = f->chunk->groups; g; g = g->next)
    if (!g->columns.len)
      return g;
  return add_group(L, f, 0);
}

/* --- values --- */

static int refuse_value(lua_State *L, const char *column, const char *wanted, int index) {
  return luaL_error(L, "column %s takes %s, row() returned a %s", column, wanted, luaL_typename(L, index));
}

static bool add_text(lua_State *L, int index, struct batch_builder *rows, uint32_t column, bool bytes) {
  size_t len;
  lua_pushvalue(L, index); /* lua_tolstring changes numbers in place, and the table of the script is not ours */
  const char *text = lua_tolstring(L, -1, &len);
  bool ok = bytes ? batch_add_bytes(rows, column, text, len) : batch_add_text(rows, column, text, len);
  lua_pop(L, 1);
  return ok;
}

static void add_value(lua_State *L, int index, struct group *g, uint32_t column, const char *name) {
  struct batch_builder *rows = &g->rows;
  int type = lua_type(L, index);
  enum transport transport = g->transports[column];
  if (value_is_null(L, index)) {
    batch_add_null(rows, column);
  } else if (transport == TRANSPORT_ANY || type == LUA_TTABLE) {
    if (!value_add(L, index, rows, column))
      refuse_value(L, name, "a string, a number, a boolean, null or blob(...)", index);
  } else if (transport == TRANSPORT_TEXT || transport == TRANSPORT_BYTES) {
    bool fits = type == LUA_TSTRING || type == LUA_TNUMBER;
    if (!fits || !add_text(L, index, rows, column, transport == TRANSPORT_BYTES))
      refuse_value(L, name, "a string", index);
  } else if (transport == TRANSPORT_BOOL) {
    if (type != LUA_TBOOLEAN)
      refuse_value(L, name, "a boolean", index);
    batch_add_bool(rows, column, lua_toboolean(L, index));
  } else if (transport == TRANSPORT_FLOAT64) {
    if (type != LUA_TNUMBER)
      refuse_value(L, name, "a number", index);
    batch_add_float(rows, column, lua_tonumber(L, index));
  } else {
    int exact = 0;
    lua_Integer integer = type == LUA_TNUMBER ? lua_tointegerx(L, index, &exact) : 0;
    if (!exact)
      refuse_value(L, name, "an integer", index);
    batch_add_int(rows, column, integer);
  }
}

static void add_key(lua_State *L, struct filling *f, struct group *g) {
  for (uint32_t c = 0; c < f->definition->key.len; c++) {
    struct value v = batch_value(&f->page->columns[c], f->row);
    if (!batch_add_value(&g->rows, c, &v))
      luaL_error(L, "the key is too long");
  }
}

static size_t name_index(const struct group *g, const char *name) {
  for (size_t i = 0; i < g->columns.len; i++)
    if (g->names[i] == name || strcmp(g->names[i], name) == 0)
      return i;
  return g->columns.len;
}

/* Takes what was added of the present row off again, so that the columns of a group stay of one length. */
static void take_back(struct group *g, size_t rows) {
  for (uint32_t c = 0; c < g->rows.column_count; c++)
    batch_cut(&g->rows, c, rows);
}

/* Adds the table at `index` to a group that seems to fit; false (and nothing added) when its columns are others. */
static bool try_add(lua_State *L, struct filling *f, struct group *g, int index) {
  size_t before = g->rows.columns[0].rows;
  uint32_t key_len = (uint32_t)f->definition->key.len;
  size_t found = 0;
  lua_pushnil(L);
  while (lua_next(L, index)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    size_t i = name_index(g, name);
    if (i == g->columns.len) {
      lua_pop(L, 2);
      take_back(g, before);
      return false;
    }
    add_value(L, lua_gettop(L), g, key_len + (uint32_t)i, name);
    lua_pop(L, 1);
    found++;
  }
  if (found != g->columns.len) {
    take_back(g, before);
    return false;
  }
  add_key(L, f, g);
  return true;
}

static void add_update(lua_State *L, struct filling *f, int index) {
  struct group *first = f->chunk->groups;
  if (first && first->columns.len && try_add(L, f, first, index))
    return;
  lua_pushnil(L);
  if (!lua_next(L, index))
    return; /* an empty table: nothing to change */
  lua_pop(L, 2);
  if (!try_add(L, f, find_group(L, f, index), index))
    luaL_error(L, "row() returned a table that changes while it is read");
}

/* --- rows
 * --------------------------------------------------------------------------------------------------------------------
 */

static void fill_row_table(lua_State *L, const struct filling *f) {
  for (uint32_t c = 0; c < f->page->column_count; c++) {
    struct value v = batch_value(&f->page->columns[c], f->row);
    lua_pushvalue(L, AT_FIRST_NAME + (int)c);
    value_push(L, &v);
    lua_rawset(L, AT_ROW);
  }
}

static void take_result(lua_State *L, struct filling *f) {
  int type = lua_type(L, -1);
  if (type == LUA_TTABLE)
    add_update(L, f, lua_gettop(L));
  else if (type == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == (const void *)f->definition)
    add_key(L, f, delete_group(L, f));
  else if (type != LUA_TNIL)
    luaL_error(L, "row() must return a table of columns, nil or batch.delete, not a %s", luaL_typename(L, -1));
  lua_pop(L, 1);
}

static int fill_rows(lua_State *L) {
  struct filling *f = lua_touserdata(L, 1);
  luaL_checkstack(L, (int)f->page->column_count + 16, "too many columns");
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->definition->row_ref);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->definition->batch_ref);
  lua_pushlightuserdata(L, (void *)(uintptr_t)f->definition);
  lua_setfield(L, AT_BATCH, "delete");
  lua_createtable(L, 0, (int)f->page->column_count);
  for (uint32_t c = 0; c < f->page->column_count; c++)
    lua_pushstring(L, f->page->columns[c].name);
  for (; f->row < f->end; f->row++) {
    fill_row_table(L, f);
    lua_pushvalue(L, AT_FUNCTION);
    lua_pushvalue(L, AT_ROW);
    lua_pushvalue(L, AT_BATCH);
    lua_call(L, 2, 1);
    take_result(L, f);
  }
  return 0;
}

/* "id = 17", "part, number = "a", 3": the key's JSON without its brackets */
static char *shown_key(const struct filling *f) {
  char *names = strvec_join(&f->definition->key, ", ");
  char *key = key_from_row(f->page, f->row, (uint32_t)f->definition->key.len);
  char *shown = xasprintf("%s = %.*s", names, (int)strlen(key) - 2, key + 1);
  free(names);
  free(key);
  return shown;
}

bool chunk_fill(struct chunk *chunk, struct host *host, const struct definition *definition, const char *style,
                const moonbird_batch *page, uint64_t first, uint64_t count, struct error *err) {
  struct filling f = {
      .chunk = chunk, .definition = definition, .style = style, .page = page, .row = first, .end = first + count};
  chunk_clear(chunk);
  if (host_protect(host, fill_rows, &f, err)) {
    chunk->writing = chunk->groups;
    return true;
  }
  if (err->class == ERROR_FAILED && f.row < f.end) {
    char *key = shown_key(&f);
    error_prefix(err, "backfill of %s, row %s: ", definition->table, key);
    free(key);
  }
  return false;
}
