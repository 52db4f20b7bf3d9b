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
  char *low;    /* where it begins: included while `cursor` is NULL */
  char *high;   /* last key, included */
  char *cursor; /* last key that is done, or before the first one; NULL: begins with `low` */
  bool done;
  bool is_last;  /* while it is planned: it ends at the last key of all */
  int64_t epoch; /* rises with every claim; who has an old one is fenced off */
  int64_t rows_done;
};

void range_release(struct range *range);

/* Gives a claimed range back: pending; or failed, when `why` is not NULL, after so many attempts. */
bool range_give_back(struct session *session, const char *name, const struct range *range, int64_t attempts,
                     const struct error *why, struct error *err) MUST_CHECK;

/* Rows of all ranges. */
bool range_rows_done(struct session *session, const char *name, int64_t *rows, struct error *err) MUST_CHECK;

/* Was a batch of it committed? */
bool range_has_begun(struct session *session, const char *name, bool *begun, struct error *err) MUST_CHECK;

#endif
