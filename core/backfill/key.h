/*
 * key.h - keys of rows as JSON arrays: ["42"] would be a text, [42] an integer. Bytes are {"hex": "00ff"}, a text that
 * is not UTF-8 is {"text": "ff"}, a number without a JSON form {"number": "inf"}.
 *
 * That is how the state tables keep them, and how messages show them. Ownership: texts returned are the caller's to
 * free.
 */
#ifndef BACKFILL_KEY_H
#define BACKFILL_KEY_H

#include "base/error.h"
#include "db/batch.h"

/* The key in the first `columns` columns of a row. */
char *key_from_row(const moonbird_batch *batch, uint64_t row, uint32_t columns);

/* Appends the values of a key to a builder's columns from `first_column` on. A broken key is an error. */
bool key_add(const char *key, struct batch_builder *builder, uint32_t first_column, uint32_t columns,
             struct error *err) MUST_CHECK;

/* Is one of its values NULL? */
bool key_has_null(const char *key);

/* How far `key` is on the way from `low` to `high`, 0 to 1; -1 where that cannot be said: numbers, UUIDs and bytes have
 * a place between two others, texts do not, and nor does the first of several columns that differ. */
double key_position(const char *low, const char *high, const char *key);

#endif
