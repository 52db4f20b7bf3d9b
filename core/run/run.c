/*
 * run.c - upgrade, downgrade, stamp and the look at the version rows; see run.h. DESIGN.md, section 3, has the flow.
 */
#include "run/run.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/env.h"
#include "run/history.h"
#include "run/journal.h"
#include "run/lock.h"
#include "run/lock_tries.h"
#include "run/offline.h"
#include "run/requirement.h"
#include "run/session.h"
#include "run/step.h"
#include "run/versions.h"

#include <stdlib.h>
#include <string.h>

typedef bool (*plan_fn)(const struct graph *graph, const struct vec *rows, const char *target, struct plan *plan,
                        struct error *err);

/* --- planning --- */

/* A revision that was interrupted must be the plan's business, or be left alone by everybody. */
static bool check_open_revision(const struct plan *plan, const char *revision, const char *direction,
                                struct error *err) {
  for (size_t i = 0; i < plan->len; i++)
    if (strcmp(plan->steps[i].revision->id, revision) == 0 &&
        strcmp(direction_name(plan->steps[i].direction), direction) == 0)
      return true;
  error_set(err, ERROR_PARTIAL, "revision %s is partly applied: its %s was interrupted", revision, direction);
  return error_hint(err, "`moonbird %s %s%s` goes on where it was interrupted", direction, revision,
                    strcmp(direction, "downgrade") == 0 ? "-1" : "");
}

/* Reads the rows and makes the plan from them. */
static bool look(struct session *session, plan_fn make_plan, const char *target, struct plan *plan, struct error *err) {
  const struct graph *graph = environment_graph(session->request->env);
  struct vec rows = VEC_INIT;
  char *revision = NULL, *direction = NULL;
  bool ok = versions_read(session, &rows, err) && journal_find_open(session, &revision, &direction, err) &&
            make_plan(graph, &rows, target, plan, err) &&
            (!revision || check_open_revision(plan, revision, direction, err));
  free(revision);
  free(direction);
  strvec_release(&rows);
  return ok;
}

static bool check_scripts(struct session *session, const struct plan *plan, struct error *err) {
  for (size_t i = 0; i < plan->len; i++)
    if (!step_check(session, &plan->steps[i], err))
      return false;
  return true;
}

/* --- running --- */

static void tell_finished(const struct session *session, const struct plan_step *step, double seconds) {
  const struct run_listener *listener = session->request->listener;
  if (listener && listener->step_finished)
    listener->step_finished(listener->data, step, seconds);
}

static void tell_started(const struct session *session, const struct plan_step *step) {
  const struct run_listener *listener = session->request->listener;
  if (listener && listener->step_started)
    listener->step_started(listener->data, step);
}

static bool run_step(struct session *session, const struct plan_step *step, bool shared, double *seconds,
                     struct error *err) {
  const struct run_listener *listener = session->request->listener;
  double begun = clock_monotonic_s();
  if (!step_run(session, step, shared, err)) {
    if (listener && listener->step_failed && !(shared && session->repeats))
      listener->step_failed(listener->data, step, err);
    return false;
  }
  *seconds = clock_monotonic_s() - begun;
  return true;
}

/* One transaction for each step. */
static bool run_each(struct session *session, const struct plan *plan, struct error *err) {
  for (size_t i = 0; i < plan->len; i++) {
    const struct plan_step *step = &plan->steps[i];
    double seconds;
    session->goes_on = i + 1 < plan->len && !requirement_has_one(step + 1);
    if (!session_check_interrupt(session, err) || !requirement_check(session, step, err))
      return false;
    tell_started(session, step);
    if (!run_step(session, step, false, &seconds, err))
      return false;
    tell_finished(session, step, seconds);
  }
  return true;
}

/* A run whose steps share a transaction. It is begun anew where a lock was not free; then the plan has what is left. */
struct together {
  struct plan *plan;
  double *seconds; /* of each step of the first plan, as the next two */
  size_t len;
  size_t started;
};

static size_t steps_before(const struct together *run) {
  return run->len - run->plan->len;
}

