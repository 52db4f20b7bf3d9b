/*
 * state.h - the state of a backfill in the target database: its row, its range, its checkpoints.
 *
 * Ownership: texts in the structs belong to them (range_release). The functions that wait run on the session's main
 * connection.
 */
#ifndef BACKFILL_STATE_H
#define BACKFILL_STATE_H

#include "backfill/definition.h"
#include "run/session.h"

/* A range of keys and how far it is. */
struct range {
  int64_t number;
  char *low;    /* first key, included */
  char *high;   /* last key, included */
  char *cursor; /* last key that is done, or NULL */
  bool done;
  int64_t epoch; /* rises with every claim; who has an old one is fenced off */
  int64_t rows_done;
};

void range_release(struct range *range);

/* Makes the state anew, dropping what an earlier run of this name left; in the open transaction. No range where the
 * table is empty
 * (`low` is NULL). */
bool state_create(struct session *session, const struct definition *definition, const char *fingerprint,
                  const char *low, const char *high, struct error *err) MUST_CHECK;

/* Reads the range; `found` is false where there is none (an empty table). */
bool state_read_range(struct session *session, const char *name, struct range *range, bool *found,
                      struct error *err) MUST_CHECK;

/* A range belongs to the table and the key under which it began: ERROR_PARTIAL when the definition has others now. */
bool state_check_table(struct session *session, const struct definition *definition, struct error *err) MUST_CHECK;

/* Claims the range for `worker`: epoch + 1. In a transaction of its own. */
bool state_claim(struct session *session, const char *name, struct range *range, const char *worker,
                 struct error *err) MUST_CHECK;

/* Marks the backfill done; in the open transaction. */
bool state_finish(struct session *session, const struct definition *definition, int64_t rows_done, int64_t size,
                  struct error *err) MUST_CHECK;

#endif
