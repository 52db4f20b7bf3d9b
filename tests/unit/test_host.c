/*
 * test_host.c - Lua in the program: error objects and tracebacks, database calls that yield and those that cannot,
 * JSON, interrupts of scripts that compute for ever.
 */
#include "db/driver.h"
#include "lua/connection.h"
#include "lua/host.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>

struct fixture {
  struct loop *loop;
  const struct driver *driver;
  struct conn *conn;
  struct host *host;
  struct error err;
};

static int raise_interrupt(lua_State *L) {
  (void)L;
  raise(SIGINT);
  return 0;
}

/* A C function that throws a struct error, as those of the program do. */
static int throw_error(lua_State *L) {
  struct error err = ERROR_INIT;
  error_set(&err, ERROR_LOCK, "thrown by C");
  error_hint(&err, "the hint");
  memcpy(err.sqlstate, "55P03", 6);
  return host_throw(L, &err);
}

static int setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof(*f));
  f->err = (struct error)ERROR_INIT;
  f->loop = loop_new();
  f->host = host_new(f->loop);
  struct url url = {.scheme = (char *)(uintptr_t) "sqlite"}; /* in memory */
  if (!driver_for_scheme("sqlite", NULL, &f->driver, &f->err))
    fail_msg("%s", f->err.message);
  f->conn = conn_new(f->loop, f->driver);
  assert_true(conn_open(f->conn, &url, "test", &f->err));
  connection_push(f->host->L, f->conn);
  lua_setglobal(f->host->L, "db");
  lua_register(f->host->L, "raise_interrupt", raise_interrupt);
  lua_register(f->host->L, "throw_error", throw_error);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  assert_int_equal(lua_gettop(f->host->L), 0); /* nothing is left on the stack */
  host_free(f->host);
  conn_free(f->conn);
  loop_free(f->loop);
  driver_forget_all();
  error_release(&f->err);
  free(f);
  return 0;
}

/* Runs a script as a task. */
static bool run(struct fixture *f, const char *text) {
  assert_true(host_load(f->host, text, strlen(text), "script.lua", &f->err));
  return host_call_task(f->host, 0, &f->err);
}

static void succeed(struct fixture *f, const char *text) {
  if (!run(f, text))
    fail_msg("%s\n%s", f->err.message, f->err.where ? f->err.where : "");
}

static void fail_with(struct fixture *f, const char *text, enum error_class class, const char *message) {
  assert_false(run(f, text));
  if (f->err.class != class || !strstr(f->err.message, message))
    fail_msg("class %d: %s", (int)f->err.class, f->err.message);
}

/* --- errors --- */

static void errors_keep_class_hint_and_place(void **state) {
  struct fixture *f = *state;
  fail_with(f, "local function inner()\n  throw_error()\nend\ninner()", ERROR_LOCK, "thrown by C");
  assert_string_equal(f->err.hint, "the hint");
  assert_string_equal(f->err.sqlstate, "55P03");
  assert_non_null(strstr(f->err.where, "script.lua:2"));
  assert_non_null(strstr(f->err.where, "inner"));
  assert_non_null(strstr(f->err.where, "script.lua:4"));
}

static void scripts_see_the_fields_of_an_error(void **state) {
  struct fixture *f = *state;
  succeed(f, "local ok, e = pcall(throw_error)\n"
             "assert(not ok and e.message == 'thrown by C' and e.sqlstate == '55P03' and e.hint == 'the hint')\n"
             "assert(tostring(e) == 'thrown by C' and e.detail == nil and e.nonsense == nil)\n"
             "ok, e = pcall(db.exec, db, 'SELECT * FROM missing')\n"
             "assert(not ok and e.sqlstate == '42P01' and e.statement == 'SELECT * FROM missing')");
}

