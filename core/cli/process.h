/*
 * process.h - other programs: the editor and the hooks. Words of a command line, and one program run to its end.
 *
 * No shell is involved. Ownership: results are the caller's. Main thread only.
 */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include "base/error.h"
#include "base/vec.h"

/* Splits as a shell does: blanks, '...', "..." and \x. Appends owned strings. False (ERROR_USAGE): a quote is open. */
bool process_split(const char *text, struct vec *words, struct error *err) MUST_CHECK;

/* Runs words[0] (looked up in PATH) with the words, in `cwd` if not NULL. False (ERROR_FAILED): it could not be
 * started, was killed, or its exit status was not 0. */
bool process_run(const struct vec *words, const char *cwd, struct error *err) MUST_CHECK;

/* Whether PATH has an executable of this name. */
bool process_exists(const char *name);

#endif
