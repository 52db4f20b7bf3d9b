/*
 * sqlfile.h - a .sql revision as lib/sql_revision.lua sees it: its sections, statement by statement.
 *
 * Ownership: the Lua object borrows the text, which must outlive the call into Lua that it is given to.
 */
#ifndef RUN_SQLFILE_H
#define RUN_SQLFILE_H

#include "base/strbuf.h"

#include <lua.h>

/*
 * Pushes an object with the methods
 *
 * - file:statements(section): a reader of "up", "down" or "verify"; nil where there is no such section
 * - file:check(): throws what belongs to no section
 * - file:fail(problem, line, hint): throws the problem with its place in the file, and the hint (or nil) where it has
 *   none
 *
 * and of a reader
 *
 * - reader:next(whole): text, line, piece and data of the next statement; nil at the end; throws what is no statement.
 *   The piece, which has comments and data too, comes only with `whole`, and then also where there is nothing but
 *   comments; data only where lines of it follow the statement
 * - reader:set(rule, value): a lexical rule for what follows
 *
 * `path` is how messages name the file.
 */
void sqlfile_push(lua_State *L, const char *path, const struct strbuf *text);

#endif
