/*
 * slug.h - from a message in any language to the part of a file name. The caller frees the result.
 */
#ifndef SCRIPT_SLUG_H
#define SCRIPT_SLUG_H

#include <stddef.h>

/* Lower case; letters, digits, marks and underscores of every script stay, each run of others becomes one "_". Longer
 * than `longest` characters: cut there, then back to the last "_", which stays at the end. `message` is valid UTF-8 and
 * may be NULL. */
char *slug_of(const char *message, size_t longest);

#endif
