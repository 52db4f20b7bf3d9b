/*
 * seek.c - how a worker comes to its next range: a free one, one whose worker is gone, or a new one at the frontier;
 * see worker.c for the table of states.
 *
 * A new range ends at the key beyond so many rows, which an index hop finds. Nothing computes with keys, so sparse,
 * composite and text keys are the same.
 */
#include "backfill/key.h"
#include "backfill/state.h"
#include "backfill/worker_states.h"
#include "base/log.h"

#include <stdlib.h>

/* --- what each state starts --- */

static void start_next(struct worker *w) {
  const struct job *job = w->job;
  worker_new_params(w, job->exclusive ? 2 : 1);
  batch_add_str(&w->params, 0, job->definition->name);
  if (job->exclusive)
    batch_add_str(&w->params, 1, job->runner);
  worker_execute_named(w, job->exclusive ? "range_next_exclusive" : "range_next", 1);
}

static void start_take(struct worker *w) {
  worker_new_params(w, 3);
  batch_add_str(&w->params, 0, w->id);
  batch_add_str(&w->params, 1, w->job->definition->name);
  batch_add_int(&w->params, 2, w->range.number);
  worker_execute_named(w, "range_take", 0);
}

static void start_with_name(struct worker *w, const char *statement) {
  worker_new_params(w, 1);
  batch_add_str(&w->params, 0, w->job->definition->name);
  worker_execute_named(w, statement, 1);
}

/* From the frontier (excluded), or from the first key (included). */
static void start_plan(struct worker *w) {
  uint32_t n = worker_key_len(w);
  const struct sql_pair *hop = &w->job->definition->hop;
  const char *from = w->range.cursor ? w->range.cursor : w->range.low;
  worker_new_params(w, 2 * n + 1);
  if (!key_add(from, &w->params, 0, n, &w->err) || !key_add(w->range.high, &w->params, n, n, &w->err)) {
    recover_from(w);
    return;
  }
  batch_add_int(&w->params, 2 * n, size_range_at(w->job->range_rows, w->range.number) - 1);
  worker_execute(w, w->range.cursor ? hop->after : hop->first, MOONBIRD_REPEATED, 1);
}

static void start_insert(struct worker *w) {
  worker_new_params(w, 7);
  batch_add_str(&w->params, 0, w->job->definition->name);
  batch_add_int(&w->params, 1, w->range.number);
  batch_add_str(&w->params, 2, w->range.low);
  batch_add_str(&w->params, 3, w->range.high);
  batch_add_str(&w->params, 4, w->range.cursor);
  batch_add_str(&w->params, 5, "active");
  batch_add_str(&w->params, 6, w->id);
  worker_execute_named(w, "range_insert", 0);
}

static void start_move_frontier(struct worker *w) {
  worker_new_params(w, 3);
  batch_add_str(&w->params, 0, w->range.high);
  batch_add_bool(&w->params, 1, w->range.is_last);
  batch_add_str(&w->params, 2, w->job->definition->name);
  worker_execute_named(w, "frontier_move", 0);
}

void seek_enter(struct worker *w) {
  switch (w->state) {
  case WORKER_SEEK:
    worker_execute(w, w->begin, MOONBIRD_SCRIPT, 0);
    return;
  case WORKER_NEXT:
    start_next(w);
    return;
  case WORKER_TAKE:
    start_take(w);
    return;
  case WORKER_FRONTIER:
    start_with_name(w, "frontier_lock");
    return;
  case WORKER_PLAN:
    start_plan(w);
    return;
  case WORKER_INSERT:
    start_insert(w);
    return;
  case WORKER_MOVE_FRONTIER:
    start_move_frontier(w);
    return;
  case WORKER_LEFT:
    start_with_name(w, "range_left");
    return;
  case WORKER_SEEK_COMMIT:
    worker_execute(w, "COMMIT", MOONBIRD_SCRIPT, 0);
    return;
  default:
    BUG("no state of seeking: %d", (int)w->state);
  }
}

/* --- what follows each state --- */

static void after_next(struct worker *w) {
  range_release(&w->range);
  if (!worker_has_row(w)) {
    worker_discard(w);
    worker_enter(w, WORKER_FRONTIER);
    return;
  }
  w->range = (struct range){.number = worker_int_at(w, 0),
                            .low = worker_text_at(w, 1),
                            .high = worker_text_at(w, 2),
                            .cursor = worker_text_at(w, 3),
                            .epoch = worker_int_at(w, 4) + 1,
                            .rows_done = worker_int_at(w, 5)};
  worker_discard(w);
  worker_enter(w, WORKER_TAKE);
}

