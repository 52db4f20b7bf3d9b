/*
 * verify.c - see verify.h and BACKFILL.md, 4.7.
 */
#include "backfill/verify.h"

#include "backfill/bad.h"
#include "backfill/key.h"
#include "backfill/named.h"
#include "backfill/progress.h"
#include "base/clock.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

/* So many rows are looked at in one go. Rows not done that follow upon another are one range when they are requeued; in
 * one go there may be so many ranges, and one once there are MOST_RANGES in all: then done rows between them are taken
 * along. */
enum { LOOK_ROWS = 10000, RANGES_OF_LOOK = 100, MOST_RANGES = 2000, WIDEST_GAP = 1000000 };

/* The keys of the first and the last of such rows. */
struct stretch {
  char *low;
  char *high;
  int64_t rows; /* that the next run will count again */
};

struct walk {
  struct session *session;
  const struct definition *definition;
  const struct backfill_row *row;
  char *cursor; /* last key that was looked at, or NULL */
  int64_t seen;
  int64_t undone;
  int64_t again;        /* rows that the next run will go through */
  bool requeue;         /* the stretches are wanted */
  struct vec stretches; /* struct stretch * */
  struct map bad;       /* keys of the rows that were put aside, and are so still */
  struct map ignored;   /* of those that an operator leaves as they are: they count as done */
  int64_t undone_bad, undone_ignored;
  bool announced;   /* the state says that it is verified now */
  char *unrecorded; /* why nothing can be written into the state, or NULL */
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

/* Starts one of the range statements from `low` to `high` and waits for its first rows; `extra` below 0: it has no
 * third parameter. */
static bool execute(struct walk *w, const char *sql, const char *low, const char *high, int64_t extra, uint64_t rows,
                    struct error *err) {
  struct conn *conn = w->session->conn;
  struct batch_builder params;
  uint32_t n = key_len(w);
  batch_init(&params, 2 * n + (extra >= 0));
  bool ok = key_add(low, &params, 0, n, err) && key_add(high, &params, n, n, err);
  if (ok && extra >= 0)
    batch_add_int(&params, 2 * n, extra);
  if (ok) {
    struct statement statement = {
        .sql = sql, .len = strlen(sql), .flags = MOONBIRD_REPEATED, .params = batch_view(&params)};
    conn_start_execute(conn, &statement, rows, NULL, NULL);
    conn_wait(conn);
    ok = conn_check(conn, sql, strlen(sql), err);
  }
  batch_release(&params);
  return ok;
}

/* From the cursor on. */
static const char *next_low(const struct walk *w) {
  return w->cursor ? w->cursor : w->row->first_key;
}

/* The key LOOK_ROWS rows on, or the last one. */
static bool next_key(struct walk *w, char **key, struct error *err) {
  if (!execute(w, pick(w, &w->definition->hop), next_low(w), w->row->last_key, LOOK_ROWS - 1, 1, err))
    return false;
  const struct outcome *out = conn_outcome(w->session->conn);
  bool found = out->result && out->status == MOONBIRD_OK;
  *key = found ? key_from_row(&out->batch, 0, key_len(w)) : xstrdup(w->row->last_key);
  conn_discard(w->session->conn, out->result);
  return true;
}

static bool count_rows(struct walk *w, const char *sql, const char *low, const char *high, int64_t *count,
                       struct error *err) {
  if (!execute(w, sql, low, high, -1, 1, err))
    return false;
  const struct outcome *out = conn_outcome(w->session->conn);
  *count = out->result && out->status == MOONBIRD_OK ? batch_value(&out->batch.columns[0], 0).integer : 0;
  conn_discard(w->session->conn, out->result);
  return true;
}

/* --- stretches --- */

/* A row of a look that is not done, and how many done ones stand before it, behind the last one that is not. */
struct undone_row {
  char *key;
  uint64_t gap;
  bool is_bad;
};

static void free_undone_row(void *item) {
  struct undone_row *row = item;
  free(row->key);
  free(row);
}

/* One that is ignored is no part of a range, and parts its neighbours. */
static void take_marks(struct walk *w, const moonbird_batch *batch, struct vec *undone, uint64_t *gap) {
  for (uint64_t r = 0; r < batch->row_count; r++) {
    if (!batch_value(&batch->columns[key_len(w)], r).integer) {
      *gap += *gap < WIDEST_GAP;
      continue;
    }
    char *key = key_from_row(batch, r, key_len(w));
    if (map_has(&w->ignored, key)) {
      w->undone_ignored++;
      *gap = WIDEST_GAP;
      free(key);
      continue;
    }
    struct undone_row *row = xmalloc(sizeof(*row));
    *row = (struct undone_row){.key = key, .gap = *gap, .is_bad = map_has(&w->bad, key)};
    w->undone_bad += row->is_bad;
    vec_push(undone, row);
    *gap = 0;
  }
}

/* The rows not done from the cursor up to `high`. */
static bool read_undone(struct walk *w, const char *high, struct vec *undone, struct error *err) {
  enum { ROWS_AT_ONCE = 1000 };
  struct conn *conn = w->session->conn;
  const char *sql = pick(w, &w->definition->marked);
  uint64_t gap = 0;
  if (!execute(w, sql, next_low(w), high, -1, ROWS_AT_ONCE, err))
    return false;
  moonbird_result *result = conn_outcome(conn)->result;
  while (result && conn_outcome(conn)->status == MOONBIRD_OK) {
    take_marks(w, &conn_outcome(conn)->batch, undone, &gap);
    conn_start_fetch(conn, result, ROWS_AT_ONCE, NULL, NULL);
    conn_wait(conn);
  }
  bool ok = conn_check(conn, sql, strlen(sql), err);
  conn_discard(conn, result);
  return ok;
}

static size_t count_wider(const struct vec *undone, uint64_t gap) {
  size_t count = 0;
  for (size_t i = 1; i < undone->len; i++)
    count += ((struct undone_row *)undone->items[i])->gap > gap;
  return count;
}

/* So many done rows may stand inside of a stretch that there are not too many stretches. */
static uint64_t tolerated_gap(const struct walk *w, const struct vec *undone) {
  if (w->stretches.len >= MOST_RANGES)
    return UINT64_MAX;
  uint64_t gap = 0;
  while (gap < LOOK_ROWS && count_wider(undone, gap) + 1 > RANGES_OF_LOOK)
    gap = gap ? 2 * gap : 1;
  return gap;
}

static bool add_stretch(struct walk *w, const char *low, const char *high, struct error *err) {
  struct stretch *s = xmalloc(sizeof(*s));
  *s = (struct stretch){.low = xstrdup(low), .high = xstrdup(high)};
  vec_push(&w->stretches, s);
  bool ok = count_rows(w, w->definition->again.first, low, high, &s->rows, err);
  w->again += s->rows;
  return ok;
}

/* A bad row has a range of its own: one that is done then is known to be mended. */
static bool may_join(const struct undone_row *row, const struct undone_row *next, uint64_t gap) {
  return next->gap <= gap && !row->is_bad && !next->is_bad;
}

static bool add_stretches(struct walk *w, const struct vec *undone, struct error *err) {
  uint64_t gap = tolerated_gap(w, undone);
  for (size_t i = 0, next; i < undone->len; i = next) {
    next = i + 1;
    while (next < undone->len && may_join(undone->items[next - 1], undone->items[next], gap))
      next++;
    const struct undone_row *first = undone->items[i], *last = undone->items[next - 1];
    if (!add_stretch(w, first->key, last->key, err))
      return false;
  }
  return true;
}

/* Which they are, from the cursor up to `high`: what becomes ranges again, what was put aside, what is ignored. */
static bool tell_apart(struct walk *w, const char *high, struct error *err) {
  struct vec undone = VEC_INIT;
  bool ok = read_undone(w, high, &undone, err) && (!w->requeue || add_stretches(w, &undone, err));
  vec_release_with(&undone, free_undone_row);
  return ok;
}

/* --- the walk --- */

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
                                .batch_size = LOOK_ROWS,
                                .elapsed_s = now_s - w->begun_s,
                                .ended = ended};
  progress_estimate(&p, &w->rate, w->cursor ? key_position(w->row->first_key, w->row->last_key, w->cursor) : 0);
  listener->backfill(listener->data, &p);
}

