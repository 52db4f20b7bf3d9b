/*
 * connection.c - the methods of a connection in Lua: exec, exec_all, query, query_within, rows, one, scalar.
 *
 * Each method makes a `call` userdata first (what it holds is freed whatever happens), starts the call, waits by
 * host_await, and goes on in its continuation, which finds the call at a fixed place of the stack. This is the plain
 * connection: what scripts call `db` is made from it in lib/revision.lua, which passes mutating calls through the
 * journal.
 */
#include "lua/connection.h"

#include "lua/dialect.h"
#include "lua/host.h"
#include "lua/modules.h"
#include "lua/script_error.h"
#include "lua/value.h"
#include "sql/placeholder.h"

#include <lauxlib.h>
#include <string.h>

static const char connection_type[] = "moonbird.connection";
static const char call_type[] = "moonbird.call";

enum { ROWS_AT_ONCE = 1000 };

/* One statement with its parameters and, while it is read, its result. */
struct call {
  struct conn *conn;
  struct placeholders text;
  struct batch_builder params;
  struct statement statement;
  moonbird_result *result;
  bool has_batch;
  bool ended;
  uint64_t row;      /* rows(): the next one of the batch */
  double bytes;      /* query_within(): of the rows in the list */
  double most_bytes; /* and how many are enough */
};

static struct conn *check_connection(lua_State *L, int index) {
  struct conn **slot = luaL_checkudata(L, index, connection_type);
  if (!*slot)
    script_error(L, "this connection is closed");
  return *slot;
}

static void check_free(lua_State *L, const struct conn *conn) {
  host_check_allowed(L);
  if (conn_is_busy(conn))
    script_error(L, "the connection is busy with another statement");
}

void connection_push(lua_State *L, struct conn *conn) {
  struct conn **slot = lua_newuserdatauv(L, sizeof(*slot), 0);
  *slot = conn;
  luaL_setmetatable(L, connection_type);
}

void connection_close(lua_State *L, int index) {
  struct conn **slot = luaL_checkudata(L, index, connection_type);
  *slot = NULL;
}

/* --- parameters --- */

/* One table holds all parameters, by name or as a list, unless it is itself a value: sql and blob are. */
static bool holds_parameters(lua_State *L, int first, int count) {
  if (count != 1 || !lua_istable(L, first))
    return false;
  if (luaL_getmetafield(L, first, "__name") == LUA_TNIL)
    return true;
  const char *name = lua_tostring(L, -1);
  bool is_value = name && (strcmp(name, "moonbird.sql") == 0 || strcmp(name, "moonbird.blob") == 0);
  lua_pop(L, 1);
  return !is_value;
}

static void add_parameter(lua_State *L, struct call *call, uint32_t column, int index, const char *name) {
  if (value_add(L, index, &call->params, column))
    return;
  script_error(L,
               "parameter %s is a %s, which has no SQL form (nil, null, booleans, numbers, strings and blob(...) have)",
               name, luaL_typename(L, index));
}

static void add_named(lua_State *L, struct call *call, int table) {
  for (size_t i = 0; i < call->text.count; i++) {
    const char *name = strvec_at(&call->text.names, i);
    if (lua_getfield(L, table, name) == LUA_TNIL)
      script_error(L, "the SQL has a parameter :%s, but the table has no such field (use null for SQL NULL)", name);
    add_parameter(L, call, (uint32_t)i, lua_gettop(L), name);
    lua_pop(L, 1);
  }
}

static void add_positional(lua_State *L, struct call *call, int first, int count) {
  if ((size_t)count != call->text.count)
    script_error(L, "the SQL has %d placeholders, but %d values were given", (int)call->text.count, count);
  for (int i = 0; i < count; i++) {
    char name[16];
    snprintf(name, sizeof(name), "%d", i + 1);
    add_parameter(L, call, (uint32_t)i, first + i, name);
  }
}

/* A list in one table stands for positional parameters. */
static int unpack_list(lua_State *L, int table) {
  int count = (int)lua_rawlen(L, table);
  luaL_checkstack(L, count + 8, "too many parameters");
  for (int i = 1; i <= count; i++)
    lua_rawgeti(L, table, i);
  return count;
}