static void an_error_may_be_thrown_again_and_again(void **state) {
  struct fixture *f = *state;
  succeed(f, "_, kept = pcall(throw_error)");
  for (int i = 0; i < 3; i++) {
    fail_with(f, "error(kept)", ERROR_LOCK, "thrown by C");
    assert_string_equal(f->err.hint, "the hint");
  }
}

static void anything_can_be_thrown(void **state) {
  struct fixture *f = *state;
  fail_with(f, "error('a text')", ERROR_FAILED, "script.lua:1: a text");
  assert_non_null(strstr(f->err.where, "script.lua:1"));
  fail_with(f, "error('plain', 0)", ERROR_FAILED, "plain");
  fail_with(f, "error(42, 0)", ERROR_FAILED, "42");
  fail_with(f, "error()", ERROR_FAILED, "threw a nil");
  fail_with(f, "error({})", ERROR_FAILED, "threw a table");
  fail_with(f, "error(setmetatable({}, {__tostring = function() return 'shown' end}))", ERROR_FAILED, "shown");
  fail_with(f, "error(setmetatable({}, {__tostring = function() error('x') end}))", ERROR_FAILED, "");
  fail_with(f, "local t = nil; t.x = 1", ERROR_FAILED, "attempt to index a nil value");
  fail_with(f, "local function f() return f() + 1 end f()", ERROR_FAILED, "stack overflow");
  fail_with(f, "coroutine.yield()", ERROR_FAILED, "yields outside");
  fail_with(f, "string.rep('x', 1 << 40)", ERROR_FAILED, "");
}

static void chunks_that_do_not_load(void **state) {
  struct fixture *f = *state;
  assert_false(host_load(f->host, "x = = 1", 7, "script.lua", &f->err));
  assert_non_null(strstr(f->err.message, "script.lua:1:"));
  assert_false(host_load(f->host, "\x1bLua", 4, "script.lua", &f->err)); /* compiled code is refused */
  assert_true(host_load(f->host, "return 'a\0b'", 12, "script.lua", &f->err));
  assert_true(host_call(f->host, 0, 1, &f->err));
  assert_int_equal(lua_rawlen(f->host->L, -1), 3);
  lua_pop(f->host->L, 1);
}

/* --- database calls --- */

static void calls_yield_wherever_lua_can(void **state) {
  struct fixture *f = *state;
  succeed(f, "db:exec('CREATE TABLE t (a, b)')\n"
             "assert(db:exec('INSERT INTO t VALUES (?, ?)', 1, 'x') == 1)\n"
             "local ok, n = pcall(function() return db:scalar('SELECT count(*) FROM t') end)\n"
             "assert(ok and n == 1)\n"
             "local ok, e = pcall(function() db:query('SELECT nonsense FROM t') end)\n"
             "assert(not ok and e.sqlstate == '42703')\n"
             "local t = setmetatable({}, { __index = function(_, k) return db:scalar('SELECT ?', k) end })\n"
             "assert(t.key == 'key')\n"
             "for i = 1, 2500 do db:exec('INSERT INTO t VALUES (:i, :s)', { i = i, s = 'x' }) end\n"
             "local seen = 0\n"
             "for row in db:rows('SELECT a FROM t') do seen = seen + db:scalar('SELECT 1') end\n"
             "assert(seen == 2501)\n"
             "assert(#db:query('SELECT * FROM t') == 2501 and db:one('SELECT 1 WHERE 0') == nil)");
}

