/*
 * host.c - the Lua state and the protected ways into it; see host.h.
 *
 * Interrupts: a script that computes for ever does not come back to the loop, so the signal handler itself sets a hook
 * on the coroutine that runs, as the lua program does. To know it also inside the coroutines of a script's own making,
 * coroutine.resume and coroutine.wrap are replaced by ones that note it.
 */
#include "lua/host.h"

#include "base/strbuf.h"
#include "lua/library.h"
#include "lua/modules.h"
#include "lua/script_error.h"

#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* The coroutine that runs now; read by the signal handler. */
static lua_State *volatile running;
/* Interrupts beyond this count end scripts; a backfill lets the first one pass to finish its batch. */
static volatile sig_atomic_t interrupts_allowed;
static volatile sig_atomic_t interrupted;

static void throw_interrupted(lua_State *L) {
  struct error err = ERROR_INIT;
  error_set(&err, ERROR_INTERRUPTED, "interrupted");
  host_throw(L, &err);
}

/* The hook stays: a script that catches the error gets the next one at its next instruction. */
static void stop_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  throw_interrupted(L);
}

/* Async-signal-safe: sets two flags and the hook (lua_sethook is made for this). Only instructions of Lua are counted,
 * so that the C functions which handle the error are left alone. */
static void handle_signal(int count) {
  if (count <= interrupts_allowed)
    return;
  interrupted = 1;
  if (running)
    lua_sethook(running, stop_hook, LUA_MASKCOUNT, 1);
}

/* A coroutine comes to run (again) after an interrupt that it has not felt. */
static void stop_if_interrupted(lua_State *L) {
  if (interrupted)
    lua_sethook(L, stop_hook, LUA_MASKCOUNT, 1);
}

bool host_is_interrupted(const struct host *host) {
  (void)host;
  return interrupted != 0;
}

void host_interrupt(struct host *host) {
  (void)host;
  interrupted = 1;
}

void host_check_allowed(lua_State *L) {
  const struct host *host = host_of(L);
  if (host_is_interrupted(host))
    throw_interrupted(L);
  if (host->refusal)
    script_error(L, "%s", host->refusal);
}

void host_allow_interrupts(struct host *host, int more) {
  interrupts_allowed = loop_interrupts(host->loop) + more;
}

/* --- coroutines of scripts
 * ----------------------------------------------------------------------------------------------------------- */

/* coroutine.resume; upvalue 1 is Lua's own, which throws only for a bad argument. */
static int tracked_resume(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTHREAD);
  lua_State *before = running, *co = lua_tothread(L, 1);
  running = co;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  running = before;
  stop_if_interrupted(L);
  if (!lua_toboolean(L, 1) && lua_status(co) > LUA_YIELD)
    script_error_note_coroutine(L, co);
  return lua_gettop(L);
}

/* One go of a coroutine with the arguments on the stack; they give way to its results, or to its error where it has
 * thrown one or cannot be resumed. */
static bool go_on(lua_State *L, lua_State *co) {
  int args = lua_gettop(L), results = 1;
  if (!lua_checkstack(co, args))
    luaL_error(L, "too many arguments to resume");
  lua_xmove(L, co, args);
  lua_State *before = running;
  running = co;
  int status = lua_resume(co, L, args, &results);
  running = before;
  if (status > LUA_YIELD && lua_status(co) > LUA_YIELD) {
    lua_pushvalue(co, -1);
    lua_xmove(co, L, 1);
    script_error_note_coroutine(L, co);
    lua_settop(L, 0);
    running = co;
    lua_resetthread(co); /* closes what the coroutine wants closed, which may throw another error */
    running = before;
  }
  results = status > LUA_YIELD ? 1 : results;
  if (!lua_checkstack(L, results)) {
    lua_pop(co, results);
    luaL_error(L, "too many results to resume");
  }
  lua_xmove(co, L, results);
  return status <= LUA_YIELD;
}

/* What coroutine.wrap returns; upvalue 1 is the coroutine. Lua's own drops the coroutine's stack before anybody could
 * ask in which line it was. */
