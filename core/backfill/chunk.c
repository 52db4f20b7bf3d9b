/*
 * chunk.c - runs the row function over rows and collects what it returns; see chunk.h.
 *
 * This is the hot loop of a backfill: one row table is filled again and again, and column names are pushed once for
 * each chunk.
 */
#include "backfill/chunk.h"

#include "backfill/key.h"
#include "base/log.h"
#include "lua/value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* What fill_rows needs; it runs in protected mode and may be left at any point. */
struct filling {
  struct chunk *chunk;
  const struct chunk_work *work;
  const moonbird_batch *page;
  uint64_t row;
  uint64_t end;
  char *quarantine; /* the script's reason to put the present row aside */
};

/* Stack of fill_rows: [1] the filling, then these. */
enum { AT_FUNCTION = 2, AT_BATCH, AT_ROW, AT_FIRST_NAME };

/* Where the batch table keeps the filling, by address. */
static const char filling_key;

/* --- life --- */

void bad_row_free(void *row) {
  struct bad_row *bad = row;
  free(bad->key);
  free(bad->sqlstate);
  free(bad->message);
  free(bad);
}

void chunk_release(struct chunk *chunk, lua_State *L) {
  while (chunk->groups) {
    struct group *next = chunk->groups->next;
    group_free(chunk->groups, L);
    chunk->groups = next;
  }
  *chunk = (struct chunk){.groups = NULL};
}

void chunk_clear(struct chunk *chunk) {
  for (struct group *g = chunk->groups; g; g = g->next) {
    batch_clear(&g->rows);
    g->mark = 0;
  }
}

bool chunk_has_inserts(const struct chunk *chunk) {
  for (const struct group *g = chunk->groups; g; g = g->next)
    if (g->kind == GROUP_INSERT && group_row_count(g))
      return true;
  return false;
}

bool chunk_is_mixed(const struct chunk *chunk) {
  int statements = 0;
  for (const struct group *g = chunk->groups; g; g = g->next)
    statements += g->kind != GROUP_INSERT && group_row_count(g);
  return statements > 1;
}

bool chunk_next_statement(struct chunk *chunk, struct statement *statement) {
  for (; chunk->phase < GROUP_KINDS; chunk->phase++, chunk->writing = chunk->groups) {
    while (chunk->writing) {
      struct group *g = chunk->writing;
      chunk->writing = g->next;
      if (g->kind == chunk->phase && group_statement(g, statement)) {
        chunk->written = g;
        return true;
      }
    }
  }
  return false;
}

const char *chunk_column(const struct chunk *chunk, unsigned long parameter) {
  const struct group *g = chunk->written;
  if (!g || parameter <= g->key_len || parameter - g->key_len > g->columns.len)
    return NULL;
  return g->columns.items[parameter - g->key_len - 1];
}

/* --- groups --- */

/* A new group, linked first at the end, so that it is freed when an error is thrown on the way, and so that tables are
 * written in the order in which the script named them. */
