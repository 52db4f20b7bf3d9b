/*
 * script_error.c - error objects and tracebacks; see script_error.h.
 *
 * A resource goes into a userdata before it is filled, so that an error on the way frees it.
 */
#include "lua/script_error.h"

#include "base/strbuf.h"
#include "lua/host.h"
#include "lua/library.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static const char type_name[] = "moonbird.error";

static struct error *new_object(lua_State *L) {
  struct error *e = lua_newuserdatauv(L, sizeof(*e), 0);
  *e = (struct error)ERROR_INIT;
  luaL_setmetatable(L, type_name);
  return e;
}

void host_push_error(lua_State *L, struct error *err) {
  struct error *e = new_object(L);
  error_move(e, err);
}

const struct error *host_error_at(lua_State *L, int index) {
  return luaL_testudata(L, index, type_name);
}

int host_throw(lua_State *L, struct error *err) {
  host_push_error(L, err);
  return lua_error(L);
}

void host_take_error(lua_State *L, struct error *err) {
  const struct error *e = host_error_at(L, -1);
  if (e) {
    error_copy(err, e);
  } else {
    const char *text = lua_tostring(L, -1);
    error_set(err, ERROR_FAILED, "%s", text ? text : "a script failed without a message");
  }
  lua_pop(L, 1);
}

/* --- tracebacks --- */

/* Frames of the embedded library are of no use to the author of a script. */
static bool is_script_frame(const lua_Debug *ar) {
  return ar->currentline > 0 && ar->source[0] == '@';
}

/* The innermost line of a script that is running. */
static bool find_script_line(lua_State *L, lua_Debug *ar) {
  for (int level = 0; lua_getstack(L, level, ar); level++) {
    lua_getinfo(L, "Sl", ar);
    if (is_script_frame(ar))
      return true;
  }
  return false;
}

int script_error(lua_State *L, const char *format, ...) {
  lua_Debug ar;
  if (find_script_line(L, &ar))
    lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  else
    lua_pushliteral(L, "");
  va_list args;
  va_start(args, format);
  lua_pushvfstring(L, format, args);
  va_end(args);
  lua_concat(L, 2);
  return lua_error(L);
}

static void add_frame(struct strbuf *text, const lua_Debug *ar) {
  if (text->len)
    strbuf_add_char(text, '\n');
  strbuf_addf(text, "%s:%d", ar->source + 1, ar->currentline);
  if (ar->what[0] == 'm')
    strbuf_add_str(text, ": in the main chunk");
  else if (ar->name)
    strbuf_addf(text, ": in function '%s'", ar->name);
  else
    strbuf_addf(text, ": in the function at line %d", ar->linedefined);
}

char *script_function_place(lua_State *L, int index) {
  lua_Debug ar;
  if (!lua_isfunction(L, index))
    return NULL;
  lua_pushvalue(L, index);
  lua_getinfo(L, ">S", &ar);
  return ar.source[0] == '@' ? xasprintf("%s:%d", ar.source + 1, ar.linedefined) : NULL;
}

static char *traceback(lua_State *L) {
  enum { FRAMES_SHOWN = 12 };
  struct strbuf text = STRBUF_INIT;
  lua_Debug ar;
  int shown = 0;
  for (int level = 0; shown < FRAMES_SHOWN && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sln", &ar);
    if (!is_script_frame(&ar))
      continue;
    add_frame(&text, &ar);
    shown++;
  }
  return strbuf_detach(&text);
}

static const char *thrown_text(lua_State *L) {
  if (luaL_callmeta(L, 1, "__tostring") && lua_isstring(L, -1))
    return lua_tostring(L, -1);
  const char *text = lua_tostring(L, 1);
  if (text)
    return text;
  return lua_pushfstring(L, "the script threw a %s value", luaL_typename(L, 1));
}

/* "moonbird/backfill.lua:85: ..." begins with a line of the library: the length of "moonbird/backfill.lua:85", else 0.
 */
