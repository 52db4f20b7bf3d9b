/*
 * dialect.h - a driver's dialect, loaded into the Lua state of a command.
 *
 * Main thread only. Ownership: the sources belong to the driver and live as long as the process.
 */
#ifndef LUA_DIALECT_H
#define LUA_DIALECT_H

#include "lua/host.h"
#include "sql/rules.h"

#include <moonbird/driver.h>

/* Runs the dialect's source with the base dialect and pushes the table that it returns. Its further modules become
 * `require "DRIVER.NAME"`. ERROR_CONNECT where the source does not return a table. */
bool dialect_push(struct host *host, const moonbird_driver *driver, struct error *err) MUST_CHECK;

/* Sets one of the rules that are true or false, by its name. False: there is no such rule. */
bool dialect_set_rule(struct sql_rules *rules, const char *name, bool value) MUST_CHECK;

/* The lexical rules of the dialect that was pushed last; the standard's before that. Lives as long as the state. */
const struct sql_rules *dialect_rules(lua_State *L);

#endif
