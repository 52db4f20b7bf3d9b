/*
 * vec.c - growing arrays of pointers; see vec.h.
 */
#include "base/vec.h"

#include "base/mem.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

void vec_push(struct vec *v, void *item) {
  v->items = xgrow(v->items, &v->cap, v->len + 1, sizeof(*v->items));
  v->items[v->len++] = item;
}

void *vec_pop(struct vec *v) {
  return v->len ? v->items[--v->len] : NULL;
}

void vec_clear(struct vec *v) {
  v->len = 0;
}

void vec_release(struct vec *v) {
  free(v->items);
  *v = (struct vec)VEC_INIT;
}

void vec_release_with(struct vec *v, void (*free_item)(void *item)) {
  for (size_t i = 0; i < v->len; i++)
    free_item(v->items[i]);
  vec_release(v);
}

void *vec_remove(struct vec *v, size_t index) {
  void *item = v->items[index];
  memmove(v->items + index, v->items + index + 1, (v->len - index - 1) * sizeof(*v->items));
  v->len--;
  return item;
}

size_t vec_find(const struct vec *v, const void *item) {
  size_t i = 0;
  while (i < v->len && v->items[i] != item)
    i++;
  return i;
}

void strvec_push(struct vec *v, const char *s) {
  vec_push(v, xstrdup(s));
}

void strvec_push_len(struct vec *v, const char *s, size_t len) {
  vec_push(v, xstrndup(s, len));
}

void strvec_release(struct vec *v) {
  vec_release_with(v, free);
}

bool strvec_contains(const struct vec *v, const char *s) {
  for (size_t i = 0; i < v->len; i++)
    if (strcmp(v->items[i], s) == 0)
      return true;
  return false;
}

char *strvec_join(const struct vec *v, const char *between) {
  struct strbuf text = STRBUF_INIT;
  for (size_t i = 0; i < v->len; i++) {
    if (i)
      strbuf_add_str(&text, between);
    strbuf_add_str(&text, v->items[i]);
  }
  return strbuf_detach(&text);
}
