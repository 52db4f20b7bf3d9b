/*
 * library.h - `require "moonbird.NAME"`: the Lua library in the binary, or in the folder $MOONBIRD_LUA_DIR while
 * developing.
 */
#ifndef LUA_LIBRARY_H
#define LUA_LIBRARY_H

#include <lua.h>
#include <stdbool.h>

/* Adds the searcher behind package.preload and before the files of the system. */
void library_install(lua_State *L);

/* Is there a file "schema/diff.lua" of the library in the binary? */
bool library_has(const char *file);

#endif
