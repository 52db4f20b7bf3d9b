/*
 * history.h - moonbird_log: one row for everything that was applied, taken back or stamped, and for what failed.
 */
#ifndef RUN_HISTORY_H
#define RUN_HISTORY_H

#include "run/session.h"

/* Bytes; a longer text is not kept: its checksum is. */
#define HISTORY_TEXT_MAX (1u << 20)

struct history_row {
  const char *revision;  /* "" for a stamp of base */
  const char *direction; /* "upgrade", "downgrade", "stamp" */
  int64_t started_us;    /* wall clock */
  double duration_s;
  const char *checksum; /* SHA-256 of the normalised text, or NULL */
  const char *text;     /* the text that ran, or NULL */
  size_t text_len;
  const char *outcome; /* "done", "failed" */
  const char *message; /* of a failure, or NULL */
};

/* Looks whether the table is there; outside of a transaction. */
bool history_probe(struct session *session, struct error *err) MUST_CHECK;

/* Appends a row, making the table if needed; in the transaction of whoever calls. */
bool history_add(struct session *session, const struct history_row *row, struct error *err) MUST_CHECK;

/* Appends the row of a failed step if the table is there and the database lets us; never fails. */
void history_add_failure(struct session *session, const struct history_row *row);

#endif
