/*
 * arena.h - memory that is freed all at once.
 *
 * Ownership: the caller owns the struct, the struct owns all that it gave out; nothing of it is freed singly.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/mem.h"

struct arena_block;

struct arena {
  struct arena_block *blocks; /* newest first */
};

#define ARENA_INIT                                                                                                     \
  { .blocks = NULL }

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned for any type */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void arena_release(struct arena *a);

#endif
