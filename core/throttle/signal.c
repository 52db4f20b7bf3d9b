/*
 * signal.c - takes answers and judges them; see signal.h. Called by lookout.c.
 */
#include "throttle/signal.h"

#include "base/clock.h"
#include "base/log.h"
#include "lua/script_error.h"
#include "lua/value.h"

#include <ctype.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DIVISOR = 64, RECOVERY_S = 10 };

/* --- values of rows --- */

static struct value cell(const moonbird_batch *rows, uint32_t column, uint64_t row) {
  return column < rows->column_count ? batch_value(&rows->columns[column], row) : (struct value){0};
}

static bool is_null(const struct value *v) {
  return v->type == MOONBIRD_TYPE_NONE;
}

static double number_of(const struct value *v, double fallback) {
  switch (v->type) {
  case MOONBIRD_TYPE_INT64:
    return (double)v->integer;
  case MOONBIRD_TYPE_FLOAT64:
    return v->number;
  case MOONBIRD_TYPE_BOOL:
    return v->boolean;
  default:
    return fallback;
  }
}

static char *text_of(const struct value *v) {
  bool is_text = v->type == MOONBIRD_TYPE_TEXT || v->type == MOONBIRD_TYPE_BYTES;
  return is_text ? xstrndup(v->bytes, v->len) : NULL;
}

static void set_text(char **to, char *text) {
  free(*to);
  *to = text;
}

static void read_well(struct signal *s) {
  set_text(&s->trouble, NULL);
}

void signal_fail(struct signal *s, const char *why) {
  set_text(&s->trouble, xstrdup(why));
}

/* --- gauges --- */

/* The number that the dialect makes of a row. */
struct conversion {
  const struct signal *signal;
  const moonbird_batch *rows;
  double number;
};

static int convert_row(lua_State *L) {
  struct conversion *c = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->signal->value_ref);
  for (uint32_t i = 0; i < c->rows->column_count; i++) {
    struct value v = cell(c->rows, i, 0);
    value_push(L, &v);
  }
  lua_call(L, (int)c->rows->column_count, 1);
  c->number = luaL_checknumber(L, -1);
  return 0;
}

static bool take_converted(struct signal *s, struct host *host, const moonbird_batch *rows, double now_s,
                           struct error *err) {
  struct conversion c = {.signal = s, .rows = rows};
  if (rows->row_count && !host_protect(host, convert_row, &c, err))
    return false;
  gauge_take(&s->gauge, c.number, now_s);
  return true;
}

static bool take_gauge(struct signal *s, struct host *host, const moonbird_batch *rows, double now_s,
                       struct error *err) {
  if (s->value_ref != LUA_NOREF)
    return take_converted(s, host, rows, now_s, err);
  double worst = 0;
  set_text(&s->worst, NULL);
  for (uint64_t r = 0; r < rows->row_count; r++) {
    struct value name = cell(rows, 0, r), number = cell(rows, 1, r);
    double n = number_of(&number, 0);
    if (n < worst || (s->worst && n == worst))
      continue;
    worst = n;
    set_text(&s->worst, text_of(&name));
  }
  gauge_take(&s->gauge, worst, now_s);
  return true;
}

/* --- replicas --- */

struct replica *signal_add_replica(struct signal *s, const char *name, bool stays, double now_s) {
  struct replica *r = xcalloc(1, sizeof(*r));
  r->name = xstrdup(name);
  r->stays = stays;
  gauge_init(&r->lag, s->lag_now, now_s);
  gauge_init(&r->bytes, s->bytes_now, now_s);
  vec_push(&s->replicas, r);
  return r;
}

static struct replica *find_replica(struct signal *s, const char *name, bool stays, double now_s) {
  for (size_t i = 0; i < s->replicas.len; i++) {
    struct replica *r = s->replicas.items[i];
    if (strcmp(r->name, name) == 0)
      return r;
  }
  return signal_add_replica(s, name, stays, now_s);
}

void signal_fail_replica(struct replica *r, const char *why) {
  set_text(&r->trouble, xstrdup(why));
}

void signal_lose_replica(struct replica *r) {
  if (!r->is_gone)
    log_warn("throttle: %s is no replica any more, it has become a primary: it does not count until it is one again",
             r->name);
  r->is_gone = true;
  set_text(&r->trouble, NULL);
}

