/*
 * metrics.c - counts, and writes the counts as Prometheus reads them; see metrics.h.
 *
 * The text form is described by Prometheus' "Exposition formats": HELP and TYPE before the samples of a name, label
 * values with backslash, quote and line end escaped, the buckets of a histogram cumulated.
 */
#include "backfill/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More reasons than that come from a probe that says something else each time; they are counted together. */
enum { PARTS_MOST = 32 };
static const char other[] = "other";

static const double bucket_s[METRICS_BUCKETS] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

struct metrics_part {
  char *label;
  double value;
};

void metrics_init(struct metrics *m, const char *backfill) {
  *m = (struct metrics){.backfill = xstrdup(backfill), .lag_s = -1, .progress = -1};
}

static void part_free(void *item) {
  struct metrics_part *part = item;
  free(part->label);
  free(part);
}

void metrics_release(struct metrics *m) {
  free(m->backfill);
  vec_release_with(&m->throttles, part_free);
  vec_release_with(&m->retries, part_free);
  *m = (struct metrics){.backfill = NULL};
}

/* --- counting --- */

static struct metrics_part *part_find(const struct vec *parts, const char *label) {
  for (size_t i = 0; i < parts->len; i++) {
    struct metrics_part *part = parts->items[i];
    if (strcmp(part->label, label) == 0)
      return part;
  }
  return NULL;
}

static void part_add(struct vec *parts, const char *label, double value) {
  struct metrics_part *part = part_find(parts, label);
  if (!part && parts->len >= PARTS_MOST) {
    label = other;
    part = part_find(parts, label);
  }
  if (!part) {
    part = xmalloc(sizeof(*part));
    *part = (struct metrics_part){.label = xstrdup(label)};
    vec_push(parts, part);
  }
  part->value += value;
}

void metrics_committed(struct metrics *m, int64_t rows, double seconds, double now_s) {
  size_t bucket = 0;
  while (bucket < METRICS_BUCKETS && seconds > bucket_s[bucket])
    bucket++;
  m->buckets[bucket]++;
  m->batch_seconds += seconds;
  m->batches[BATCH_COMMITTED]++;
  m->rows += rows;
  m->last_commit_s = now_s;
}

void metrics_rolled_back(struct metrics *m, enum batch_result result, const char *sqlstate) {
  m->batches[result]++;
  if (result != BATCH_FAILED)
    part_add(&m->retries, sqlstate && sqlstate[0] ? sqlstate : "none", 1);
}

/* What is behind the first figure or mark changes from look to look, and would make a label of each. */
static char *reason_kind(const char *reason) {
  size_t len = 0;
  while (reason[len] && !isdigit((unsigned char)reason[len]) && !strchr(",:;(=<>\"'", reason[len]))
    len++;
  while (len && isspace((unsigned char)reason[len - 1]))
    len--;
  return len ? xstrndup(reason, len) : xstrdup(other);
}

void metrics_throttled(struct metrics *m, const char *reason, double seconds) {
  char *kind = reason_kind(reason);
  part_add(&m->throttles, kind, seconds);
  free(kind);
}

/* --- writing --- */

static void add_label(struct strbuf *text, const char *name, const char *value) {
  struct strbuf clean = STRBUF_INIT;
  strbuf_add_utf8(&clean, value, strlen(value));
  strbuf_addf(text, "%s=\"", name);
  for (size_t i = 0; i < clean.len; i++) {
    if (clean.buf[i] == '\n') {
      strbuf_add_str(text, "\\n");
      continue;
    }
    if (clean.buf[i] == '\\' || clean.buf[i] == '"')
      strbuf_add_char(text, '\\');
    strbuf_add_char(text, clean.buf[i]);
  }
  strbuf_add_char(text, '"');
  strbuf_release(&clean);
}

static void add_head(struct strbuf *text, const char *name, const char *type, const char *help) {
  strbuf_addf(text, "# HELP moonbird_backfill_%s %s\n# TYPE moonbird_backfill_%s %s\n", name, help, name, type);
}

/* name{backfill="...",label="value"}; `label` may be NULL. */
static void add_name(const struct metrics *m, struct strbuf *text, const char *name, const char *label,
                     const char *value) {
  strbuf_addf(text, "moonbird_backfill_%s{", name);
  add_label(text, "backfill", m->backfill);
  if (label) {
    strbuf_add_char(text, ',');
    add_label(text, label, value);
  }
  strbuf_add_str(text, "} ");
}

