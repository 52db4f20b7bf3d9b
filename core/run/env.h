/*
 * env.h - env.lua, the environment's own settings in Lua, and its hooks.
 */
#ifndef RUN_ENV_H
#define RUN_ENV_H

#include "graph/plan.h"
#include "run/session.h"

/* Runs env.lua if there is one; `url` gets the URL that it returns (the caller frees), or NULL. ERROR_USAGE when it is
 * broken. */
bool env_load(struct session *session, char **url, struct error *err) MUST_CHECK;

/* Pushes the table that env.lua returned; an empty one where there is no env.lua. */
void env_push_settings(struct session *session);

/* Calls the hook `name` if env.lua has it: before_run, after_run (`step` is NULL), before_each, after_each, on_error
 * (with the `message` of the failure, else NULL). */
bool env_hook(struct session *session, const char *name, const struct plan_step *step, const char *message,
              struct error *err) MUST_CHECK;

/* Pushes the `context` of scripts and hooks; `step` may be NULL. */
void env_push_context(struct session *session, const struct plan_step *step);

#endif
