/*
 * script_error.h - errors inside Lua as objects that keep class, SQLSTATE, hint and the place in the script.
 *
 * An error object is a userdata that owns a struct error. Scripts see the fields message, sqlstate, detail, hint and
 * statement, and tostring(e) is the message with its place.
 */
#ifndef LUA_SCRIPT_ERROR_H
#define LUA_SCRIPT_ERROR_H

#include "base/error.h"

#include <lua.h>

/* Message handler: turns whatever was thrown into an error object with a traceback of the script's own lines. */
int script_error_handler(lua_State *L);

/* Throws a message that begins with the line of the script that is running, as luaL_error does for C functions that the
 * script calls itself: ours are called through the Lua library. The format is lua_pushfstring's. */
int script_error(lua_State *L, const char *format, ...);

/* "versions/ab12.lua:20", where a function of a script begins, else NULL; owned. */
char *script_function_place(lua_State *L, int index);

/* Pushes the function host.fail of the Lua library. */
void script_error_push_fail(lua_State *L);

/* Puts host.note_place and host.error_object, handlers for xpcall, into the table at the top. */
void script_error_add_handlers(lua_State *L);

/* The coroutine has thrown the value at the top: its lines, and those of L that have resumed it, are what a traceback
 * shows when the value comes to be an error of the script. The value stays. */
void script_error_note_coroutine(lua_State *L, lua_State *co);

/* Makes the metatable. */
void script_error_install(lua_State *L);

#endif