static void add_int(const struct metrics *m, struct strbuf *text, const char *name, const char *label,
                    const char *value, int64_t number) {
  add_name(m, text, name, label, value);
  strbuf_addf(text, "%" PRId64 "\n", number);
}

static void add_real(const struct metrics *m, struct strbuf *text, const char *name, const char *label,
                     const char *value, double number) {
  add_name(m, text, name, label, value);
  if (isfinite(number))
    strbuf_addf(text, "%.9g\n", number);
  else
    strbuf_add_str(text, "NaN\n");
}

static void add_parts(const struct metrics *m, struct strbuf *text, const char *name, const char *label,
                      const struct vec *parts) {
  for (size_t i = 0; i < parts->len; i++) {
    const struct metrics_part *part = parts->items[i];
    add_real(m, text, name, label, part->label, part->value);
  }
}

static void write_batches(const struct metrics *m, struct strbuf *text) {
  static const char *const results[] = {[BATCH_COMMITTED] = "committed",
                                        [BATCH_RETRIED] = "retried",
                                        [BATCH_SHRUNK] = "shrunk",
                                        [BATCH_SPLIT] = "split",
                                        [BATCH_FAILED] = "failed"};
  add_head(text, "batches_total", "counter", "Batches by how they ended.");
  for (int i = 0; i < BATCH_RESULT_COUNT; i++)
    add_int(m, text, "batches_total", "result", results[i], m->batches[i]);
}

static void write_histogram(const struct metrics *m, struct strbuf *text) {
  int64_t below = 0;
  add_head(text, "batch_seconds", "histogram", "Time of a committed batch from BEGIN to COMMIT, without pauses.");
  for (size_t i = 0; i < METRICS_BUCKETS; i++) {
    char bound[32];
    snprintf(bound, sizeof bound, "%g", bucket_s[i]);
    below += m->buckets[i];
    add_int(m, text, "batch_seconds_bucket", "le", bound, below);
  }
  add_int(m, text, "batch_seconds_bucket", "le", "+Inf", below + m->buckets[METRICS_BUCKETS]);
  add_real(m, text, "batch_seconds_sum", NULL, NULL, m->batch_seconds);
  add_int(m, text, "batch_seconds_count", NULL, NULL, below + m->buckets[METRICS_BUCKETS]);
}

static void write_counters(const struct metrics *m, struct strbuf *text) {
  add_head(text, "rows_total", "counter", "Rows gone through in committed batches.");
  add_int(m, text, "rows_total", NULL, NULL, m->rows);
  write_batches(m, text);
  write_histogram(m, text);
  add_head(text, "throttled_seconds_total", "counter", "Time in which no batch might start, by reason.");
  add_parts(m, text, "throttled_seconds_total", "reason", &m->throttles);
  add_head(text, "retries_total", "counter", "Batches that were rolled back to be done again, by SQLSTATE.");
  add_parts(m, text, "retries_total", "sqlstate", &m->retries);
  add_head(text, "bad_rows_total", "counter", "Rows put aside by this process.");
  add_int(m, text, "bad_rows_total", NULL, NULL, m->bad_rows);
}

static void write_gauges(const struct metrics *m, struct strbuf *text) {
  add_head(text, "batch_size_rows", "gauge", "Rows that the next batch takes.");
  add_int(m, text, "batch_size_rows", NULL, NULL, m->batch_size);
  add_head(text, "workers", "gauge", "Connections of this process that work.");
  add_int(m, text, "workers", NULL, NULL, m->workers);
  add_head(text, "throttled", "gauge", "1 while no batch may start.");
  add_int(m, text, "throttled", NULL, NULL, m->throttled);
  if (m->lag_s >= 0) {
    add_head(text, "replica_lag_seconds", "gauge", "How far the slowest replica is behind.");
    add_real(m, text, "replica_lag_seconds", NULL, NULL, m->lag_s);
  }
  if (m->progress >= 0) {
    add_head(text, "progress_ratio", "gauge", "How far the key is on its way, 0 to 1.");
    add_real(m, text, "progress_ratio", NULL, NULL, m->progress);
  }
  if (m->last_commit_s > 0) {
    add_head(text, "last_commit_timestamp_seconds", "gauge", "When this process committed its last batch, since 1970.");
    add_name(m, text, "last_commit_timestamp_seconds", NULL, NULL);
    strbuf_addf(text, "%.3f\n", m->last_commit_s);
  }
}

void metrics_write(const struct metrics *m, struct strbuf *text) {
  write_counters(m, text);
  write_gauges(m, text);
}