void signal_take_replica(struct signal *s, struct replica *r, int64_t position, double told_s, double now_s) {
  if (r->is_gone)
    log_info("throttle: %s is a replica again", r->name);
  r->is_gone = false;
  set_text(&r->trouble, NULL);
  gauge_take(&r->lag, lag_seconds(&s->history, now_s, position, told_s), now_s);
  gauge_take(&r->bytes, (double)lag_bytes(&s->history, position), now_s);
}

double signal_lag_s(const struct signal *s) {
  double worst = -1;
  for (size_t i = 0; i < s->replicas.len; i++) {
    const struct replica *r = s->replicas.items[i];
    worst = !r->is_gone && r->lag.value > worst ? r->lag.value : worst;
  }
  return worst;
}

/* Those that may go are forgotten when they are not there. */
static void forget_gone(struct signal *s, double now_s) {
  for (size_t i = s->replicas.len; i-- > 0;) {
    struct replica *r = s->replicas.items[i];
    if (r->stays || r->lag.seen_s >= now_s)
      continue;
    vec_remove(&s->replicas, i);
    signal_free_replica(r);
  }
}

/* Replicas of the server that wrote before are none of this one: the new writer itself was among them. Those that have
 * followed it are in its answer; those that are named are asked by themselves. */
static void follow_writer(struct signal *s, int64_t line) {
  bool has_changed = s->writer && line && line != s->writer;
  s->writer = line;
  if (!has_changed)
    return;
  log_warn("throttle: another server writes now%s", s->urls.len ? "" : ", and its replicas count");
  for (size_t i = s->replicas.len; i-- > 0 && !s->urls.len;) {
    struct replica *r = s->replicas.items[i];
    vec_remove(&s->replicas, i);
    signal_free_replica(r);
  }
}

/* Name, position, told lag, stays. The writer's own row has no name, and its line of history instead of a lag. */
static void take_replicas(struct signal *s, const moonbird_batch *rows, double now_s) {
  for (uint64_t i = 0; i < rows->row_count; i++) {
    struct value name = cell(rows, 0, i), position = cell(rows, 1, i), line = cell(rows, 2, i);
    if (!is_null(&name))
      continue;
    lag_note(&s->history, now_s, (int64_t)number_of(&position, 0));
    follow_writer(s, (int64_t)number_of(&line, 0));
  }
  for (uint64_t i = 0; i < rows->row_count; i++) {
    struct value name = cell(rows, 0, i), position = cell(rows, 1, i);
    struct value told = cell(rows, 2, i), stays = cell(rows, 3, i);
    char *text = text_of(&name);
    if (text)
      signal_take_replica(s, find_replica(s, text, number_of(&stays, 1) != 0, now_s), (int64_t)number_of(&position, 0),
                          number_of(&told, -1), now_s);
    free(text);
  }
  forget_gone(s, now_s);
  gauge_take(&s->gauge, 0, now_s);
}

/* --- waiters --- */

static void shrink_batches(struct signal *s, double waited_s, const char *who, double now_s) {
  s->blocked_at_s = now_s;
  if (s->divisor >= MOST_DIVISOR)
    return;
  s->divisor *= 2;
  log_info("a session waited %.2g s for a batch (%s): batches have 1/%d of their rows now", waited_s,
           who ? who : "unknown", s->divisor);
}

/* Waits for a table lock, seconds of waiting, who. */
static void take_waiters(struct signal *s, const moonbird_batch *rows, double now_s) {
  double longest_s = -1;
  char *longest = NULL;
  for (uint64_t i = 0; i < rows->row_count; i++) {
    struct value of_table = cell(rows, 0, i), waited = cell(rows, 1, i), who = cell(rows, 2, i);
    if (number_of(&waited, 0) > longest_s) {
      longest_s = number_of(&waited, 0);
      set_text(&longest, text_of(&who));
    }
    if (s->yield_now < 0 || number_of(&of_table, 0) == 0)
      continue;
    s->yield_until_s = now_s + s->yield_now;
    set_text(&s->waiter, text_of(&who));
  }
  gauge_take(&s->gauge, 0, now_s);
  if (s->blocked_now >= 0 && longest_s >= s->blocked_now)
    shrink_batches(s, longest_s, longest, now_s);
  free(longest);
}

