/*
 * status.c - reads the state of backfills; see status.h.
 */
#include "backfill/status.h"

#include <stdlib.h>

void status_free(struct backfill_status *status) {
  if (!status)
    return;
  free(status->name);
  free(status->table);
  free(status->desired);
  free(status->observed);
  free(status->started_at);
  free(status->finished_at);
  free(status);
}

static char *text_at(const struct rowset *rows, size_t row, uint32_t column) {
  return xstrdup_or_null(rowset_text(rows, row, column));
}

static struct backfill_status *status_from_row(const struct rowset *rows, size_t row) {
  struct backfill_status *status = xmalloc(sizeof(*status));
  *status = (struct backfill_status){
      .name = text_at(rows, row, 0),
      .table = text_at(rows, row, 1),
      .desired = text_at(rows, row, 2),
      .observed = text_at(rows, row, 3),
      .rows_done = rowset_int(rows, row, 4),
      .rows_estimated = rowset_is_null(rows, row, 5) ? -1 : rowset_int(rows, row, 5),
      .bad_rows = rowset_int(rows, row, 6),
      .started_at = text_at(rows, row, 7),
      .finished_at = text_at(rows, row, 8),
  };
  return status;
}

bool status_list(struct session *session, struct vec *list, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  bool found = false;
  if (!session_query_table(session, "backfill_list", &rows, &found, err))
    return false;
  for (size_t i = 0; i < rows.row_count; i++)
    vec_push(list, status_from_row(&rows, i));
  rowset_release(&rows);
  return true;
}
