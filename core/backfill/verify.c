/*
 * verify.c - see verify.h and BACKFILL.md, 4.7.
 */
#include "backfill/verify.h"

#include "backfill/key.h"
#include "backfill/named.h"
#include "backfill/progress.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { STRETCH_ROWS = 10000 };

/* Keys from which on, or after which, up to which rows are not done. */
struct stretch {
  char *low;
  char *high;
  bool from_first; /* `low` is included */
  int64_t rows;    /* that the next run will count again */
};

struct walk {
  struct session *session;
  const struct definition *definition;
  const struct backfill_row *row;
  char *cursor; /* last key that was looked at, or NULL */
  int64_t seen;
  int64_t undone;
  struct vec stretches; /* struct stretch * */
  struct rate rate;
  double begun_s;
};

static void free_stretch(void *item) {
  struct stretch *s = item;
  free(s->low);
  free(s->high);
  free(s);
}

static uint32_t key_len(const struct walk *w) {
  return (uint32_t)w->definition->key.len;
}

static const char *pick(const struct walk *w, const struct sql_pair *pair) {
  return w->cursor ? pair->after : pair->first;
}

/* Runs one of the range statements from the cursor to `high`; `extra` below 0: it has no third parameter. */
static bool execute(struct walk *w, const char *sql, const char *high, int64_t extra, struct error *err) {
  struct conn *conn = w->session->conn;
  struct batch_builder params;
  uint32_t n = key_len(w);
  batch_init(&params, 2 * n + (extra >= 0));
  bool ok = key_add(w->cursor ? w->cursor : w->row->first_key, &params, 0, n, err) && key_add(high, &params, n, n, err);
  if (ok && extra >= 0)
    batch_add_int(&params, 2 * n, extra);
  if (ok) {
    struct statement statement = {
        .sql = sql, .len = strlen(sql), .flags = MOONBIRD_REPEATED, .params = batch_view(&params)};
    conn_start_execute(conn, &statement, 1, NULL, NULL);
    conn_wait(conn);
    ok = conn_check(conn, sql, strlen(sql), err);
  }
  batch_release(&params);
  return ok;
}

/* The key STRETCH_ROWS rows on, or the last one. */
static bool next_key(struct walk *w, char **key, struct error *err) {
  if (!execute(w, pick(w, &w->definition->hop), w->row->last_key, STRETCH_ROWS - 1, err))
    return false;
  const struct outcome *out = conn_outcome(w->session->conn);
  bool found = out->result && out->status == MOONBIRD_OK;
  *key = found ? key_from_row(&out->batch, 0, key_len(w)) : xstrdup(w->row->last_key);
  conn_discard(w->session->conn, out->result);
  return true;
}

static bool count_rows(struct walk *w, const struct sql_pair *pair, const char *high, int64_t *count,
                       struct error *err) {
  if (!execute(w, pick(w, pair), high, -1, err))
    return false;
  const struct outcome *out = conn_outcome(w->session->conn);
  *count = out->result && out->status == MOONBIRD_OK ? batch_value(&out->batch.columns[0], 0).integer : 0;
  conn_discard(w->session->conn, out->result);
  return true;
}

static void report(struct walk *w, bool ended) {
  const struct run_listener *listener = w->session->request->listener;
  if (!listener || !listener->backfill)
    return;
  double now_s = clock_monotonic_s();
  rate_add(&w->rate, now_s, w->seen);
  struct backfill_progress p = {.name = w->definition->name,
                                .table = w->definition->table,
                                .state = ended ? "verified" : "verifying",
                                .rows_done = w->seen,
                                .rows_now = w->seen,
                                .rows_estimated = w->definition->rows_estimated,
                                .batch_size = STRETCH_ROWS,
                                .elapsed_s = now_s - w->begun_s,
                                .ended = ended};
  progress_estimate(&p, &w->rate, w->cursor ? key_position(w->row->first_key, w->row->last_key, w->cursor) : 0);
  listener->backfill(listener->data, &p);
}

/* Looks at one stretch; the cursor is then its last key. */
static bool look(struct walk *w, struct error *err) {
  char *high = NULL;
  int64_t undone = 0, again = 0;
  if (!session_check_interrupt(w->session, err) || !next_key(w, &high, err))
    return false;
  if (!count_rows(w, &w->definition->undone, high, &undone, err) ||
      (undone && !count_rows(w, &w->definition->again, high, &again, err))) {
    free(high);
    return false;
  }
  if (undone) {
    struct stretch *s = xmalloc(sizeof(*s));
    *s = (struct stretch){.low = xstrdup(w->cursor ? w->cursor : w->row->first_key),
                          .high = xstrdup(high),
                          .from_first = !w->cursor,
                          .rows = again};
    vec_push(&w->stretches, s);
  }
  free(w->cursor);
  w->cursor = high;
  w->undone += undone;
  w->seen += STRETCH_ROWS;
  if (w->seen > w->row->rows_done)
    w->seen = w->row->rows_done; /* the last stretch is shorter */
  report(w, false);
  return true;
}

