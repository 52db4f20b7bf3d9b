/*
 * map.c - a hash map with open addressing over an array of entries that keeps the order of insertion; see map.h.
 */
#include "base/map.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a, 64 bits: short keys, no attacker. */
static uint64_t hash_bytes(const char *key, size_t len) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < len; i++)
    hash = (hash ^ (unsigned char)key[i]) * 1099511628211u;
  return hash;
}

static bool entry_is(const struct map_entry *e, uint64_t hash, const char *key, size_t len) {
  return e->hash == hash && e->key_len == len && memcmp(e->key, key, len) == 0;
}

/* The slot that holds the key, or the free one where it would go. */
static size_t find_slot(const struct map *m, uint64_t hash, const char *key, size_t len) {
  size_t mask = m->slot_count - 1;
  size_t i = (size_t)hash & mask;
  while (m->slots[i] && !entry_is(&m->entries[m->slots[i] - 1], hash, key, len))
    i = (i + 1) & mask;
  return i;
}

/* Keeps at least half of the slots free. */
static void grow_slots(struct map *m) {
  if ((m->len + 1) * 2 <= m->slot_count)
    return;
  m->slot_count = m->slot_count ? m->slot_count * 2 : 16;
  free(m->slots);
  m->slots = xcalloc(m->slot_count, sizeof(*m->slots));
  for (size_t i = 0; i < m->len; i++) {
    const struct map_entry *e = &m->entries[i];
    m->slots[find_slot(m, e->hash, e->key, e->key_len)] = (uint32_t)(i + 1);
  }
}

static struct map_entry *find(const struct map *m, const char *key, size_t len) {
  if (!m->slot_count)
    return NULL;
  uint32_t index = m->slots[find_slot(m, hash_bytes(key, len), key, len)];
  return index ? &m->entries[index - 1] : NULL;
}

void *map_put(struct map *m, const char *key, void *value) {
  size_t len = strlen(key);
  struct map_entry *e = find(m, key, len);
  if (e) {
    void *old = e->value;
    e->value = value;
    return old;
  }
  grow_slots(m);
  m->entries = xgrow(m->entries, &m->cap, m->len + 1, sizeof(*m->entries));
  uint64_t hash = hash_bytes(key, len);
  m->slots[find_slot(m, hash, key, len)] = (uint32_t)(m->len + 1);
  m->entries[m->len++] = (struct map_entry){.key = xstrndup(key, len), .key_len = len, .hash = hash, .value = value};
  return NULL;
}

void *map_get_len(const struct map *m, const char *key, size_t key_len) {
  const struct map_entry *e = find(m, key, key_len);
  return e ? e->value : NULL;
}

void *map_get(const struct map *m, const char *key) {
  return map_get_len(m, key, strlen(key));
}

bool map_has(const struct map *m, const char *key) {
  return find(m, key, strlen(key)) != NULL;
}

void map_release(struct map *m) {
  for (size_t i = 0; i < m->len; i++)
    free(m->entries[i].key);
  free(m->entries);
  free(m->slots);
  *m = (struct map)MAP_INIT;
}

void map_release_with(struct map *m, void (*free_value)(void *value)) {
  for (size_t i = 0; i < m->len; i++)
    free_value(m->entries[i].value);
  map_release(m);
}