static struct group *add_group(lua_State *L, struct filling *f, enum group_kind kind, const char *table,
                               const char *schema, int index) {
  struct group *g = xcalloc(1, sizeof(*g));
  g->kind = kind;
  g->names_ref = LUA_NOREF;
  g->table = xstrdup_or_null(table);
  g->schema = xstrdup_or_null(schema);
  g->versioned = kind != GROUP_INSERT && f->work->version_columns;
  if (kind != GROUP_INSERT)
    g->key_len = (uint32_t)f->work->definition->key.len + f->work->version_columns;
  struct group **end = &f->chunk->groups;
  while (*end)
    end = &(*end)->next;
  *end = g;
  group_open(L, g, f->work->definition->writer_ref, index, f->work->style, &f->work->lender);
  return g;
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static struct group *find_group(lua_State *L, struct filling *f, enum group_kind kind, const char *table,
                                const char *schema, int index) {
  for (struct group *g = f->chunk->groups; g; g = g->next) {
    bool fits = g->kind == kind && same_text(g->table, table) && same_text(g->schema, schema);
    if (fits && (!index || group_has_columns(g, L, index)))
      return g;
  }
  return add_group(L, f, kind, table, schema, index);
}

/* Columns that the script sees. */
static uint32_t shown_columns(const struct filling *f) {
  return f->page->column_count - f->work->version_columns;
}

/* The key is at the page's beginning, the version at its end. */
static void add_key(lua_State *L, const struct filling *f, struct group *g) {
  uint32_t key_len = (uint32_t)f->work->definition->key.len, to_version = shown_columns(f) - key_len;
  for (uint32_t c = 0; c < g->key_len; c++) {
    struct value v = batch_value(&f->page->columns[c < key_len ? c : to_version + c], f->row);
    if (!batch_add_value(&g->rows, c, &v))
      luaL_error(L, "the key is too long");
  }
}

static bool is_empty(lua_State *L, int index) {
  lua_pushnil(L);
  if (!lua_next(L, index))
    return true;
  lua_pop(L, 2);
  return false;
}

static void add_update(lua_State *L, struct filling *f, int index) {
  struct group *g = f->chunk->latest;
  if (!g || !group_try_add(L, g, index)) {
    if (is_empty(L, index))
      return; /* nothing to change */
    g = find_group(L, f, GROUP_UPDATE, NULL, NULL, index);
    if (!group_try_add(L, g, index))
      luaL_error(L, "row() returned a table that changes while it is read");
    f->chunk->latest = g;
  }
  add_key(L, f, g);
}

/* --- what the script calls --- */

static struct filling *check_filling(lua_State *L, const char *method) {
  if (!lua_istable(L, 1))
    luaL_error(L, "it is called with a colon: batch:%s(...)", method);
  lua_rawgetp(L, 1, &filling_key);
  struct filling *f = lua_touserdata(L, -1);
  lua_pop(L, 1);
  if (!f)
    luaL_error(L, "batch:%s can be called only while row() runs", method);
  return f;
}

/* Lua's own words count arguments, and not as whoever writes batch:insert(...) does. */
static void check_argument(lua_State *L, int index, const char *what, int type) {
  const char *wanted = type == LUA_TTABLE ? "a table { column = value }" : "a string";
  if (lua_isnoneornil(L, index))
    luaL_error(L, "%s %s, not nothing", what, wanted);
  else if (value_is_null(L, index))
    luaL_error(L, "%s %s, not null", what, wanted);
  else if (lua_type(L, index) != type)
    luaL_error(L, "%s %s, not a %s", what, wanted, luaL_typename(L, index));
}

/* batch:insert(table, row [, schema]) */
static int batch_insert(lua_State *L) {
  struct filling *f = check_filling(L, "insert");
  check_argument(L, 2, "batch:insert: the table must be", LUA_TSTRING);
  check_argument(L, 3, "batch:insert: the row must be", LUA_TTABLE);
  if (!lua_isnoneornil(L, 4))
    check_argument(L, 4, "batch:insert: the schema must be", LUA_TSTRING);
  const char *table = lua_tostring(L, 2), *schema = lua_tostring(L, 4);
  if (is_empty(L, 3))
    luaL_error(L, "batch:insert into %s: the row names no column", table);
  struct group *g = find_group(L, f, GROUP_INSERT, table, schema, 3);
  if (!group_try_add(L, g, 3))
    luaL_error(L, "batch:insert: a table that changes while it is read");
  return 0;
}

/* batch:quarantine(reason) */
static int batch_quarantine(lua_State *L) {
  struct filling *f = check_filling(L, "quarantine");
  check_argument(L, 2, "batch:quarantine: the reason must be", LUA_TSTRING);
  const char *reason = lua_tostring(L, 2);
  free(f->quarantine);
  f->quarantine = xstrdup(reason);
  return 0;
}

/* --- rows --- */

static void fill_row_table(lua_State *L, const struct filling *f) {
  for (uint32_t c = 0; c < shown_columns(f); c++) {
    struct value v = batch_value(&f->page->columns[c], f->row);
    lua_pushvalue(L, AT_FIRST_NAME + (int)c);
    value_push(L, &v);
    lua_rawset(L, AT_ROW);
  }
}

static char *row_key(const struct filling *f) {
  return key_from_row(f->page, f->row, (uint32_t)f->work->definition->key.len);
}

/* "id = 17", "part, number = "a", 3": the key's JSON without its brackets */
static char *shown_key(const struct filling *f) {
  char *names = strvec_join(&f->work->definition->key, ", ");
  char *key = row_key(f);
  char *shown = xasprintf("%s = %.*s", names, (int)strlen(key) - 2, key + 1);
  free(names);
  free(key);
  return shown;
}

/* The name of a column that the script has changed in the row table, or NULL. */
static const char *changed_column(lua_State *L, const struct filling *f) {
  for (uint32_t c = 0; c < shown_columns(f); c++) {
    struct value v = batch_value(&f->page->columns[c], f->row);
    lua_pushvalue(L, AT_FIRST_NAME + (int)c);
    lua_rawget(L, AT_ROW);
    value_push(L, &v);
    bool is_nan = v.type == MOONBIRD_TYPE_FLOAT64 && v.number != v.number;
    bool is_same = is_nan || lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (!is_same)
      return f->page->columns[c].name;
  }
  return NULL;
}

/* Is anything of the present row to be written? */
static bool has_work(const struct chunk *chunk) {
  for (const struct group *g = chunk->groups; g; g = g->next)
    if (group_row_count(g) > g->mark)
      return true;
  return false;
}

/* Nothing was returned. Who has changed the row table meant to; looked at for the first rows of a run, and said once.
 */
static void look_for_changes(lua_State *L, const struct filling *f) {
  int *looks = f->work->looks;
  if (*looks <= 0 || has_work(f->chunk))
    return;
  --*looks;
  const char *column = changed_column(L, f);
  if (!column)
    return;
  *looks = 0;
  char *key = shown_key(f);
  log_warn("row() has changed %s in the table that it got (row %s) and returned nothing, so nothing is written: return "
           "{ %s = ... }",
           column, key, column);
  free(key);
}

static void take_result(lua_State *L, struct filling *f) {
  int type = lua_type(L, -1);
  if (type == LUA_TNIL)
    look_for_changes(L, f);
  else if (lua_rawequal(L, -1, AT_ROW))
    luaL_error(L, "row() returned the row itself: return a table of the columns to change, { column = value }");
  else if (type == LUA_TTABLE)
    add_update(L, f, lua_gettop(L));
  else if (type == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == (const void *)f->work->definition)
    add_key(L, f, find_group(L, f, GROUP_DELETE, NULL, NULL, 0));
  else
    luaL_error(L, "row() must return a table of columns, nil or batch.delete, not %s%s",
               value_is_null(L, -1) ? "null" : "a ", value_is_null(L, -1) ? "" : luaL_typename(L, -1));
  lua_pop(L, 1);
}

static void mark_groups(struct chunk *chunk) {
  for (struct group *g = chunk->groups; g; g = g->next)
    g->mark = group_row_count(g);
}

/* What the present row has done until now is taken back. */
static void cut_groups(struct chunk *chunk) {
  for (struct group *g = chunk->groups; g; g = g->next)
    group_cut(g, g->mark);
}

static void put_aside(struct filling *f, char *sqlstate, char *message) {
  struct bad_row *bad = xcalloc(1, sizeof(*bad));
  *bad = (struct bad_row){.key = row_key(f), .sqlstate = sqlstate, .message = message};
  vec_push(f->work->bad, bad);
  cut_groups(f->chunk);
}

int64_t chunk_seed(int64_t run_seed, const char *key) {
  uint64_t hash = 14695981039346656037u ^ (uint64_t)run_seed; /* FNV-1a */
  for (; *key; key++)
    hash = (hash ^ (unsigned char)*key) * 1099511628211u;
  return (int64_t)hash;
}

static void seed_random(lua_State *L, const struct filling *f) {
  char *key = row_key(f);
  int64_t seed = chunk_seed(f->work->seed, key);
  free(key);
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "randomseed");
  lua_pushinteger(L, seed);
  lua_call(L, 1, 0);
  lua_pop(L, 1);
}

