/*
 * lookout.c - the state machine of the throttle; see lookout.h and docs/throttle.md.
 *
 * A reader has one connection and asks its signals one after the other; a server that does not answer holds up its own
 * reader only. One reader is for the database itself, one for each probe, one for each replica that is named.
 *
 *   reader    in flight              then
 *   RESTING   none                   at the next second: ASKING, or OPENING where the connection is broken
 *   OPENING   open                   RESTING
 *   ASKING    one signal's SELECT    the next signal, RESTING after the last one
 *
 * The SQL of a script's probe stands between two statements of the dialect, so that it can write nothing.
 *
 * A call that takes too long is cut off (conn_sever); what could not be read grows old, and holds the backfill up.
 */
#include "throttle/lookout.h"

#include "base/clock.h"
#include "base/log.h"
#include "lua/connection.h"
#include "throttle/signal.h"

#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { LOOK_MS = 1000, MOST_ROWS = 1000, OPENING_S = 5 };

static const double cut_off_s = 10, first_look_s = 15;

enum reader_state { RESTING, OPENING, ASKING };

struct reader {
  struct lookout *lookout;
  enum reader_state state;
  struct conn *conn;
  const struct url *url; /* of the session, or own_url */
  struct url own_url;
  struct vec signals;      /* not owned */
  size_t next;             /* the signal that is asked */
  struct replica *replica; /* of the one signal, where this reader asks a replica */
  struct statement statement;
  double asked_s;
  bool has_looked; /* once through all of its signals */
  bool is_broken;
  bool is_cut_off;
  struct error failure; /* of the first look */
};

struct lookout {
  struct session *session;
  struct vec signals; /* owned */
  struct vec readers; /* owned; the first one is for the database itself */
  struct strbuf reason;
  uv_timer_t timer;
  bool timer_closed;
  bool is_starting;
  bool is_stopping;
};

static void reader_go_on(struct reader *r);

/* --- asking --- */

static struct signal *asked(const struct reader *r) {
  return r->signals.items[r->next];
}

static const char *sql_for(const struct reader *r) {
  return r->replica ? asked(r)->replica_sql : asked(r)->sql;
}

static void take_of_replica(struct reader *r, const moonbird_batch *rows) {
  if (!rows->row_count)
    return;
  struct value position = batch_value(&rows->columns[0], 0), told = batch_value(&rows->columns[1], 0);
  if (position.type != MOONBIRD_TYPE_INT64 && r->lookout->is_starting)
    signal_fail_replica(r->replica, "it is no replica but a primary: take it out of `replicas`");
  else if (position.type != MOONBIRD_TYPE_INT64)
    signal_lose_replica(r->replica);
  else
    signal_take_replica(asked(r), r->replica, position.integer, told.type == MOONBIRD_TYPE_FLOAT64 ? told.number : -1,
                        clock_monotonic_s());
}

static void take_rows(struct reader *r, struct error *err) {
  const struct outcome *out = conn_outcome(r->conn);
  bool ok = true;
  if (r->replica)
    take_of_replica(r, &out->batch);
  else
    ok = signal_take(asked(r), r->lookout->session->host, &out->batch, clock_monotonic_s(), err);
  if (!ok)
    log_debug("throttle: %s", err->message);
}

static void fail(struct reader *r, struct signal *s, const char *why) {
  if (r->replica)
    signal_fail_replica(r->replica, why);
  else
    signal_fail(s, why);
}

/* A connection that is lost is opened again at the next look; any other error is that signal's alone. */
static void take_failure(struct reader *r, const struct error *err) {
  fail(r, asked(r), err->message);
  r->is_broken = err->retry == RETRY_CONNECTION || strncmp(err->sqlstate, "08", 2) == 0 ||
                 conn_transaction_state(r->conn) == MOONBIRD_TX_UNKNOWN;
  log_debug("throttle: %s cannot be read: %s", asked(r)->what, err->message);
}

static void reader_send(struct reader *r, const char *sql, conn_done_fn done) {
  r->statement = (struct statement){.sql = sql, .len = strlen(sql), .flags = MOONBIRD_REPEATED};
  r->asked_s = clock_monotonic_s();
  conn_start_execute(r->conn, &r->statement, MOST_ROWS, done, r);
}

