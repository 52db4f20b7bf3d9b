/*
 * status.c - reads the state of backfills; see status.h.
 *
 * Five queries: the backfills, sums over their ranges, the ranges that are not done (for the position of the key), the
 * workers, what the log says of pauses and brakes. They are not one snapshot; a figure may be a batch older than its
 * neighbour.
 */
#include "backfill/status.h"

#include "backfill/brake.h"
#include "backfill/key.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static const double fraction_most = 0.999;
static const double eta_after_fraction = 0.01;
static const double eta_after_s = 10;

/* --- life --- */

static void worker_free(void *item) {
  struct status_worker *worker = item;
  free(worker->id);
  free(worker->host);
  free(worker);
}

static void event_clear(struct status_event *event) {
  free(event->at);
  free(event->by);
  free(event->why);
  *event = (struct status_event){.at = NULL};
}

void status_free(struct backfill_status *status) {
  if (!status)
    return;
  char *texts[] = {status->name,          status->table,           status->key_columns, status->first_key,
                   status->last_key,      status->desired,         status->observed,    status->overrides,
                   status->last_error,    status->throttle_reason, status->started_at,  status->finished_at,
                   status->registered_at, status->verified_at};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++)
    free(texts[i]);
  event_clear(&status->held);
  event_clear(&status->brake);
  vec_release_with(&status->workers, worker_free);
  free(status);
}

static void free_item(void *item) {
  status_free(item);
}

void status_free_all(struct vec *list) {
  vec_release_with(list, free_item);
}

/* --- the rows of a query --- */

static char *text_at(const struct rowset *rows, size_t row, uint32_t column) {
  return xstrdup_or_null(rowset_text(rows, row, column));
}

static int64_t int_or_none(const struct rowset *rows, size_t row, uint32_t column) {
  return rowset_is_null(rows, row, column) ? -1 : rowset_int(rows, row, column);
}

static double not_below_0(double seconds) {
  return seconds > 0 ? seconds : 0;
}

/* --- the parts --- */

/* What is read, and what is needed only until all of it is. */
struct reading {
  struct vec *list;     /* of struct backfill_status */
  size_t first;         /* in it: what this reading has added */
  char *now;            /* the database's clock */
  struct vec frontiers; /* owned keys or NULL, one for each */
  struct brake brake;   /* for all */
};

static struct backfill_status *find(const struct reading *r, const char *name) {
  for (size_t i = r->first; i < r->list->len; i++) {
    struct backfill_status *status = r->list->items[i];
    if (name && strcmp(status->name, name) == 0)
      return status;
  }
  return NULL;
}

/* One that nobody has braked or released by its name will follow the brake for all. */
static double braked_for_s(const struct reading *r, const char *now, const char *until, bool has_ended) {
  return not_below_0(until || has_ended ? clock_seconds_between(now, until, 0) : r->brake.left_s);
}

/* In the order of `status_backfills`. */
static void add_backfill(struct reading *r, const struct rowset *rows, size_t row) {
  struct backfill_status *s = xmalloc(sizeof(*s));
  const char *now = rowset_text(rows, row, 21);
  const char *started = rowset_text(rows, row, 16);
  const char *finished = rowset_text(rows, row, 17);
  *s = (struct backfill_status){
      .name = text_at(rows, row, 0),
      .table = text_at(rows, row, 1),
      .key_columns = text_at(rows, row, 2),
      .first_key = text_at(rows, row, 3),
      .last_key = text_at(rows, row, 4),
      .desired = text_at(rows, row, 6),
      .observed = text_at(rows, row, 7),
      .overrides = text_at(rows, row, 8),
      .throttle_reason = text_at(rows, row, 9),
      .last_error = text_at(rows, row, 10),
      .batch_size = rowset_int(rows, row, 11),
      .rows_estimated = int_or_none(rows, row, 12),
      .bad_rows = rowset_int(rows, row, 13),
      .registered_at = text_at(rows, row, 15),
      .started_at = text_at(rows, row, 16),
      .finished_at = text_at(rows, row, 17),
      .verified_at = text_at(rows, row, 18),
      .elapsed_s = clock_seconds_between(started, finished ? finished : now, -1),
      .throttled_for_s = clock_seconds_between(rowset_text(rows, row, 19), now, -1),
      .braked_for_s = braked_for_s(r, now, rowset_text(rows, row, 20), finished != NULL),
      .commit_age_s = -1,
      .rate_1m = -1,
      .rate_10m = -1,
      .lag_ms = -1,
      .frontier = -1,
      .fraction = -1,
      .eta_s = -1,
  };
  s->throttled_s = (double)rowset_int(rows, row, 14) / 1000 + not_below_0(s->throttled_for_s);
  vec_push(r->list, s);
  vec_push(&r->frontiers, text_at(rows, row, 5));
  free(r->now);
  r->now = xstrdup_or_null(now);
}