static void open_batch(lua_State *L, struct filling *f) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)f->work->definition);
  lua_setfield(L, AT_BATCH, "delete");
  lua_pushcfunction(L, batch_insert);
  lua_setfield(L, AT_BATCH, "insert");
  lua_pushcfunction(L, batch_quarantine);
  lua_setfield(L, AT_BATCH, "quarantine");
  lua_pushstring(L, f->work->batch_id);
  lua_setfield(L, AT_BATCH, "id");
  lua_pushlightuserdata(L, f);
  lua_rawsetp(L, AT_BATCH, &filling_key);
}

/* What is to be written has as many bytes as what is read may have. */
static bool is_full(const struct filling *f) {
  size_t bytes = 0;
  for (const struct group *g = f->chunk->groups; g; g = g->next)
    bytes += batch_size_bytes(&g->rows);
  return (double)bytes >= f->work->definition->max_bytes;
}

static int fill_rows(lua_State *L) {
  struct filling *f = lua_touserdata(L, 1);
  luaL_checkstack(L, (int)f->page->column_count + 16, "too many columns");
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->work->definition->row_ref);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->work->definition->batch_ref);
  open_batch(L, f);
  lua_createtable(L, 0, (int)shown_columns(f));
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->work->definition->guard_ref);
  lua_setmetatable(L, AT_ROW);
  for (uint32_t c = 0; c < shown_columns(f); c++)
    lua_pushstring(L, f->page->columns[c].name);
  for (; f->row < f->end && !is_full(f); f->row++) {
    mark_groups(f->chunk);
    fill_row_table(L, f);
    lua_pushvalue(L, AT_FUNCTION);
    lua_pushvalue(L, AT_ROW);
    lua_pushvalue(L, AT_BATCH);
    lua_call(L, 2, 1);
    if (f->quarantine) {
      put_aside(f, NULL, f->quarantine);
      f->quarantine = NULL;
      lua_pop(L, 1);
    } else {
      take_result(L, f);
    }
  }
  return 0;
}

