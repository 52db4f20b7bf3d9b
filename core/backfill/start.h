/*
 * start.h - what comes before the first batch: the tables, the row, the first and the last key.
 */
#ifndef BACKFILL_START_H
#define BACKFILL_START_H

#include "backfill/runner.h"

/* Makes the tables where they are not there; in the open transaction, or each by itself. */
bool start_tables(struct session *session, bool has_tables, struct error *err) MUST_CHECK;

/* A key that is NULL in a row is refused; in the open transaction, before anything is committed. */
bool start_check_keys(struct session *session, const struct definition *definition, struct error *err) MUST_CHECK;

/*
 * Waits until every transaction that holds a write lock on the table has ended, then writes down the first and the last
 * key, unless another process has done so. Not in a transaction. Afterwards every row is in the range, or the
 * application that wrote it knows of the new columns. `row` is read anew. `limits` may be NULL; what has ended the wait
 * stands in `outcome` (writers.h), and is JOB_GOES_ON when the keys are known.
 */
bool start_bounds(struct session *session, const struct definition *definition, const struct runner_limits *limits,
                  struct backfill_row *row, struct runner_outcome *outcome, struct error *err) MUST_CHECK;

#endif