static void calls_wait_where_lua_cannot_yield(void **state) {
  struct fixture *f = *state;
  succeed(f, "local list = { 3, 1, 2 }\n"
             "table.sort(list, function(a, b) return db:scalar('SELECT ? < ?', a, b) == 1 end)\n"
             "assert(table.concat(list) == '123')\n"
             "local text = ('a b'):gsub('%a', function(c) return db:scalar('SELECT upper(?)', c) end)\n"
             "assert(text == 'A B')\n"
             "local co = coroutine.wrap(function()\n"
             "  coroutine.yield(db:scalar('SELECT 1'))\n"
             "  local inner = coroutine.create(function() coroutine.yield(db:scalar('SELECT 2')) end)\n"
             "  local ok, two = coroutine.resume(inner)\n"
             "  coroutine.yield(two)\n"
             "  error('from within', 0)\n"
             "end)\n"
             "assert(co() == 1 and co() == 2)\n"
             "local ok, e = pcall(co)\n"
             "assert(not ok and e == 'from within')\n"
             "assert(coroutine.status(coroutine.create(print)) == 'suspended')\n"
             "assert(not pcall(coroutine.resume, 7) and not pcall(coroutine.wrap, 7))\n"
             "local a, b, c = coroutine.wrap(function(...) return ... end)(1, nil, 3)\n"
             "assert(a == 1 and b == nil and c == 3)");
}

static void wrapped_coroutines_are_those_of_lua(void **state) {
  struct fixture *f = *state;
  succeed(f, "local function failing(f, ...)\n"
             "  local ok, e = pcall(f, ...)\n"
             "  assert(not ok)\n"
             "  return e\n"
             "end\n"
             "local own = {}\n"
             "assert(failing(coroutine.wrap(function() error(own) end)) == own)\n"
             "assert(failing(coroutine.wrap(function() error() end)) == nil)\n"
             "assert(failing(coroutine.wrap(function() error('x', 0) end)) == 'x')\n"
             "local ended = coroutine.wrap(function() return 1 end)\n"
             "assert(ended() == 1 and failing(ended) == 'cannot resume dead coroutine')\n"
             "assert(failing(function() ended() end):find(':%d+: cannot resume dead coroutine'))\n"
             "local failed = coroutine.wrap(error)\n"
             "assert(failing(failed, 'a') == 'a' and failing(failed):find('cannot resume dead coroutine'))\n"
             "local itself\n"
             "itself = coroutine.wrap(function() itself() end)\n"
             "assert(failing(itself):find('cannot resume non.suspended coroutine'))\n"
             "local closed\n"
             "local closing = setmetatable({}, { __close = function(_, e) closed = e error('second', 0) end })\n"
             "assert(failing(coroutine.wrap(function() local x <close> = closing error('first', 0) end)) == 'second')\n"
             "assert(closed == 'first')\n"
             "local many = table.pack(coroutine.wrap(function(...) return ... end)(table.unpack({}, 1, 5000)))\n"
             "assert(many.n == 5000)");
}

static void an_iterator_that_is_left_gives_its_rows_back(void **state) {
  struct fixture *f = *state;
  succeed(f, "db:exec('CREATE TABLE t (a)')\n"
             "for i = 1, 3000 do db:exec('INSERT INTO t VALUES (?)', i) end\n"
             "for row in db:rows('SELECT a FROM t') do break end\n"
             "pcall(function() for row in db:rows('SELECT a FROM t') do error('x') end end)\n"
             "kept = db:rows('SELECT a FROM t')\n"
             "assert(kept().a == 1)\n"
             "db:exec('DROP TABLE IF EXISTS other')\n"
             "collectgarbage()");
  succeed(f, "local n = 1 for row in kept do n = n + 1 end assert(n == 3000, n) assert(kept() == nil, 'still')");
}

