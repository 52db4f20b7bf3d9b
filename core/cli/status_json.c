/*
 * status_json.c - see status_json.h. What is not known is null.
 */
#include "cli/status_json.h"

#include "cli/output.h"

static void set_text(json_t *object, const char *key, const char *text) {
  json_object_set_new(object, key, output_json_text(text));
}

/* Below 0 is unknown. */
static void set_int(json_t *object, const char *key, int64_t number) {
  json_object_set_new(object, key, number < 0 ? json_null() : json_integer(number));
}

static void set_real(json_t *object, const char *key, double number) {
  json_object_set_new(object, key, number < 0 ? json_null() : json_real(number));
}

static json_t *worker_json(const struct status_worker *w) {
  json_t *object = json_object();
  set_text(object, "id", w->id);
  set_text(object, "host", w->host);
  set_int(object, "pid", w->pid);
  json_object_set_new(object, "alive", json_boolean(w->alive));
  json_object_set_new(object, "range", w->range ? json_integer(w->range) : json_null());
  set_int(object, "batch_size", w->batch_size);
  set_int(object, "rows_per_s_1m", w->rate_1m);
  set_int(object, "rows_per_s_10m", w->rate_10m);
  set_real(object, "heartbeat_age_s", w->heartbeat_age_s);
  return object;
}

/* Something that is JSON in the table already. */
static void set_json(json_t *object, const char *key, const char *text) {
  json_t *value = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
  json_object_set_new(object, key, value ? value : json_null());
}

static void set_event(json_t *object, const char *key, const struct status_event *event) {
  if (!event->at) {
    json_object_set_new(object, key, json_null());
    return;
  }
  json_t *value = json_object();
  set_text(value, "at", event->at);
  set_text(value, "by", event->by);
  set_text(value, "why", event->why);
  set_real(value, "age_s", event->age_s);
  json_object_set_new(object, key, value);
}

static void set_figures(json_t *object, const struct backfill_status *s) {
  set_int(object, "rows_done", s->rows_done);
  set_int(object, "rows_estimated", s->rows_estimated);
  set_real(object, "fraction", s->fraction);
  json_object_set_new(object, "fraction_is_estimate", json_boolean(s->is_estimate));
  set_real(object, "eta_s", s->eta_s);
  set_real(object, "elapsed_s", s->elapsed_s);
  set_int(object, "rows_per_s_1m", s->rate_1m);
  set_int(object, "rows_per_s_10m", s->rate_10m);
  set_int(object, "batch_size", s->batch_size);
  set_int(object, "bad_rows", s->bad_rows);
  set_int(object, "ranges", s->ranges);
  set_int(object, "ranges_done", s->ranges_done);
  set_int(object, "ranges_failed", s->ranges_failed);
  set_real(object, "last_commit_age_s", s->commit_age_s);
  set_real(object, "throttled_for_s", s->throttled_for_s);
  set_real(object, "throttled_s", s->throttled_s);
  set_real(object, "throttled_share", status_throttled_share(s));
  set_real(object, "braked_for_s", s->braked_for_s);
  set_real(object, "replica_lag_s", s->lag_ms < 0 ? -1 : (double)s->lag_ms / 1000);
}

json_t *status_json(const struct backfill_status *s) {
  json_t *object = json_object();
  set_text(object, "name", s->name);
  set_text(object, "table", s->table);
  set_json(object, "key", s->key_columns);
  set_text(object, "state", s->observed);
  set_text(object, "desired", s->desired);
  set_text(object, "throttle_reason", s->throttle_reason);
  set_text(object, "last_error", s->last_error);
  set_event(object, "held", &s->held);
  set_event(object, "brake", &s->brake);
  set_json(object, "overrides", s->overrides);
  set_figures(object, s);
  set_text(object, "registered_at", s->registered_at);
  set_text(object, "started_at", s->started_at);
  set_text(object, "finished_at", s->finished_at);
  set_text(object, "verified_at", s->verified_at);
  json_t *workers = json_array();
  for (size_t i = 0; i < s->workers.len; i++)
    json_array_append_new(workers, worker_json(s->workers.items[i]));
  json_object_set_new(object, "workers", workers);
  return object;
}

json_t *status_list_json(const struct vec *list) {
  json_t *array = json_array();
  for (size_t i = 0; i < list->len; i++)
    json_array_append_new(array, status_json(list->items[i]));
  return array;
}
