/*
 * mem.c - allocation that ends the program when memory is out, and BUG(). Used by everything; knows nothing.
 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t size) {
  fprintf(stderr, "moonbird: out of memory (%zu bytes wanted)\n", size);
  abort();
}

void *xmalloc(size_t size) {
  void *p = malloc(size ? size : 1);
  if (!p)
    out_of_memory(size);
  return p;
}

void *xcalloc(size_t count, size_t size) {
  void *p = calloc(count ? count : 1, size ? size : 1);
  if (!p)
    out_of_memory(count * size);
  return p;
}

void *xrealloc(void *p, size_t size) {
  p = realloc(p, size ? size : 1);
  if (!p)
    out_of_memory(size);
  return p;
}

char *xstrdup(const char *s) {
  return xstrndup(s, strlen(s));
}

char *xstrndup(const char *s, size_t len) {
  char *copy = xmalloc(len + 1);
  memcpy(copy, s, len);
  copy[len] = '\0';
  return copy;
}

char *xstrdup_or_null(const char *s) {
  return s ? xstrdup(s) : NULL;
}

char *xasprintf(const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  char *s = NULL;
  int len = vasprintf(&s, fmt, args);
  va_end(args);
  if (len < 0)
    out_of_memory(0);
  return s;
}

void *xgrow(void *p, size_t *cap, size_t need, size_t item_size) {
  if (need <= *cap)
    return p;
  size_t grown = *cap ? *cap + *cap / 2 + 1 : 16;
  if (grown < need)
    grown = need;
  if (grown > SIZE_MAX / item_size)
    out_of_memory(SIZE_MAX);
  p = xrealloc(p, grown * item_size);
  *cap = grown;
  return p;
}

void bug_at(const char *file, int line, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  fprintf(stderr, "moonbird: BUG at %s:%d: ", file, line);
  vfprintf(stderr, fmt, args);
  fputc('\n', stderr);
  va_end(args);
  abort();
}
