/*
 * hooks.h - post-write hooks: programs that look at a revision file that was just written.
 *
 * Section [post_write_hooks]: `hooks` names them, `NAME.type = exec`, `NAME.executable`, `NAME.options` (the word
 * REVISION_SCRIPT_FILENAME becomes the path, else the path comes first), `NAME.cwd`. No state.
 */
#ifndef CLI_HOOKS_H
#define CLI_HOOKS_H

#include "cli/output.h"
#include "config/config.h"

/* Runs them in their order. The first that fails ends it: ERROR_FAILED, or ERROR_USAGE where its settings are wrong;
 * the file stays. */
bool hooks_run(const struct config *config, struct output *out, const char *path, struct error *err) MUST_CHECK;

#endif
