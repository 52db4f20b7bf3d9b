/*
 * range.c - see range.h.
 */
#include "backfill/range.h"

#include <stdlib.h>
#include <string.h>

void range_release(struct range *range) {
  free(range->low);
  free(range->high);
  free(range->cursor);
  *range = (struct range){.low = NULL};
}

bool range_insert(struct session *session, const char *name, const char *low, const char *high, struct error *err) {
  struct batch_builder params;
  batch_init(&params, 4);
  batch_add_str(&params, 0, name);
  batch_add_int(&params, 1, 1);
  batch_add_str(&params, 2, low);
  batch_add_str(&params, 3, high);
  bool ok = session_execute_batch(session, "range_insert", &params, NULL, err);
  batch_release(&params);
  return ok;
}

bool range_read(struct session *session, const char *name, struct range *range, bool *found, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "range_select", &name, 1, &rows, err))
    return false;
  *found = rows.row_count > 0;
  if (*found) {
    const char *state = rowset_text(&rows, 0, 4);
    *range = (struct range){
        .number = rowset_int(&rows, 0, 0),
        .low = xstrdup_or_null(rowset_text(&rows, 0, 1)),
        .high = xstrdup_or_null(rowset_text(&rows, 0, 2)),
        .cursor = xstrdup_or_null(rowset_text(&rows, 0, 3)),
        .done = state && strcmp(state, "done") == 0,
        .epoch = rowset_int(&rows, 0, 5),
        .rows_done = rowset_int(&rows, 0, 6),
    };
  }
  rowset_release(&rows);
  return true;
}

bool range_claim(struct session *session, const char *name, struct range *range, const char *worker,
                 struct error *err) {
  struct batch_builder params;
  batch_init(&params, 3);
  batch_add_str(&params, 0, worker);
  batch_add_str(&params, 1, name);
  batch_add_int(&params, 2, range->number);
  int64_t affected = 0;
  bool ok = session_execute_batch(session, "range_take", &params, &affected, err);
  batch_release(&params);
  if (ok && affected == 1)
    range->epoch++;
  return ok;
}