/* `*at` is the step that failed. */
static bool try_together(struct session *session, struct together *run, size_t *at, struct error *err) {
  for (*at = 0; *at < run->plan->len; (*at)++) {
    const struct plan_step *step = &run->plan->steps[*at];
    size_t number = steps_before(run) + *at;
    if (!session_check_interrupt(session, err) || !requirement_check(session, step, err))
      return false;
    if (number >= run->started)
      tell_started(session, step);
    run->started = number >= run->started ? number + 1 : run->started;
    if (!run_step(session, step, true, &run->seconds[number], err))
      return false;
  }
  return session_commit(session, err);
}

static void tell_committed(const struct session *session, const struct together *run, size_t count) {
  for (size_t i = 0; i < count; i++)
    tell_finished(session, &run->plan->steps[i], run->seconds[steps_before(run) + i]);
}

/* What a commit point in between has kept is not in the plan any more. */
static bool plan_again(struct session *session, struct together *run, plan_fn make_plan, const char *target,
                       struct error *err) {
  struct plan left = PLAN_INIT;
  if (!look(session, make_plan, target, &left, err) || !history_probe(session, err)) {
    plan_release(&left);
    return false;
  }
  tell_committed(session, run, run->plan->len - left.len);
  plan_release(run->plan);
  *run->plan = left;
  return true;
}

/* One transaction for all steps: "ok" may be said only when it has committed. */
static bool run_together(struct session *session, plan_fn make_plan, const char *target, struct plan *plan,
                         struct error *err) {
  struct together run = {.plan = plan, .len = plan->len, .seconds = xcalloc(plan->len, sizeof(*run.seconds))};
  bool ok;
  size_t at;
  do {
    session->repeats = false;
    ok = try_together(session, &run, &at, err);
    if (!ok)
      session_rollback(session);
    session->shared_tries++;
  } while (!ok && session->repeats &&
           lock_tries_pause(session, revision_script(plan->steps[at].revision)->id, session->shared_tries, err) &&
           plan_again(session, &run, make_plan, target, err));
  if (ok)
    tell_committed(session, &run, plan->len);
  if (!ok && session->committed_inside && err->class == ERROR_FAILED)
    err->class = ERROR_PARTIAL;
  free(run.seconds);
  return ok;
}

/* The failure itself is what is reported; what the hook does wrong is a warning. */
static void call_on_error(struct session *session, const struct error *failure) {
  struct error err = ERROR_INIT;
  if (failure->class != ERROR_INTERRUPTED && !env_hook(session, "on_error", NULL, failure->message, &err))
    log_warn("%s", err.message);
  error_release(&err);
}

static bool run_plan(struct session *session, plan_fn make_plan, const char *target, struct plan *plan,
                     struct error *err) {
  if (!history_probe(session, err) || !requirement_probe(session, err))
    return false;
  bool each = config_flag(session->request->config, "transaction_per_migration");
  bool ok = env_hook(session, "before_run", NULL, NULL, err) &&
            (each ? run_each(session, plan, err) : run_together(session, make_plan, target, plan, err)) &&
            env_hook(session, "after_run", NULL, NULL, err);
  if (!ok)
    call_on_error(session, err);
  return ok;
}

/* Looks without the lock whether there is anything to do, then again with it: another runner may have done it
 * meanwhile. */
static bool migrate_in(struct session *session, plan_fn make_plan, const char *target, struct error *err) {
  struct plan first = PLAN_INIT, plan = PLAN_INIT;
  bool ok = look(session, make_plan, target, &first, err);
  bool idle = ok && first.len == 0;
  if (ok && !idle)
    ok = check_scripts(session, &first, err) && lock_take(session, err) && look(session, make_plan, target, &plan, err);
  if (ok && plan.warning)
    log_warn("%s", plan.warning);
  if (ok && plan.len)
    ok = run_plan(session, make_plan, target, &plan, err);
  plan_release(&first);
  plan_release(&plan);
  return ok;
}

/* `offline` NULL: on the database. */
static bool open_session(struct session *session, const struct run_request *request, struct offline *offline,
                         struct error *err) {
  return offline ? session_open_offline(session, request, offline, err) : session_open(session, request, false, err);
}

static bool migrate(const struct run_request *request, struct offline *offline, plan_fn make_plan, const char *target,
                    struct error *err) {
  struct session session;
  if (!open_session(&session, request, offline, err))
    return false;
  bool ok = migrate_in(&session, make_plan, target, err);
  session_close(&session);
  return ok;
}

