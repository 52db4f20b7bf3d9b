/*
 * named.c - see named.h. A run needs no lock of its own where the database lets several connections write: ranges are
 * claimed row by row, so any number of processes may join. Elsewhere it holds the runner's lock.
 */
#include "backfill/named.h"

#include "backfill/brake.h"
#include "backfill/outcome.h"
#include "backfill/persist.h"
#include "backfill/range.h"
#include "backfill/start.h"
#include "backfill/status.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "run/lock.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *named_name_rule(const char *name) {
  static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  bool is_name = *name && !strchr("-.", *name) && !name[strspn(name, chars)] && !strstr(name, "..");
  return is_name ? NULL : "letters of ASCII, digits, _, - and . only, and neither - nor . in front";
}

/* --- opening --- */

/* What read_file needs; it runs in protected mode. */
struct reading {
  struct named *named;
  const char *name;
};

static int read_file(lua_State *L) {
  const struct reading *reading = lua_touserdata(L, 1);
  struct named *n = reading->named;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "moonbird.backfill");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "open_named");
  lua_pushstring(L, reading->name);
  lua_pushinteger(L, n->row.run_time);
  lua_pushinteger(L, n->row.run_seed);
  lua_call(L, 3, 3);
  size_t len;
  const char *source = luaL_checklstring(L, -2, &len);
  sha256_hex(source, len, n->fingerprint);
  n->has_tables = lua_toboolean(L, -1);
  definition_read(L, lua_gettop(L) - 2, n->session->driver->table.placeholder, &n->definition);
  return 0;
}

/* Time and chance of a run that begins. */
static void set_clock(struct backfill_row *row) {
  int64_t now_us = clock_wall_us();
  row->run_time = now_us / 1000000;
  row->run_seed = now_us ^ ((int64_t)getpid() << 40);
}

static bool find_row(struct named *n, struct session *session, const char *name, struct error *err) {
  *n = (struct named){.session = session};
  definition_init(&n->definition);
  return state_find(session, name, &n->row, &n->registered, err);
}

static bool read_definition(struct named *n, const char *name, struct error *err) {
  if (!n->registered)
    set_clock(&n->row);
  struct reading reading = {.named = n, .name = name};
  return host_protect(n->session->host, read_file, &reading, err);
}

static bool release_unless(bool ok, struct named *n) {
  if (!ok)
    named_release(n);
  return ok;
}

bool named_open(struct named *n, struct session *session, const char *name, struct error *err) {
  return release_unless(find_row(n, session, name, err) && read_definition(n, name, err), n);
}

static bool is_done(const struct named *n) {
  return n->registered && state_is_done(n->row.observed);
}

/* What is done is not read: a later revision may have dropped the columns that its file names. */
static bool open_unless_done(struct named *n, struct session *session, const char *name, struct error *err) {
  return release_unless(find_row(n, session, name, err) && (is_done(n) || read_definition(n, name, err)), n);
}

void named_release(struct named *n) {
  definition_release(n->session->host->L, &n->definition);
  backfill_row_release(&n->row);
}

/* --- registering --- */

static bool register_row(struct named *n, struct error *err) {
  struct session *session = n->session;
  bool ok = session_begin(session, err) && start_tables(session, n->has_tables, err) &&
            state_register(session, &n->definition, n->fingerprint, NULL, n->row.run_time, n->row.run_seed, err) &&
            session_commit(session, err);
  if (!ok)
    session_rollback(session);
  return ok;
}

/* Another process may have registered it since the state was read, and may be at work: then its row counts, and the
 * file must be read again with its time and chance. */
static bool find_or_register(struct named *n, struct error *err) {
  struct error first = ERROR_INIT;
  struct backfill_row row;
  bool ok = register_row(n, &first);
  bool found = false, read = state_find(n->session, n->definition.name, &row, &found, err);
  if (read && !found)
    error_move(err, &first);
  n->registered = read && found;
  if (n->registered) {
    n->must_read = row.run_time != n->row.run_time || row.run_seed != n->row.run_seed;
    backfill_row_release(&n->row);
    n->row = row;
  }
  if (!ok && n->registered)
    log_debug("backfill %s was registered by another process: %s", n->definition.name, first.message);
  error_release(&first);
  return n->registered;
}

