/*
 * requirement.c - see requirement.h.
 */
#include "run/requirement.h"

#include "base/log.h"
#include "script/files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
static bool refuse_bad(const struct script *script, const char *name, int64_t bad, struct error *err) {
  error_set(err, ERROR_FINDINGS, "revision %s requires the backfill %s, which is done but for %lld bad %s", script->id,
            name, (long long)bad, bad == 1 ? "row" : "rows");
  return error_hint(err,
                    "`moonbird backfill bad list %s` shows %s; after `bad retry` and a run, or `bad ignore`, run this "
                    "command again",
                    name, bad == 1 ? "it" : "them");
}

/* What no file defines nobody can run: most often its name is misspelt. */
static bool refuse_open(const struct session *session, const struct script *script, const char *name,
                        struct error *err) {
  char *path = xasprintf("%s/backfills/%s.lua", environment_location(session->request->env), name);
  char *shown = path_as_written(path);
  bool is_there = access(path, F_OK) == 0;
  error_set(err, ERROR_PENDING, "revision %s requires that the backfill %s has ended, and it has not", script->id,
            name);
  if (is_there)
    error_hint(err, "`moonbird backfill run %s` runs it; then run this command again", name);
  else
    error_hint(err, "there is no file %s to run it from: mend requires_backfill, or write the file", shown);
  free(shown);
  free(path);
  return false;
}

bool requirement_has_one(const struct plan_step *step) {
  return step->revision && step->direction == DIRECTION_UPGRADE &&
         revision_script(step->revision)->requires_backfill.len;
}

/* A script cannot ask the database. */
static void warn_offline(const struct script *script) {
  char *names = strvec_join(&script->requires_backfill, ", ");
  log_warn("revision %s requires that %s %s ended: see to it before the script is run", script->id, names,
           script->requires_backfill.len == 1 ? "has" : "have");
  free(names);
}

bool requirement_check(struct session *session, const struct plan_step *step, struct error *err) {
  if (!requirement_has_one(step))
    return true;
  const struct script *script = revision_script(step->revision);
  if (session->offline) {
    warn_offline(script);
    return true;
  }
  struct rowset rows = ROWSET_INIT;
  if (session->has_backfill_table && !session_query(session, "backfill_finished", NULL, 0, &rows, err))
    return false;
  bool ok = true;
  for (size_t i = 0; ok && i < script->requires_backfill.len; i++) {
    const char *name = script->requires_backfill.items[i];
    int64_t bad = 0;
    if (!find_ended(&rows, name, &bad))
      ok = refuse_open(session, script, name, err);
    else if (bad)
      ok = refuse_bad(script, name, bad, err);
  }
  rowset_release(&rows);
  return ok;
}
