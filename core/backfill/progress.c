/*
 * progress.c - the figures of a progress bar; see progress.h.
 */
#include "backfill/progress.h"

static const double window_s = 10;
static const double fraction_most = 0.999;
static const double eta_after_s = 2;
static const double eta_after_fraction = 0.01;

void rate_add(struct rate *rate, double at_s, int64_t rows) {
  rate->samples[rate->count % RATE_SAMPLES] = (struct rate_sample){.at_s = at_s, .rows = rows};
  rate->count++;
}

double rate_per_s(const struct rate *rate) {
  if (rate->count < 2)
    return 0;
  const struct rate_sample *last = &rate->samples[(rate->count - 1) % RATE_SAMPLES];
  const struct rate_sample *first = last;
  size_t kept = rate->count < RATE_SAMPLES ? rate->count : RATE_SAMPLES;
  for (size_t i = 1; i < kept; i++) {
    const struct rate_sample *s = &rate->samples[(rate->count - 1 - i) % RATE_SAMPLES];
    if (last->at_s - s->at_s > window_s && first != last)
      break;
    first = s;
  }
  double seconds = last->at_s - first->at_s;
  return seconds > 0 ? (double)(last->rows - first->rows) / seconds : 0;
}

void window_init(struct rate_window *window, double now_s) {
  *window = (struct rate_window){.step = (int64_t)(now_s / WINDOW_STEP_S), .begun_s = now_s};
}

void window_add(struct rate_window *window, double at_s, int64_t rows) {
  int64_t step = (int64_t)(at_s / WINDOW_STEP_S);
  int64_t passed = step - window->step;
  /* What the ring held of the steps passed over is more than ten minutes old. */
  for (int64_t i = 1; i <= passed && i <= WINDOW_STEPS; i++)
    window->rows[(window->step + i) % WINDOW_STEPS] = 0;
  if (passed > 0)
    window->step = step;
  window->rows[window->step % WINDOW_STEPS] += rows;
}

double window_rate(const struct rate_window *window, double now_s, double seconds) {
  int64_t last = (int64_t)(now_s / WINDOW_STEP_S);
  int64_t first = last - (int64_t)(seconds / WINDOW_STEP_S) + 1;
  int64_t oldest = window->step - WINDOW_STEPS + 1;
  int64_t sum = 0;
  for (int64_t step = first > oldest ? first : oldest; step <= last && step <= window->step; step++)
    sum += window->rows[step % WINDOW_STEPS];
  double from_s = (double)first * WINDOW_STEP_S;
  double covered_s = now_s - (from_s > window->begun_s ? from_s : window->begun_s);
  /* A single batch at the very start is no rate yet. */
  return covered_s >= 1 ? (double)sum / covered_s : 0;
}

/* From the position of the key where it has one, else from the estimated rows. */
static double fraction(const struct backfill_progress *p, double position) {
  if (p->ended)
    return 1;
  if (p->is_estimate)
    position = (double)p->rows_done / (double)p->rows_estimated;
  return position > fraction_most ? fraction_most : position;
}

void progress_estimate(struct backfill_progress *p, const struct rate *rate, double position) {
  p->is_estimate = !p->ended && position < 0 && p->rows_estimated > 0;
  p->fraction = fraction(p, position);
  p->rows_per_s = rate_per_s(rate);
  p->eta_s = -1;
  if (p->ended || p->elapsed_s < eta_after_s || p->fraction < eta_after_fraction || p->rows_per_s <= 0)
    return;
  if (p->is_estimate && p->rows_done >= p->rows_estimated)
    return; /* the estimate is known to be wrong */
  double rows_all = (double)p->rows_done / p->fraction;
  p->eta_s = (rows_all - (double)p->rows_done) / p->rows_per_s;
}
