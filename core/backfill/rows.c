/*
 * rows.c - the rows of a batch in the row form: read by pages, given to Lua in chunks, written; see worker.c for the
 * table of states. While a chunk is written, Lua works on the next one.
 *
 * Where the dialect can tell versions of a row apart, rows are read without a lock, which saves writing each of them
 * twice, and a row that somebody has changed since is not found when it is written: then the batch is taken back and
 * done again with locks. Inserts into other tables want the lock from the beginning: whoever changes the row after
 * them must find what was inserted. So do rows that several statements write, because they set different columns:
 * locked as they are read, all are locked in the order of the key, and whoever keeps to it meets no deadlock.
 */
#include "backfill/key.h"
#include "backfill/page.h"
#include "backfill/worker_states.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

enum { CHUNK_ROWS = 1000 };

static const char row_refusal[] =
    "row() runs while its connection is at work, so it cannot use the database: return the columns to change, or take "
    "the `batch` form";

/* --- reading --- */

/* Where the page ends whatever is in it. */
static const char *page_end(const struct worker *w) {
  return w->job->definition->bounded ? w->end_key : w->range.high;
}

static void start_page(struct worker *w) {
  const struct definition *d = w->job->definition;
  const struct sql_pair *page = w->locks_rows ? &d->page : &d->versioned_page;
  const struct sql_pair *piece = w->locks_rows ? &d->piece : &d->versioned_piece;
  const struct sql_pair *guarded = w->locks_rows ? &d->guarded : &d->versioned_guarded;
  int64_t extra = d->bounded ? -1 : w->limit;
  w->by_pieces = piece->first && (w->by_pieces || !guarded->first);
  w->is_guarded = piece->first && !w->by_pieces;
  if (w->by_pieces) {
    int64_t left = d->bounded ? w->limit : w->limit - (int64_t)w->page_total;
    attempt_execute_range(w, piece, page_end(w), page_piece_rows(left, w->piece_rows), 0, UINT32_MAX);
    w->piece_rows = 0;
  } else if (w->is_guarded) {
    attempt_execute_range(w, guarded, page_end(w), extra, 0, UINT32_MAX);
  } else {
    attempt_execute_range(w, page, page_end(w), extra, d->streams ? MOONBIRD_STREAM : 0, UINT32_MAX);
  }
}

/* The piece of the page is over, and there may be another one. */
static bool has_next_piece(const struct worker *w) {
  return w->read_key && w->piece_rows && strcmp(w->read_key, page_end(w)) != 0;
}

void rows_enter(struct worker *w) {
  if (w->state == WORKER_PAGE)
    start_page(w);
  else
    conn_start_fetch(w->conn, w->result, UINT32_MAX, worker_call, w);
}

/* --- the script's function --- */

/* While a chunk is written, its answer is put away and comes back behind what the borrower asked. */
static void lend_connection(void *data) {
  struct worker *w = data;
  struct host *host = w->job->session->host;
  conn_wait(w->conn);
  w->put_away = *conn_outcome(w->conn);
  host->refusal = NULL;
  worker_set_connection(w, true);
}

static void take_connection_back(void *data) {
  struct worker *w = data;
  conn_put_outcome(w->conn, &w->put_away);
  worker_set_connection(w, false);
  w->job->session->host->refusal = row_refusal;
}

/* Lets Lua work on the next rows of the page. */
static bool fill_next(struct worker *w) {
  struct host *host = w->job->session->host;
  uint64_t left = w->page.row_count - w->page_row;
  uint64_t count = left < CHUNK_ROWS ? left : CHUNK_ROWS;
  w->filled = false;
  if (!count)
    return true;
  char *id = attempt_batch_id(w);
  struct chunk_work work = {.host = host,
                            .definition = w->job->definition,
                            .style = w->job->style,
                            .batch_id = id,
                            .seed = w->job->run_seed,
                            .version_columns = w->locks_rows ? 0 : w->job->definition->version_columns,
                            .lender = {lend_connection, take_connection_back, w},
                            .looks = &w->job->looks,
                            .bad = &w->bad};
  host->refusal = row_refusal;
  w->filled = chunk_fill(&w->chunks[w->filling], &work, &w->page, w->page_row, &count, &w->err);
  host->refusal = NULL;
  free(id);
  w->page_row += count;
  return w->filled;
}

/* --- writing --- */

static void after_rows(struct worker *w);

/* Starts the next statement of the chunk that is being written; false when there is none. */
static bool write_next(struct worker *w) {
  if (!chunk_next_statement(&w->chunks[1 - w->filling], &w->statement))
    return false;
  w->state = WORKER_WRITE;
  w->statement_begun_s = clock_monotonic_s();
  conn_start_execute(w->conn, &w->statement, 0, worker_call, w);
  return true;
}

/* Must the rows be locked as they are read, and are not? */
static bool wants_locks(struct worker *w) {
  const struct chunk *chunk = &w->chunks[w->filling];
  bool has_inserts = chunk_has_inserts(chunk), is_mixed = chunk_is_mixed(chunk);
  w->is_mixed = w->is_mixed || is_mixed;
  if (w->locks_rows || (!has_inserts && !is_mixed))
    return false;
  if (has_inserts)
    w->job->has_inserted = true;
  else
    row_lock_conflicted(&w->row_lock);
  return true;
}

/* Hands the filled chunk to the connection, and fills the other one while it is written. */
static void write_filled(struct worker *w) {
  while (w->filled) {
    if (wants_locks(w)) {
      recover_again(w);
      return;
    }
    w->filling = 1 - w->filling;
    bool writing = write_next(w);
    if (!fill_next(w)) {
      /* The call in flight must come back before anything else can be done on the connection. */
      w->fill_failed = true;
      if (!writing)
        recover_from(w);
      return;
    }
    if (writing)
      return;
  }
  after_rows(w);
}

