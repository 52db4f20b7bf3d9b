/*
 * page.h - how many rows a batch asks for, and when it has enough of them: by number and by bytes. Pure; called by
 * attempt.c.
 */
#ifndef BACKFILL_PAGE_H
#define BACKFILL_PAGE_H

#include "moonbird/driver.h"

#include <stdbool.h>
#include <stdint.h>

/* Rows to ask for: `size`, a part of it while somebody waits for us (`divisor`, from 1), and not more than what rows as
 * wide as those of the last batch (`row_bytes`, 0: not known) may have in bytes. At least one. */
int64_t page_rows(int64_t size, int divisor, double row_bytes, double max_bytes);

/* Rows to ask for in the next piece of a page of which `left` are left, after one that had `before` (0: it is the first
 * one): the server looks at the size of all of them, so not many more than will fit. */
int64_t page_piece_rows(int64_t left, uint64_t before);

/* What the values of fetched rows take. */
double page_bytes(const moonbird_batch *rows);

#endif
