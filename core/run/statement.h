/*
 * statement.h - the functions of moonbird.host by which lib/statement.lua passes mutating calls through the journal.
 */
#ifndef RUN_STATEMENT_H
#define RUN_STATEMENT_H

#include "run/session.h"

/* Adds them to the module moonbird.host. */
bool statement_install(struct session *session, struct error *err) MUST_CHECK;

/* The session and the running step of a Lua state; throws when no step runs. */
struct session *statement_session(lua_State *L);

#endif