static size_t library_line_len(const char *text) {
  static const char folder[] = "moonbird/", ending[] = ".lua:";
  const char *end = strncmp(text, folder, sizeof(folder) - 1) == 0 ? strstr(text, ending) : NULL;
  if (!end)
    return 0;
  char *file = xstrndup(text + sizeof(folder) - 1, (size_t)(end - text) + sizeof(".lua") - sizeof(folder));
  bool known = library_has(file);
  free(file);
  const char *digits = end + sizeof(ending) - 1;
  size_t count = strspn(digits, "0123456789");
  return known && count && strncmp(digits + count, ": ", 2) == 0 ? (size_t)(digits + count - text) : 0;
}

/* Lua names the line in which it met the error, which may be one of the library that got a wrong value from the script:
 * the script's line comes first, the library's is for who looks for a fault there. Pushes the text. */
static const char *push_message(lua_State *L, lua_State *thrower, const char *text) {
  size_t len = library_line_len(text);
  lua_Debug ar;
  if (!len || !find_script_line(thrower, &ar))
    return lua_pushstring(L, text);
  lua_pushlstring(L, text, len);
  return lua_pushfstring(L, "%s:%d: %s (%s)", ar.short_src, ar.currentline, text + len + 2, lua_tostring(L, -1));
}

/* Lua's message about a name that is not there gets a hint; a hint that cannot be had is left out. */
static void add_hint(lua_State *L, struct error *e, const char *text) {
  int top = lua_gettop(L);
  if (!strstr(text, "attempt to call a nil value") && !strstr(text, "attempt to index a nil value"))
    return;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "moonbird.misspelled");
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
    lua_pushstring(L, text);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_isstring(L, -1))
      error_hint(e, "%s", lua_tostring(L, -1));
  }
  lua_settop(L, top);
}

static void add_traceback(lua_State *L, struct error *e) {
  if (e->where)
    return;
  char *lines = traceback(L);
  if (lines[0])
    error_where(e, "%s", lines);
  free(lines);
}

/* --- coroutines --- */

/* Keys in the registry: the text that a coroutine has thrown last, what its message is to be, where it was, and into
 * which coroutine it went on. A text has no room for that, and scripts must see it as it is. */
static const char noted_value, noted_message, noted_where, noted_thread;

/* The lines of a coroutine, then those of who has resumed it. */
static char *both_tracebacks(lua_State *L, lua_State *co, const char *known) {
  char *inner = known ? xstrdup(known) : traceback(co), *outer = traceback(L);
  char *lines = xasprintf("%s%s%s", inner, inner[0] && outer[0] ? "\n" : "", outer);
  free(inner);
  free(outer);
  return lines;
}

static bool is_noted(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &noted_value);
  bool is_same = lua_type(L, -1) == LUA_TSTRING && lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return is_same;
}

/* The length of "FILE:12: " at the beginning of a text, else 0. */
static size_t place_len(const char *text) {
  const char *colon = strchr(text, ':');
  size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
  return digits && strncmp(colon + 1 + digits, ": ", 2) == 0 ? (size_t)(colon - text) + digits + 3 : 0;
}

/* Also with another place in front, which assert() and error() add to what coroutine.resume gave. */
static bool is_noted_again(lua_State *L, int index) {
  const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
  size_t len = place_len(text);
  if (!len || !place_len(text + len))
    return is_noted(L, index);
  lua_pushstring(L, text + len);
  bool is_same = is_noted(L, -1);
  lua_pop(L, 1);
  return is_same || is_noted(L, index);
}

static void note_text(lua_State *L, lua_State *co) {
  bool is_same = is_noted(L, -1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &noted_thread);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &noted_where);
  bool is_again = is_same && lua_touserdata(L, -2) == co; /* on its way through further coroutines */
  char *lines = both_tracebacks(L, co, is_again ? lua_tostring(L, -1) : NULL);
  lua_pop(L, 2);
  lua_pushlightuserdata(L, L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &noted_thread);
  lua_pushstring(L, lines);
  free(lines);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &noted_where);
  if (is_again)
    return;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &noted_value);
  int top = lua_gettop(L);
  push_message(L, co, lua_tostring(L, top));
  lua_rawsetp(L, LUA_REGISTRYINDEX, &noted_message);
  lua_settop(L, top);
}

