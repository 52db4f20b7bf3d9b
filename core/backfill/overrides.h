/*
 * overrides.h - what an operator sets for a backfill that runs: `workers=2 nice=1 max_lag=10s`, checked and kept as a
 * JSON object (core/backfill/README.md) in its row.
 *
 * Pure. Ownership: texts returned are the caller's to free.
 */
#ifndef BACKFILL_OVERRIDES_H
#define BACKFILL_OVERRIDES_H

#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"

/* The overrides in `json` (an object, or NULL for none) with the words of `assignments` (const char *: "name=value",
 * "name=" takes one back) put on top; NULL in *changed when none is left. ERROR_USAGE names the word, what it wants,
 * and the nearest known name; then *changed is untouched. */
bool overrides_change(const char *json, const struct vec *assignments, char **changed, struct error *err) MUST_CHECK;

/* Appends them as they are typed: "workers=2 max_lag=off". */
void overrides_show(const char *json, struct strbuf *text);

/* The limit of the throttle that "max_lag=10s" sets; NULL where the word sets none, or takes one back. */
const char *overrides_limit(const char *word);

#endif