/* A range is for scripts; nothing need be opened to say so. */
static bool check_no_range(const char *target, struct error *err) {
  if (!strchr(target, ':'))
    return true;
  error_set(err, ERROR_USAGE, "Range revision not allowed: '%s'", target);
  return error_hint(err, "FROM:TO goes with --sql only; without it the database says where it stands");
}

bool run_upgrade(const struct run_request *request, const char *target, struct error *err) {
  return check_no_range(target, err) && migrate(request, NULL, plan_upgrade, target, err);
}

bool run_downgrade(const struct run_request *request, const char *target, struct error *err) {
  return check_no_range(target, err) && migrate(request, NULL, plan_downgrade, target, err);
}

/* --- stamp
 * -------------------------------------------------------------------------------------------------------------------
 */

static bool stamp_step(struct session *session, const struct plan_step *step, struct error *err) {
  struct history_row row = {
      .revision = step->revision ? step->revision->id : "",
      .direction = "stamp",
      .started_us = clock_wall_us(),
      .outcome = "done",
  };
  if (session->offline)
    offline_add_step(session->offline, step);
  return versions_apply(session, step, err) && history_add(session, &row, err);
}

static bool stamp_plan(struct session *session, const struct plan *plan, bool purge, struct error *err) {
  if (!session_begin(session, err) || !versions_ensure_table(session, err))
    return false;
  if (purge && !session_execute(session, "version_purge", NULL, 0, NULL, err))
    return false;
  for (size_t i = 0; i < plan->len; i++)
    if (!stamp_step(session, &plan->steps[i], err))
      return false;
  return journal_purge(session, err) && session_check_interrupt(session, err) && session_commit(session, err);
}

static bool stamp_in(struct session *session, const struct vec *targets, bool purge, struct error *err) {
  struct vec rows = VEC_INIT, none = VEC_INIT;
  struct plan plan = PLAN_INIT;
  char *revision = NULL, *direction = NULL;
  bool ok = lock_take(session, err) && versions_read(session, &rows, err) &&
            journal_find_open(session, &revision, &direction, err) && history_probe(session, err) &&
            plan_stamp(environment_graph(session->request->env), purge ? &none : &rows, targets, &plan, err);
  if (ok && revision)
    log_warn("what was noted of the interrupted %s of revision %s is dropped: the stamp says where the database stands",
             direction, revision);
  ok = ok && stamp_plan(session, &plan, purge, err);
  if (!ok)
    session_rollback(session);
  for (size_t i = 0; i < plan.len && ok; i++)
    tell_finished(session, &plan.steps[i], 0);
  plan_release(&plan);
  strvec_release(&rows);
  free(revision);
  free(direction);
  return ok;
}

static bool stamp(const struct run_request *request, struct offline *offline, const struct vec *targets, bool purge,
                  struct error *err) {
  struct session session;
  if (!open_session(&session, request, offline, err))
    return false;
  bool ok = stamp_in(&session, targets, purge, err);
  session_close(&session);
  return ok;
}

bool run_stamp(const struct run_request *request, const struct vec *targets, bool purge, struct error *err) {
  return stamp(request, NULL, targets, purge, err);
}

/* --- ensure_version --- */

static bool look_for_version_table(struct session *session, struct error *err) {
  struct vec rows = VEC_INIT;
  bool ok = versions_read(session, &rows, err);
  strvec_release(&rows);
  return ok;
}

static bool make_version_table(struct session *session, struct error *err) {
  bool ok = session_begin(session, err) && versions_ensure_table(session, err) && session_commit(session, err);
  if (!ok)
    session_rollback(session);
  return ok;
}

/* As in migrate_in: another runner may have made it meanwhile. */
static bool ensure_version_in(struct session *session, struct error *err) {
  if (!look_for_version_table(session, err))
    return false;
  if (session->has_version_table)
    return true;
  return lock_take(session, err) && look_for_version_table(session, err) &&
         (session->has_version_table || make_version_table(session, err));
}

static bool ensure_version(const struct run_request *request, struct offline *offline, struct error *err) {
  struct session session;
  if (!open_session(&session, request, offline, err))
    return false;
  bool ok = ensure_version_in(&session, err);
  session_close(&session);
  return ok;
}

bool run_ensure_version(const struct run_request *request, struct error *err) {
  return ensure_version(request, NULL, err);
}

/* --- scripts (--sql) --- */

