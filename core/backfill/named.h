/*
 * named.h - runs a backfill of the environment's folder backfills/: what `moonbird backfill run NAME` does.
 */
#ifndef BACKFILL_NAMED_H
#define BACKFILL_NAMED_H

#include "backfill/runner.h"
#include "run/run.h"

/* NULL for a name that the file of a backfill may have (NAME.lua in backfills/), else what the rule is. */
const char *named_name_rule(const char *name);

/* Starts, resumes or joins. `nothing_to_do` (may be NULL) tells that it had ended before. ERROR_PENDING when it stops
 * unfinished, ERROR_FINDINGS when it ends, or had ended, with bad rows, ERROR_HISTORY when its code has changed
 * meanwhile. */
bool named_run(const struct run_request *request, const char *name, const struct runner_limits *limits,
               bool *nothing_to_do, struct error *err) MUST_CHECK;

/* A backfill with its definition, in an open session; for commands that look at it. */
struct named {
  struct session *session;
  struct definition definition;
  char fingerprint[65];
  bool has_tables;
  struct backfill_row row;
  bool registered; /* `row` is filled */
  bool must_read;  /* the definition is to be read again: with time and chance of the row, another process's */
};

/* Reads the file, the catalog and the state. */
bool named_open(struct named *named, struct session *session, const char *name, struct error *err) MUST_CHECK;
void named_release(struct named *named);

#endif
