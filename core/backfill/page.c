/*
 * page.c - see page.h.
 */
#include "backfill/page.h"

int64_t page_rows(int64_t size, int divisor, double row_bytes, double max_bytes) {
  if (divisor > 1 && size > divisor)
    size /= divisor;
  double most = row_bytes > 0 ? max_bytes / row_bytes : (double)size;
  return most < 1 ? 1 : most < (double)size ? (int64_t)most : size;
}

int64_t page_piece_rows(int64_t left, uint64_t before) {
  int64_t most = before ? 2 * (int64_t)before : left;
  return most < left ? most : left;
}

double page_bytes(const moonbird_batch *rows) {
  double bytes = 0;
  for (uint32_t c = 0; c < rows->column_count; c++) {
    const moonbird_column *column = &rows->columns[c];
    bytes += column->offsets ? column->offsets[rows->row_count] : 8.0 * (double)rows->row_count;
  }
  return bytes;
}