static bool walk_all(struct walk *w, struct error *err) {
  if (!w->row->first_key)
    return true; /* the table was empty */
  while (!w->cursor || strcmp(w->cursor, w->row->last_key) != 0)
    if (!look(w, err))
      return false;
  report(w, true);
  return true;
}

/* --- the state --- */

static bool set_observed(struct session *session, const char *name, const char *observed, struct error *err) {
  const char *params[] = {observed, NULL, name};
  return session_execute(session, "backfill_observe", params, 3, NULL, err);
}

/* The stretch's rows have been counted, and will be again: its range begins below zero, so that the sum is right. */
static bool requeue_one(struct session *session, const char *name, const struct stretch *s, struct error *err) {
  char *rows = xasprintf("%lld", (long long)-s->rows);
  const char *params[] = {s->low, s->high, s->from_first ? NULL : s->low, rows, name};
  bool ok = session_execute(session, "range_reopen", &name, 1, NULL, err) &&
            session_execute(session, "range_requeue", params, 5, NULL, err);
  free(rows);
  return ok;
}

static bool requeue_all(struct walk *w, struct error *err) {
  const char *name = w->row->name;
  for (size_t i = 0; i < w->stretches.len; i++)
    if (!requeue_one(w->session, name, w->stretches.items[i], err))
      return false;
  char *detail = xasprintf("ranges: %zu, rows: %lld", w->stretches.len, (long long)w->undone);
  bool ok = state_log(w->session, name, "requeued", detail, NULL, err);
  free(detail);
  return ok;
}

/* What was found, in one transaction. The state is again what it was before the walk, or open. */
static bool write_down(struct walk *w, bool requeue, struct error *err) {
  const char *name = w->row->name;
  struct session *session = w->session;
  char *detail = xasprintf("rows not done: %lld", (long long)w->undone);
  bool ok = session_begin(session, err) &&
            set_observed(session, name, w->row->quarantined ? OBSERVED_DONE_BAD : OBSERVED_DONE, err) &&
            state_log(session, name, "verified", detail, NULL, err) &&
            (w->undone || session_execute(session, "backfill_verified", &name, 1, NULL, err)) &&
            (!requeue || !w->undone || requeue_all(w, err)) && session_commit(session, err);
  if (!ok)
    session_rollback(session);
  free(detail);
  return ok;
}

/* The walk did not come to its end: nothing is known, and the backfill is done as it was. */
static void take_back(struct walk *w) {
  struct error ignored = ERROR_INIT;
  if (!set_observed(w->session, w->row->name, w->row->quarantined ? OBSERVED_DONE_BAD : OBSERVED_DONE, &ignored))
    error_release(&ignored); /* `verifying` counts as done too */
}

static bool check(const struct named *n, const char *name, struct error *err) {
  if (!n->registered || !state_is_done(n->row.observed)) {
    error_set(err, ERROR_PENDING, "backfill %s is not done yet", name);
    return error_hint(err, "`moonbird backfill run %s` goes on with it", name);
  }
  if (n->definition.undone.first)
    return state_check_table(&n->row, &n->definition, err);
  error_set(err, ERROR_USAGE, "backfill %s has no `done`, by which a finished row could be known", name);
  return error_hint(err, "add done = \"SQL that holds for every finished row\" to backfills/%s.lua", name);
}

static bool verify(struct named *n, bool requeue, struct verify_result *result, struct error *err) {
  struct walk w = {.session = n->session,
                   .definition = &n->definition,
                   .row = &n->row,
                   .stretches = VEC_INIT,
                   .begun_s = clock_monotonic_s()};
  bool ok = set_observed(n->session, n->row.name, OBSERVED_VERIFYING, err);
  if (ok) {
    ok = walk_all(&w, err);
    if (ok)
      ok = write_down(&w, requeue, err);
    else
      take_back(&w);
  }
  *result = (struct verify_result){
      .undone = w.undone, .stretches = (int64_t)w.stretches.len, .requeued = requeue && w.undone > 0};
  vec_release_with(&w.stretches, free_stretch);
  free(w.cursor);
  return ok;
}

bool verify_run(const struct run_request *request, const char *name, bool requeue, struct verify_result *result,
                struct error *err) {
  struct session session;
  struct named named;
  if (!session_open(&session, request, false, err))
    return false;
  session_watch(&session);
  bool ok = named_open(&named, &session, name, err);
  if (ok) {
    ok = check(&named, name, err) && verify(&named, requeue, result, err);
    named_release(&named);
  }
  session_close(&session);
  return ok;
}
