/*
 * connection.h - connections as scripts see them.
 *
 * The userdata does not own the connection: whoever pushed it makes it stale (connection_close) before the connection
 * is freed; a script that kept it then gets an error.
 */
#ifndef LUA_CONNECTION_H
#define LUA_CONNECTION_H

#include "db/conn.h"

#include <lua.h>

/* Pushes a new connection object with the methods exec, query, query_within, rows, one, scalar. */
void connection_push(lua_State *L, struct conn *conn);

/* Makes the object at `index` stale. */
void connection_close(lua_State *L, int index);

#endif
