/*
 * words.h - the words that stand in braces in sql/: names of Moonbird's tables, quoted, and type names of the dialect.
 */
#ifndef RUN_WORDS_H
#define RUN_WORDS_H

#include "base/map.h"
#include "run/session.h"

/* Asks core/lua/lib/words.lua; fills name -> owned text. */
bool words_load(struct session *session, struct map *words, struct error *err) MUST_CHECK;

#endif
