/*
 * size.c - the size of batches; see size.h. The numbers are those of BACKFILL.md, 4.5.
 */
#include "backfill/size.h"

#include <stdlib.h>

enum { SAMPLES_WANTED = 5 };
enum { RANGE_BATCHES = 20, FEWEST_RANGE_ROWS = 1000, MOST_RANGES = 2000, RANGES_PER_GROWTH = 250 };

static const double growth_most = 1.5;
static const double halve_beyond = 3;
static const double tenth_beyond = 5;
static const double leap_most = 4;
static const double leap_below = 1.0 / 3;
static const double leap_on_below = 0.8;

void sizer_init_fixed(struct sizer *sizer, int64_t size) {
  *sizer = (struct sizer){.fixed = true, .size = size, .min = size, .max = size};
}

void sizer_init(struct sizer *sizer, double target_s, int64_t start, int64_t min, int64_t max) {
  *sizer = (struct sizer){.target_s = target_s, .min = min, .max = max};
  sizer->size = start < min ? min : start > max ? max : start;
}

void sizer_configure(struct sizer *sizer, const struct sizer *base, int64_t fixed, int64_t target_ms, int64_t min,
                     int64_t max) {
  if (fixed > 0 || (base->fixed && !target_ms)) {
    int64_t size = fixed > 0 ? fixed : base->size;
    sizer_init_fixed(sizer, max > 0 && size > max ? max : size < min ? min : size);
    return;
  }
  static const struct sizer usual = {.target_s = 0.5, .min = 10, .max = 50000};
  const struct sizer *from = base->fixed ? &usual : base;
  int64_t lowest = min > 0 ? min : from->min, highest = max > 0 ? max : from->max;
  if (highest < lowest && max > 0) /* what was set counts, not what the script has on the other side */
    lowest = highest;
  sizer->fixed = false;
  sizer->target_s = target_ms > 0 ? (double)target_ms / 1000 : from->target_s;
  sizer->min = lowest;
  sizer->max = highest > lowest ? highest : lowest;
  sizer->size = sizer->size < sizer->min ? sizer->min : sizer->size > sizer->max ? sizer->max : sizer->size;
  sizer->count = 0;
  sizer->proven = 0;
  sizer->has_leapt = false;
}

/* A new size that is far from the old one makes the old samples worthless. */
static void jump(struct sizer *sizer, int64_t size) {
  sizer->size = size < sizer->min ? sizer->min : size > sizer->max ? sizer->max : size;
  sizer->count = 0;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The 90th percentile of the seconds that one row takes. */
static double p90_row_s(const struct sizer *sizer) {
  double row_s[SIZE_SAMPLES];
  size_t n = sizer->count < SIZE_SAMPLES ? sizer->count : SIZE_SAMPLES;
  for (size_t i = 0; i < n; i++)
    row_s[i] = sizer->samples[i].seconds / (double)sizer->samples[i].size;
  qsort(row_s, n, sizeof(*row_s), compare);
  return row_s[(n * 9 - 1) / 10];
}

/* Sizes within a factor of two of each other are "about this size". */
static void follow(struct sizer *sizer) {
  double wanted = sizer->target_s / p90_row_s(sizer);
  double most = (double)sizer->size * growth_most;
  if (most < (double)sizer->size + 1)
    most = (double)sizer->size + 1; /* from one row on, too */
  if (wanted > most)
    wanted = most;
  int64_t size = wanted < 1 ? 1 : (int64_t)wanted;
  int64_t before = sizer->size;
  size_t count = sizer->count;
  if (size >= before - before / 10 && before > sizer->proven)
    sizer->proven = before;
  sizer->has_leapt = false;
  jump(sizer, size);
  /* Growing wants new samples at the new size; small corrections keep what is known. */
  if (sizer->size < before + before / 4 && sizer->size > before - before / 4)
    sizer->count = count;
}

/* A size that the table does not bear any more, so soon after it was taken back, is not tried again. */
static void fall(struct sizer *sizer, int64_t size) {
  if (sizer->has_leapt)
    sizer->proven = 0;
  sizer->has_leapt = false;
  jump(sizer, size);
}

/* What made the batches slow is over: back towards the size that was right before. */
static bool leap(struct sizer *sizer, int64_t rows, double seconds) {
  double below = sizer->has_leapt ? leap_on_below : leap_below;
  if (sizer->size >= sizer->proven || seconds >= sizer->target_s * below)
    return false;
  double wanted = sizer->target_s / seconds * (double)rows, most = leap_most * (double)sizer->size;
  if (wanted > most)
    wanted = most;
  jump(sizer, wanted > (double)sizer->proven ? sizer->proven : (int64_t)wanted);
  sizer->has_leapt = true;
  return true;
}

void sizer_add(struct sizer *sizer, int64_t rows, double seconds) {
  if (sizer->fixed || rows <= 0 || rows < sizer->size / 2)
    return;
  if (seconds > sizer->target_s * tenth_beyond) {
    fall(sizer, sizer->size / 10);
    return;
  }
  if (seconds > sizer->target_s * halve_beyond) {
    fall(sizer, sizer->size / 2);
    return;
  }
  if (leap(sizer, rows, seconds))
    return;
  sizer->samples[sizer->count % SIZE_SAMPLES] = (struct size_sample){.size = rows, .seconds = seconds};
  sizer->count++;
  if (sizer->count >= SAMPLES_WANTED)
    follow(sizer);
}

void sizer_timed_out(struct sizer *sizer) {
  if (sizer->fixed)
    sizer->size = sizer->size > 10 ? sizer->size / 10 : 1;
  else
    fall(sizer, sizer->size / 10);
}

int64_t size_range(int64_t batch_rows, int64_t rows_estimated) {
  int64_t rows = batch_rows * RANGE_BATCHES;
  if (rows_estimated / MOST_RANGES > rows)
    rows = rows_estimated / MOST_RANGES;
  return rows < FEWEST_RANGE_ROWS ? FEWEST_RANGE_ROWS : rows;
}

int64_t size_range_at(int64_t range_rows, int64_t number) {
  return number <= MOST_RANGES ? range_rows : range_rows * (1 + (number - MOST_RANGES) / RANGES_PER_GROWTH);
}
