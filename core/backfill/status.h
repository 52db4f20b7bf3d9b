/*
 * status.h - the state of backfills as anybody can read it from the target database.
 *
 * Only reads: it needs no permission to write, and a database without any backfill tables has no backfills.
 * Ownership: the caller owns the structs (status_release), which own their texts.
 */
#ifndef BACKFILL_STATUS_H
#define BACKFILL_STATUS_H

#include "run/session.h"

struct backfill_status {
  char *name;
  char *table;
  char *desired;  /* what was asked for: run, pause, cancel */
  char *observed; /* what it is: running, paused, done ... */
  int64_t rows_done;
  int64_t rows_estimated; /* -1 unknown */
  int64_t bad_rows;
  char *started_at;  /* UTC; may be NULL */
  char *finished_at; /* UTC, or NULL */
};

void status_free(struct backfill_status *status);

/* Appends a struct backfill_status * for each backfill, in the order in which they began. */
bool status_list(struct session *session, struct vec *list, struct error *err) MUST_CHECK;

#endif