/* Looks at the next rows; the cursor is then the last key of them. */
static bool look(struct walk *w, struct error *err) {
  char *high = NULL;
  int64_t undone = 0;
  if (!session_check_interrupt(w->session, err) || !next_key(w, &high, err))
    return false;
  if (!count_rows(w, pick(w, &w->definition->undone), next_low(w), high, &undone, err) ||
      (undone && (w->requeue || w->bad.len || w->ignored.len) && !tell_apart(w, high, err))) {
    free(high);
    return false;
  }
  free(w->cursor);
  w->cursor = high;
  w->undone += undone;
  w->seen += LOOK_ROWS;
  if (w->seen > w->row->rows_done)
    w->seen = w->row->rows_done; /* the last look is shorter */
  report(w, false);
  return true;
}

static bool walk_all(struct walk *w, struct error *err) {
  if (!w->row->first_key)
    return true; /* the table was empty */
  while (!w->cursor || strcmp(w->cursor, w->row->last_key) != 0)
    if (!look(w, err))
      return false;
  w->undone -= w->undone_ignored;
  report(w, true);
  return true;
}

/* --- the state --- */

/* Only what is done: somebody may have opened it again. */
static bool set_observed(const struct walk *w, const char *observed, struct error *err) {
  const char *params[] = {observed, w->row->name};
  return session_execute(w->session, "verify_observe", params, 2, NULL, err);
}

