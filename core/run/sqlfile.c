/*
 * sqlfile.c - the Lua objects for a .sql revision; see sqlfile.h. Called by step.c. What is done with the statements is
 * decided in lib/sql_revision.lua.
 */
#include "run/sqlfile.h"

#include "lua/dialect.h"
#include "lua/script_error.h"
#include "script/sql.h"
#include "sql/split.h"

#include <lauxlib.h>
#include <string.h>

static const char file_type[] = "moonbird.sql_file";
static const char reader_type[] = "moonbird.sql_reader";

struct sql_file {
  const char *text;
  size_t len;
  char path[]; /* NUL-terminated */
};

struct sql_reader {
  struct sql_splitter splitter;
  const struct sql_file *file; /* kept alive by the reader's user value */
};

static int file_statements(lua_State *L) {
  static const char *const words[] = {
      [SQL_SECTION_UP] = "up", [SQL_SECTION_DOWN] = "down", [SQL_SECTION_VERIFY] = "verify", NULL};
  const struct sql_file *file = luaL_checkudata(L, 1, file_type);
  enum sql_section section = (enum sql_section)luaL_checkoption(L, 2, NULL, words);
  struct sql_splitter splitter;
  if (!script_sql_section(file->text, file->len, dialect_rules(L), section, &splitter))
    return 0;
  struct sql_reader *reader = lua_newuserdatauv(L, sizeof(*reader), 1);
  reader->file = file;
  reader->splitter = splitter;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, reader_type);
  return 1;
}

/* file:check() */
static int file_check(lua_State *L) {
  const struct sql_file *file = luaL_checkudata(L, 1, file_type);
  struct error err = ERROR_INIT;
  size_t line;
  if (script_sql_check(file->text, file->len, dialect_rules(L), &line, &err))
    return 0;
  error_where(&err, "%s:%zu", file->path, line);
  return host_throw(L, &err);
}

/* The line of the error inside of the statement, where the database has told its position. */
static void add_place(struct error *err, const struct sql_file *file, size_t line) {
  size_t at = line;
  for (int64_t i = 0; err->statement && i < err->position && err->statement[i]; i++)
    at += err->statement[i] == '\n';
  if (at == line)
    error_where(err, "%s:%zu", file->path, line);
  else
    error_where(err, "%s:%zu, in the statement that begins at line %zu", file->path, at, line);
}

static int file_fail(lua_State *L) {
  const struct sql_file *file = luaL_checkudata(L, 1, file_type);
  struct error err = ERROR_INIT;
  size_t line = (size_t)luaL_checkinteger(L, 3);
  lua_settop(L, 4);
  const struct error *thrown = host_error_at(L, 2);
  if (thrown)
    error_copy(&err, thrown);
  else
    error_set(&err, ERROR_FAILED, "%s", luaL_tolstring(L, 2, NULL));
  if (!err.where)
    add_place(&err, file, line);
  if (!lua_isnil(L, 4))
    error_add_hint(&err, luaL_checkstring(L, 4));
  return host_throw(L, &err);
}

static int throw_broken(lua_State *L, const struct sql_reader *reader, const struct sql_statement *statement,
                        struct error *err) {
  error_where(err, "%s:%zu", reader->file->path, statement->line);
  return host_throw(L, err);
}

static int reader_next(lua_State *L) {
  struct sql_reader *reader = luaL_checkudata(L, 1, reader_type);
  bool whole = lua_toboolean(L, 2);
  struct sql_statement statement;
  struct error err = ERROR_INIT;
  enum sql_split found = sql_split_next(&reader->splitter, &statement, &err);
  while (found == SQL_SPLIT_STATEMENT && !statement.len && !whole)
    found = sql_split_next(&reader->splitter, &statement, &err);
  if (found == SQL_SPLIT_BROKEN)
    return throw_broken(L, reader, &statement, &err);
  if (found == SQL_SPLIT_END)
    return 0;
  lua_pushlstring(L, statement.text, statement.len);
  lua_pushinteger(L, (lua_Integer)statement.line);
  if (whole)
    lua_pushlstring(L, statement.piece, statement.piece_len);
  else
    lua_pushnil(L);
  if (statement.data)
    lua_pushlstring(L, statement.data, statement.data_len);
  else
    lua_pushnil(L);
  return 4;
}

static int reader_set(lua_State *L) {
  struct sql_reader *reader = luaL_checkudata(L, 1, reader_type);
  luaL_checktype(L, 3, LUA_TBOOLEAN);
  if (!dialect_set_rule(&reader->splitter.rules, luaL_checkstring(L, 2), lua_toboolean(L, 3)))
    return luaL_argerror(L, 2, "not a lexical rule");
  return 0;
}

static void new_type(lua_State *L, const char *name, const luaL_Reg *methods) {
  if (luaL_newmetatable(L, name)) {
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}

void sqlfile_push(lua_State *L, const char *path, const struct strbuf *text) {
  static const luaL_Reg file_methods[] = {
      {"check", file_check}, {"statements", file_statements}, {"fail", file_fail}, {NULL, NULL}};
  static const luaL_Reg reader_methods[] = {{"next", reader_next}, {"set", reader_set}, {NULL, NULL}};
  new_type(L, file_type, file_methods);
  new_type(L, reader_type, reader_methods);
  size_t size = strlen(path) + 1;
  struct sql_file *file = lua_newuserdatauv(L, sizeof(*file) + size, 0);
  file->text = text->buf;
  file->len = text->len;
  memcpy(file->path, path, size);
  luaL_setmetatable(L, file_type);
}
