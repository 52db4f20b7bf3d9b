/*
 * embedded.h - files that the build puts into the binary (cmake/embed.cmake): Lua library, templates, SQL.
 *
 * Ownership: all of it is constant and lives for ever.
 */
#ifndef BASE_EMBEDDED_H
#define BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
  const char *name; /* path below the folder that was embedded */
  const char *text; /* NUL-terminated */
  size_t len;
};

/* The file of a table (ended by a row with a NULL name), or NULL. */
const struct embedded_file *embedded_find(const struct embedded_file *table, const char *name);

#endif