static int tracked_step(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  bool was_dead = lua_status(co) == LUA_OK && lua_gettop(co) == 0;
  bool ok = go_on(L, co);
  stop_if_interrupted(L);
  if (ok)
    return lua_gettop(L);
  if (was_dead && lua_isstring(L, 1)) {
    luaL_where(L, 1);
    lua_insert(L, 1);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int tracked_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, tracked_step, 1);
  return 1;
}

static void track_coroutines(lua_State *L) {
  lua_getglobal(L, LUA_COLIBNAME);
  lua_getfield(L, -1, "resume");
  lua_pushcclosure(L, tracked_resume, 1);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, tracked_wrap);
  lua_setfield(L, -2, "wrap");
  lua_pop(L, 1);
}

/* --- programs that scripts start --- */

/* os.execute; upvalue 1 is Lua's own. While the program runs, system() has SIGINT ignored here: a Ctrl-C reaches only
 * the program. One that has ended by it (a shell says so with 128 + 2) was meant with us. */
static int tracked_execute(lua_State *L) {
  enum { SHELL_SIGNAL = 128 };
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  if (lua_type(L, 2) == LUA_TSTRING) {
    bool by_signal = strcmp(lua_tostring(L, 2), "signal") == 0;
    if (lua_tointeger(L, 3) == SIGINT + (by_signal ? 0 : SHELL_SIGNAL))
      raise(SIGINT);
  }
  stop_if_interrupted(L);
  return lua_gettop(L);
}

static void track_programs(lua_State *L) {
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_getfield(L, -1, "execute");
  lua_pushcclosure(L, tracked_execute, 1);
  lua_setfield(L, -2, "execute");
  lua_pop(L, 1);
}

/* --- what scripts must not do --- */

/* os.exit would end the program as if its work were done, and behind the back of transactions and locks. */
static int refuse_exit(lua_State *L) {
  return luaL_error(L, "os.exit ends nothing here: the program goes on when the script has run to its end; "
                       "error(\"...\") ends both");
}

static void forbid_exit(lua_State *L) {
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_pushcfunction(L, refuse_exit);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}

/* --- life
 * --------------------------------------------------------------------------------------------------------------------
 */

static int open_all(lua_State *L) {
  luaL_openlibs(L);
  track_coroutines(L);
  track_programs(L);
  forbid_exit(L);
  library_install(L);
  modules_install(L);
  return 0;
}

struct host *host_new(struct loop *loop) {
  struct host *host = xcalloc(1, sizeof(*host));
  host->loop = loop;
  host->L = luaL_newstate();
  if (!host->L)
    BUG("out of memory for Lua");
  *(struct host **)lua_getextraspace(host->L) = host;
  lua_pushcfunction(host->L, open_all);
  if (lua_pcall(host->L, 0, 0, 0) != LUA_OK)
    BUG("Lua does not start: %s", lua_tostring(host->L, -1));
  /* Scripts make much garbage that dies young (a table for each row). */
  lua_gc(host->L, LUA_GCGEN, 0, 0);
  interrupted = 0;
  interrupts_allowed = loop_interrupts(loop);
  loop_on_signal(loop, handle_signal);
  return host;
}

void host_free(struct host *host) {
  if (!host)
    return;
  loop_on_signal(host->loop, NULL);
  lua_close(host->L);
  free(host);
}

/* New coroutines inherit the extra space of the main state. */
struct host *host_of(lua_State *L) {
  return *(struct host **)lua_getextraspace(L);
}

/* --- protected calls --- */

bool host_pcall(lua_State *L, int args, int results, struct error *err) {
  int base = lua_gettop(L) - args;
  lua_pushcfunction(L, script_error_handler);
  lua_insert(L, base);
  lua_State *before = running;
  running = L;
  int status = lua_pcall(L, args, results, base);
  running = before;
  lua_remove(L, base);
  if (status == LUA_OK)
    return true;
  host_take_error(L, err);
  return false;
}

bool host_call(struct host *host, int args, int results, struct error *err) {
  return host_pcall(host->L, args, results, err);
}

bool host_protect(struct host *host, lua_CFunction function, void *data, struct error *err) {
  lua_pushcfunction(host->L, function);
  lua_pushlightuserdata(host->L, data);
  return host_call(host, 1, 0, err);
}

