/*
 * dialect.h - a driver's dialect, loaded into the Lua state of a command.
 *
 * Main thread only. Ownership: the sources belong to the driver and live as long as the process.
 */
#ifndef LUA_DIALECT_H
#define LUA_DIALECT_H

#include "lua/host.h"

#include <moonbird/driver.h>

/* Runs the dialect's source with the base dialect and pushes the table that it returns. Its further modules become
 * `require "DRIVER.NAME"`. ERROR_CONNECT where the source does not return a table. */
bool dialect_push(struct host *host, const moonbird_driver *driver, struct error *err) MUST_CHECK;

#endif