static bool set_done(const struct walk *w, struct error *err) {
  return set_observed(w, w->row->quarantined ? OBSERVED_DONE_BAD : OBSERVED_DONE, err);
}

/* Rows that were done again since the walk began, or that wait for it, were seen as they are no more. Called when the
 * row is locked. */
static bool check_not_reopened(const struct walk *w, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(w->session, "verify_finished", (const char *const[]){w->row->name}, 1, &rows, err))
    return false;
  const char *now = rows.row_count ? rowset_text(&rows, 0, 0) : NULL;
  bool same = now && strcmp(now, w->row->finished_at) == 0;
  rowset_release(&rows);
  if (same)
    return true;
  error_set(err, ERROR_PENDING, "backfill %s was opened again while its rows were looked at", w->row->name);
  return error_hint(err, "when it is done, run the same command again");
}

/* The stretch's rows have been counted, and will be again: its range begins below zero, so that the sum is right. */
static bool requeue_one(struct session *session, const char *name, const struct stretch *s, struct error *err) {
  char *rows = xasprintf("%lld", (long long)-s->rows);
  const char *params[] = {s->low, s->high, NULL, rows, name};
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
  char *detail = xasprintf("ranges: %zu, rows: %lld", w->stretches.len, (long long)w->again);
  bool ok = state_log(w->session, name, "requeued", detail, NULL, err);
  free(detail);
  return ok;
}

/* What was found, in one transaction. The state is again what it was before the walk, or open. */
static bool write_down(struct walk *w, struct error *err) {
  const char *name = w->row->name;
  struct session *session = w->session;
  char *ignored = w->undone_ignored ? xasprintf(", ignored: %lld", (long long)w->undone_ignored) : xstrdup("");
  char *detail = xasprintf("rows not done: %lld%s", (long long)w->undone, ignored);
  free(ignored);
  bool ok = session_begin(session, err) && set_done(w, err) && check_not_reopened(w, err) &&
            state_log(session, name, "verified", detail, NULL, err) &&
            (w->undone || session_execute(session, "backfill_verified", &name, 1, NULL, err)) &&
            (!w->stretches.len || requeue_all(w, err)) && session_commit(session, err);
  if (!ok)
    session_rollback(session);
  free(detail);
  return ok;
}

