/*
 * retry.h - how often, after how long and with how many rows a worker tries again (BACKFILL.md, 4.6). Pure.
 *
 * `before` is how many times the same has failed without a commit between; `chance`, from 0 to 1, is the jitter:
 * workers that met must not meet again.
 */
#ifndef BACKFILL_RETRY_H
#define BACKFILL_RETRY_H

#include "backfill/failure.h"

#include <stdint.h>

/* Is there no further try? `waited_s` is what was waited for a server that only reads, at most `reconnect_s`. */
bool retry_is_over(enum failure failure, int before, double waited_s, double reconnect_s);

/* Seconds until the next try. */
double retry_pause_s(enum failure failure, int before, double chance);

/* Seconds until a connection is opened again that could not be opened. */
double retry_opening_pause_s(int before, double chance);

/* Rows of the next batch while a row with an error is looked for: an eighth, at least one. */
int64_t retry_narrower(int64_t rows);

/* The same after a statement that took too long; 0: no row is looked for. */
int64_t retry_shrunk(int64_t narrow);

#endif
