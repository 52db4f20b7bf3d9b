/*
 * table.c - columns of texts; see table.h.
 */
#include "cli/table.h"

#include "cli/width.h"

#include <inttypes.h>
#include <string.h>

/* Blanks between two columns. */
enum { GAP = 2, LAST_COLUMN_LEAST = 20 };

void table_init(struct table *table, size_t column_count, const char *const *titles) {
  *table = (struct table){.column_count = column_count, .titles = titles, .cells = VEC_INIT};
}

void table_release(struct table *table) {
  strvec_release(&table->cells);
}

void table_add(struct table *table, const char *text) {
  strvec_push(&table->cells, text ? text : "-");
}

void table_add_int(struct table *table, int64_t number) {
  vec_push(&table->cells, xasprintf("%" PRId64, number));
}

static bool is_figures(const struct table *table, size_t column) {
  return table->titles[column][0] == '+';
}

static const char *title(const struct table *table, size_t column) {
  return table->titles[column] + is_figures(table, column);
}

static size_t column_width(const struct table *table, size_t column) {
  size_t widest = width_of(title(table, column));
  for (size_t i = column; i < table->cells.len; i += table->column_count) {
    size_t width = width_of(strvec_at(&table->cells, i));
    widest = width > widest ? width : widest;
  }
  return widest;
}

/* The columns left for the last one, from column `start` on. */
static size_t last_width(size_t start, size_t columns) {
  if (!columns)
    return SIZE_MAX;
  return columns > start + LAST_COLUMN_LEAST ? columns - start : LAST_COLUMN_LEAST;
}

static void add_cell(const struct table *table, struct strbuf *text, size_t column, const char *cell, size_t width,
                     size_t columns, size_t start) {
  bool last = column + 1 == table->column_count;
  size_t used = width_of(cell);
  if (is_figures(table, column))
    strbuf_add_repeated(text, ' ', width - used);
  width_add_cut(text, cell, last ? last_width(start, columns) : SIZE_MAX);
  if (!is_figures(table, column) && !last)
    strbuf_add_repeated(text, ' ', width - used);
  if (!last)
    strbuf_add_repeated(text, ' ', GAP);
}

/* No blanks at the end of a line whose last cells are empty. */
static void trim_line(struct strbuf *text, size_t line) {
  size_t len = text->len;
  while (len > line && text->buf[len - 1] == ' ')
    len--;
  strbuf_truncate(text, len);
}

void table_print(const struct table *table, struct strbuf *text, size_t columns) {
  size_t rows = table->cells.len / table->column_count;
  /* Row 0 are the titles. */
  for (size_t row = 0; row <= rows; row++) {
    size_t start = 0, line = text->len;
    for (size_t c = 0; c < table->column_count; c++) {
      size_t width = column_width(table, c);
      const char *cell = row ? strvec_at(&table->cells, (row - 1) * table->column_count + c) : title(table, c);
      add_cell(table, text, c, cell, width, columns, start);
      start += width + GAP;
    }
    trim_line(text, line);
    strbuf_add_char(text, '\n');
  }
}
