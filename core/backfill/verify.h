/*
 * verify.h - counts the rows of a finished backfill for which its `done` does not hold.
 *
 * A walk in key order over the planned range, in stretches found by index hops; it reads the table and writes only into
 * the state. Whoever may not write there (a role that only reads, a replica) verifies as well, but leaves no trace.
 * Main thread only; the caller owns the result (verify_result_release).
 */
#ifndef BACKFILL_VERIFY_H
#define BACKFILL_VERIFY_H

#include "run/run.h"

struct verify_result {
  int64_t undone;   /* rows for which `done` does not hold, but for those that are ignored */
  int64_t bad;      /* of them put aside */
  int64_t ignored;  /* rows that are not done, and that an operator leaves as they are */
  bool requeued;    /* they are ranges again */
  int64_t ranges;   /* so many */
  int64_t again;    /* rows that the next run goes through in them; more than `undone` where done rows stand between */
  char *unrecorded; /* why the result does not stand in the state; NULL: it does */
};

void verify_result_release(struct verify_result *result);

/* ERROR_USAGE for a name that is not known or a backfill without `done`, ERROR_PENDING for one that is not finished.
 * With `requeue` these rows become ranges again, for the next run: who may not write gets an error. */
bool verify_run(const struct run_request *request, const char *name, bool requeue, struct verify_result *result,
                struct error *err) MUST_CHECK;

#endif
