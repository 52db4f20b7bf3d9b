/*
 * requirement.c - see requirement.h.
 */
#include "run/requirement.h"

#include <string.h>

bool requirement_probe(struct session *session, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  bool ok = session_query_table(session, "backfill_finished", &rows, &session->has_backfill_table, err);
  rowset_release(&rows);
  return ok;
}

static bool contains(const struct rowset *rows, const char *name) {
  for (size_t i = 0; i < rows->row_count; i++)
    if (rowset_text(rows, i, 0) && strcmp(rowset_text(rows, i, 0), name) == 0)
      return true;
  return false;
}

bool requirement_check(struct session *session, const struct plan_step *step, struct error *err) {
  const struct script *script = step->revision ? revision_script(step->revision) : NULL;
  if (!script || !script->requires_backfill || step->direction != DIRECTION_UPGRADE || session->offline)
    return true;
  struct rowset rows = ROWSET_INIT;
  if (session->has_backfill_table && !session_query(session, "backfill_finished", NULL, 0, &rows, err))
    return false;
  bool finished = contains(&rows, script->requires_backfill);
  rowset_release(&rows);
  if (finished)
    return true;
  error_set(err, ERROR_PENDING, "revision %s requires that the backfill %s has ended, and it has not", script->id,
            script->requires_backfill);
  return error_hint(err, "`moonbird backfill run %s` runs it; then run this command again", script->requires_backfill);
}
