/*
 * host.h - the Lua state of one command, and the protected ways into it.
 *
 * Main thread only. Ownership: the caller owns the host (host_free). A Lua error never leaves these functions: it comes
 * back as a struct error with the file, line and traceback of the script, whatever it was thrown with.
 */
#ifndef LUA_HOST_H
#define LUA_HOST_H

#include "base/error.h"
#include "db/conn.h"
#include "db/loop.h"

#include <lua.h>

struct host {
  lua_State *L;
  struct loop *loop;
  lua_State *task;      /* the coroutine of the task that runs, or NULL */
  struct conn *awaited; /* the connection whose call the task that has just yielded waits for */
  const char *refusal;  /* why scripts may not use their connection now, or NULL; static text */
  void *run;            /* run/: whoever executes revisions; the functions of moonbird.host get it */
};

struct host *host_new(struct loop *loop);
void host_free(struct host *host); /* NULL is allowed */

/* The host of any state or coroutine. */
struct host *host_of(lua_State *L);

/* --- calling Lua; the function and its arguments are on host->L's stack --- */

/* Calls in the main state: no call in it can yield. Pops function and arguments, leaves `results` values, or nothing on
 * failure. */
bool host_call(struct host *host, int args, int results, struct error *err) MUST_CHECK;

/* Calls in a coroutine: database calls yield, and the loop runs meanwhile. Results are dropped. */
bool host_call_task(struct host *host, int args, struct error *err) MUST_CHECK;

/*
 * The same in pieces, for several tasks beside each other: start takes the function and its arguments off the stack,
 * each resume runs it until it ends or waits for `awaited`; it is to be resumed when that connection's call is done.
 * Ownership: the caller owns the struct (host_task_release, whatever state it is in).
 */
struct host_task {
  lua_State *co; /* NULL: none */
  int ref;
  int args; /* of the next resume */
  struct conn *awaited;
};

enum task_status { TASK_ENDED, TASK_WAITS, TASK_FAILED };

void host_task_start(struct host *host, struct host_task *task, int args);
enum task_status host_task_resume(struct host *host, struct host_task *task, struct error *err) MUST_CHECK;
void host_task_release(struct host *host, struct host_task *task);

/* Calls a C function with a light userdata in protected mode: for C code that uses Lua's API and may throw. */
bool host_protect(struct host *host, lua_CFunction function, void *data, struct error *err) MUST_CHECK;

/* Calls on any coroutine (the backfill's row functions): like lua_pcall with our message handler; on failure pops the
 * error object into `err`. */
bool host_pcall(lua_State *L, int args, int results, struct error *err) MUST_CHECK;

/* Pushes the module `moonbird.NAME`. */
bool host_require(struct host *host, const char *module, struct error *err) MUST_CHECK;

/* Loads a text chunk (binary chunks are refused) as a function on the stack; `name` is what messages call it. A byte
 * order mark and a `#!` line before the code are passed over. */
bool host_load(struct host *host, const char *text, size_t len, const char *name, struct error *err) MUST_CHECK;

/* The same for what a driver carries, which may be compiled: it is as trusted as the driver's own code. */
bool host_load_compiled(struct host *host, const char *text, size_t len, const char *name,
                        struct error *err) MUST_CHECK;

/* --- inside Lua: C functions called by Lua --- */

/* Waits for the call that was just started on `conn`, by yielding where that is possible, then goes on with `next`. */
int host_await(lua_State *L, struct conn *conn, lua_KContext context, lua_KFunction next);

/* Throws when scripts may not start a statement: after an interrupt, or while `refusal` is set. */
void host_check_allowed(lua_State *L);

/* Pushes a struct error as an error object. Moves it. */
void host_push_error(lua_State *L, struct error *err);

/* The struct error of the error object at `index`, or NULL where there is another value. */
const struct error *host_error_at(lua_State *L, int index);

/* Throws a struct error as an error object (fields message, sqlstate, hint, detail; tostring gives the message). Moves
 * it. */
int host_throw(lua_State *L, struct error *err);

/* Copies the error object at the stack's top into `err` and pops it; a script may throw it again. */
void host_take_error(lua_State *L, struct error *err);

/* --- interrupts (SIGINT, SIGTERM, SIGHUP) --- */

/* True once an interrupt has ended scripts. */
bool host_is_interrupted(const struct host *host);

/* Ends scripts as an interrupt does: a backfill was stopped, and its script must not go on after it. */
void host_interrupt(struct host *host);

/* The next `more` interrupts do not end scripts: a backfill finishes its batch at the first one. */
void host_allow_interrupts(struct host *host, int more);

#endif
