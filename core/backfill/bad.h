/*
 * bad.h - the rows that a backfill has put aside, as operators see and turn them.
 *
 * Ownership: texts of a struct bad_entry belong to it (bad_free_all). The functions wait, on session->conn; those that
 * write, in the transaction that is open there.
 */
#ifndef BACKFILL_BAD_H
#define BACKFILL_BAD_H

#include "backfill/state.h"

#define BAD_BAD     "bad"
#define BAD_RETRY   "retry"
#define BAD_IGNORED "ignored"
#define BAD_MENDED  "mended"

struct bad_entry {
  char *key;   /* JSON */
  char *state; /* BAD_... */
  char *sqlstate;
  char *message;
  char *batch_id;
  char *first_at;
  char *last_at;
  int64_t attempts;
  int64_t range;
};

/* Appends struct bad_entry *, the oldest first. */
bool bad_read(struct session *session, const char *name, struct vec *entries, struct error *err) MUST_CHECK;
void bad_free_all(struct vec *entries);

/* The entry whose key a person calls so: as JSON, or a single value as it is; NULL where there is none. */
const struct bad_entry *bad_find(const struct vec *entries, const char *key);

/* The row is gone through once more by the next run, as a range of its own. */
bool bad_retry(struct session *session, const char *name, const struct bad_entry *entry, const char *reason,
               struct error *err) MUST_CHECK;

/* It stays as it is, and counts no more. */
bool bad_ignore(struct session *session, const char *name, const struct bad_entry *entry, const char *reason,
                struct error *err) MUST_CHECK;

#endif