/* Done with a signal. */
static void reader_leave(struct reader *r) {
  r->next = r->is_broken ? r->signals.len : r->next + 1;
  reader_go_on(r);
}

/* The first one of the first look, which ends the run. */
static void keep_failure(struct reader *r, struct error *err) {
  if (!error_is_set(err) || !r->lookout->is_starting || error_is_set(&r->failure))
    return;
  error_prefix(err, "throttle: %s cannot be read: ", asked(r)->what);
  if (asked(r)->kind == SIGNAL_PROBE)
    error_hint(err, "a probe is a query that gives one value, and can only read");
  error_move(&r->failure, err);
}

/* What could not be ended is opened anew. */
static void handle_ended(void *data) {
  struct reader *r = data;
  struct error err = ERROR_INIT;
  r->is_broken = !conn_check(r->conn, r->statement.sql, r->statement.len, &err);
  conn_discard(r->conn, conn_outcome(r->conn)->result);
  error_release(&err);
  reader_leave(r);
}

static void handle_answer(void *data) {
  struct reader *r = data;
  struct error err = ERROR_INIT;
  moonbird_result *result = conn_outcome(r->conn)->result;
  if (conn_check(r->conn, r->statement.sql, r->statement.len, &err))
    take_rows(r, &err);
  else
    take_failure(r, &err);
  conn_discard(r->conn, result);
  keep_failure(r, &err);
  error_release(&err);
  if (asked(r)->after && !r->is_broken)
    reader_send(r, asked(r)->after, handle_ended);
  else
    reader_leave(r);
}

static void handle_begun(void *data) {
  struct reader *r = data;
  struct error err = ERROR_INIT;
  moonbird_result *result = conn_outcome(r->conn)->result;
  bool ok = conn_check(r->conn, r->statement.sql, r->statement.len, &err);
  if (!ok)
    take_failure(r, &err);
  conn_discard(r->conn, result);
  keep_failure(r, &err);
  error_release(&err);
  if (ok)
    reader_send(r, sql_for(r), handle_answer);
  else
    reader_leave(r);
}

static void reader_ask(struct reader *r) {
  if (asked(r)->before)
    reader_send(r, asked(r)->before, handle_begun);
  else
    reader_send(r, sql_for(r), handle_answer);
}

/* Asks the next signal that has something to ask. */
static void reader_go_on(struct reader *r) {
  for (; r->next < r->signals.len && !r->lookout->is_stopping; r->next++) {
    if (!signal_look(asked(r), r->lookout->session->host, clock_monotonic_s()))
      continue;
    reader_ask(r);
    return;
  }
  r->state = RESTING;
  r->has_looked = true;
}

/* --- opening --- */

static void handle_opened(void *data) {
  struct reader *r = data;
  struct error err = ERROR_INIT;
  r->is_broken = !conn_check_open(r->conn, r->url, &err);
  for (size_t i = 0; r->is_broken && i < r->signals.len; i++)
    fail(r, r->signals.items[i], err.message);
  error_release(&err);
  r->state = RESTING;
}

static void reader_look(struct reader *r) {
  r->is_cut_off = false;
  if (r->is_broken) {
    r->state = OPENING;
    conn_start_open(r->conn, r->url, "moonbird:throttle", handle_opened, r);
    return;
  }
  r->state = ASKING;
  r->next = 0;
  reader_go_on(r);
}

static void handle_second(uv_timer_t *timer) {
  struct lookout *w = timer->data;
  for (size_t i = 0; i < w->readers.len; i++) {
    struct reader *r = w->readers.items[i];
    if (r->state == RESTING) {
      reader_look(r);
    } else if (r->state == ASKING && !r->is_cut_off && clock_monotonic_s() - r->asked_s > cut_off_s) {
      r->is_cut_off = true;
      conn_sever(r->conn);
    }
  }
}

/* --- what the runner asks --- */

static const char *give_reason(void *data) {
  struct lookout *w = data;
  strbuf_clear(&w->reason);
  for (size_t i = 0; i < w->signals.len; i++)
    signal_add_reason(w->signals.items[i], clock_monotonic_s(), &w->reason);
  return w->reason.len ? w->reason.buf : NULL;
}

