/*
 * estimate.c - see estimate.h.
 */
#include "backfill/estimate.h"

#include "backfill/key.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { AT_FRONTIER = 3, AT_ROWS, AT_WORKER, AT_LOW, AT_HIGH, AT_CURSOR };

static void take_frontier(struct estimate *e, const char *key) {
  double at = key_position(e->first_key, e->last_key, key ? key : e->first_key);
  e->frontier = at < 0 ? -1 : key ? at : 0;
}

void estimate_init(struct estimate *e, const struct backfill_row *row) {
  *e = (struct estimate){.first_key = xstrdup_or_null(row->first_key),
                         .last_key = xstrdup_or_null(row->last_key),
                         .rows_before = row->rows_done};
  take_frontier(e, row->frontier_key);
  rate_add(&e->rate, clock_monotonic_s(), row->rows_done);
}

void estimate_release(struct estimate *e) {
  free(e->first_key);
  free(e->last_key);
}

static char *text_at(const moonbird_batch *rows, uint32_t column, uint64_t row) {
  struct value v = batch_value(&rows->columns[column], row);
  return v.type == MOONBIRD_TYPE_TEXT ? xstrndup(v.bytes, v.len) : NULL;
}

static double between(const struct estimate *e, const char *low, const char *high) {
  double from = key_position(e->first_key, e->last_key, low), to = key_position(e->first_key, e->last_key, high);
  return from < 0 || to < from ? 0 : to - from;
}

void estimate_open(struct estimate *e, const char *low, const char *high, const char *cursor) {
  e->open += between(e, cursor ? cursor : low, high);
}

static void add_range(struct estimate *e, const moonbird_batch *rows, uint64_t row, const char *runner) {
  char *worker = text_at(rows, AT_WORKER, row), *low = text_at(rows, AT_LOW, row);
  char *high = text_at(rows, AT_HIGH, row), *cursor = text_at(rows, AT_CURSOR, row);
  bool own = worker && strncmp(worker, runner, strlen(runner)) == 0;
  if (high && !own)
    estimate_open(e, low, high, cursor);
  free(worker);
  free(low);
  free(high);
  free(cursor);
}

void estimate_take(struct estimate *e, const moonbird_batch *rows, const char *runner, int64_t own_rows) {
  char *frontier = text_at(rows, AT_FRONTIER, 0);
  take_frontier(e, frontier);
  free(frontier);
  int64_t others = batch_value(&rows->columns[AT_ROWS], 0).integer - own_rows;
  if (others > e->rows_before) /* ours may be a batch ahead of what was read */
    e->rows_before = others;
  e->open = 0;
  for (uint64_t i = 0; i < rows->row_count; i++)
    add_range(e, rows, i, runner);
}

void estimate_settle(struct estimate *e, int64_t rows_before) {
  e->rows_before = rows_before;
}

void estimate_own(struct estimate *e, const char *high, const char *cursor) {
  double end = key_position(e->first_key, e->last_key, high);
  if (e->frontier >= 0 && end > e->frontier) /* planned since the last look */
    e->frontier = end;
  e->open += between(e, cursor, high);
}

double estimate_position(const struct estimate *e) {
  double done = e->frontier - e->open;
  return e->frontier < 0 ? -1 : done < 0 ? 0 : done;
}

double estimate_advance(struct estimate *e, double position) {
  if (position > e->farthest)
    e->farthest = position;
  return position < 0 ? position : e->farthest;
}