/* Is it a role that only reads, or a server or file that only is read? Then `err` is why the walk leaves no trace. */
static bool goes_unrecorded(struct walk *w, struct error *err) {
  bool may_not_write = strcmp(err->sqlstate, "42501") == 0 || strcmp(err->sqlstate, "25006") == 0;
  if (!may_not_write || w->requeue)
    return false;
  w->unrecorded = xstrdup(err->message);
  error_clear(err);
  return true;
}

static bool announce(struct walk *w, struct error *err) {
  w->announced = set_observed(w, OBSERVED_VERIFYING, err);
  return w->announced || goes_unrecorded(w, err);
}

static bool record(struct walk *w, struct error *err) {
  return w->unrecorded || write_down(w, err) || goes_unrecorded(w, err);
}

/* Of the walk nothing is known: the backfill is done as it was. */
static void take_back(const struct walk *w) {
  struct error ignored = ERROR_INIT;
  if (!w->announced)
    return;
  if (!set_done(w, &ignored))
    error_release(&ignored); /* `verifying` counts as done too */
}

/* Only what is done can be verified. */
static bool refuse_undone(const struct named *n, const char *name, struct error *err) {
  if (!n->registered) {
    error_set(err, ERROR_PENDING, "backfill %s has not begun in this database", name);
    return error_hint(err, "`moonbird backfill run %s` begins it", name);
  }
  if (strcmp(n->row.desired, DESIRED_CANCEL) == 0) {
    error_set(err, ERROR_PENDING, "backfill %s was cancelled before its end", name);
    return error_hint(err, "`moonbird backfill resume %s` takes it up again", name);
  }
  error_set(err, ERROR_PENDING, "backfill %s is not done yet", name);
  return error_hint(err, "`moonbird backfill run %s` goes on with it", name);
}

static bool check(const struct named *n, const char *name, struct error *err) {
  if (!n->registered || !state_is_done(n->row.observed) || !n->row.finished_at)
    return refuse_undone(n, name, err);
  if (n->definition.undone.first)
    return state_check_table(&n->row, &n->definition, err);
  error_set(err, ERROR_USAGE, "backfill %s has no `done`, by which a finished row could be known", name);
  return error_hint(err, "add done = \"SQL that holds for every finished row\" to backfills/%s.lua", name);
}

static bool read_bad(struct walk *w, struct error *err) {
  struct vec entries = VEC_INIT;
  bool ok = bad_read(w->session, w->row->name, &entries, err);
  for (size_t i = 0; i < entries.len; i++) {
    const struct bad_entry *e = entries.items[i];
    if (strcmp(e->state, BAD_IGNORED) == 0)
      map_put(&w->ignored, e->key, w);
    else if (strcmp(e->state, BAD_MENDED) != 0)
      map_put(&w->bad, e->key, w);
  }
  bad_free_all(&entries);
  return ok;
}

static bool verify(struct named *n, bool requeue, struct verify_result *result, struct error *err) {
  struct walk w = {.session = n->session,
                   .definition = &n->definition,
                   .row = &n->row,
                   .requeue = requeue,
                   .stretches = VEC_INIT,
                   .bad = MAP_INIT,
                   .ignored = MAP_INIT,
                   .begun_s = clock_monotonic_s()};
  bool ok = read_bad(&w, err) && announce(&w, err) && walk_all(&w, err) && record(&w, err);
  if (!ok || w.unrecorded)
    take_back(&w);
  *result = (struct verify_result){.undone = w.undone,
                                   .bad = w.undone_bad,
                                   .ignored = w.undone_ignored,
                                   .ranges = (int64_t)w.stretches.len,
                                   .again = w.again,
                                   .requeued = w.stretches.len > 0,
                                   .unrecorded = w.unrecorded};
  vec_release_with(&w.stretches, free_stretch);
  map_release(&w.bad);
  map_release(&w.ignored);
  free(w.cursor);
  return ok;
}

void verify_result_release(struct verify_result *result) {
  free(result->unrecorded);
  result->unrecorded = NULL;
}

bool verify_run(const struct run_request *request, const char *name, bool requeue, struct verify_result *result,
                struct error *err) {
  struct session session;
  struct named named;
  if (!session_open(&session, request, !requeue, err))
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
