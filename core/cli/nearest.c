/*
 * nearest.c - see nearest.h.
 */
#include "cli/nearest.h"

#include "config/settings.h"

#include <string.h>

const char *nearest_word(const char *word, const struct vec *candidates) {
  const char *best = NULL;
  /* Up to a third of the word may be wrong, and one letter of a short one: further away a guess is noise. */
  size_t best_distance = strlen(word) / 3 + 2;
  for (size_t i = 0; i < candidates->len; i++) {
    const char *candidate = strvec_at(candidates, i);
    size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < strlen(candidate)) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}