/* The request without a listener: nothing has happened when a script is written. */
static struct run_request silent(const struct run_request *request) {
  struct run_request copy = *request;
  copy.listener = NULL;
  return copy;
}

/* Nothing is given out of a run that failed. */
static bool finish_script(struct offline *offline, bool ok, struct strbuf *script) {
  if (ok)
    strbuf_add(script, offline->script.buf, offline->script.len);
  offline_release(offline);
  return ok;
}

static bool migrate_sql(const struct run_request *request, plan_fn make_plan, const char *from, const char *to,
                        struct strbuf *script, struct error *err) {
  struct offline offline = OFFLINE_INIT;
  struct run_request quiet = silent(request);
  bool ok = offline_start(&offline, environment_graph(request->env), from, err) &&
            migrate(&quiet, &offline, make_plan, to, err);
  return finish_script(&offline, ok, script);
}

bool run_upgrade_sql(const struct run_request *request, const char *range, struct strbuf *script, struct error *err) {
  char *from;
  const char *to;
  offline_split(range, &from, &to);
  bool ok = migrate_sql(request, plan_upgrade, from, from && !*to ? "heads" : to, script, err);
  free(from);
  return ok;
}

bool run_downgrade_sql(const struct run_request *request, const char *range, struct strbuf *script, struct error *err) {
  char *from;
  const char *to;
  offline_split(range, &from, &to);
  bool ok = from && *from && *to;
  if (!ok) {
    error_set(err, ERROR_USAGE, "downgrade with --sql requires <fromrev>:<torev>");
    error_hint(err, "for example 'moonbird downgrade head:base --sql': without a connection nobody knows where the "
                    "database stands");
  }
  ok = ok && migrate_sql(request, plan_downgrade, from, to, script, err);
  free(from);
  return ok;
}

/* All targets must start at the same place; `tos` get what they go to. */
static bool split_targets(const struct vec *targets, char **from, struct vec *tos, struct error *err) {
  for (size_t i = 0; i < targets->len; i++) {
    char *start;
    const char *to;
    offline_split(strvec_at(targets, i), &start, &to);
    vec_push(tos, (void *)(uintptr_t)to);
    bool same = i == 0 || strcmp(start ? start : "", *from ? *from : "") == 0;
    if (i == 0)
      *from = start;
    else
      free(start);
    if (!same)
      return error_set(err, ERROR_USAGE,
                       "Stamp operation with --sql only supports a single starting revision at a time");
  }
  return true;
}

bool run_stamp_sql(const struct run_request *request, const struct vec *targets, struct strbuf *script,
                   struct error *err) {
  struct offline offline = OFFLINE_INIT;
  struct run_request quiet = silent(request);
  struct vec tos = VEC_INIT;
  char *from = NULL;
  bool ok = split_targets(targets, &from, &tos, err) &&
            offline_start(&offline, environment_graph(request->env), from, err) &&
            stamp(&quiet, &offline, &tos, false, err);
  vec_release(&tos);
  free(from);
  return finish_script(&offline, ok, script);
}

bool run_ensure_version_sql(const struct run_request *request, struct strbuf *script, struct error *err) {
  struct offline offline = OFFLINE_INIT;
  struct run_request quiet = silent(request);
  bool ok = ensure_version(&quiet, &offline, err);
  return finish_script(&offline, ok, script);
}

/* --- current --- */

bool run_environment(const struct run_request *request, bool offline, struct error *err) {
  struct offline writer = OFFLINE_INIT;
  struct session session;
  bool ok =
      offline ? session_open_offline(&session, request, &writer, err) : session_open(&session, request, true, err);
  if (ok)
    session_close(&session);
  offline_release(&writer);
  return ok;
}

bool run_current(const struct run_request *request, struct vec *rows, char **url_shown, char **partial,
                 struct error *err) {
  struct session session;
  if (!session_open(&session, request, true, err))
    return false;
  char *revision = NULL, *direction = NULL;
  struct vec got = VEC_INIT;
  bool ok = versions_read(&session, &got, err) && journal_find_open(&session, &revision, &direction, err);
  if (ok) {
    *rows = got;
    got = (struct vec)VEC_INIT;
    if (url_shown)
      *url_shown = xstrdup(session.url_shown);
    if (partial)
      *partial = xstrdup_or_null(revision);
  }
  strvec_release(&got);
  free(revision);
  free(direction);
  session_close(&session);
  return ok;
}
