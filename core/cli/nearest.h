/*
 * nearest.h - the word that somebody most likely meant, for "did you mean". Pure.
 */
#ifndef CLI_NEAREST_H
#define CLI_NEAREST_H

#include "base/vec.h"

/* The candidate (const char *) that is nearest to the word, or NULL where none is near enough to be worth a guess. The
 * result is one of the candidates. */
const char *nearest_word(const char *word, const struct vec *candidates);

#endif
