/*
 * table.h - rows of texts printed as columns that stand below each other.
 *
 * Columns of figures are aligned to the right. Texts of users are cut to fit and cannot move the cursor (width.h).
 * Ownership: the struct owns its cells (table_release). Pure.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/strbuf.h"
#include "base/vec.h"

#include <stdint.h>

struct table {
  size_t column_count;
  const char *const *titles; /* "+NAME": a column of figures */
  struct vec cells;          /* owned strings, row by row */
};

void table_init(struct table *table, size_t column_count, const char *const *titles);
void table_release(struct table *table);

/* Adds the next cell; NULL is shown as "-". */
void table_add(struct table *table, const char *text);
void table_add_int(struct table *table, int64_t number);

/* Appends titles and rows; no line is longer than `columns` unless the last column alone is. 0: no limit. */
void table_print(const struct table *table, struct strbuf *text, size_t columns);

#endif
