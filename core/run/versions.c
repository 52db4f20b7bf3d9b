/*
 * versions.c - reads and changes the version table; see versions.h.
 */
#include "run/versions.h"

#include "run/offline.h"

/* Rows are somebody's work: where there are any, the table is there. */
static void take_given_rows(struct session *session, struct vec *rows) {
  const struct vec *given = &session->offline->rows;
  for (size_t i = 0; i < given->len; i++)
    strvec_push(rows, strvec_at(given, i));
  session->has_version_table = given->len > 0;
}

bool versions_read(struct session *session, struct vec *rows, struct error *err) {
  if (session->offline) {
    take_given_rows(session, rows);
    return true;
  }
  struct rowset got = ROWSET_INIT;
  if (!session_query_table(session, "version_select", &got, &session->has_version_table, err))
    return false;
  for (size_t i = 0; i < got.row_count; i++)
    if (rowset_text(&got, i, 0))
      strvec_push(rows, rowset_text(&got, i, 0));
  rowset_release(&got);
  return true;
}

bool versions_ensure_table(struct session *session, struct error *err) {
  if (session->has_version_table)
    return true;
  if (!session_execute(session, "version_create", NULL, 0, NULL, err))
    return error_prefix(err, "the version table cannot be made: ");
  session->has_version_table = true;
  return true;
}

static bool apply_change(struct session *session, const struct row_change *change, int64_t *affected,
                         struct error *err) {
  const char *update[] = {change->to, change->from};
  switch (change->kind) {
  case ROW_INSERT:
    return session_execute(session, "version_insert", &change->to, 1, affected, err);
  case ROW_UPDATE:
    return session_execute(session, "version_update", update, 2, affected, err);
  case ROW_DELETE:
    return session_execute(session, "version_delete", &change->from, 1, affected, err);
  }
  BUG("no such row change");
}

static bool refuse_count(const struct row_change *change, int64_t affected, struct error *err) {
  const char *table_state = "the version table was changed by somebody else, or has a row twice";
  if (change->kind == ROW_UPDATE)
    error_set(err, ERROR_HISTORY, "Online migration expected to match one row when updating '%s' to '%s'; %lld found",
              change->from, change->to, (long long)affected);
  else
    error_set(err, ERROR_HISTORY, "Online migration expected to match one row when %s '%s'; %lld found",
              change->kind == ROW_INSERT ? "inserting" : "deleting",
              change->kind == ROW_INSERT ? change->to : change->from, (long long)affected);
  return error_hint(err, "%s; look at it with `moonbird current`", table_state);
}

bool versions_apply(struct session *session, const struct plan_step *step, struct error *err) {
  for (size_t i = 0; i < step->change_count; i++) {
    int64_t affected = -1;
    if (!apply_change(session, &step->changes[i], &affected, err))
      return error_prefix(err, "the version table cannot be written: ");
    if (affected != 1 && !session->offline)
      return refuse_count(&step->changes[i], affected, err);
  }
  return true;
}
