/*
 * arena.c - memory that is freed all at once; see arena.h.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct arena_block {
  struct arena_block *next;
  size_t used;
  size_t size;
  alignas(max_align_t) char bytes[];
};

static struct arena_block *add_block(struct arena *a, size_t size) {
  struct arena_block *block = xmalloc(sizeof(*block) + size);
  *block = (struct arena_block){.next = a->blocks, .used = 0, .size = size};
  a->blocks = block;
  return block;
}

void *arena_alloc(struct arena *a, size_t size) {
  size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
  struct arena_block *block = a->blocks;
  if (!block || block->size - block->used < rounded)
    block = add_block(a, rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE);
  void *p = block->bytes + block->used;
  block->used += rounded;
  return memset(p, 0, rounded);
}

char *arena_strndup(struct arena *a, const char *s, size_t len) {
  char *copy = arena_alloc(a, len + 1);
  memcpy(copy, s, len);
  return copy;
}

char *arena_strdup(struct arena *a, const char *s) {
  return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  int len = vsnprintf(NULL, 0, fmt, args);
  va_end(args);
  if (len < 0)
    BUG("bad format \"%s\"", fmt);
  char *text = arena_alloc(a, (size_t)len + 1);
  va_start(args, fmt);
  vsnprintf(text, (size_t)len + 1, fmt, args);
  va_end(args);
  return text;
}

void arena_release(struct arena *a) {
  struct arena_block *block = a->blocks;
  while (block) {
    struct arena_block *next = block->next;
    free(block);
    block = next;
  }
  a->blocks = NULL;
}
