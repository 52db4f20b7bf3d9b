/*
 * worker_states.h - between the files of the worker: each state has a function that starts its call, and one that
 * follows its answer.
 */
#ifndef BACKFILL_WORKER_STATES_H
#define BACKFILL_WORKER_STATES_H

#include "backfill/worker.h"

#include <string.h>

/* --- worker.c --- */

void worker_enter(struct worker *w, enum worker_state state);

/* Starts a statement with w->params (unless it is a script). */
void worker_execute(struct worker *w, const char *sql, uint32_t flags, uint64_t first_rows);
void worker_execute_named(struct worker *w, const char *name, uint64_t first_rows);
void worker_new_params(struct worker *w, uint32_t count);
uint32_t worker_key_len(const struct worker *w);

/* Takes the one row that a statement gave; false where it gave none. */
bool worker_has_row(const struct worker *w);
char *worker_text_at(const struct worker *w, uint32_t column); /* owned; NULL for SQL NULL */
int64_t worker_int_at(const struct worker *w, uint32_t column);
void worker_discard(struct worker *w); /* the result of the last call */

/* Sleeps, then goes on with `then`, or ends when the job does. */
void worker_pause(struct worker *w, double seconds, enum worker_state then);

/* The next batch, or a range for it, unless the job ends or is held. */
void worker_next_batch(struct worker *w);

void worker_drop_range(struct worker *w);

/* moonbird.host.connection is the worker's own while its script runs, else the session's. */
void worker_set_connection(struct worker *w, bool own);

/* Takes desired, overrides, brake and fingerprint from four columns. */
void worker_take_wishes(struct worker *w, uint32_t first_column);

/* What is called when a statement, an opening or a task's call is done. */
void worker_call(void *data);

/* --- seek.c --- */

void seek_enter(struct worker *w);
void seek_go_on(struct worker *w);

/* --- attempt.c --- */

void attempt_enter(struct worker *w);
void attempt_go_on(struct worker *w);

/* A statement over the rest of the range up to `high`, or over what is not read of it; parameters: from-key, high-key,
 * and `extra` if it is not negative. */
void attempt_execute_range(struct worker *w, const struct sql_pair *pair, const char *high, int64_t extra,
                           uint32_t flags, uint64_t first_rows);

/* Owned by the caller. Stable: a batch that is repeated, and one with effects outside even after a kill, begins at the
 * same key. */
char *attempt_batch_id(const struct worker *w);

/* The work is done, but for bad rows and the checkpoint. */
void attempt_finish_work(struct worker *w);
void attempt_enter_checkpoint(struct worker *w);

/* --- rows.c: PAGE, MORE, WRITE --- */

void rows_enter(struct worker *w);
void rows_go_on(struct worker *w);

/* --- quarantine.c: BAD_..., MENDED, MENDED_ADD --- */

void quarantine_enter(struct worker *w);
void quarantine_go_on(struct worker *w);

/* The batch is the one row that failed before: it is put aside, and nothing is done with it. */
bool quarantine_is_due(const struct worker *w);
void quarantine_put_aside(struct worker *w);

/* --- recover.c --- */

/* A call has failed with w->err, or Lua has; no call is in flight. */
void recover_from(struct worker *w);
void recover_after_rollback(struct worker *w);
void recover_connect(struct worker *w);
void recover_after_connect(struct worker *w);

/* Rows were changed by somebody else while the batch was at work on them, or must be locked after all: the same batch
 * again, at once. No call is in flight. */
void recover_again(struct worker *w);

/* The batch after an error was committed: what was looked for is found, or gone. */
void recover_done(struct worker *w);

/* Names the row in w->err, where the batch is one row. */
void recover_name_row(struct worker *w);

#endif
