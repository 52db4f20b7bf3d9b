/*
 * job.c - see job.h.
 */
#include "backfill/job.h"

#include "backfill/state.h"
#include "base/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void job_end(struct job *job, enum job_end why, struct error *err) {
  bool is_first = job->end == JOB_GOES_ON || job->end == JOB_FINISHED;
  if (is_first)
    job->end = why;
  if (err && why == JOB_FAILED && !error_is_set(&job->err))
    error_move(&job->err, err);
  else if (err)
    error_clear(err);
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

static double number_of(const json_t *overrides, const char *name, double fallback) {
  const json_t *value = json_object_get(overrides, name);
  return json_is_number(value) ? json_number_value(value) : fallback;
}

/* Names and units are in README.md. */
static void apply_overrides(struct job *job, const json_t *overrides) {
  const struct definition *d = job->definition;
  job->nice = number_of(overrides, "nice", d->nice);
  job->max_bad = (int64_t)number_of(overrides, "max_bad", (double)d->max_bad);
  job->workers = (int)number_of(overrides, "workers", job->forced_workers ? job->forced_workers : d->workers);
  job->size = (int64_t)number_of(overrides, "size", 0);
  job->target_ms = (int64_t)number_of(overrides, "target_ms", 0);
  job->min = (int64_t)number_of(overrides, "min", 0);
  job->max = (int64_t)number_of(overrides, "max", 0);
  job->settings++;
  if (job->throttle.override)
    job->throttle.override(job->throttle.data, overrides);
}

static void take_overrides(struct job *job, const char *text) {
  if (job->settings && same_text(job->overrides, text))
    return;
  json_t *overrides = text ? json_loads(text, 0, NULL) : NULL;
  if (text && !json_is_object(overrides))
    log_warn("the overrides of backfill %s are no JSON object and are passed over: %s", job->definition->name, text);
  apply_overrides(job, overrides);
  json_decref(overrides);
  free(job->overrides);
  job->overrides = xstrdup_or_null(text);
}

/* Another process has begun with other code, or accepted it: rows of both must not stand side by side unnoticed. */
static void check_code(struct job *job, const char *fingerprint) {
  const char *name = job->definition->name;
  struct error err = ERROR_INIT;
  if (!fingerprint || strcmp(fingerprint, job->fingerprint) == 0)
    return;
  error_set(&err, ERROR_HISTORY, "backfill %s runs with other code now, that of another process", name);
  error_detail(&err, "here:  %.8s\nthere: %.8s", job->fingerprint, fingerprint);
  error_hint(&err, "give this machine the same file and run the same command again: it joins");
  job_end(job, JOB_FAILED, &err);
}

void job_take_wishes(struct job *job, const char *desired, const char *overrides, bool braked,
                     const char *fingerprint) {
  job->braked = braked;
  check_code(job, fingerprint);
  take_overrides(job, overrides);
  if (desired && strcmp(desired, DESIRED_PAUSE) == 0)
    job_end(job, JOB_PAUSED, NULL);
  else if (desired && strcmp(desired, DESIRED_CANCEL) == 0)
    job_end(job, JOB_CANCELLED, NULL);
}

const char *job_held(const struct job *job) {
  if (job->braked)
    return job->brake_why ? job->brake_why : "braked by an operator";
  return job->throttle.reason ? job->throttle.reason(job->throttle.data) : NULL;
}

void job_release(struct job *job) {
  free(job->overrides);
  free(job->pause_reason);
  free(job->brake_why);
  error_release(&job->err);
}
