/*
 * listener.h - tells the user what a run does: step lines, backfill progress, waiting for the lock; or JSON events.
 *
 * Ownership: the struct is the command's; it borrows the output. It hooks itself into the log, so that log lines do not
 * tear the live line: one at a time.
 */
#ifndef CLI_LISTENER_H
#define CLI_LISTENER_H

#include "cli/output.h"
#include "cli/progress.h"
#include "run/run.h"

struct exporter;

struct listener {
  struct run_listener run; /* for the request; its data is this struct */
  struct output *out;
  struct progress progress;
  size_t steps;        /* finished */
  struct vec finished; /* owned ids of the steps that finished, in their order */
  struct strbuf step;  /* the line of the step that runs, without its outcome; empty between steps */
  double started_s;
  struct exporter *exporter; /* --metrics, or NULL; the command's */
  double lock_told_s;        /* when the waiting was last told; below 0: not yet */
};

void listener_init(struct listener *l, struct output *out);
void listener_release(struct listener *l);

/* The last event of a run that succeeded. */
void listener_done(struct listener *l);

#endif