static void bind(lua_State *L, struct call *call, const char *sql, size_t len, int first, int count) {
  const char *style = conn_driver(call->conn)->table.placeholder;
  bool list = holds_parameters(L, first, count);
  bool named = list && lua_rawlen(L, first) == 0;
  placeholders_translate(&call->text, dialect_rules(L), sql, len, named ? PLACEHOLDER_NAME : PLACEHOLDER_POSITION,
                         style);
  batch_init(&call->params, (uint32_t)call->text.count);
  if (named) {
    add_named(L, call, first);
  } else {
    int given = list ? unpack_list(L, first) : count;
    add_positional(L, call, list ? lua_gettop(L) - given + 1 : first, given);
  }
  call->statement.sql = call->text.sql.buf;
  call->statement.len = call->text.sql.len;
  if (call->text.count)
    call->statement.params = batch_view(&call->params);
}

/*
 * Arguments of every method: connection, SQL, parameters. Leaves the stack as [1] connection, [2] SQL, [3] call.
 * Without parameters the SQL is not scanned and, where `script` allows, may hold several statements.
 */
static struct call *prepare(lua_State *L, uint32_t flags, bool script) {
  struct conn *conn = check_connection(L, 1);
  size_t len;
  const char *sql = luaL_checklstring(L, 2, &len);
  int count = lua_gettop(L) - 2;
  struct call *call = lua_newuserdatauv(L, sizeof(*call), 1);
  *call = (struct call){.conn = conn, .text = PLACEHOLDERS_INIT};
  luaL_setmetatable(L, call_type);
  lua_pushvalue(L, 2); /* the statement may point into this string */
  lua_setiuservalue(L, -2, 1);
  lua_insert(L, 3);
  call->statement = (struct statement){.sql = sql, .len = len, .flags = flags};
  check_free(L, conn);
  if (count)
    bind(L, call, sql, len, 4, count);
  else if (script)
    call->statement.flags |= MOONBIRD_SCRIPT;
  lua_settop(L, 3);
  return call;
}

static struct call *call_at_3(lua_State *L) {
  return luaL_checkudata(L, 3, call_type);
}

/* Takes the outcome over; throws when the call failed. */
static void finish(lua_State *L, struct call *call) {
  struct error err = ERROR_INIT;
  const struct outcome *out = conn_outcome(call->conn);
  if (!conn_check(call->conn, call->statement.sql, call->statement.len, &err)) {
    call->result = call->has_batch ? call->result : NULL;
    host_throw(L, &err);
  }
  if (!call->has_batch)
    call->result = out->result;
  call->has_batch = true;
  call->row = 0;
  call->ended = !call->result || out->status == MOONBIRD_DONE;
}

/* Gives back what the call holds as soon as it is done: the collector does not know how much that is, and comes late.
 */
static void end_call(struct call *call) {
  if (call->conn)
    conn_discard(call->conn, call->result);
  call->result = NULL;
  call->ended = true;
  placeholders_release(&call->text);
  batch_release(&call->params);
}

static int call_gc(lua_State *L) {
  struct call *call = luaL_checkudata(L, 1, call_type);
  end_call(call);
  call->conn = NULL;
  return 0;
}

/* --- exec
 * --------------------------------------------------------------------------------------------------------------------
 */

static int exec_done(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  struct call *call = call_at_3(L);
  finish(L, call);
  int64_t affected = conn_outcome(call->conn)->summary.rows_affected;
  end_call(call);
  lua_pushinteger(L, affected < 0 ? 0 : affected);
  return 1;
}

/* connection:exec(sql, ...) -> rows affected */
static int connection_exec(lua_State *L) {
  struct call *call = prepare(L, 0, true);
  conn_start_execute(call->conn, &call->statement, 0, NULL, NULL);
  return host_await(L, call->conn, 0, exec_done);
}

/* Stack: [1] connection, [2] texts, [3] first, [4] the statements. */
static int exec_all_done(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  const struct statement *statements = lua_touserdata(L, 4);
  struct conn *conn = check_connection(L, 1);
  size_t executed = conn_outcome(conn)->executed;
  struct error err = ERROR_INIT;
  lua_pushinteger(L, (lua_Integer)executed);
  if (conn_check(conn, statements[executed].sql, statements[executed].len, &err))
    return 1;
  host_push_error(L, &err);
  return 2;
}

/* connection:exec_all(texts, first) -> how many of the texts from that index on are done, and the error of the next, if
 * it failed. What the statements give is dropped. It may stop early without an error: then call it again. */
