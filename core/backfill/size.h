/*
 * size.h - how many rows the next batch takes, and how many a range.
 *
 * Follows a target duration from the durations of the batches before (BACKFILL.md, 4.5): after 5 samples at about this
 * size, size x target / p90 of the last 10, growing at most 1.5 times; a batch of more than 3 x target halves it at
 * once, of more than 5 x, or a time-out, divides by 10. After such a fall the size that was right before comes back as
 * quickly (8, item 8: within 3 batches, both ways): below it, a batch of less than a third of the target makes the next
 * one up to four times as large. Pure; the caller owns the struct, which owns nothing.
 */
#ifndef BACKFILL_SIZE_H
#define BACKFILL_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIZE_SAMPLES = 10 };

struct size_sample {
  int64_t size;
  double seconds;
};

struct sizer {
  bool fixed;
  double target_s;
  int64_t size; /* of the next batch */
  int64_t min;
  int64_t max;
  struct size_sample samples[SIZE_SAMPLES]; /* the last ones; a ring */
  size_t count;                             /* of all samples since the size last jumped */
  int64_t proven;                           /* the largest size whose samples kept to the target; 0: none did yet */
  bool has_leapt;                           /* towards `proven`, and no samples have told yet that it is right again */
};

/* A fixed size, or one that follows `target_s` from `start` on within min..max. */
void sizer_init_fixed(struct sizer *sizer, int64_t size);
void sizer_init(struct sizer *sizer, double target_s, int64_t start, int64_t min, int64_t max);

/* Other limits for a run that goes on; 0: as in `base`. The size stays, as far as they allow. */
void sizer_configure(struct sizer *sizer, const struct sizer *base, int64_t fixed, int64_t target_ms, int64_t min,
                     int64_t max);

/* A batch of `rows` rows has taken so long, from BEGIN to COMMIT without pauses. Short batches at the end of a range do
 * not count. */
void sizer_add(struct sizer *sizer, int64_t rows, double seconds);

/* A batch ran into a time-out. */
void sizer_timed_out(struct sizer *sizer);

/* Rows of a range: about 20 batches, and so many that a table of so many rows (below 0: not known) has 2000 ranges at
 * most. */
int64_t size_range(int64_t batch_rows, int64_t rows_estimated);

/* The same for the range of this number. A claim, and whoever looks how far it is, go through all ranges; where there
 * are more than was thought, because the estimate was wrong or there was none, each further one is larger. */
int64_t size_range_at(int64_t range_rows, int64_t number);

#endif
