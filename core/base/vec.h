/*
 * vec.h - a growing array of pointers, and of strings.
 *
 * Ownership: the caller owns the struct, the struct owns its array, not what the pointers point to. The `strvec_`
 * functions are for vectors that own their strings.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>

struct vec {
  void **items;
  size_t len;
  size_t cap;
};

#define VEC_INIT                                                                                                       \
  { .items = NULL, .len = 0, .cap = 0 }

void vec_push(struct vec *v, void *item);
void *vec_pop(struct vec *v); /* NULL when empty */
void vec_clear(struct vec *v);
void vec_release(struct vec *v);

/* Releases after calling `free_item` on each. */
void vec_release_with(struct vec *v, void (*free_item)(void *item));

/* Takes out the item at `index`, keeping the order of the others. */
void *vec_remove(struct vec *v, size_t index);

/* Index of the pointer, or `len` where it is not in it. */
size_t vec_find(const struct vec *v, const void *item);

/* Vectors of owned strings. */
void strvec_push(struct vec *v, const char *s);
void strvec_push_len(struct vec *v, const char *s, size_t len);
void strvec_release(struct vec *v);
bool strvec_contains(const struct vec *v, const char *s);
char *strvec_join(const struct vec *v, const char *between); /* the caller frees */

static inline const char *strvec_at(const struct vec *v, size_t index) {
  return v->items[index];
}

#endif
