/*
 * failure.c - see failure.h.
 */
#include "backfill/failure.h"

#include <string.h>

static bool is_state(const struct error *err, const char *sqlstate) {
  return strcmp(err->sqlstate, sqlstate) == 0;
}

static bool is_class(const struct error *err, const char *class) {
  return strncmp(err->sqlstate, class, 2) == 0;
}

enum failure failure_of(const struct error *err, double statement_s, double timeout_s, bool has_written) {
  static const double nearly = 0.9; /* clocks differ, and the server's began later */
  if (err->class == ERROR_INTERRUPTED)
    return FAILURE_INTERRUPTED;
  if (err->class == ERROR_CONNECT)
    return FAILURE_RECONNECT;
  if (err->class != ERROR_FAILED)
    return FAILURE_STOP;
  if (is_state(err, "57014"))
    return timeout_s > 0 && statement_s >= timeout_s * nearly ? FAILURE_SHRINK : FAILURE_PAUSE;
  if (is_state(err, "25006")) /* read_only_sql_transaction */
    return has_written ? FAILURE_WAIT : FAILURE_STOP;
  /* 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now */
  if (err->retry == RETRY_CONNECTION || is_class(err, "57"))
    return FAILURE_RECONNECT;
  /* 40001 serialization_failure, 40P01 deadlock_detected, 55P03 lock_not_available */
  if (err->retry == RETRY_STATEMENT || err->retry == RETRY_TRANSACTION || is_class(err, "40") || is_state(err, "55P03"))
    return FAILURE_REPEAT;
  /* 22 data exception, 23 integrity constraint violation, P0 raised by a trigger; without a state it is Lua that failed
   */
  if (is_class(err, "22") || is_class(err, "23") || is_class(err, "P0") || !err->sqlstate[0])
    return FAILURE_ROW;
  return FAILURE_STOP;
}