int signal_divisor(struct signal *s, double now_s) {
  bool is_divided = s->divisor > 1;
  while (s->divisor > 1 && now_s - s->blocked_at_s >= RECOVERY_S) {
    s->divisor /= 2;
    s->blocked_at_s += RECOVERY_S;
  }
  if (is_divided && s->divisor == 1)
    log_info("no session waits for a batch any more: batches have their size again");
  return s->divisor;
}

/* --- probes, functions, files --- */

/* On one line, as the log and the screens want it. */
static void make_line(char *text) {
  size_t len = strlen(text);
  while (len && isspace((unsigned char)text[len - 1]))
    text[--len] = '\0';
  for (; *text; text++)
    if (iscntrl((unsigned char)*text))
      *text = ' ';
}

/* NULL, false and 0 are go; a text is the reason. An empty text says nothing, but it is no go. */
static char *reason_of(const struct value *v) {
  double number = number_of(v, 0);
  if (is_null(v))
    return NULL;
  char *text = text_of(v);
  if (text)
    make_line(text);
  if (text && *text)
    return text;
  free(text);
  if (v->type == MOONBIRD_TYPE_BOOL || text)
    return number != 0 || text ? xstrdup("stop") : NULL;
  return number != 0 ? xasprintf("%g", number) : NULL;
}

/* One value, or no row, which is go as NULL is. */
static bool take_probe(struct signal *s, const moonbird_batch *rows, double now_s, struct error *err) {
  bool ok = true;
  if (rows->column_count != 1)
    ok = error_set(err, ERROR_USAGE, "it gives %u columns, and one is needed", rows->column_count);
  else if (rows->row_count > 1)
    ok = error_set(err, ERROR_USAGE, "it gives %llu rows, and one is needed", (unsigned long long)rows->row_count);
  if (!ok)
    return error_statement(err, s->sql, strlen(s->sql));
  struct value v = rows->row_count ? cell(rows, 0, 0) : (struct value){0};
  set_text(&s->says, reason_of(&v));
  gauge_take(&s->gauge, 0, now_s);
  return true;
}

static void refuse_answer(lua_State *L, int function, const char *given) {
  char *place = script_function_place(L, function);
  lua_pushstring(L, place ? place : "the probe");
  free(place);
  luaL_error(L, "%s: it must return nil, a boolean, a number or the reason as a string, not a %s", lua_tostring(L, -1),
             given);
}

/* What the function has returned. */
static struct value lua_value(lua_State *L, int function, int index) {
  struct value v = {.type = MOONBIRD_TYPE_NONE};
  switch (lua_type(L, index)) {
  case LUA_TBOOLEAN:
    v.type = MOONBIRD_TYPE_BOOL;
    v.boolean = lua_toboolean(L, index);
    break;
  case LUA_TNUMBER:
    v.type = MOONBIRD_TYPE_FLOAT64;
    v.number = lua_tonumber(L, index);
    break;
  case LUA_TSTRING:
    v.type = MOONBIRD_TYPE_TEXT;
    v.bytes = lua_tolstring(L, index, &v.len);
    break;
  default:
    if (!value_is_null(L, index))
      refuse_answer(L, function, luaL_typename(L, index));
  }
  return v;
}

static int call_function(lua_State *L) {
  struct signal *s = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, s->call_ref);
  lua_pushvalue(L, -1);
  lua_call(L, 0, 1);
  struct value v = lua_value(L, lua_gettop(L) - 1, lua_gettop(L));
  set_text(&s->says, reason_of(&v));
  return 0;
}

static void ask_function(struct signal *s, struct host *host, double now_s) {
  struct error err = ERROR_INIT;
  const char *refusal = host->refusal;
  host->refusal = "a throttle's function runs beside the batches, so it cannot use the database: give `probe` as SQL";
  if (host_protect(host, call_function, s, &err)) {
    gauge_take(&s->gauge, 0, now_s);
    read_well(s);
  } else {
    signal_fail(s, err.message);
  }
  host->refusal = refusal;
  error_release(&err);
}

/* The first line of the file is the reason that its author gives. Where it cannot be seen whether there is one, it may
 * be there. */
static void look_at_file(struct signal *s) {
  struct strbuf text = STRBUF_INIT;
  set_text(&s->says, NULL);
  if (access(s->text, F_OK) != 0) {
    if (errno != ENOENT && errno != ENOTDIR)
      set_text(&s->says, xasprintf("%s cannot be seen: %s", s->text, strerror(errno)));
  } else {
    bool readable = strbuf_read_file(&text, s->text);
    strbuf_truncate(&text, readable ? strcspn(text.buf, "\r\n") : 0);
    strbuf_truncate(&text, 200);
    set_text(&s->says, xasprintf("%s exists%s%s", s->text, text.len ? ": " : "", text.buf));
  }
  strbuf_release(&text);
}