static void take_overrides(void *data, const json_t *overrides) {
  struct lookout *w = data;
  for (size_t i = 0; i < w->signals.len; i++)
    signal_override(w->signals.items[i], overrides);
}

static double give_lag(void *data) {
  const struct lookout *w = data;
  double worst = -1;
  for (size_t i = 0; i < w->signals.len; i++) {
    double lag_s = signal_lag_s(w->signals.items[i]);
    worst = lag_s > worst ? lag_s : worst;
  }
  return worst;
}

static int give_divisor(void *data) {
  struct lookout *w = data;
  int divisor = 1;
  for (size_t i = 0; i < w->signals.len; i++) {
    int wanted = signal_divisor(w->signals.items[i], clock_monotonic_s());
    divisor = wanted > divisor ? wanted : divisor;
  }
  return divisor;
}

/* --- start --- */

static struct reader *add_reader(struct lookout *w, const struct url *url) {
  struct reader *r = xcalloc(1, sizeof(*r));
  r->lookout = w;
  r->url = url;
  r->own_url = (struct url)URL_INIT;
  r->failure = (struct error)ERROR_INIT;
  vec_push(&w->readers, r);
  return r;
}

static bool reader_open(struct reader *r, struct error *err) {
  r->conn = conn_new(r->lookout->session->loop, r->lookout->session->driver);
  conn_limit_opening(r->conn, OPENING_S); /* it must not hold the start up for as long as the network lets it */
  return conn_open(r->conn, r->url, "moonbird:throttle", err) || error_prefix(err, "throttle: ");
}

/* What read_signals needs, in protected mode. */
struct reading {
  struct lookout *lookout;
  int spec_ref;
};

/* throttle.signals(spec, connection) of the library; the connection object is made stale afterwards. */
static int read_signals(lua_State *L) {
  struct reading *reading = lua_touserdata(L, 1);
  struct lookout *w = reading->lookout;
  struct reader *main = w->readers.items[0];
  lua_getglobal(L, "require");
  lua_pushliteral(L, "moonbird.throttle");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "signals");
  lua_rawgeti(L, LUA_REGISTRYINDEX, reading->spec_ref);
  connection_push(L, main->conn);
  lua_pushvalue(L, -1);
  lua_insert(L, 2); /* below, to be closed */
  lua_call(L, 2, 1);
  connection_close(L, 2);
  int list = lua_gettop(L);
  size_t count = lua_rawlen(L, list);
  for (size_t i = 1; i <= count; i++) {
    lua_rawgeti(L, list, (lua_Integer)i);
    vec_push(&w->signals, signal_read(L, lua_gettop(L)));
    lua_pop(L, 1);
  }
  return 0;
}

static bool add_replica(struct lookout *w, struct signal *s, const char *text, struct error *err) {
  struct reader *r = add_reader(w, NULL);
  if (!url_parse(text, &r->own_url, err))
    return error_prefix(err, "throttle, replicas: ");
  char *shown = url_redacted(&r->own_url);
  r->replica = signal_add_replica(s, shown, true, clock_monotonic_s());
  free(shown);
  r->url = &r->own_url;
  vec_push(&r->signals, s);
  return reader_open(r, err);
}

/* Gives each signal its reader. */
static bool deal_out(struct lookout *w, struct error *err) {
  struct reader *main = w->readers.items[0];
  for (size_t i = 0; i < w->signals.len; i++) {
    struct signal *s = w->signals.items[i];
    struct reader *r = main;
    if (!signal_prepare(s, clock_monotonic_s(), err))
      return false;
    if (s->kind == SIGNAL_PROBE) {
      r = add_reader(w, &w->session->url);
      if (!reader_open(r, err))
        return false;
    }
    vec_push(&r->signals, s);
    for (size_t u = 0; u < s->urls.len; u++)
      if (!add_replica(w, s, strvec_at(&s->urls, u), err))
        return false;
  }
  return true;
}

static bool all_have_looked(const struct lookout *w) {
  for (size_t i = 0; i < w->readers.len; i++)
    if (!((const struct reader *)w->readers.items[i])->has_looked)
      return false;
  return true;
}