static void parameters_of_every_form(void **state) {
  struct fixture *f = *state;
  succeed(f, "assert(db:scalar('SELECT ?', 9007199254740993) == 9007199254740993)\n"
             "assert(math.type(db:scalar('SELECT ?', 1.0)) == 'float')\n"
             "assert(db:scalar('SELECT ? IS NULL', nil) == 1)\n"
             "assert(db:scalar('SELECT length(?)', 'a\\0b') ~= nil)\n"
             "assert(db:scalar('SELECT ? + ?', { 1, 2 }) == 3)\n"
             "assert(db:scalar('SELECT ? + ?', require('moonbird.json').decode('[1, 2]')) == 3)\n"
             "assert(db:scalar('SELECT :a', { a = 'named' }) == 'named')\n"
             "assert(db:scalar('SELECT hex(?)', require('moonbird.sql').blob('\\0\\xff')) == '00FF')\n"
             "assert(not pcall(db.scalar, db, 'SELECT ?', print))\n"
             "assert(not pcall(db.scalar, db, 'SELECT ?', 1, 2))\n"
             "assert(not pcall(db.scalar, db, 'SELECT :a', { b = 1 }))\n"
             "assert(not pcall(db.scalar, db, 'SELECT ?', { {} }))\n"
             "assert(not pcall(db.scalar, db))");
}

static void a_connection_may_be_refused_for_a_while(void **state) {
  struct fixture *f = *state;
  f->host->refusal = "not now";
  fail_with(f, "db:exec('SELECT 1')", ERROR_FAILED, "not now");
  f->host->refusal = NULL;
  succeed(f, "db:exec('SELECT 1')");
}

static void a_stale_connection_says_so(void **state) {
  struct fixture *f = *state;
  lua_getglobal(f->host->L, "db");
  connection_close(f->host->L, -1);
  lua_pop(f->host->L, 1);
  fail_with(f, "db:exec('SELECT 1')", ERROR_FAILED, "closed");
}

/* --- json --- */

static void json_there_and_back(void **state) {
  struct fixture *f = *state;
  succeed(f, "local json, null = require('moonbird.json'), require('moonbird.host').null\n"
             "local function same(value, text) assert(json.encode(value) == text, json.encode(value)) end\n"
             "same({ 1, 2.5, 'x', true, null }, '[1,2.5,\"x\",true,null]')\n"
             "same({}, '{}') same(json.array(), '[]') same({ a = { 1 } }, '{\"a\":[1]}')\n"
             "same('\\u{e9}\\n', '\"\\u{e9}\\\\n\"') same(1 << 62, '4611686018427387904') same(null, 'null')\n"
             "same({ 0.1, -0.0, 1e22, 5e-324, 1 / 3, 123456789012345.67, -1.5e300 },\n"
             "  '[0.1,-0.0,1e+22,4.94065645841247e-324,0.3333333333333333,123456789012345.67,-1.5e+300]')\n"
             "same({ ['1.10\\\\'] = '\\\\\"0.10', t = true, f = false, e = { 2.0 } },\n"
             "  '{\"1.10\\\\\\\\\":\"\\\\\\\\\\\\\"0.10\",\"e\":[2.0],\"f\":false,\"t\":true}')\n"
             "local t = json.decode('{\"a\": [1, null, {\"b\": 1.0}], \"c\": \"\\\\u0000\"}')\n"
             "assert(#t.a == 3 and t.a[2] == null and math.type(t.a[3].b) == 'float' and t.c == '\\0')\n"
             "assert(json.encode(json.decode('[]')) == '[]' and json.decode('7') == 7)");
}

static void json_that_is_none(void **state) {
  struct fixture *f = *state;
  succeed(
      f,
      "local json = require('moonbird.json')\n"
      "local endless = {} endless[1] = endless\n"
      "for _, value in ipairs({ print, { print }, { [1.5] = 1 }, { 1, x = 2 }, 0 / 0, 1 / 0, '\\xff',\n"
      "  endless, { ['a\\0b'] = { 1, 2, 3 } }, { a = { b = print } } }) do\n"
      "  assert(not pcall(json.encode, value))\n"
      "end\n"
      "for _, text in ipairs({ '', '{', '[1,]', 'nul', '\"\\xff\"', ('['):rep(5000), '1 2', '9' ..('9'):rep(30) }) do\n"
      "  assert(not pcall(json.decode, text), text)\n"
      "end\n"
      "assert(not pcall(json.encode) and not pcall(json.decode, nil))");
}

