/*
 * failure.h - what a worker does about an error, by its SQLSTATE (BACKFILL.md, 4.6). Pure.
 */
#ifndef BACKFILL_FAILURE_H
#define BACKFILL_FAILURE_H

#include "base/error.h"

enum failure {
  FAILURE_STOP,        /* the same will fail again: disk full, undefined column, no privilege, wrong script */
  FAILURE_REPEAT,      /* serialization, deadlock, lock time-out, busy: the same batch again */
  FAILURE_SHRINK,      /* statement time-out: the batch again with fewer rows */
  FAILURE_RECONNECT,   /* connection lost, server ends */
  FAILURE_WAIT,        /* read-only after a failover: on a new connection, until somebody writes */
  FAILURE_PAUSE,       /* somebody has cancelled the statement on the server */
  FAILURE_ROW,         /* the data of a row, or the script's function for it */
  FAILURE_INTERRUPTED, /* by a signal to this process */
};

/*
 * `statement_s` is how long the statement ran, `timeout_s` what its limit was: that tells a time-out from a cancel,
 * which have one SQLSTATE. `has_written`: the database took writes before, so that read-only means a failover.
 */
enum failure failure_of(const struct error *err, double statement_s, double timeout_s, bool has_written);

#endif