static void add_ranges(struct reading *r, const struct rowset *rows, size_t row) {
  struct backfill_status *s = find(r, rowset_text(rows, row, 0));
  if (!s)
    return;
  s->ranges = rowset_int(rows, row, 1);
  s->ranges_done = rowset_int(rows, row, 2);
  s->ranges_failed = rowset_int(rows, row, 3);
  s->rows_done = rowset_int(rows, row, 4);
  const char *committed = rowset_text(rows, row, 5);
  if (committed)
    s->commit_age_s = not_below_0(clock_seconds_between(committed, r->now, -1));
}

/* What a range that is not done still lacks; the frontier counted it as done. A range that was planned after the
 * frontier was read lies behind it. */
static void subtract_open(struct reading *r, const struct rowset *rows, size_t row) {
  struct backfill_status *s = find(r, rowset_text(rows, row, 0));
  if (!s || s->fraction < 0)
    return;
  const char *cursor = rowset_text(rows, row, 3);
  const char *from = cursor ? cursor : rowset_text(rows, row, 1);
  double low = key_position(s->first_key, s->last_key, from);
  double high = key_position(s->first_key, s->last_key, rowset_text(rows, row, 2));
  high = high < s->frontier ? high : s->frontier;
  if (low >= 0 && high > low)
    s->fraction -= high - low;
}

static void add_up(int64_t *sum, int64_t value) {
  if (value >= 0)
    *sum = (*sum < 0 ? 0 : *sum) + value;
}

static void add_worker(struct reading *r, const struct rowset *rows, size_t row) {
  struct backfill_status *s = find(r, rowset_text(rows, row, 0));
  if (!s)
    return;
  struct status_worker *w = xmalloc(sizeof(*w));
  *w = (struct status_worker){
      .id = text_at(rows, row, 1),
      .host = text_at(rows, row, 2),
      .pid = rowset_int(rows, row, 3),
      .batch_size = rowset_int(rows, row, 4),
      .rate_1m = int_or_none(rows, row, 5),
      .rate_10m = int_or_none(rows, row, 6),
      .lag_ms = int_or_none(rows, row, 7),
      .heartbeat_age_s = not_below_0(clock_seconds_between(rowset_text(rows, row, 8), r->now, 0)),
      .alive = rowset_int(rows, row, 9) != 0,
      .range = rowset_int(rows, row, 10),
  };
  vec_push(&s->workers, w);
  if (!w->alive)
    return;
  s->workers_alive++;
  s->batch_size = w->batch_size;
  add_up(&s->rate_1m, w->rate_1m);
  add_up(&s->rate_10m, w->rate_10m);
  s->lag_ms = w->lag_ms > s->lag_ms ? w->lag_ms : s->lag_ms;
}

/* --- what the log says --- */

/* Was something that had ended given back to be done? */
static bool is_again(const char *event) {
  return strcmp(event, "retry") == 0 || strcmp(event, "requeued") == 0 || strcmp(event, "bad row retried") == 0;
}

/* In the order of `status_events`. */
static void take_event(struct status_event *event, const struct reading *r, const struct rowset *rows, size_t row) {
  const char *kind = rowset_text(rows, row, 1);
  const char *detail = rowset_text(rows, row, 2), *reason = rowset_text(rows, row, 3);
  event_clear(event);
  *event = (struct status_event){
      .at = text_at(rows, row, 6),
      .by = xasprintf("%s@%s", rowset_text(rows, row, 4), rowset_text(rows, row, 5)),
      .why = is_again(kind) ? xasprintf("to do again: %s%s", strstr(kind, "bad row") ? "bad row " : "", detail)
                            : xstrdup_or_null(reason ? reason : detail),
      .age_s = not_below_0(clock_seconds_between(rowset_text(rows, row, 6), r->now, 0)),
  };
}

/* The end of a run does not take the place of the pause that ended it. */
static void add_event(struct reading *r, const struct rowset *rows, size_t row) {
  struct backfill_status *s = find(r, rowset_text(rows, row, 0));
  const char *event = rowset_text(rows, row, 1);
  if (!s)
    return;
  bool asked = strcmp(s->desired, DESIRED_RUN) != 0 && s->held.at;
  if (asked && strcmp(event, OBSERVED_RUNNING) == 0)
    return; /* an upgrade begins, and ends at once for the same pause */
  if (strcmp(event, OBSERVED_RUNNING) == 0 || strcmp(event, "resumed") == 0) {
    event_clear(&s->held);
  } else if (strcmp(event, "brake released") == 0) {
    event_clear(&s->brake);
  } else if (strcmp(event, "braked") == 0) {
    take_event(&s->brake, r, rows, row);
    if (!rowset_text(rows, row, 3)) { /* the detail is how long */
      free(s->brake.why);
      s->brake.why = NULL;
    }
  } else if (strcmp(event, "stopped") != 0 || !asked) {
    take_event(&s->held, r, rows, row);
  }
}

