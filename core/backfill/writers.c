/*
 * writers.c - see writers.h and BACKFILL.md, 4.1. Called by start.c.
 */
#include "backfill/writers.h"

#include "backfill/persist.h"
#include "backfill/presence.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Seconds between two looks at the writers, at the wishes of operators, and between two warnings. */
static const double look_every_s = 0.2, wishes_every_s = 1, tell_every_s = 30;

struct wait {
  struct session *session;
  const struct definition *definition;
  const struct runner_limits *limits;
  struct backfill_row *row;
  struct runner_outcome *outcome;
  struct rowset first; /* those that were there at the first look: later ones see the table as it is now */
  char *runner;        /* NULL: others have not been told yet that somebody waits */
  char *reason;        /* as it stands in the backfill's row, or NULL */
  double begun_s, wishes_s, beat_s, told_s;
  int interrupts; /* at the start */
};

/* --- who writes --- */

static bool look(struct wait *w, struct rowset *rows, struct error *err) {
  struct statement statement = {.sql = w->definition->writers, .len = strlen(w->definition->writers)};
  return conn_query(w->session->conn, &statement, rows, err);
}

static bool is_among(const struct rowset *rows, const char *id, size_t *at) {
  for (size_t i = 0; i < rows->row_count; i++)
    if (rowset_text(rows, i, 0) && strcmp(rowset_text(rows, i, 0), id) == 0) {
      *at = i;
      return true;
    }
  return false;
}

/* Is one of the first transactions still there? `who` gets it, for people. */
static bool find_one_left(struct wait *w, char **who, struct error *err) {
  struct rowset now = ROWSET_INIT;
  size_t at;
  *who = NULL;
  if (!look(w, &now, err))
    return false;
  for (size_t i = 0; i < w->first.row_count && !*who; i++)
    if (is_among(&now, rowset_text(&w->first, i, 0), &at))
      *who = xstrdup(rowset_text(&now, at, 1));
  rowset_release(&now);
  return true;
}

/* --- what others see --- */

static bool write_reason(struct wait *w, const char *reason, struct error *err) {
  struct batch_builder params;
  batch_init(&params, 2);
  batch_add_clean(&params, 0, reason);
  batch_add_str(&params, 1, w->row->name);
  const char *statement = w->reason ? "backfill_throttle_again" : "backfill_throttle";
  bool ok = session_execute_batch(w->session, statement, &params, NULL, err);
  batch_release(&params);
  return ok;
}

static bool beat(struct wait *w, struct error *err) {
  double lease_s = presence_lease_s(w->session), now_s = clock_monotonic_s();
  if (now_s - w->beat_s < presence_beat_every_s(lease_s))
    return true;
  w->beat_s = now_s;
  const struct presence_news news = {
      .batch_size = w->definition->sizer.size, .rate_1m = -1, .rate_10m = -1, .lag_s = -1};
  struct batch_builder params;
  presence_beat_params(&params, w->runner, lease_s, &news);
  bool ok = presence_insert(w->session, w->runner, w->runner, w->row->name, news.batch_size, err) &&
            session_execute_batch(w->session, "worker_beat", &params, NULL, err);
  batch_release(&params);
  return ok;
}

static bool announce(struct wait *w, const char *reason, struct error *err) {
  if (!w->runner) {
    w->runner = presence_runner_id();
    w->beat_s = clock_monotonic_s();
    if (!presence_insert(w->session, w->runner, w->runner, w->row->name, w->definition->sizer.size, err))
      return false;
  }
  bool is_new = !w->reason || strcmp(w->reason, reason) != 0;
  if ((is_new && !write_reason(w, reason, err)) || !beat(w, err))
    return false;
  free(w->reason);
  w->reason = xstrdup(reason);
  return true;
}

/* Where nothing can be written any more the lease ends. */
static void withdraw(struct wait *w) {
  struct error ignored = ERROR_INIT;
  const char *params[] = {w->row->name, w->reason};
  if (w->runner && (!presence_delete(w->session, w->runner, &ignored) ||
                    !session_execute(w->session, "backfill_untell", params, 2, NULL, &ignored)))
    log_debug("%s", ignored.message);
  error_release(&ignored);
  free(w->runner);
  free(w->reason);
}

