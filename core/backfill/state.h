/*
 * state.h - the state of backfills in the target database: their rows, what is wanted of them, the log.
 *
 * Ownership: texts in the structs belong to them (backfill_row_release, range_release). The functions wait; they run on
 * session->conn, in the transaction that is open there or each by itself. core/backfill/README.md says who writes which
 * column.
 */
#ifndef BACKFILL_STATE_H
#define BACKFILL_STATE_H

#include "backfill/definition.h"
#include "run/session.h"

/* What is wanted (moonbird_backfill.desired) and what is seen (observed), as they stand in the tables. */
#define DESIRED_RUN        "run"
#define DESIRED_PAUSE      "pause"
#define DESIRED_CANCEL     "cancel"
#define OBSERVED_PLANNED   "planned" /* registered, no key is read yet */
#define OBSERVED_RUNNING   "running"
#define OBSERVED_PAUSED    "paused"
#define OBSERVED_VERIFYING "verifying"
#define OBSERVED_DONE      "done"
#define OBSERVED_DONE_BAD  "done with bad rows"
#define OBSERVED_FAILED    "failed"
#define OBSERVED_CANCELLED "cancelled"

/* Is it done, with bad rows or without? While it is verified it is. */
bool state_is_done(const char *observed);

/* The command by which a backfill goes on; owned. One inside of a revision ("8f2c1d0e4b7a:1") goes on with that, and
 * there a pause must be ended first. */
char *state_command(const char *name, bool paused);

/* One row of moonbird_backfill. */
struct backfill_row {
  char *name;
  char *fingerprint;
  char *table;
  char *key_columns; /* JSON */
  char *key_types;   /* JSON */
  char *first_key;   /* NULL: not begun, or the table was empty */
  char *last_key;
  char *frontier_key; /* up to here ranges are planned; NULL: none is */
  bool planned;       /* up to the last key */
  char *desired;
  char *observed;
  int64_t batch_size;
  char *overrides; /* a JSON object, or NULL */
  char *throttle_reason;
  int64_t throttled_ms;
  int64_t rows_estimated; /* -1 unknown */
  int64_t quarantined;
  int64_t run_time; /* what os.time() gives, and the seed of math.random() */
  int64_t run_seed;
  char *last_error;
  int64_t rows_done; /* of all its ranges */
  char *finished_at; /* as the database writes it; NULL: it is not done */
};

void backfill_row_release(struct backfill_row *row);

/* Reads one; `found` is false where there is none, or no table. Outside of a transaction (state_find), or where the
 * table is known to be there (state_read). */
bool state_find(struct session *session, const char *name, struct backfill_row *row, bool *found,
                struct error *err) MUST_CHECK;
bool state_read(struct session *session, const char *name, struct backfill_row *row, bool *found,
                struct error *err) MUST_CHECK;

/* The same row as it is now; ERROR_HISTORY when it is gone. */
bool state_read_again(struct session *session, struct backfill_row *row, struct error *err) MUST_CHECK;

/* Names of all, in the order in which they were registered; appends owned strings. No table gives none. */
bool state_names(struct session *session, struct vec *names, struct error *err) MUST_CHECK;

bool state_create_tables(struct session *session, struct error *err) MUST_CHECK;

/* Makes the row anew (planned, to be run), dropping what an earlier run of this name left. `revision` takes it along
 * when it is taken back; may be NULL. */
bool state_register(struct session *session, const struct definition *definition, const char *fingerprint,
                    const char *revision, int64_t run_time, int64_t run_seed, struct error *err) MUST_CHECK;

/* Drops the row, its ranges, workers and bad rows; the log stays. */
bool state_forget(struct session *session, const char *name, struct error *err) MUST_CHECK;

/* A backfill belongs to the table and the key with which it was registered: ERROR_PARTIAL when the definition has
 * others now. */
bool state_check_table(const struct backfill_row *row, const struct definition *definition,
                       struct error *err) MUST_CHECK;

/* --- what operators want; each is logged as `event`; `reason` may be NULL --- */

bool state_desire(struct session *session, const char *name, const char *desired, const char *event, const char *reason,
                  struct error *err) MUST_CHECK;

/* --- what the engine sees --- */

/* `error` may be NULL. */
bool state_observe(struct session *session, const char *name, const char *observed, const char *error,
                   struct error *err) MUST_CHECK;

/* Marks it done (with bad rows, where there are some). */
bool state_finish(struct session *session, const char *name, int64_t rows_done, int64_t batch_size,
                  struct error *err) MUST_CHECK;

/* Appends to moonbird_backfill_log. `detail` and `reason` may be NULL. */
bool state_log(struct session *session, const char *name, const char *event, const char *detail, const char *reason,
               struct error *err) MUST_CHECK;

/* The parameters of its statement, "backfill_log_insert", for who cannot wait. */
void state_log_params(struct batch_builder *params, const char *name, const char *event, const char *detail,
                      const char *reason);

#endif