/* The body of a task's coroutine: the protected call is inside, so that the handler sees the stack. Returns the error
 * object. */
static int task_ended(lua_State *L, int status, lua_KContext context) {
  (void)L, (void)context;
  return status == LUA_OK || status == LUA_YIELD ? 0 : 1;
}

static int run_task(lua_State *L) {
  lua_pushcfunction(L, script_error_handler);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, 0, 1, 0, task_ended);
  return task_ended(L, status, 0);
}

void host_task_start(struct host *host, struct host_task *task, int args) {
  lua_State *co = lua_newthread(host->L);
  *task = (struct host_task){.co = co, .ref = luaL_ref(host->L, LUA_REGISTRYINDEX), .args = args + 1};
  lua_pushcfunction(co, run_task);
  lua_xmove(host->L, co, args + 1);
}

void host_task_release(struct host *host, struct host_task *task) {
  if (!task->co)
    return;
  lua_resetthread(task->co);
  luaL_unref(host->L, LUA_REGISTRYINDEX, task->ref);
  *task = (struct host_task){.co = NULL};
}

/* One go of the coroutine, until it ends or yields; lua_resume's status. */
static int resume(struct host *host, struct host_task *task, int *results) {
  lua_State *before_running = running, *before_task = host->task;
  running = host->task = task->co;
  host->awaited = NULL;
  stop_if_interrupted(task->co);
  int status = lua_resume(task->co, host->L, task->args, results);
  task->args = 0;
  running = before_running;
  host->task = before_task;
  return status;
}

enum task_status host_task_resume(struct host *host, struct host_task *task, struct error *err) {
  int results = 0;
  int status = resume(host, task, &results);
  task->awaited = host->awaited;
  host->awaited = NULL;
  if (status == LUA_YIELD && task->awaited) {
    lua_pop(task->co, results);
    return TASK_WAITS;
  }
  if (status == LUA_OK && results == 0)
    return TASK_ENDED;
  if (status == LUA_YIELD)
    lua_pushliteral(task->co, "the script yields outside of any coroutine of its own");
  host_take_error(task->co, err);
  return TASK_FAILED;
}

bool host_call_task(struct host *host, int args, struct error *err) {
  struct host_task task;
  host_task_start(host, &task, args);
  enum task_status status;
  while ((status = host_task_resume(host, &task, err)) == TASK_WAITS)
    conn_wait(task.awaited);
  host_task_release(host, &task);
  return status == TASK_ENDED;
}

bool host_require(struct host *host, const char *module, struct error *err) {
  lua_getglobal(host->L, "require");
  lua_pushfstring(host->L, "moonbird.%s", module);
  return host_call(host, 1, 1, err);
}

static bool load(struct host *host, const char *text, size_t len, const char *name, const char *mode,
                 struct error *err) {
  char *chunk = xasprintf("@%s", name);
  int status = luaL_loadbufferx(host->L, text, len, chunk, mode);
  free(chunk);
  if (status == LUA_OK)
    return true;
  error_set(err, ERROR_FAILED, "%s", lua_tostring(host->L, -1));
  lua_pop(host->L, 1);
  return false;
}

/* A byte order mark and a `#!` line are no Lua; the line end stays, so that line numbers are right. */
static void skip_preamble(const char **text, size_t *len) {
  size_t skip = 0;
  if (*len >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0)
    skip = 3;
  if (skip < *len && (*text)[skip] == '#')
    while (skip < *len && (*text)[skip] != '\n')
      skip++;
  *text += skip;
  *len -= skip;
}

bool host_load(struct host *host, const char *text, size_t len, const char *name, struct error *err) {
  skip_preamble(&text, &len);
  return load(host, text, len, name, "t", err);
}

bool host_load_compiled(struct host *host, const char *text, size_t len, const char *name, struct error *err) {
  return load(host, text, len, name, "bt", err);
}

int host_await(lua_State *L, struct conn *conn, lua_KContext context, lua_KFunction next) {
  struct host *host = host_of(L);
  if (L == host->task && lua_isyieldable(L)) {
    host->awaited = conn;
    return lua_yieldk(L, 0, context, next);
  }
  conn_wait(conn);
  return next(L, LUA_OK, context);
}
