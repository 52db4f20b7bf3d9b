/*
 * brake.c - see brake.h. Called by the operators' commands, status.c and the start of a run.
 */
#include "backfill/brake.h"

#include "base/clock.h"
#include "base/whoami.h"

#include <stdlib.h>
#include <string.h>

void brake_release(struct brake *brake) {
  free(brake->until);
  free(brake->set_at);
  free(brake->by);
  free(brake->why);
  *brake = (struct brake){.until = NULL};
}

/* `has_table` is false where nobody has ever braked all. */
static bool read_brake(struct session *session, struct brake *brake, bool *has_table, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  *brake = (struct brake){.until = NULL};
  if (!session_query_table(session, "brake_find", &rows, has_table, err))
    return false;
  if (rows.row_count) {
    *brake = (struct brake){
        .is_on = true,
        .until = xstrdup_or_null(rowset_text(&rows, 0, 0)),
        .set_at = xstrdup_or_null(rowset_text(&rows, 0, 1)),
        .by = xasprintf("%s@%s", rowset_text(&rows, 0, 2), rowset_text(&rows, 0, 3)),
        .why = xstrdup_or_null(rowset_text(&rows, 0, 4)),
    };
    brake->left_s = clock_seconds_between(rowset_text(&rows, 0, 5), brake->until, 0);
  }
  rowset_release(&rows);
  return true;
}

bool brake_read(struct session *session, struct brake *brake, struct error *err) {
  bool has_table;
  return read_brake(session, brake, &has_table, err);
}

/* The row that is there, or a new one. */
static bool write_row(struct session *session, double seconds, const char *reason, struct error *err) {
  struct batch_builder params;
  batch_init(&params, 4);
  batch_add_float(&params, 0, seconds);
  batch_add_str(&params, 1, whoami_user());
  batch_add_str(&params, 2, whoami_host());
  batch_add_clean(&params, 3, reason);
  int64_t affected = 0;
  bool ok = session_execute_batch(session, "brake_update", &params, &affected, err) &&
            (affected > 0 || session_execute_batch(session, "brake_insert", &params, NULL, err));
  batch_release(&params);
  return ok;
}

static bool try_set(struct session *session, double seconds, const char *reason, struct error *err) {
  struct brake before;
  bool has_table;
  if (!read_brake(session, &before, &has_table, err))
    return false;
  brake_release(&before);
  if (!has_table && seconds <= 0)
    return true;
  bool ok = session_begin(session, err) &&
            (has_table || session_execute(session, "brake_create", NULL, 0, NULL, err)) &&
            (seconds > 0 ? write_row(session, seconds, reason, err)
                         : session_execute(session, "brake_delete", NULL, 0, NULL, err)) &&
            session_commit(session, err);
  if (!ok)
    session_rollback(session);
  return ok;
}

/* Somebody else was faster: the table (42P07) or the row (class 23) is there already, or both wanted it at once. */
static bool is_conflict(const struct error *err) {
  return err->retry == RETRY_STATEMENT || err->retry == RETRY_TRANSACTION || strcmp(err->sqlstate, "42P07") == 0 ||
         strncmp(err->sqlstate, "23", 2) == 0;
}

/* Two operators may make the table, or the row, at the same moment: who comes second finds it there at the next try. */
bool brake_set(struct session *session, double seconds, const char *reason, struct error *err) {
  enum { TRIES = 3 };
  for (int i = 1; i < TRIES; i++) {
    if (try_set(session, seconds, reason, err))
      return true;
    if (!is_conflict(err))
      return false;
    error_clear(err);
  }
  return try_set(session, seconds, reason, err);
}

bool brake_follow(struct session *session, const char *name, struct error *err) {
  struct brake brake;
  if (!brake_read(session, &brake, err))
    return false;
  bool ok = !brake.is_on || session_execute(session, "brake_follow", &name, 1, NULL, err);
  brake_release(&brake);
  return ok;
}