/* --- interrupts --- */

static void an_interrupt_ends_an_endless_loop(void **state) {
  struct fixture *f = *state;
  assert_false(host_is_interrupted(f->host));
  fail_with(f, "raise_interrupt() while true do end", ERROR_INTERRUPTED, "interrupted");
  assert_true(host_is_interrupted(f->host));
}

static void an_interrupt_cannot_be_caught(void **state) {
  struct fixture *f = *state;
  fail_with(f, "raise_interrupt() while true do pcall(function() while true do end end) end", ERROR_INTERRUPTED, "");
}

static void an_interrupt_reaches_coroutines(void **state) {
  struct fixture *f = *state;
  fail_with(f,
            "while true do coroutine.resume(coroutine.create(function() raise_interrupt() while true do end end)) end",
            ERROR_INTERRUPTED, "");
}

static void an_interrupt_reaches_wrapped_coroutines(void **state) {
  struct fixture *f = *state;
  fail_with(f, "coroutine.wrap(function() coroutine.wrap(function() raise_interrupt() while true do end end)() end)()",
            ERROR_INTERRUPTED, "");
}

static void no_statement_starts_after_an_interrupt(void **state) {
  struct fixture *f = *state;
  succeed(f, "db:exec('CREATE TABLE t (a)')");
  host_interrupt(f->host);
  fail_with(f, "db:exec('INSERT INTO t VALUES (1)')", ERROR_INTERRUPTED, "");
}

static void interrupts_that_are_allowed_pass(void **state) {
  struct fixture *f = *state;
  host_allow_interrupts(f->host, 1);
  succeed(f, "raise_interrupt() for i = 1, 1000 do end db:exec('SELECT 1')");
  assert_false(host_is_interrupted(f->host));
  fail_with(f, "raise_interrupt() while true do end", ERROR_INTERRUPTED, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(errors_keep_class_hint_and_place, setup, teardown),
      cmocka_unit_test_setup_teardown(scripts_see_the_fields_of_an_error, setup, teardown),
      cmocka_unit_test_setup_teardown(an_error_may_be_thrown_again_and_again, setup, teardown),
      cmocka_unit_test_setup_teardown(anything_can_be_thrown, setup, teardown),
      cmocka_unit_test_setup_teardown(chunks_that_do_not_load, setup, teardown),
      cmocka_unit_test_setup_teardown(calls_yield_wherever_lua_can, setup, teardown),
      cmocka_unit_test_setup_teardown(calls_wait_where_lua_cannot_yield, setup, teardown),
      cmocka_unit_test_setup_teardown(wrapped_coroutines_are_those_of_lua, setup, teardown),
      cmocka_unit_test_setup_teardown(an_iterator_that_is_left_gives_its_rows_back, setup, teardown),
      cmocka_unit_test_setup_teardown(parameters_of_every_form, setup, teardown),
      cmocka_unit_test_setup_teardown(a_connection_may_be_refused_for_a_while, setup, teardown),
      cmocka_unit_test_setup_teardown(a_stale_connection_says_so, setup, teardown),
      cmocka_unit_test_setup_teardown(json_there_and_back, setup, teardown),
      cmocka_unit_test_setup_teardown(json_that_is_none, setup, teardown),
      cmocka_unit_test_setup_teardown(an_interrupt_ends_an_endless_loop, setup, teardown),
      cmocka_unit_test_setup_teardown(an_interrupt_cannot_be_caught, setup, teardown),
      cmocka_unit_test_setup_teardown(an_interrupt_reaches_coroutines, setup, teardown),
      cmocka_unit_test_setup_teardown(an_interrupt_reaches_wrapped_coroutines, setup, teardown),
      cmocka_unit_test_setup_teardown(no_statement_starts_after_an_interrupt, setup, teardown),
      cmocka_unit_test_setup_teardown(interrupts_that_are_allowed_pass, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
