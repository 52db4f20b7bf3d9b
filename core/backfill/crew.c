/*
 * crew.c - the workers of one process: as many as the settings want, their rows in the table, their ranges at the end.
 */
#include "backfill/runner_parts.h"

#include "backfill/persist.h"
#include "backfill/presence.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

enum { MOST_WORKERS = 64 };

static const double add_again_s = 10;

struct worker *crew_at(const struct runner *r, size_t index) {
  return r->workers.items[index];
}

static bool insert_worker(struct runner *r, const struct worker *w, struct error *err) {
  return presence_insert(r->session, w->id, r->id, r->job.definition->name, w->sizer.size, err);
}

static void release(const struct runner *r, struct worker *w) {
  struct conn *conn = w->conn;
  worker_release(w);
  if (conn != r->own_conn)
    conn_free(conn);
  free(w);
}

bool crew_add(struct runner *r, struct error *err) {
  struct conn *conn = r->own_conn;
  if (r->workers.len && !session_connect(r->session, "moonbird:backfill", &conn, err))
    return false;
  struct worker *w = xcalloc(1, sizeof(*w));
  worker_init(w, &r->job, conn, (int)r->workers.len);
  control_drain(&r->control);
  if (!insert_worker(r, w, err)) {
    release(r, w);
    return false;
  }
  vec_push(&r->workers, w);
  worker_start(w);
  return true;
}

static bool may_have_more(const struct runner *r) {
  return !r->shares_conn && r->job.end == JOB_GOES_ON && (int)r->workers.len < r->job.workers &&
         r->workers.len < MOST_WORKERS;
}

/* One that has ended because there were too many is counted no more, and the range that it had is free. */
static void retire(struct runner *r, struct worker *w) {
  w->retired = true;
  w->has_range = false;
  w->narrow = 0;
  range_release(&w->range);
  struct batch_builder params;
  batch_init(&params, 1);
  batch_add_str(&params, 0, w->id);
  control_post(&r->control, "worker_retire", &params, NULL, NULL);
}

static bool come_back(struct runner *r, struct worker *w, struct error *err) {
  control_drain(&r->control);
  if (w->retired && !insert_worker(r, w, err))
    return false;
  w->retired = false;
  worker_start(w);
  return true;
}

bool crew_adjust(struct runner *r, struct error *err) {
  while (may_have_more(r) && clock_monotonic_s() >= r->add_at_s) {
    if (crew_add(r, err))
      continue;
    if (!r->workers.len || !persist_is_lost(err))
      return false;
    log_warn("a further worker cannot connect, it is tried again in %.0f s: %s", add_again_s, err->message);
    error_clear(err);
    r->add_at_s = clock_monotonic_s() + add_again_s;
  }
  if (r->job.end != JOB_GOES_ON)
    return true;
  for (size_t i = 0; i < r->workers.len; i++) {
    struct worker *w = crew_at(r, i);
    if (w->state != WORKER_ENDED)
      continue;
    if (w->number >= r->job.workers && !w->retired)
      retire(r, w);
    else if (w->number < r->job.workers && !come_back(r, w, err))
      return false;
  }
  return true;
}

bool crew_has_ended(const struct runner *r) {
  for (size_t i = 0; i < r->workers.len; i++)
    if (crew_at(r, i)->state != WORKER_ENDED)
      return false;
  return true;
}

void crew_wake(struct runner *r) {
  for (size_t i = 0; i < r->workers.len; i++)
    worker_wake(crew_at(r, i));
}

bool crew_sweep(struct runner *r, struct error *err) {
  const char *name = r->job.definition->name;
  return presence_sweep(r->session, name, err) && session_execute(r->session, "range_unfail", &name, 1, NULL, err);
}

void crew_give_back(struct runner *r) {
  struct error err = ERROR_INIT;
  bool ok = true;
  for (size_t i = 0; i < r->workers.len && ok; i++) {
    const struct worker *w = crew_at(r, i);
    const struct error *why = w->failed ? &r->job.err : NULL;
    ok = !w->has_range || range_give_back(r->session, r->job.definition->name, &w->range, w->attempts, why, &err);
  }
  if (!ok || !presence_delete(r->session, r->id, &err) || !presence_sweep(r->session, r->job.definition->name, &err))
    log_debug("ranges were not given back: %s", err.message);
  error_release(&err);
}

void crew_release(struct runner *r) {
  for (size_t i = 0; i < r->workers.len; i++)
    release(r, crew_at(r, i));
  vec_release(&r->workers);
}