/* Done twice where the connection is lost on the way. */
static bool ensure_row(struct named *n, struct error *err) {
  if (!n->registered && !find_or_register(n, err))
    return false;
  if (!n->must_read)
    return true;
  definition_release(n->session->host->L, &n->definition);
  definition_init(&n->definition);
  n->must_read = !read_definition(n, n->row.name, err);
  return !n->must_read;
}

/* --- what may be run --- */

static bool refuse_code(const struct named *n, struct error *err) {
  error_set(err, ERROR_HISTORY, "backfill %s has begun with other code than its file has now", n->row.name);
  error_detail(err, "begun: %.8s\nnow:   %.8s", n->row.fingerprint, n->fingerprint);
  return error_hint(err, "put the file back as it was; or, when rows done by the old and rows done by the new code may "
                         "stand side by side, add --accept-code-change");
}

/* Before its first batch the code may change; where somebody is at work, or waits to begin, it has begun. */
static bool read_begun(struct session *session, const char *name, bool *begun, struct error *err) {
  struct rowset alive = ROWSET_INIT;
  if (!range_has_begun(session, name, begun, err) || !session_query(session, "wish_worker", &name, 1, &alive, err))
    return false;
  *begun = *begun || alive.row_count > 0;
  rowset_release(&alive);
  return true;
}

/* The row is locked first: whoever plans the first range at this moment is seen here, or sees the new code and stops.
 */
static bool accept_code(struct named *n, struct error *err) {
  struct session *session = n->session;
  const char *name = n->row.name, *params[] = {n->fingerprint, name};
  bool begun = false;
  if (!session_begin(session, err) || !session_execute(session, "backfill_accept", params, 2, NULL, err) ||
      !read_begun(session, name, &begun, err))
    return false;
  if (begun && !session->request->accept_code_change)
    return refuse_code(n, err);
  return state_log(session, name, "code changed", n->fingerprint, NULL, err) && session_commit(session, err);
}

static bool check_code(struct named *n, struct error *err) {
  if (strcmp(n->row.fingerprint, n->fingerprint) == 0)
    return true;
  if (!accept_code(n, err)) {
    session_rollback(n->session);
    return false;
  }
  free(n->row.fingerprint);
  n->row.fingerprint = xstrdup(n->fingerprint);
  return true;
}

/* A run that nobody watches may end the pause of a colleague: the log of that run must say so. */
static bool tell_pause(struct named *n, struct error *err) {
  struct vec list = VEC_INIT;
  if (!status_read(n->session, n->row.name, &list, err))
    return false;
  const struct backfill_status *s = list.len ? list.items[0] : NULL;
  if (s && s->held.at) {
    char age[CLOCK_TEXT_SIZE];
    clock_format_duration(s->held.age_s, age);
    bool now = s->held.age_s < 1;
    log_warn("backfill %s was paused by %s %s%s%s%s; this run ends the pause", n->row.name, s->held.by,
             now ? "just now" : age, now ? "" : " ago", s->held.why ? ": " : "", s->held.why ? s->held.why : "");
  }
  status_free_all(&list);
  return true;
}

/* Whoever types `run` wants it to run: a pause ends. What was cancelled must be taken up on purpose. */
static bool check_desired(struct named *n, struct error *err) {
  if (strcmp(n->row.desired, DESIRED_CANCEL) == 0) {
    error_set(err, ERROR_PENDING, "backfill %s was cancelled", n->row.name);
    return error_hint(err,
                      "`moonbird backfill resume %s` takes it up again; `moonbird backfill forget %s` drops its "
                      "state, and it can begin anew",
                      n->row.name, n->row.name);
  }
  if (strcmp(n->row.desired, DESIRED_RUN) == 0)
    return true;
  if (!tell_pause(n, err) || !state_desire(n->session, n->row.name, DESIRED_RUN, "resumed", "by run", err))
    return false;
  free(n->row.desired);
  n->row.desired = xstrdup(DESIRED_RUN);
  return true;
}

/* --- running --- */

struct finishing {
  struct named *named;
  const struct runner_outcome *outcome;
  int64_t bad;
};