static int close_batch(lua_State *L) {
  const struct filling *f = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, f->work->definition->batch_ref);
  lua_pushnil(L);
  lua_rawsetp(L, -2, &filling_key);
  return 0;
}

static int start_random(lua_State *L) {
  seed_random(L, lua_touserdata(L, 1));
  return 0;
}

/* With on_error = "quarantine" a failing row is put aside, and the next one is tried. */
static bool fill(struct filling *f, struct error *err) {
  const struct chunk_work *work = f->work;
  if (!host_protect(work->host, start_random, f, err))
    return false;
  while (!host_protect(work->host, fill_rows, f, err)) {
    free(f->quarantine);
    f->quarantine = NULL;
    if (!work->definition->quarantines || err->class != ERROR_FAILED || f->row >= f->end)
      return false;
    put_aside(f, NULL, xstrdup(err->message));
    error_clear(err);
    f->row++;
  }
  return true;
}

bool chunk_fill(struct chunk *chunk, const struct chunk_work *work, const moonbird_batch *page, uint64_t first,
                uint64_t *count, struct error *err) {
  struct filling f = {.chunk = chunk, .work = work, .page = page, .row = first, .end = first + *count};
  chunk_clear(chunk);
  bool ok = fill(&f, err);
  struct error ignored = ERROR_INIT;
  if (!host_protect(work->host, close_batch, &f, &ignored))
    error_release(&ignored);
  *count = f.row - first;
  chunk->writing = chunk->groups;
  chunk->phase = GROUP_INSERT;
  if (!ok && err->class == ERROR_FAILED && f.row < f.end) {
    char *key = shown_key(&f);
    error_prefix(err, "backfill of %s, row %s: ", work->definition->table, key);
    free(key);
  }
  return ok;
}
