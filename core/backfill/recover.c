/*
 * recover.c - what a worker does after an error: the batch again, with fewer rows, on a new connection, without one
 * row; or the end of all. failure.c says which, BACKFILL.md 4.6 why.
 *
 * An error of a row is narrowed down: the batch is repeated with fewer and fewer rows, until it is one, whose key is
 * named. With on_error = "quarantine" the next batch is that row alone, and puts it aside instead of doing it.
 */
#include "backfill/failure.h"
#include "backfill/persist.h"
#include "backfill/retry.h"
#include "backfill/state.h"
#include "backfill/worker_states.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static double chance(void) {
  return (double)random() / (double)RAND_MAX;
}

static enum batch_result result_of(const struct job *job, enum failure failure) {
  if (job->end == JOB_FAILED)
    return BATCH_FAILED;
  switch (failure) {
  case FAILURE_ROW:
    return BATCH_SPLIT;
  case FAILURE_SHRINK:
    return BATCH_SHRUNK;
  case FAILURE_REPEAT:
  case FAILURE_RECONNECT:
  case FAILURE_WAIT:
  case FAILURE_PAUSE:
  case FAILURE_INTERRUPTED:
  case FAILURE_STOP:
    break;
  }
  return BATCH_RETRIED;
}

static void tell(const struct worker *w, enum failure failure, const char *sqlstate) {
  const struct job *job = w->job;
  struct batch_news news = {.result = result_of(job, failure),
                            .seconds = clock_monotonic_s() - w->begun_s,
                            .size = w->limit,
                            .sqlstate = sqlstate};
  if (job->on_batch)
    job->on_batch(job->data, &news);
}

/* --- one row --- */

/* A constraint that is deferred speaks at the COMMIT. */
static bool has_sent_rows(const struct worker *w) {
  return w->state == WORKER_WRITE || w->state == WORKER_UPDATE || w->state == WORKER_FUNCTION ||
         w->state == WORKER_COMMIT;
}

/* A driver knows the number of a parameter, and we its column. */
static void name_column(struct worker *w) {
  static const char word[] = "parameter ";
  const char *texts[] = {w->err.message, w->err.detail};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
    const char *at = texts[i] ? strstr(texts[i], word) : NULL;
    if (!at)
      continue;
    at += strlen(word);
    unsigned long number = strtoul(at + (*at == '$'), NULL, 10);
    const char *column = chunk_column(&w->chunks[1 - w->filling], number);
    if (column)
      error_detail(&w->err, "parameter %lu is the column %s", number, column);
    return;
  }
}

void recover_name_row(struct worker *w) {
  const struct definition *d = w->job->definition;
  if (w->state == WORKER_WRITE)
    name_column(w);
  char *names = strvec_join(&d->key, ", ");
  if (has_sent_rows(w) && w->limit == 1 && w->end_key)
    error_prefix(&w->err, "backfill of %s, row %s = %.*s: ", d->table, names, (int)strlen(w->end_key) - 2,
                 w->end_key + 1);
  else if (d->form == FORM_BATCH && w->state == WORKER_FUNCTION)
    error_prefix(&w->err, "backfill of %s, batch up to %s: ", d->table, w->end_key);
  else if (w->err.sqlstate[0])
    error_prefix(&w->err, "backfill of %s: ", d->table);
  free(names);
}

/* What the script is to blame for names its line: that of `row` for what that returned, else its file for the SQL that
 * it holds. Syntax and names are class 42, or HY where a database knows no better; 42501 is a permission. */
static void name_place(struct worker *w, enum failure failure) {
  const struct definition *d = w->job->definition;
  const char *state = w->err.sqlstate;
  bool is_own = w->state != WORKER_HOP && w->state != WORKER_PAGE && w->state != WORKER_MORE &&
                w->state != WORKER_COUNT && !has_sent_rows(w);
  bool is_class = (memcmp(state, "42", 2) == 0 && strcmp(state, "42501") != 0) || memcmp(state, "HY", 2) == 0;
  bool is_sql = !is_own && is_class;
  if (w->err.where || (failure != FAILURE_ROW && !is_sql))
    return;
  if (d->form == FORM_ROW && d->row_place && (has_sent_rows(w) || !state[0]))
    error_where(&w->err, "%s: the function `row`", d->row_place);
  else if (d->path)
    error_where(&w->err, "%s", d->path);
}

