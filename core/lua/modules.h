/*
 * modules.h - the C modules that scripts and the Lua library require: moonbird.host, moonbird.json, moonbird.log.
 */
#ifndef LUA_MODULES_H
#define LUA_MODULES_H

#include <lua.h>

/* Puts all of them into package.preload and makes the metatables. */
void modules_install(lua_State *L);

/* Openers, one per file. */
int open_json(lua_State *L);
int open_log(lua_State *L);
void connection_install(lua_State *L); /* metatables of connections and row iterators */

#endif