/* Somebody has forgotten the backfill, or taken back the revision that registered it; it may be registered anew. */
static bool check_state_is_there(struct worker *w) {
  const char *name = w->job->definition->name;
  bool there = worker_has_row(w), planned = there && worker_int_at(w, 0) != 0;
  char *first = there ? worker_text_at(w, 1) : NULL;
  bool ok = planned || first;
  free(first);
  if (ok)
    return true;
  error_set(&w->err, ERROR_HISTORY, "the state of backfill %s %s", name,
            there ? "was dropped while it was at work, and is a new one that has not begun" : "is gone");
  return error_hint(&w->err, "what is committed stays; `moonbird backfill log %s` tells who has dropped it", name);
}

static void after_frontier(struct worker *w) {
  if (!check_state_is_there(w)) {
    worker_discard(w);
    recover_from(w);
    return;
  }
  bool planned = worker_int_at(w, 0) != 0;
  char *first = worker_text_at(w, 1), *frontier = worker_text_at(w, 3);
  w->range = (struct range){.number = worker_int_at(w, 4) + 1, .high = worker_text_at(w, 2), .epoch = 1};
  w->range.low = frontier ? xstrdup(frontier) : xstrdup_or_null(first);
  w->range.cursor = frontier;
  free(first);
  worker_take_wishes(w, 5);
  worker_discard(w);
  if (planned)
    range_release(&w->range);
  w->range.is_last = w->job->range_rows == 0;
  worker_enter(w, planned ? WORKER_LEFT : w->range.is_last ? WORKER_INSERT : WORKER_PLAN);
}

static void after_plan(struct worker *w) {
  w->range.is_last = !worker_has_row(w);
  if (!w->range.is_last) {
    char *end = key_from_row(&conn_outcome(w->conn)->batch, 0, worker_key_len(w));
    w->range.is_last = strcmp(end, w->range.high) == 0;
    free(w->range.high);
    w->range.high = end;
  }
  worker_discard(w);
  worker_enter(w, WORKER_INSERT);
}

/* Nothing is free: all is done, somebody else is at work, or what is left has failed. */
static void after_left(struct worker *w) {
  struct job *job = w->job;
  free(w->waits_for);
  w->waits_for = NULL;
  if (!worker_has_row(w)) {
    job_end(job, JOB_FINISHED, NULL);
  } else {
    char *state = worker_text_at(w, 1), *worker = worker_text_at(w, 2), *problem = worker_text_at(w, 3);
    if (state && strcmp(state, "failed") == 0) {
      error_set(&w->err, ERROR_FAILED, "range %lld of backfill %s has failed: %s", (long long)worker_int_at(w, 0),
                job->definition->name, problem ? problem : "");
      job_end(job, JOB_FAILED, &w->err);
    } else {
      w->waits_for = worker ? worker : xstrdup("nobody");
      worker = NULL;
    }
    free(state);
    free(worker);
    free(problem);
  }
  worker_discard(w);
  worker_enter(w, WORKER_ROLLBACK);
}

static void after_seek_commit(struct worker *w) {
  w->has_range = true;
  free(w->waits_for);
  w->waits_for = NULL;
  w->attempts = 0;
  log_debug("worker %s has range %lld of %s: %s to %s", w->id, (long long)w->range.number, w->job->definition->name,
            w->range.low, w->range.high);
  worker_next_batch(w);
}

void seek_go_on(struct worker *w) {
  switch (w->state) {
  case WORKER_SEEK:
    worker_enter(w, WORKER_NEXT);
    return;
  case WORKER_NEXT:
    after_next(w);
    return;
  case WORKER_TAKE:
  case WORKER_MOVE_FRONTIER:
    worker_enter(w, WORKER_SEEK_COMMIT);
    return;
  case WORKER_FRONTIER:
    after_frontier(w);
    return;
  case WORKER_PLAN:
    after_plan(w);
    return;
  case WORKER_INSERT:
    worker_enter(w, WORKER_MOVE_FRONTIER);
    return;
  case WORKER_LEFT:
    after_left(w);
    return;
  case WORKER_SEEK_COMMIT:
    after_seek_commit(w);
    return;
  default:
    BUG("an answer for a worker in state %d", (int)w->state);
  }
}
