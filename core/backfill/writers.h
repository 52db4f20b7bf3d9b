/*
 * writers.h - before a backfill reads its first and last key: the wait for transactions that wrote to its table
 * earlier.
 *
 * Who waits is counted among the workers, and the backfill's row says for whom, so that `status` can tell; operators
 * may end the wait as they end a run. Main thread only; not in a transaction.
 */
#ifndef BACKFILL_WRITERS_H
#define BACKFILL_WRITERS_H

#include "backfill/runner.h"

/* Waits until every transaction that holds a write lock on the table now has ended, or another process has written down
 * the keys: `row` is read anew meanwhile. Without an error `outcome->end` is JOB_GOES_ON, or tells who has ended the
 * wait: JOB_STOPPED (an interrupt or a limit), JOB_PAUSED, JOB_CANCELLED. */
bool writers_wait(struct session *session, const struct definition *definition, const struct runner_limits *limits,
                  struct backfill_row *row, struct runner_outcome *outcome, struct error *err) MUST_CHECK;

#endif