/* The batch once more with an eighth of its rows; false when it cannot be narrower. */
static bool narrow(struct worker *w) {
  const struct definition *d = w->job->definition;
  bool may_repeat = has_sent_rows(w) && !d->external && (w->err.sqlstate[0] || d->form == FORM_BATCH);
  if (!may_repeat || w->limit <= 1)
    return false;
  w->narrow_rows = w->narrow ? w->narrow_rows : w->limit;
  w->narrow = retry_narrower(w->limit);
  return true;
}

/* The one row is found: the next batch puts it aside. */
static bool condemn(struct worker *w) {
  const struct definition *d = w->job->definition;
  if (!d->quarantines || d->external || !has_sent_rows(w) || w->limit != 1 || !w->end_key || quarantine_is_due(w))
    return false;
  free(w->condemned);
  w->condemned = xstrdup(w->end_key);
  error_move(&w->condemned_for, &w->err);
  w->narrow = 1;
  return true;
}

/* The database writes again. */
static void forget_losses(struct worker *w) {
  w->losses = w->refusals = 0;
  w->refused_s = 0;
}

void recover_done(struct worker *w) {
  forget_losses(w);
  if (w->condemned) {
    free(w->condemned);
    w->condemned = NULL;
    error_clear(&w->condemned_for);
  }
  w->narrow_rows -= w->limit;
  if (w->narrow_rows <= 0)
    w->narrow = 0; /* nothing is left to look for */
}

/* --- deciding --- */

/* Ends the job with w->err. */
static void give_up(struct worker *w) {
  recover_name_row(w);
  job_end(w->job, JOB_FAILED, NULL);
}

/* What to do about a row that the database or (without a state) the function refuses; inside of a revision that one
 * says what to do next. */
static void advise(struct worker *w) {
  const struct definition *d = w->job->definition;
  bool is_row = has_sent_rows(w) || !w->err.sqlstate[0];
  if (!d->path || d->quarantines || d->external || !is_row)
    return;
  error_add_hint(&w->err, "mend the row or the backfill, and run the same command again; with on_error = "
                          "\"quarantine\" such a row is put aside, and the others go on");
}

/* A server that has become a replica, or was told to read only: it, or another one behind its address, may write soon.
 * Only the waiting for it counts, not what the throttle holds. */
static void wait_for_writer(struct worker *w) {
  if (retry_is_over(FAILURE_WAIT, w->refusals, w->refused_s, w->job->reconnect_s)) {
    persist_explain(w->job->session, &w->err);
    job_end(w->job, JOB_FAILED, NULL);
    return;
  }
  if (!w->refusals)
    log_warn("worker %s may only read: %s; it waits until it may write", w->id, w->err.message);
  w->then = WORKER_CONNECT;
  w->retry_s = retry_pause_s(FAILURE_WAIT, w->refusals++, chance());
  w->refused_s += w->retry_s;
}

/* One failure is everyday life; that it goes on is told, else a run stands still without a reason. */
static void tell_retry(const struct worker *w) {
  if (w->attempts > 1)
    log_info("a batch%s has failed %d times, and is tried again: %s", w->has_range ? "" : " that looks for its range",
             w->attempts, w->err.message);
}

/* The same batch on the same connection, or on a new one. */
static void try_again(struct worker *w, enum failure failure) {
  bool connects = failure == FAILURE_RECONNECT;
  int *before = connects ? &w->losses : &w->attempts;
  if (retry_is_over(failure, *before, 0, w->job->reconnect_s)) {
    if (w->job->definition->path)
      error_add_hint(&w->err, "when what stands in its way is gone, run the same command again: it goes on there");
    give_up(w);
    return;
  }
  w->retry_s = retry_pause_s(failure, (*before)++, chance());
  if (connects) {
    log_warn("worker %s has lost its connection: %s; it connects again", w->id, w->err.message);
    w->then = WORKER_CONNECT;
  } else {
    tell_retry(w);
  }
}

static void pause_all(struct worker *w) {
  struct job *job = w->job;
  if (!job->pause_reason)
    job->pause_reason = xasprintf("a batch was cancelled on the server: %s", w->err.message);
  job_end(job, JOB_PAUSED, NULL);
}