static void tell(struct wait *w, const char *reason) {
  const struct run_listener *listener = w->session->request->listener;
  double now_s = clock_monotonic_s();
  const struct backfill_progress progress = {.name = w->definition->name,
                                             .table = w->definition->table,
                                             .state = OBSERVED_RUNNING,
                                             .reason = reason,
                                             .rows_estimated = w->row->rows_estimated,
                                             .fraction = -1,
                                             .eta_s = -1,
                                             .lag_s = -1,
                                             .elapsed_s = now_s - w->begun_s};
  if (listener && listener->backfill)
    listener->backfill(listener->data, &progress);
  if (now_s - w->told_s < tell_every_s)
    return;
  w->told_s = now_s;
  log_warn("backfill %s is %s", w->definition->name, reason);
}

/* --- what may end it --- */

static void stop(struct wait *w, enum job_end end, const char *limit) {
  w->outcome->end = end;
  w->outcome->reason = xstrdup_or_null(limit);
}

/* What operators want, and whether another process has begun. */
static bool read_wishes(struct wait *w, struct error *err) {
  double now_s = clock_monotonic_s();
  if (now_s - w->wishes_s < wishes_every_s)
    return true;
  w->wishes_s = now_s;
  if (!state_read_again(w->session, w->row, err))
    return false;
  if (strcmp(w->row->desired, DESIRED_PAUSE) == 0)
    stop(w, JOB_PAUSED, NULL);
  else if (strcmp(w->row->desired, DESIRED_CANCEL) == 0)
    stop(w, JOB_CANCELLED, NULL);
  return true;
}

static bool has_begun(const struct wait *w) {
  return w->row->first_key || w->row->planned;
}

static void check_limits(struct wait *w) {
  const char *limit = w->limits ? limits_reached(w->limits, 0) : NULL;
  if (limit)
    stop(w, JOB_STOPPED, limit);
}

/* The first interrupt ends the wait between two looks, the second one a look. */
static void handle_interrupt(void *data, int count) {
  const struct wait *w = data;
  if (count - w->interrupts > 1 && conn_is_busy(w->session->conn))
    conn_cancel(w->session->conn);
}

static void take_interrupts(struct wait *w) {
  w->interrupts = loop_interrupts(w->session->loop);
  host_allow_interrupts(w->session->host, 1);
  loop_on_interrupt(w->session->loop, handle_interrupt, w);
}

static bool is_interrupted(const struct wait *w) {
  return loop_interrupts(w->session->loop) > w->interrupts;
}

/* --- the wait --- */

/* One look; `who` stays NULL when nobody is left. */
static bool go_on(struct wait *w, char **who, struct error *err) {
  if (!find_one_left(w, who, err) || !*who)
    return !error_is_set(err);
  char *reason = xasprintf("waiting for a transaction that writes to %s: %s", w->definition->table, *who);
  bool ok = announce(w, reason, err) && read_wishes(w, err);
  if (ok) {
    tell(w, reason);
    check_limits(w);
  }
  free(reason);
  return ok;
}

static bool wait_for_all(struct wait *w, struct error *err) {
  char *who = NULL;
  bool ok = true;
  for (bool waits = w->first.row_count > 0; waits;) {
    free(who);
    ok = go_on(w, &who, err);
    waits = ok && who && !has_begun(w) && w->outcome->end == JOB_GOES_ON && !is_interrupted(w);
    if (waits)
      loop_sleep(w->session->loop, look_every_s); /* less, when an interrupt comes */
  }
  free(who);
  return ok;
}

bool writers_wait(struct session *session, const struct definition *d, const struct runner_limits *limits,
                  struct backfill_row *row, struct runner_outcome *outcome, struct error *err) {
  double now_s = clock_monotonic_s();
  struct wait w = {.session = session,
                   .definition = d,
                   .limits = limits,
                   .row = row,
                   .outcome = outcome,
                   .first = ROWSET_INIT,
                   .begun_s = now_s,
                   .wishes_s = now_s,
                   .told_s = now_s};
  if (!d->writers)
    return true;
  take_interrupts(&w);
  bool ok = look(&w, &w.first, err) && wait_for_all(&w, err);
  if (ok && outcome->end == JOB_GOES_ON && is_interrupted(&w))
    stop(&w, JOB_STOPPED, NULL);
  withdraw(&w);
  session_watch(session);
  rowset_release(&w.first);
  return ok;
}