static int connection_exec_all(lua_State *L) {
  struct conn *conn = check_connection(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer first = luaL_checkinteger(L, 3), last = (lua_Integer)lua_rawlen(L, 2);
  luaL_argcheck(L, first >= 1 && first <= last, 3, "out of range");
  lua_settop(L, 3);
  size_t count = (size_t)(last - first + 1);
  struct statement *statements = lua_newuserdatauv(L, (count + 1) * sizeof(*statements), 0);
  statements[count] = (struct statement){.sql = NULL};
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 2, first + (lua_Integer)i);
    size_t len;
    const char *sql = luaL_checklstring(L, -1, &len); /* the table keeps it */
    statements[i] = (struct statement){.sql = sql, .len = len, .flags = MOONBIRD_SCRIPT};
    lua_pop(L, 1);
  }
  check_free(L, conn);
  conn_start_execute_all(conn, statements, count, NULL, NULL);
  return host_await(L, conn, 0, exec_all_done);
}

/* --- query --- */

static int query_more(lua_State *L, int status, lua_KContext rows) {
  (void)status;
  struct call *call = call_at_3(L);
  finish(L, call);
  if (call->ended) {
    end_call(call);
    lua_settop(L, 4);
    return 1;
  }
  const moonbird_batch *batch = &conn_outcome(call->conn)->batch;
  for (uint64_t r = 0; r < batch->row_count; r++) {
    value_push_row(L, batch, r);
    lua_rawseti(L, 4, ++rows);
  }
  conn_start_fetch(call->conn, call->result, ROWS_AT_ONCE, NULL, NULL);
  return host_await(L, call->conn, rows, query_more);
}

/* connection:query(sql, ...) -> list of rows, each { column = value } */
static int connection_query(lua_State *L) {
  struct call *call = prepare(L, 0, false);
  lua_newtable(L);
  conn_start_execute(call->conn, &call->statement, ROWS_AT_ONCE, NULL, NULL);
  return host_await(L, call->conn, 0, query_more);
}

/* --- query_within --- */

static void push_types(lua_State *L, const moonbird_batch *batch, uint64_t row) {
  static const char *const names[] = {[MOONBIRD_TYPE_BOOL] = "bool",
                                      [MOONBIRD_TYPE_INT64] = "int64",
                                      [MOONBIRD_TYPE_FLOAT64] = "float64",
                                      [MOONBIRD_TYPE_TEXT] = "text",
                                      [MOONBIRD_TYPE_BYTES] = "bytes"};
  lua_createtable(L, (int)batch->column_count, 0);
  for (uint32_t c = 0; c < batch->column_count; c++) {
    uint32_t type = batch_value(&batch->columns[c], row).type;
    lua_pushstring(L, type < ARRAY_LEN(names) && names[type] ? names[type] : "none");
    lua_rawseti(L, -2, (lua_Integer)c + 1);
  }
}

/* Appends rows to the list at 4 while there is room; false when a row found none. The types at 5 are the last one's. */
static bool take_within(lua_State *L, struct call *call, const moonbird_batch *batch, lua_Integer rows) {
  uint64_t r = 0;
  for (; r < batch->row_count && (rows == 0 || call->bytes < call->most_bytes); r++) {
    value_push_row(L, batch, r);
    lua_rawseti(L, 4, ++rows);
    call->bytes += (double)batch_row_bytes(batch, r);
  }
  if (r > 0) {
    push_types(L, batch, r - 1);
    lua_replace(L, 5);
  }
  return r == batch->row_count;
}

static int within_more(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  struct call *call = call_at_3(L);
  finish(L, call);
  bool fits = call->ended || take_within(L, call, &conn_outcome(call->conn)->batch, (lua_Integer)lua_rawlen(L, 4));
  if (fits && !call->ended) {
    conn_start_fetch(call->conn, call->result, ROWS_AT_ONCE, NULL, NULL);
    return host_await(L, call->conn, 0, within_more);
  }
  end_call(call);
  lua_settop(L, 5);
  lua_pushnumber(L, call->bytes);
  lua_pushboolean(L, !fits);
  lua_rotate(L, 5, -1);
  return 4;
}

/* connection:query_within(bytes, streams, sql, ...) -> list of rows, which ends with the one that makes the bytes full,
 * their bytes, whether there are further rows, and the last row's types: of its columns, in their order. `streams`: the
 * rows behind are not brought into memory. */
