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

/* Must the rows be fetched a piece at a time, so that a batch needs no more memory than a piece does? All at once saves
 * some round trips: where no row can be wide, and those of the last batch were not. */
bool page_comes_in_pieces(bool may_be_wide, double row_bytes);

/* What the values of fetched rows take. */
double page_bytes(const moonbird_batch *rows);

#endif
