/*
 * wish.c - writes what operators ask for; see wish.h. Statements are in sql/operators.sql.
 */
#include "backfill/wish.h"

#include "backfill/overrides.h"
#include "backfill/presence.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* What a runner would write, where none lives: `observed`, unless it is `except` now. */
static bool settle(struct session *session, const char *name, const char *observed, const char *except,
                   struct error *err) {
  const char *params[] = {observed, name, except};
  return session_execute(session, "wish_settle", params, 3, NULL, err);
}

bool wish_pause(struct session *session, const struct backfill_row *row, const char *reason, struct error *err) {
  return state_desire(session, row->name, DESIRED_PAUSE, "paused", reason, err) &&
         (strcmp(row->observed, OBSERVED_RUNNING) != 0 || settle(session, row->name, OBSERVED_PAUSED, "", err));
}

bool wish_cancel(struct session *session, const struct backfill_row *row, const char *reason, struct error *err) {
  return state_desire(session, row->name, DESIRED_CANCEL, "cancelled", reason, err) &&
         settle(session, row->name, OBSERVED_CANCELLED, OBSERVED_CANCELLED, err);
}

bool wish_resume(struct session *session, const struct backfill_row *row, const char *reason, struct error *err) {
  const char *waiting = row->first_key ? OBSERVED_PAUSED : OBSERVED_PLANNED;
  return state_desire(session, row->name, DESIRED_RUN, "resumed", reason, err) &&
         (strcmp(row->observed, OBSERVED_CANCELLED) != 0 || settle(session, row->name, waiting, "", err));
}

/* Under the row's lock, so that of two operators who set something at once neither takes back what the other did. */
static bool lock_overrides(struct session *session, const char *name, char **overrides, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "wish_lock", &name, 1, &rows, err))
    return false;
  *overrides = rows.row_count ? xstrdup_or_null(rowset_text(&rows, 0, 0)) : NULL;
  rowset_release(&rows);
  return true;
}

/* As a script may not name a limit whose signal the database does not have. */
static bool check_signals(struct session *session, const struct vec *words, struct error *err) {
  lua_State *L = session->host->L;
  int top = lua_gettop(L);
  session_push_dialect(session);
  lua_getfield(L, -1, "throttle_defaults");
  bool ok = true;
  for (size_t i = 0; ok && i < words->len; i++) {
    const char *limit = overrides_limit(strvec_at(words, i));
    if (limit && lua_getfield(L, top + 2, limit) == LUA_TNIL)
      ok = error_set(err, ERROR_USAGE, "%s: this database has no such signal", limit);
  }
  lua_settop(L, top);
  return ok;
}

bool wish_set(struct session *session, const struct backfill_row *row, const struct vec *words, const char *reason,
              struct error *err) {
  char *before = NULL, *changed = NULL;
  bool is_valid = lock_overrides(session, row->name, &before, err) && overrides_change(before, words, &changed, err) &&
                  check_signals(session, words, err);
  free(before);
  if (!is_valid) {
    free(changed);
    return false;
  }
  char *detail = strvec_join(words, " ");
  const char *params[] = {changed, row->name};
  bool ok = session_execute(session, "backfill_override", params, 2, NULL, err) &&
            state_log(session, row->name, "set", detail, reason, err);
  free(detail);
  free(changed);
  return ok;
}

bool wish_brake(struct session *session, const char *name, double seconds, const char *reason, struct error *err) {
  struct batch_builder params;
  batch_init(&params, seconds > 0 ? 2 : 1);
  if (seconds > 0)
    batch_add_float(&params, 0, seconds);
  batch_add_str(&params, seconds > 0 ? 1 : 0, name);
  bool ok = session_execute_batch(session, seconds > 0 ? "wish_brake" : "wish_release", &params, NULL, err);
  batch_release(&params);
  char time[CLOCK_TEXT_SIZE];
  clock_format_duration(seconds, time);
  char *detail = seconds > 0 ? xasprintf("for %s", time) : NULL;
  ok = ok && state_log(session, name, seconds > 0 ? "braked" : "brake released", detail, reason, err);
  free(detail);
  return ok;
}

bool wish_retry(struct session *session, const struct backfill_row *row, const char *reason, int64_t *ranges,
                struct error *err) {
  int64_t affected = 0;
  const char *name = row->name;
  if (!session_execute(session, "wish_retry", &name, 1, &affected, err))
    return false;
  *ranges = affected;
  if (strcmp(row->observed, OBSERVED_FAILED) == 0 && !settle(session, name, OBSERVED_PAUSED, "", err))
    return false;
  if (!affected && strcmp(row->observed, OBSERVED_FAILED) != 0)
    return true;
  char *detail = xasprintf("%lld %s", (long long)affected, affected == 1 ? "range" : "ranges");
  bool ok = state_log(session, name, "retry", detail, reason, err);
  free(detail);
  return ok;
}

bool wish_forget(struct session *session, const struct backfill_row *row, const char *reason, struct error *err) {
  return presence_check_none(session, row->name, "forget it", err) && state_forget(session, row->name, err) &&
         state_log(session, row->name, "forgotten", NULL, reason, err);
}