/* What a function or a replica could not say at the first look. */
static bool check_signals(const struct lookout *w, struct error *err) {
  for (size_t i = 0; i < w->signals.len; i++) {
    const struct signal *s = w->signals.items[i];
    if (s->trouble)
      return error_set(err, ERROR_FAILED, "throttle: %s cannot be read: %s", s->what, s->trouble);
    for (size_t k = 0; k < s->replicas.len; k++) {
      const struct replica *r = s->replicas.items[k];
      if (r->trouble)
        return error_set(err, ERROR_FAILED, "throttle: %s of %s cannot be read: %s", s->what, r->name, r->trouble);
    }
  }
  return true;
}

static bool check_readers(struct lookout *w, struct error *err) {
  for (size_t i = 0; i < w->readers.len; i++) {
    struct reader *r = w->readers.items[i];
    if (!error_is_set(&r->failure))
      continue;
    error_move(err, &r->failure);
    return false;
  }
  return check_signals(w, err);
}

/* The first look decides whether the signals can be read at all. */
static bool first_look(struct lookout *w, struct error *err) {
  struct session *session = w->session;
  double begun = clock_monotonic_s();
  w->is_starting = true;
  handle_second(&w->timer);
  uv_timer_start(&w->timer, handle_second, LOOK_MS, LOOK_MS);
  while (!all_have_looked(w)) {
    if (host_is_interrupted(session->host))
      return error_set(err, ERROR_INTERRUPTED, "interrupted");
    if (clock_monotonic_s() - begun > first_look_s)
      return error_set(err, ERROR_FAILED, "throttle: a signal cannot be read within %.0f s", first_look_s);
    loop_run_once(session->loop);
  }
  w->is_starting = false;
  if (host_is_interrupted(session->host)) /* a function of the script, perhaps */
    return error_set(err, ERROR_INTERRUPTED, "interrupted");
  return check_readers(w, err);
}

static bool start(struct lookout *w, int spec_ref, struct error *err) {
  struct reading reading = {.lookout = w, .spec_ref = spec_ref};
  struct reader *main = add_reader(w, &w->session->url);
  return reader_open(main, err) && host_protect(w->session->host, read_signals, &reading, err) && deal_out(w, err) &&
         first_look(w, err);
}

static bool is_false(lua_State *L, int ref) {
  bool answer = lua_rawgeti(L, LUA_REGISTRYINDEX, ref) == LUA_TBOOLEAN && !lua_toboolean(L, -1);
  lua_pop(L, 1);
  return answer;
}

bool lookout_start(struct session *session, int spec_ref, struct lookout **lookout, struct throttle *throttle,
                   struct error *err) {
  *lookout = NULL;
  *throttle = (struct throttle){.data = NULL};
  if (is_false(session->host->L, spec_ref))
    return true;
  struct lookout *w = xcalloc(1, sizeof(*w));
  w->session = session;
  strbuf_init(&w->reason);
  uv_timer_init(loop_uv(session->loop), &w->timer);
  uv_unref((uv_handle_t *)&w->timer);
  w->timer.data = w;
  if (!start(w, spec_ref, err)) {
    lookout_stop(w);
    return false;
  }
  *lookout = w;
  *throttle = (struct throttle){
      .data = w, .reason = give_reason, .override = take_overrides, .divisor = give_divisor, .lag_s = give_lag};
  return true;
}

/* --- end --- */

static void handle_timer_closed(uv_handle_t *handle) {
  ((struct lookout *)handle->data)->timer_closed = true;
}

static void free_reader(struct reader *r) {
  if (r->conn && r->state == ASKING)
    conn_sever(r->conn); /* nobody wants the answer, and it may never come */
  conn_free(r->conn);
  vec_release(&r->signals);
  url_release(&r->own_url);
  error_release(&r->failure);
  free(r);
}

void lookout_stop(struct lookout *w) {
  if (!w)
    return;
  w->is_stopping = true;
  uv_close((uv_handle_t *)&w->timer, handle_timer_closed);
  while (!w->timer_closed)
    loop_run_once(w->session->loop);
  for (size_t i = 0; i < w->readers.len; i++)
    free_reader(w->readers.items[i]);
  vec_release(&w->readers);
  for (size_t i = 0; i < w->signals.len; i++)
    signal_free(w->signals.items[i], w->session->host->L);
  vec_release(&w->signals);
  strbuf_release(&w->reason);
  free(w);
}