void script_error_note_coroutine(lua_State *L, lua_State *co) {
  struct error *e = luaL_testudata(L, -1, type_name);
  luaL_checkstack(L, 8, NULL);
  if (e) {
    char *lines = both_tracebacks(L, co, e->where);
    error_where(e, "%s", lines);
    free(lines);
  } else if (lua_type(L, -1) == LUA_TSTRING) {
    note_text(L, co);
  }
}

/* --- handlers --- */

static void set_noted(lua_State *L, struct error *e) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &noted_message);
  error_set(e, ERROR_FAILED, "%s", lua_tostring(L, -1));
  lua_rawgetp(L, LUA_REGISTRYINDEX, &noted_where);
  error_where(e, "%s", lua_tostring(L, -1));
}

/* Called with the thrown value at the top; leaves an error object there. */
int script_error_handler(lua_State *L) {
  struct error *e = luaL_testudata(L, 1, type_name);
  if (!e) {
    const char *text = thrown_text(L);
    e = new_object(L);
    int at = lua_gettop(L);
    if (is_noted_again(L, 1))
      set_noted(L, e);
    else
      error_set(e, ERROR_FAILED, "%s", push_message(L, L, text));
    add_hint(L, e, text);
    lua_settop(L, at);
    lua_replace(L, 1);
    lua_settop(L, 1);
  }
  add_traceback(L, e);
  return 1;
}

/* --- what scripts see --- */

/* host.fail(class, message, hint or nil): for what the Lua library refuses with a hint, or as a mistake in usage. */
static int fail(lua_State *L) {
  static const char *const names[] = {"failed", "usage", NULL};
  static const enum error_class classes[] = {ERROR_FAILED, ERROR_USAGE};
  enum error_class class = classes[luaL_checkoption(L, 1, NULL, names)];
  const char *message = luaL_checkstring(L, 2);
  const char *hint = luaL_optstring(L, 3, NULL);
  struct error *e = new_object(L);
  error_set(e, class, "%s", message);
  if (hint)
    error_hint(e, "%s", hint);
  return lua_error(L);
}

void script_error_push_fail(lua_State *L) {
  lua_pushcfunction(L, fail);
}

/* host.note_place: the handler of an xpcall that passes on what it caught. By then the lines of the script's function
 * are left, so an error object gets them here; whatever else the script has thrown stays what it is. */
static int note_place(lua_State *L) {
  struct error *e = luaL_testudata(L, 1, type_name);
  if (e)
    add_traceback(L, e);
  lua_settop(L, 1);
  return 1;
}

void script_error_add_handlers(lua_State *L) {
  lua_pushcfunction(L, note_place);
  lua_setfield(L, -2, "note_place");
  lua_pushcfunction(L, script_error_handler);
  lua_setfield(L, -2, "error_object");
}

static int object_tostring(lua_State *L) {
  const struct error *e = luaL_checkudata(L, 1, type_name);
  lua_pushstring(L, e->message ? e->message : "");
  return 1;
}

static int object_index(lua_State *L) {
  const struct error *e = luaL_checkudata(L, 1, type_name);
  const char *key = luaL_checkstring(L, 2);
  const char *value = NULL;
  if (strcmp(key, "message") == 0)
    value = e->message;
  else if (strcmp(key, "sqlstate") == 0)
    value = e->sqlstate[0] ? e->sqlstate : NULL;
  else if (strcmp(key, "detail") == 0)
    value = e->detail;
  else if (strcmp(key, "hint") == 0)
    value = e->hint;
  else if (strcmp(key, "statement") == 0)
    value = e->statement;
  else if (strcmp(key, "where") == 0)
    value = e->where;
  lua_pushstring(L, value);
  return 1;
}

static int object_gc(lua_State *L) {
  error_release(luaL_checkudata(L, 1, type_name));
  return 0;
}

void script_error_install(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"__tostring", object_tostring}, {"__index", object_index}, {"__gc", object_gc}, {NULL, NULL}};
  luaL_newmetatable(L, type_name);
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
}
