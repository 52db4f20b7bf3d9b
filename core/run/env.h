/*
 * env.h - env.lua, the environment's own settings in Lua.
 */
#ifndef RUN_ENV_H
#define RUN_ENV_H

#include "run/session.h"

/* Runs env.lua if there is one; `url` gets the URL that it returns (the caller frees), or NULL. ERROR_USAGE when it is
 * broken. */
bool env_load(struct session *session, char **url, struct error *err) MUST_CHECK;

#endif