/* --- looking --- */

struct readiness {
  const struct signal *signal;
  bool is_ready;
};

static int ask_ready(lua_State *L) {
  struct readiness *r = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, r->signal->ready_ref);
  lua_pushnumber(L, r->signal->gauge.limit);
  lua_call(L, 1, 1);
  r->is_ready = lua_toboolean(L, -1);
  return 0;
}

/* A tripped gauge is asked until it lets go. */
static bool is_ready(struct signal *s, struct host *host, double now_s) {
  struct readiness r = {.signal = s, .is_ready = true};
  struct error err = ERROR_INIT;
  if (s->ready_ref == LUA_NOREF || s->gauge.tripped)
    return true;
  if (host_protect(host, ask_ready, &r, &err) && !r.is_ready)
    gauge_take(&s->gauge, 0, now_s);
  error_release(&err);
  return r.is_ready;
}

/* What has no limit now is not asked; but how far replicas are behind is told although it holds nothing up, unless the
 * definition does not want to know. */
static bool is_off(const struct signal *s) {
  switch (s->kind) {
  case SIGNAL_GAUGE:
    return s->gauge.limit < 0;
  case SIGNAL_REPLICAS:
    return s->lag_limit < 0 && s->bytes_limit < 0 && s->lag_now < 0 && s->bytes_now < 0;
  case SIGNAL_WAITERS:
    return s->yield_now < 0 && s->blocked_now < 0;
  case SIGNAL_PROBE:
  case SIGNAL_FUNCTION:
  case SIGNAL_FILE:
  case SIGNAL_WINDOW:
    break;
  }
  return false;
}

bool signal_look(struct signal *s, struct host *host, double now_s) {
  if (s->sql)
    return !is_off(s) && is_ready(s, host, now_s);
  if (s->kind == SIGNAL_FUNCTION)
    ask_function(s, host, now_s);
  else if (s->kind == SIGNAL_FILE)
    look_at_file(s);
  else if (s->kind == SIGNAL_WINDOW)
    window_refresh(&s->window, clock_wall_us() / 1000000);
  return false;
}

bool signal_take(struct signal *s, struct host *host, const moonbird_batch *rows, double now_s, struct error *err) {
  bool ok = true;
  if (s->kind == SIGNAL_GAUGE)
    ok = take_gauge(s, host, rows, now_s, err);
  else if (s->kind == SIGNAL_REPLICAS)
    take_replicas(s, rows, now_s);
  else if (s->kind == SIGNAL_WAITERS)
    take_waiters(s, rows, now_s);
  else if (s->kind == SIGNAL_PROBE)
    ok = take_probe(s, rows, now_s, err);
  if (ok)
    read_well(s);
  else
    signal_fail(s, err->message);
  return ok;
}

/* --- overrides --- */

/* A number is the limit; `false` turns the signal off; nothing is the definition's. */
static double limit_from(const json_t *overrides, const char *name, double definition) {
  const json_t *value = json_object_get(overrides, name);
  if (json_is_number(value))
    return json_number_value(value);
  return json_is_false(value) ? -1 : definition;
}

/* One that was off was not read: it is not stale for that. */
static void change_limit(struct gauge *gauge, double limit) {
  if (gauge->limit < 0 && limit >= 0)
    gauge_init(gauge, limit, clock_monotonic_s());
  else
    gauge_set_limit(gauge, limit);
}

void signal_override(struct signal *s, const json_t *overrides) {
  if (s->kind == SIGNAL_GAUGE && s->name)
    change_limit(&s->gauge, limit_from(overrides, s->name, s->limit));
  s->lag_now = limit_from(overrides, "max_lag", s->lag_limit);
  s->bytes_now = limit_from(overrides, "max_lag_bytes", s->bytes_limit);
  for (size_t i = 0; i < s->replicas.len; i++) {
    struct replica *r = s->replicas.items[i];
    change_limit(&r->lag, s->lag_now);
    change_limit(&r->bytes, s->bytes_now);
  }
  s->yield_now = limit_from(overrides, "lock_yield", s->yield_s);
  s->blocked_now = limit_from(overrides, "max_blocked", s->blocked_s);
}
