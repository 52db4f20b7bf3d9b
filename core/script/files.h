/*
 * files.h - paths, and files and folders that appear whole or not at all.
 *
 * Ownership: returned texts are the caller's to free. Knows nothing of revisions.
 */
#ifndef SCRIPT_FILES_H
#define SCRIPT_FILES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The path made absolute against the current folder, without "." and ".." (as a text: links are not followed). */
char *path_from_here(const char *path);
char *path_join(const char *folder, const char *name);

/* The path as the user would write it: from the current folder where the file is below it. */
char *path_as_written(const char *path);

/* The part behind the last slash; a place in `path`. */
const char *path_base(const char *path);

/* Up to the last slash: "/a" for "/a/b", "/" for "/a", "." for "a". */
char *path_folder(const char *path);

bool path_is_folder(const char *path);

/* Makes the folder and those above it. `made` gets the topmost one that did not exist (to undo), or NULL for none; may
 * be NULL. */
bool folder_make(const char *path, char **made, struct error *err) MUST_CHECK;

/* Takes back what folder_make made, as far as it is empty: from `folder` up to `topmost` (NULL: nothing). */
void folder_unmake(const char *folder, const char *topmost);

/* Writes a file that does not exist yet: first under another name in the same folder, which is removed when something
 * goes wrong. An existing file is an error. */
bool file_write_new(const char *path, const char *text, size_t len, struct error *err) MUST_CHECK;

/* The same for a file that may exist: it is replaced as a whole. */
bool file_replace(const char *path, const char *text, size_t len, struct error *err) MUST_CHECK;

#endif