/* In one transaction: if it was committed although nobody heard of it, the next try finds nothing to do. */
static bool write_finished(void *data, struct error *err) {
  struct finishing *f = data;
  struct session *session = f->named->session;
  const char *name = f->named->row.name;
  struct backfill_row row;
  bool found = false;
  if (!session_begin(session, err) ||
      !state_finish(session, name, f->outcome->rows_done, f->outcome->batch_size, err) ||
      !state_read(session, name, &row, &found, err))
    return false;
  f->bad = found ? row.quarantined : 0;
  backfill_row_release(&row);
  return session_commit(session, err);
}

static bool finish(struct named *n, const struct runner_limits *limits, const struct runner_outcome *outcome,
                   struct error *err) {
  struct finishing finishing = {.named = n, .outcome = outcome};
  return persist(n->session, limits, write_finished, &finishing, err) &&
         outcome_check_bad(n->row.name, finishing.bad, err);
}

static bool run_workers(struct named *n, const struct runner_limits *limits, struct error *err) {
  struct session *session = n->session;
  struct runner_request request = {.session = session,
                                   .definition = &n->definition,
                                   .row = &n->row,
                                   .fingerprint = n->fingerprint,
                                   .exclusive = !driver_can(session->driver, MOONBIRD_CAP_MANY_CONNECTIONS),
                                   .resumed = n->row.rows_done > 0,
                                   .limits = *limits};
  struct runner_outcome outcome;
  bool ok = runner_run(&request, &outcome, err);
  ok = outcome_settle(session, &n->definition, &outcome, ok, err) && finish(n, limits, &outcome, err);
  outcome_release(&outcome);
  return ok;
}

struct beginning {
  struct named *named;
  const struct runner_limits *limits;
  struct runner_outcome outcome; /* of what has ended the wait for writers */
  bool runs;                     /* its state says so */
};

/* All before the first batch. The wait for writers may take hours, in which the connection may be lost; each part finds
 * what an earlier try has done. */
static bool begin(void *data, struct error *err) {
  struct beginning *b = data;
  struct named *n = b->named;
  if (!ensure_row(n, err))
    return false;
  if (state_is_done(n->row.observed))
    return true;
  b->runs = state_check_table(&n->row, &n->definition, err) && check_code(n, err) && check_desired(n, err) &&
            state_observe(n->session, n->row.name, OBSERVED_RUNNING, NULL, err);
  return b->runs && start_bounds(n->session, &n->definition, b->limits, &n->row, &b->outcome, err) &&
         brake_follow(n->session, n->row.name, err);
}

static bool run(struct named *n, const struct runner_limits *limits, bool *nothing_to_do, struct error *err) {
  struct beginning b = {.named = n, .limits = limits, .outcome = {.end = JOB_GOES_ON}};
  bool ok = is_done(n) || persist(n->session, limits, begin, &b, err);
  if (!ok && !b.runs)
    return false;
  if (!ok || b.outcome.end != JOB_GOES_ON) {
    ok = outcome_settle(n->session, &n->definition, &b.outcome, ok, err);
    outcome_release(&b.outcome);
    return ok;
  }
  *nothing_to_do = state_is_done(n->row.observed);
  return *nothing_to_do ? outcome_check_bad(n->row.name, n->row.quarantined, err) : run_workers(n, limits, err);
}

bool named_run(const struct run_request *request, const char *name, const struct runner_limits *limits,
               bool *nothing_to_do, struct error *err) {
  struct session session;
  struct named named;
  bool ignored;
  if (!session_open(&session, request, false, err))
    return false;
  const struct run_listener *listener = request->listener;
  bool shared = driver_can(session.driver, MOONBIRD_CAP_MANY_CONNECTIONS);
  bool ok = (shared || lock_take(&session, err)) && open_unless_done(&named, &session, name, err);
  if (ok) {
    bool opened = !listener || !listener->opened || listener->opened(listener->data, session.loop, err);
    ok = opened && run(&named, limits, nothing_to_do ? nothing_to_do : &ignored, err);
    if (opened && listener && listener->closing)
      listener->closing(listener->data);
    named_release(&named);
  }
  session_close(&session);
  return ok;
}