/* The brake for all is in no backfill's log that was registered later. */
static void finish_brake(const struct reading *r, struct backfill_status *s) {
  if (s->braked_for_s <= 0)
    event_clear(&s->brake);
  else if (!s->brake.at && r->brake.is_on)
    s->brake = (struct status_event){.at = xstrdup(r->brake.set_at),
                                     .by = xstrdup(r->brake.by),
                                     .why = xstrdup_or_null(r->brake.why),
                                     .age_s = not_below_0(clock_seconds_between(r->brake.set_at, r->now, 0))};
}

static void finish_events(const struct reading *r, struct backfill_status *s) {
  finish_brake(r, s);
  if (status_is_done(s))
    event_clear(&s->held);
}

/* --- figures from figures --- */

bool status_is_done(const struct backfill_status *s) {
  return s->observed && state_is_done(s->observed);
}

bool status_has_ended(const struct backfill_status *s) {
  return status_is_done(s) ||
         (s->observed && (strcmp(s->observed, OBSERVED_CANCELLED) == 0 || strcmp(s->observed, OBSERVED_FAILED) == 0));
}

double status_throttled_share(const struct backfill_status *s) {
  if (s->elapsed_s <= 0)
    return 0;
  double share = s->throttled_s / s->elapsed_s;
  return share < 1 ? share : 1;
}

/* A runner that was killed while it was held has left its reason, but nobody is held by it any more. */
static void finish_throttle(struct backfill_status *s) {
  if (s->workers_alive)
    return;
  free(s->throttle_reason);
  s->throttle_reason = NULL;
  s->throttled_s -= not_below_0(s->throttled_for_s);
  s->throttled_for_s = -1;
}

/* From the keys where these have a place between two others, else from the rows and their estimate. */
static void finish_fraction(struct backfill_status *s) {
  bool has_position = s->frontier >= 0;
  if (has_position && s->fraction < 0)
    s->fraction = 0;
  s->is_estimate = !has_position && s->rows_estimated > 0 && !status_is_done(s);
  if (s->is_estimate)
    s->fraction = (double)s->rows_done / (double)s->rows_estimated;
  if (s->fraction > fraction_most)
    s->fraction = fraction_most;
  if (status_is_done(s))
    s->fraction = 1;
}

static void finish_eta(struct backfill_status *s) {
  int64_t rate = s->rate_10m > 0 ? s->rate_10m : s->rate_1m;
  if (rate <= 0 || s->elapsed_s < eta_after_s || s->fraction < eta_after_fraction || status_has_ended(s))
    return;
  if (s->is_estimate && s->rows_done >= s->rows_estimated)
    return; /* the estimate is known to be wrong */
  double all = (double)s->rows_done / s->fraction;
  s->eta_s = (all - (double)s->rows_done) / (double)rate + not_below_0(s->braked_for_s);
}

/* What the row has is of before its first batch, or of its end. */
static void finish_batch_size(struct backfill_status *s) {
  if (s->started_at && !s->workers_alive && !status_is_done(s))
    s->batch_size = -1;
}

static void start_fractions(struct reading *r) {
  for (size_t i = r->first; i < r->list->len; i++) {
    struct backfill_status *s = r->list->items[i];
    const char *frontier = r->frontiers.items[i - r->first];
    if (s->first_key)
      s->frontier = key_position(s->first_key, s->last_key, frontier ? frontier : s->first_key);
    s->fraction = s->frontier;
  }
}

/* --- reading --- */

typedef void (*row_fn)(struct reading *r, const struct rowset *rows, size_t row);

static bool read_part(struct session *session, const char *query, const char *name, row_fn add, struct reading *r,
                      struct error *err) {
  const char *params[] = {name, name};
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, query, params, 2, &rows, err))
    return false;
  for (size_t i = 0; i < rows.row_count; i++)
    add(r, &rows, i);
  rowset_release(&rows);
  return true;
}

static bool read_parts(struct session *session, const char *name, struct reading *r, struct error *err) {
  if (!read_part(session, "status_backfills", name, add_backfill, r, err) ||
      !read_part(session, "status_ranges", name, add_ranges, r, err))
    return false;
  start_fractions(r);
  return read_part(session, "status_open_ranges", name, subtract_open, r, err) &&
         read_part(session, "status_workers", name, add_worker, r, err) &&
         read_part(session, "status_events", name, add_event, r, err);
}

bool status_read(struct session *session, const char *name, struct vec *list, struct error *err) {
  struct vec names = VEC_INIT;
  struct reading r = {.list = list, .first = list->len, .frontiers = VEC_INIT};
  bool ok = state_names(session, &names, err);
  if (ok && names.len)
    ok = brake_read(session, &r.brake, err);
  if (ok && names.len)
    ok = read_parts(session, name, &r, err);
  for (size_t i = r.first; ok && i < list->len; i++) {
    finish_throttle(list->items[i]);
    finish_fraction(list->items[i]);
    finish_eta(list->items[i]);
    finish_batch_size(list->items[i]);
    finish_events(&r, list->items[i]);
  }
  vec_release_with(&r.frontiers, free);
  brake_release(&r.brake);
  free(r.now);
  strvec_release(&names);
  return ok;
}
