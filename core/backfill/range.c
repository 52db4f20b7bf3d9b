/*
 * range.c - see range.h.
 */
#include "backfill/range.h"

#include <stdlib.h>

void range_release(struct range *range) {
  free(range->low);
  free(range->high);
  free(range->cursor);
  *range = (struct range){.low = NULL};
}

bool range_give_back(struct session *session, const char *name, const struct range *range, int64_t attempts,
                     const struct error *why, struct error *err) {
  struct batch_builder params;
  uint32_t column = 0;
  batch_init(&params, why ? 6 : 3);
  if (why) {
    batch_add_int(&params, column++, attempts);
    batch_add_str(&params, column++, why->sqlstate);
    batch_add_clean(&params, column++, why->message);
  }
  batch_add_str(&params, column++, name);
  batch_add_int(&params, column++, range->number);
  batch_add_int(&params, column++, range->epoch);
  bool ok = session_execute_batch(session, why ? "range_fail" : "range_release", &params, NULL, err);
  batch_release(&params);
  return ok;
}

static bool read_number(struct session *session, const char *statement, const char *name, int64_t *number,
                        struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, statement, &name, 1, &rows, err))
    return false;
  *number = rowset_int(&rows, 0, 0);
  rowset_release(&rows);
  return true;
}

bool range_rows_done(struct session *session, const char *name, int64_t *rows, struct error *err) {
  return read_number(session, "range_rows", name, rows, err);
}

bool range_has_begun(struct session *session, const char *name, bool *begun, struct error *err) {
  int64_t count = 0;
  if (!read_number(session, "range_begun", name, &count, err))
    return false;
  *begun = count > 0;
  return true;
}
