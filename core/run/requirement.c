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

/* Has it ended, and with how many bad rows? */
static bool find_ended(const struct rowset *rows, const char *name, int64_t *bad) {
  for (size_t i = 0; i < rows->row_count; i++)
    if (rowset_text(rows, i, 0) && strcmp(rowset_text(rows, i, 0), name) == 0) {
      *bad = rowset_int(rows, i, 1);
      return true;
    }
  return false;
}

/* A row that was put aside is none that the next revision may take for done, such as one that drops the old column. */
static bool refuse_bad(const struct script *script, int64_t bad, struct error *err) {
  const char *name = script->requires_backfill;
  error_set(err, ERROR_FINDINGS, "revision %s requires the backfill %s, which is done but for %lld bad %s", script->id,
            name, (long long)bad, bad == 1 ? "row" : "rows");
  return error_hint(err,
                    "`moonbird backfill bad list %s` shows %s; after `bad retry` and a run, or `bad ignore`, run this "
                    "command again",
                    name, bad == 1 ? "it" : "them");
}

bool requirement_has_one(const struct plan_step *step) {
  return step->revision && step->direction == DIRECTION_UPGRADE && revision_script(step->revision)->requires_backfill;
}

bool requirement_check(struct session *session, const struct plan_step *step, struct error *err) {
  if (!requirement_has_one(step) || session->offline)
    return true;
  const struct script *script = revision_script(step->revision);
  struct rowset rows = ROWSET_INIT;
  int64_t bad = 0;
  if (session->has_backfill_table && !session_query(session, "backfill_finished", NULL, 0, &rows, err))
    return false;
  bool has_ended = find_ended(&rows, script->requires_backfill, &bad);
  rowset_release(&rows);
  if (has_ended)
    return bad == 0 || refuse_bad(script, bad, err);
  error_set(err, ERROR_PENDING, "revision %s requires that the backfill %s has ended, and it has not", script->id,
            script->requires_backfill);
  return error_hint(err, "`moonbird backfill run %s` runs it; then run this command again", script->requires_backfill);
}
