/*
 * quarantine.c - rows of a batch that cannot be done are put aside in its transaction, and a row that was put aside
 * before and is done now is not a bad one any more; see worker.c for the table of states.
 */
#include "backfill/worker_states.h"

#include <stdlib.h>

/* The batch is the one row that failed before: it is put aside, and nothing is done with it. */
bool quarantine_is_due(const struct worker *w) {
  return w->condemned && w->end_key && w->limit == 1 && strcmp(w->condemned, w->end_key) == 0;
}

void quarantine_put_aside(struct worker *w) {
  struct bad_row *bad = xcalloc(1, sizeof(*bad));
  const struct error *why = &w->condemned_for;
  *bad = (struct bad_row){.key = xstrdup(w->end_key),
                          .sqlstate = why->sqlstate[0] ? xstrdup(why->sqlstate) : NULL,
                          .message = xstrdup(why->message)};
  vec_push(&w->bad, bad);
  w->rows = 1;
  attempt_finish_work(w);
}

/* --- what each state starts --- */

static void start_mended(struct worker *w) {
  worker_new_params(w, 2);
  batch_add_str(&w->params, 0, w->job->definition->name);
  batch_add_str(&w->params, 1, w->end_key);
  worker_execute_named(w, "bad_mended", 0);
}

static void add_to_quarantine(struct worker *w, int64_t rows) {
  worker_new_params(w, 2);
  batch_add_int(&w->params, 0, rows);
  batch_add_str(&w->params, 1, w->job->definition->name);
  worker_execute_named(w, "backfill_quarantine", 0);
}

static void start_bad_count(struct worker *w) {
  worker_new_params(w, 1);
  batch_add_str(&w->params, 0, w->job->definition->name);
  worker_execute_named(w, "bad_count", 1);
}

static void execute_each(struct worker *w, const char *name) {
  const char *sql = texts_get(&w->job->session->texts, name);
  w->statement = (struct statement){.sql = sql,
                                    .len = strlen(sql),
                                    .flags = MOONBIRD_REPEATED,
                                    .bind = MOONBIRD_BIND_EACH,
                                    .params = batch_view(&w->params)};
  conn_start_execute(w->conn, &w->statement, 0, worker_call, w);
}

static void start_bad_reopen(struct worker *w) {
  worker_new_params(w, 2);
  for (size_t i = 0; i < w->bad.len; i++) {
    batch_add_str(&w->params, 0, w->job->definition->name);
    batch_add_str(&w->params, 1, ((struct bad_row *)w->bad.items[i])->key);
  }
  execute_each(w, "bad_reopen");
}

/* One row of parameters for each bad row: `again` updates those that are there, else the others are inserted. */
static void start_bad(struct worker *w, bool again) {
  char *id = attempt_batch_id(w);
  worker_new_params(w, again ? 6 : 8);
  for (size_t i = 0; i < w->bad.len; i++) {
    const struct bad_row *bad = w->bad.items[i];
    uint32_t c = 0;
    if (!again) {
      batch_add_str(&w->params, c++, w->job->definition->name);
      batch_add_str(&w->params, c++, bad->key);
    }
    batch_add_int(&w->params, c++, w->range.number);
    batch_add_str(&w->params, c++, bad->sqlstate);
    batch_add_clean(&w->params, c++, bad->message);
    batch_add_str(&w->params, c++, id);
    batch_add_str(&w->params, c++, w->job->definition->name);
    batch_add_str(&w->params, c++, bad->key);
  }
  free(id);
  execute_each(w, again ? "bad_again" : "bad_insert");
}

void quarantine_enter(struct worker *w) {
  switch (w->state) {
  case WORKER_BAD_REOPEN:
    start_bad_reopen(w);
    return;
  case WORKER_BAD_AGAIN:
  case WORKER_BAD_INSERT:
    start_bad(w, w->state == WORKER_BAD_AGAIN);
    return;
  case WORKER_BAD_ADD:
    add_to_quarantine(w, w->bad_reopened + conn_outcome(w->conn)->summary.rows_affected);
    return;
  case WORKER_BAD_COUNT:
    start_bad_count(w);
    return;
  case WORKER_MENDED:
    start_mended(w);
    return;
  case WORKER_MENDED_ADD:
    add_to_quarantine(w, -1);
    return;
  default:
    BUG("no state of bad rows: %d", (int)w->state);
  }
}

/* --- what follows each state --- */

static void after_bad_count(struct worker *w) {
  int64_t count = worker_has_row(w) ? worker_int_at(w, 0) : 0;
  worker_discard(w);
  if (count <= w->job->max_bad) {
    attempt_enter_checkpoint(w);
    return;
  }
  const struct bad_row *bad = w->bad.items[0];
  const char *name = w->job->definition->name;
  error_set(&w->err, ERROR_FINDINGS, "backfill %s: more than %lld bad %s (max_bad), such as %s: %s", name,
            (long long)w->job->max_bad, w->job->max_bad == 1 ? "row" : "rows", bad->key, bad->message);
  error_hint(
      &w->err,
      "`moonbird backfill bad list %s` shows those of earlier batches, this one is rolled back; `backfill set %s "
      "max_bad=N` allows more",
      name, name);
  recover_from(w);
}

static void after_mended(struct worker *w) {
  if (conn_outcome(w->conn)->summary.rows_affected == 1)
    worker_enter(w, WORKER_MENDED_ADD);
  else
    attempt_enter_checkpoint(w);
}

void quarantine_go_on(struct worker *w) {
  switch (w->state) {
  case WORKER_BAD_REOPEN:
    w->bad_reopened = conn_outcome(w->conn)->summary.rows_affected;
    worker_enter(w, WORKER_BAD_AGAIN);
    return;
  case WORKER_BAD_AGAIN:
    worker_enter(w, WORKER_BAD_INSERT);
    return;
  case WORKER_BAD_INSERT:
    worker_enter(w, WORKER_BAD_ADD);
    return;
  case WORKER_BAD_ADD:
    worker_enter(w, WORKER_BAD_COUNT);
    return;
  case WORKER_BAD_COUNT:
    after_bad_count(w);
    return;
  case WORKER_MENDED:
    after_mended(w);
    return;
  case WORKER_MENDED_ADD:
    attempt_enter_checkpoint(w);
    return;
  default:
    BUG("an answer for bad rows in state %d", (int)w->state);
  }
}
