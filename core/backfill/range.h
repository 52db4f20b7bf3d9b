/*
 * range.h - a range of keys and how far it is, in moonbird_backfill_range.
 *
 * Ownership: texts in the struct belong to it (range_release). The functions wait, on session->conn.
 */
#ifndef BACKFILL_RANGE_H
#define BACKFILL_RANGE_H

#include "run/session.h"

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

/* Makes the range number 1. */
bool range_insert(struct session *session, const char *name, const char *low, const char *high,
                  struct error *err) MUST_CHECK;

/* Reads the range; `found` is false where there is none (an empty table). */
bool range_read(struct session *session, const char *name, struct range *range, bool *found,
                struct error *err) MUST_CHECK;

/* Claims the range for `worker`: epoch + 1. In a transaction of its own. */
bool range_claim(struct session *session, const char *name, struct range *range, const char *worker,
                 struct error *err) MUST_CHECK;

#endif