/* A batch ends where it has as many rows, or as many bytes, as one may have; one with effects outside where it has said
 * before. */
static bool is_full(const struct worker *w) {
  const struct definition *d = w->job->definition;
  bool may_be_cut = !d->external && !d->may_have_twins;
  return (!d->bounded && w->page_total >= (uint64_t)w->limit) || (may_be_cut && w->page_bytes >= d->max_bytes);
}

/* The rows that are there have been written. */
static void after_rows(struct worker *w) {
  bool complete = is_full(w);
  if (!complete && w->result && !w->page_done) {
    worker_enter(w, WORKER_MORE);
    return;
  }
  conn_discard(w->conn, w->result);
  w->result = NULL;
  if (!w->job->definition->bounded)
    w->finishes_range = !complete;
  else if (complete)
    w->finishes_range = false;
  if (complete)
    w->limit = (int64_t)w->page_total; /* the sizer is told how many rows took the time */
  if (!w->end_key)
    w->end_key = xstrdup(w->range.high); /* no row is left in the range */
  w->rows = (int64_t)w->page_total;
  attempt_finish_work(w);
}

/* The last column tells of rows with a value that did not come, as it is wide: the page ends before the first of them,
 * and pieces go on from there. */
static void end_guarded(struct worker *w) {
  const moonbird_column *marks = &w->page.columns[--w->page.column_count];
  for (uint64_t row = 0; row < w->page.row_count; row++)
    if (batch_value(marks, row).type != MOONBIRD_TYPE_NONE) {
      w->page.row_count = row;
      w->by_pieces = true;
      return;
    }
}

static void take_read_key(struct worker *w) {
  if (!w->by_pieces)
    return;
  w->piece_rows += w->page.row_count;
  free(w->read_key);
  w->read_key = key_from_row(&w->page, w->page.row_count - 1, worker_key_len(w));
}

/* A row is written by its key, so of two with the same one each would get the values of both. */
static bool refuse_twins(struct worker *w) {
  char *before = NULL;
  for (uint64_t row = 0; row < w->page.row_count; row++) {
    char *key = key_from_row(&w->page, row, worker_key_len(w));
    if (before && strcmp(before, key) == 0) {
      error_set(&w->err, ERROR_FAILED,
                "two rows have the key %s, which is unique in each of the tables that inherit alone", key);
      error_hint(&w->err, "let a backfill go through each of these tables, or use the form `set` or `batch`");
      memcpy(w->err.sqlstate, "21000", 6);
      free(key);
      free(before);
      return false;
    }
    free(before);
    before = key;
  }
  free(before);
  return true;
}

static void ask_again(struct worker *w) {
  conn_discard(w->conn, w->result);
  w->result = NULL;
  worker_enter(w, WORKER_PAGE);
}

static void take_page(struct worker *w) {
  const struct outcome *out = conn_outcome(w->conn);
  w->page_done = !w->result || out->status == MOONBIRD_DONE;
  if (w->page_done && has_next_piece(w)) {
    ask_again(w);
    return;
  }
  if (w->page_done) {
    after_rows(w);
    return;
  }
  w->page = out->batch;
  w->page_row = 0;
  if (w->is_guarded)
    end_guarded(w);
  if (!w->page.row_count) {
    ask_again(w);
    return;
  }
  w->page_total += w->page.row_count;
  take_read_key(w);
  w->page_bytes += page_bytes(&w->page);
  w->row_bytes = w->page_bytes / (double)w->page_total;
  if (!w->job->definition->bounded || is_full(w)) {
    free(w->end_key);
    w->end_key = key_from_row(&w->page, w->page.row_count - 1, worker_key_len(w));
  }
  if (w->job->definition->may_have_twins && !refuse_twins(w)) {
    recover_from(w);
  } else if (quarantine_is_due(w)) {
    conn_discard(w->conn, w->result);
    w->result = NULL;
    quarantine_put_aside(w);
  } else if (!fill_next(w)) {
    recover_from(w);
  } else {
    write_filled(w);
  }
}

static bool has_written_all(const struct worker *w) {
  return conn_outcome(w->conn)->summary.rows_affected == (int64_t)w->statement.params->row_count;
}

/* Nobody else can have changed them: a trigger that gives NULL, or a rule. That may be meant (rows that are only marked
 * as deleted), but not be known. */
static void tell_kept(struct worker *w) {
  int64_t affected = conn_outcome(w->conn)->summary.rows_affected;
  if (w->job->told_kept || affected < 0)
    return;
  w->job->told_kept = true;
  log_warn(
      "backfill %s: of %llu rows that were to be written %lld were: a trigger or a rule of the database leaves the "
      "others as they are, and they count as done",
      w->job->definition->name, (unsigned long long)w->statement.params->row_count, (long long)affected);
}

static void after_write(struct worker *w) {
  bool is_all = has_written_all(w);
  if (!is_all && w->locks_rows)
    tell_kept(w);
  if (!is_all && !w->locks_rows) { /* somebody has changed a row since it was read, so it was not found */
    row_lock_conflicted(&w->row_lock);
    log_debug("worker %s: rows were changed meanwhile; the batch again, with locks", w->id);
    recover_again(w);
  } else if (w->fill_failed) {
    w->fill_failed = false;
    recover_from(w);
  } else if (!write_next(w)) {
    write_filled(w);
  }
}

void rows_go_on(struct worker *w) {
  if (w->state == WORKER_PAGE)
    w->result = conn_outcome(w->conn)->result;
  if (w->state == WORKER_WRITE)
    after_write(w);
  else
    take_page(w);
}