static int connection_query_within(lua_State *L) {
  double most_bytes = luaL_checknumber(L, 2);
  bool streams = lua_toboolean(L, 3);
  lua_remove(L, 3);
  lua_remove(L, 2);
  struct call *call = prepare(L, streams ? MOONBIRD_STREAM : 0, false);
  call->most_bytes = most_bytes;
  lua_newtable(L);
  lua_newtable(L);
  conn_start_execute(call->conn, &call->statement, ROWS_AT_ONCE, NULL, NULL);
  return host_await(L, call->conn, 0, within_more);
}

/* --- one, scalar --- */

static int one_done(lua_State *L, int status, lua_KContext scalar) {
  (void)status;
  struct call *call = call_at_3(L);
  finish(L, call);
  if (call->ended) {
    end_call(call);
    lua_pushnil(L);
    return 1;
  }
  const moonbird_batch *batch = &conn_outcome(call->conn)->batch;
  if (scalar) {
    struct value v = batch_value(&batch->columns[0], 0);
    value_push(L, &v);
  } else {
    value_push_row(L, batch, 0);
  }
  end_call(call);
  return 1;
}

/* connection:one(sql, ...) -> the first row, or nil */
static int connection_one(lua_State *L) {
  struct call *call = prepare(L, 0, false);
  conn_start_execute(call->conn, &call->statement, 1, NULL, NULL);
  return host_await(L, call->conn, 0, one_done);
}

/* connection:scalar(sql, ...) -> the first column of the first row, or nil */
static int connection_scalar(lua_State *L) {
  struct call *call = prepare(L, 0, false);
  conn_start_execute(call->conn, &call->statement, 1, NULL, NULL);
  return host_await(L, call->conn, 1, one_done);
}

/* --- rows
 * --------------------------------------------------------------------------------------------------------------------
 */

/*
 * The batch is copied into a queue of row tables: its views die when another statement runs on the connection between
 * two rows. Stack of the iterator: [1] state, [2] control, [3] call; upvalue 1 is the call, upvalue 2 the queue.
 */
static void queue_batch(lua_State *L, const moonbird_batch *batch) {
  lua_newtable(L);
  for (uint64_t r = 0; r < batch->row_count; r++) {
    value_push_row(L, batch, r);
    lua_rawseti(L, -2, (lua_Integer)r + 1);
  }
  lua_replace(L, lua_upvalueindex(2));
}

static int next_queued(lua_State *L, struct call *call) {
  lua_rawgeti(L, lua_upvalueindex(2), (lua_Integer)++call->row);
  return 1;
}

static int rows_fetched(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  struct call *call = call_at_3(L);
  finish(L, call);
  if (call->ended) {
    end_call(call);
    lua_pushnil(L);
    return 1;
  }
  queue_batch(L, &conn_outcome(call->conn)->batch);
  return next_queued(L, call);
}

static int rows_next(lua_State *L) {
  struct call *call = luaL_checkudata(L, lua_upvalueindex(1), call_type);
  lua_settop(L, 2);
  lua_pushvalue(L, lua_upvalueindex(1));
  if (call->ended || !call->conn) {
    lua_pushnil(L);
    return 1;
  }
  if (call->row < lua_rawlen(L, lua_upvalueindex(2)))
    return next_queued(L, call);
  check_free(L, call->conn);
  if (!call->has_batch)
    conn_start_execute(call->conn, &call->statement, ROWS_AT_ONCE, NULL, NULL);
  else
    conn_start_fetch(call->conn, call->result, ROWS_AT_ONCE, NULL, NULL);
  return host_await(L, call->conn, 0, rows_fetched);
}

/* for row in connection:rows(sql, ...) do ... end; the call is the to-be-closed value of the loop */
static int connection_rows(lua_State *L) {
  prepare(L, MOONBIRD_STREAM, false);
  lua_pushvalue(L, 3);
  lua_newtable(L);
  lua_pushcclosure(L, rows_next, 2);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, 3);
  return 4;
}

void connection_install(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"exec", connection_exec},     {"exec_all", connection_exec_all},
      {"query", connection_query},   {"query_within", connection_query_within},
      {"one", connection_one},       {"rows", connection_rows},
      {"scalar", connection_scalar}, {NULL, NULL},
  };
  luaL_newmetatable(L, connection_type);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newmetatable(L, call_type);
  lua_pushcfunction(L, call_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, call_gc);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}
