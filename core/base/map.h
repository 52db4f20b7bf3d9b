/*
 * map.h - from strings to pointers, remembering the order of insertion.
 *
 * Ownership: the caller owns the struct, the struct owns copies of the keys, not what the values point to. Removing is
 * not offered. Walk it with `for (size_t i = 0; i < map.len; i++) map.entries[i]`, in the order in which keys were
 * first put.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
  char *key;
  size_t key_len;
  uint64_t hash;
  void *value;
};

struct map {
  struct map_entry *entries;
  size_t len;
  size_t cap;
  uint32_t *slots; /* index + 1 into entries, 0 is free; a power of two of them */
  size_t slot_count;
};

#define MAP_INIT                                                                                                       \
  { .entries = NULL, .len = 0 }

/* Sets the value of the key; returns the one that was there, or NULL. */
void *map_put(struct map *m, const char *key, void *value);

/* The value, or NULL where the key is not in it. The map may be empty. */
void *map_get(const struct map *m, const char *key);
void *map_get_len(const struct map *m, const char *key, size_t key_len);
bool map_has(const struct map *m, const char *key);

void map_release(struct map *m);
void map_release_with(struct map *m, void (*free_value)(void *value));

#endif