/* What follows the ROLLBACK is noted in `then`; ENDED where nothing does. */
static enum failure decide(struct worker *w) {
  enum worker_state again = w->has_range ? WORKER_BEGIN : WORKER_SEEK;
  double statement_s = clock_monotonic_s() - w->statement_begun_s;
  bool has_written = w->job->has_committed || w->losses > 0;
  enum failure failure = failure_of(&w->err, statement_s, w->job->definition->statement_timeout_s, has_written);
  w->then = again;
  w->retry_s = 0;
  switch (failure) {
  case FAILURE_ROW:
    if (!narrow(w) && !condemn(w)) {
      name_place(w, failure);
      advise(w);
      give_up(w);
    }
    return failure;
  case FAILURE_SHRINK:
    sizer_timed_out(&w->sizer);
    w->narrow = retry_shrunk(w->narrow);
    /* fall through */
  case FAILURE_REPEAT:
  case FAILURE_RECONNECT:
    try_again(w, failure);
    return failure;
  case FAILURE_WAIT:
    wait_for_writer(w);
    return failure;
  case FAILURE_PAUSE:
    pause_all(w);
    return failure;
  case FAILURE_INTERRUPTED:
    if (w->job->end == JOB_GOES_ON || w->job->end == JOB_STOPPED)
      w->job->end = JOB_INTERRUPTED;
    return failure;
  case FAILURE_STOP:
    name_place(w, failure);
    give_up(w);
    return failure;
  }
  return failure;
}

/* The first error of all is the job's; one of a batch that is repeated is forgotten. */
static void settle_error(struct worker *w) {
  if (w->job->end == JOB_FAILED && !error_is_set(&w->job->err) && error_is_set(&w->err)) {
    w->failed = w->has_range;
    error_move(&w->job->err, &w->err);
  }
  error_clear(&w->err);
}

void recover_from(struct worker *w) {
  conn_discard(w->conn, w->result);
  w->result = NULL;
  host_task_release(w->job->session->host, &w->task);
  if (error_is_set(&w->err)) {
    char sqlstate[sizeof(w->err.sqlstate)];
    memcpy(sqlstate, w->err.sqlstate, sizeof(sqlstate));
    enum failure failure = decide(w);
    tell(w, failure, sqlstate);
  }
  settle_error(w);
  int state = conn_transaction_state(w->conn);
  if (w->then == WORKER_CONNECT && w->job->end != JOB_GOES_ON) {
    worker_enter(w, WORKER_ENDED); /* whether its commit came through, the range's row tells the next one */
  } else if (w->then == WORKER_CONNECT) {
    double seconds = w->retry_s;
    w->retry_s = 0;
    w->lost_s = clock_monotonic_s();
    w->attempts = 0;
    if (seconds > 0)
      worker_pause(w, seconds, WORKER_CONNECT);
    else
      worker_enter(w, WORKER_CONNECT);
  } else if (state == MOONBIRD_TX_ACTIVE || state == MOONBIRD_TX_FAILED) {
    worker_enter(w, WORKER_ROLLBACK);
  } else {
    recover_after_rollback(w);
  }
}

void recover_again(struct worker *w) {
  conn_discard(w->conn, w->result);
  w->result = NULL;
  error_clear(&w->err);
  tell(w, FAILURE_REPEAT, "40001");
  w->retry_s = 0;
  worker_enter(w, WORKER_ROLLBACK);
}

void recover_after_rollback(struct worker *w) {
  static const double look_again_s = 0.5;
  double seconds = w->retry_s;
  w->retry_s = 0;
  if (w->job->end != JOB_GOES_ON) {
    worker_enter(w, WORKER_ENDED);
  } else if (seconds > 0) {
    worker_pause(w, seconds, w->has_range ? WORKER_BEGIN : WORKER_SEEK);
  } else if (w->waits_for) {
    forget_losses(w); /* it has locked a row */
    worker_pause(w, look_again_s, WORKER_SEEK);
  } else {
    worker_next_batch(w);
  }
}

/* --- a new connection --- */

void recover_connect(struct worker *w) {
  persist_limit_opening(w->job->session, w->conn);
  conn_start_open(w->conn, &w->job->session->url, "moonbird:backfill", worker_call, w);
}

void recover_after_connect(struct worker *w) {
  struct error err = ERROR_INIT;
  double lost_for_s = clock_monotonic_s() - w->lost_s;
  if (conn_check_open(w->conn, &w->job->session->url, &err)) {
    log_info("worker %s has its connection again, after %.1f s", w->id, lost_for_s);
    w->attempts = 0;
    worker_next_batch(w);
    return;
  }
  if (lost_for_s > w->job->reconnect_s) {
    persist_explain(w->job->session, &err);
    job_end(w->job, JOB_FAILED, &err);
  }
  error_release(&err);
  if (w->job->end != JOB_GOES_ON)
    worker_enter(w, WORKER_ENDED);
  else
    worker_pause(w, retry_opening_pause_s(w->attempts++, chance()), WORKER_CONNECT);
}
