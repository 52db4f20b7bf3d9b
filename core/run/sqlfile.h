/*
 * sqlfile.h - a .sql revision as lib/sql_revision.lua sees it: its sections, statement by statement.
 *
 * Ownership: the Lua object borrows the text, which must outlive the call into Lua that it is given to.
 */
#ifndef RUN_SQLFILE_H
#define RUN_SQLFILE_H

#include "base/strbuf.h"

#include <lua.h>

/* Pushes an object with the methods
 *   file:statements(section)   a reader of "up", "down" or "verify"; nil where there is no such section
 *   file:fail(problem, line, hint)  throws the problem with the place in the file where it came up, and with the hint
 *                              (or nil) where it has none
 * and of a reader
 *   reader:next(whole)         text and line of the next statement; with `whole` also the same with the comments around
 *                              it, and texts that are nothing but those; nil at the end; throws what is no statement
 *   reader:set(rule, value)    a lexical rule for what follows
 * `path` is how messages name the file. */
void sqlfile_push(lua_State *L, const char *path, const struct strbuf *text);

#endif
