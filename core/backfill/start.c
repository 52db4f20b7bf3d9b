/*
 * start.c - see start.h and BACKFILL.md, 4.1.
 */
#include "backfill/start.h"

#include "backfill/key.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static const double look_every_s = 0.2;
static const double tell_after_s = 30;

bool start_tables(struct session *session, bool has_tables, struct error *err) {
  return has_tables || state_create_tables(session, err);
}

/* --- waiting for writers --- */

static bool query(struct session *session, const char *sql, struct rowset *rows, struct error *err) {
  struct statement statement = {.sql = sql, .len = strlen(sql)};
  return conn_query(session->conn, &statement, rows, err);
}

static bool is_among(const struct rowset *rows, const char *id, size_t *at) {
  for (size_t i = 0; i < rows->row_count; i++)
    if (rowset_text(rows, i, 0) && strcmp(rowset_text(rows, i, 0), id) == 0) {
      *at = i;
      return true;
    }
  return false;
}

/* Is one of the transactions of `first` still there? `who` gets it, for people. */
static bool is_one_left(const struct rowset *first, const struct rowset *now, char **who) {
  size_t at;
  for (size_t i = 0; i < first->row_count; i++)
    if (is_among(now, rowset_text(first, i, 0), &at)) {
      *who = xstrdup(rowset_text(now, at, 1));
      return true;
    }
  return false;
}

static void tell_waiting(const struct definition *d, const char *who, double waited_s, double *told_s) {
  if (waited_s - *told_s < tell_after_s)
    return;
  *told_s = waited_s;
  log_warn("backfill %s waits for a transaction that writes to %s: %s", d->name, d->table, who);
}

/* Only those that are there at the first look: later ones see the table as it is now. */
static bool wait_for_writers(struct session *session, const struct definition *d, struct error *err) {
  struct rowset first = ROWSET_INIT;
  if (!d->writers)
    return true;
  if (!query(session, d->writers, &first, err))
    return false;
  double begun_s = clock_monotonic_s(), told_s = 0;
  bool ok = true;
  for (bool waits = first.row_count > 0; ok && waits;) {
    struct rowset now = ROWSET_INIT;
    char *who = NULL;
    ok = query(session, d->writers, &now, err);
    waits = ok && is_one_left(&first, &now, &who);
    if (waits)
      tell_waiting(d, who, clock_monotonic_s() - begun_s, &told_s);
    free(who);
    rowset_release(&now);
    if (waits && (!loop_sleep(session->loop, look_every_s) || host_is_interrupted(session->host)))
      ok = error_set(err, ERROR_INTERRUPTED, "interrupted while waiting for transactions that write to %s", d->table);
  }
  rowset_release(&first);
  return ok;
}

/* --- the first and the last key --- */

/* NULL where the table is empty. */
static bool read_end_key(struct session *session, const struct definition *d, const char *sql, char **key,
                         struct error *err) {
  struct statement statement = {.sql = sql, .len = strlen(sql)};
  struct conn *conn = session->conn;
  conn_start_execute(conn, &statement, 1, NULL, NULL);
  conn_wait(conn);
  if (!conn_check(conn, statement.sql, statement.len, err))
    return false;
  const struct outcome *out = conn_outcome(conn);
  *key = NULL;
  if (out->status == MOONBIRD_OK && out->result)
    *key = key_from_row(&out->batch, 0, (uint32_t)d->key.len);
  conn_discard(conn, out->result);
  return true;
}

/* A key with NULLs has no place in the order (SQLite allows them in most primary keys); they come first in it, but for
 * those in further columns, which lib/backfill.lua looks for. */
static bool check_key(const struct definition *d, const char *key, struct error *err) {
  if (!key || !key_has_null(key))
    return true;
  char *names = strvec_join(&d->key, ", ");
  error_set(err, ERROR_FAILED, "backfill of %s: the key (%s) is NULL in a row", d->table, names);
  error_hint(err, "give op.backfill a `key` that is unique and NOT NULL");
  free(names);
  return false;
}

static bool read_bounds(struct session *session, const struct definition *d, char **low, char **high,
                        struct error *err) {
  return read_end_key(session, d, d->first_key, low, err) && read_end_key(session, d, d->last_key, high, err) &&
         check_key(d, *low, err) && check_key(d, *high, err);
}

bool start_check_keys(struct session *session, const struct definition *d, struct error *err) {
  char *low = NULL, *high = NULL;
  bool ok = read_bounds(session, d, &low, &high, err);
  free(low);
  free(high);
  return ok;
}

static bool write_bounds(struct session *session, const struct definition *d, const char *low, const char *high,
                         struct error *err) {
  struct batch_builder params;
  batch_init(&params, 5);
  batch_add_str(&params, 0, low);
  batch_add_str(&params, 1, high);
  batch_add_bool(&params, 2, !low);
  if (d->rows_estimated >= 0)
    batch_add_int(&params, 3, d->rows_estimated);
  else
    batch_add_null(&params, 3);
  batch_add_str(&params, 4, d->name);
  bool ok = session_execute_batch(session, "backfill_bounds", &params, NULL, err);
  batch_release(&params);
  char *range = low ? xasprintf("%s to %s", low, high) : xstrdup("the table is empty");
  ok = ok && state_log(session, d->name, "started", range, NULL, err);
  free(range);
  return ok;
}

static bool set_bounds(struct session *session, const struct definition *d, struct error *err) {
  char *low = NULL, *high = NULL;
  bool ok = read_bounds(session, d, &low, &high, err) && write_bounds(session, d, low, high, err);
  free(low);
  free(high);
  return ok;
}

/* Under the row's lock: of two processes that begin, one reads the keys. */
static bool set_bounds_once(struct session *session, const struct definition *d, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "backfill_lock", (const char *const[]){d->name}, 1, &rows, err))
    return false;
  bool is_new = rows.row_count && rowset_is_null(&rows, 0, 1);
  rowset_release(&rows);
  return !is_new || set_bounds(session, d, err);
}

static bool read_again(struct session *session, struct backfill_row *row, struct error *err) {
  struct backfill_row now;
  bool found = false;
  if (!state_read(session, row->name, &now, &found, err))
    return false;
  if (!found) {
    backfill_row_release(&now);
    return error_set(err, ERROR_HISTORY, "the state of backfill %s is gone", row->name);
  }
  backfill_row_release(row);
  *row = now;
  return true;
}

bool start_bounds(struct session *session, const struct definition *d, struct backfill_row *row, struct error *err) {
  if (row->first_key || row->planned)
    return true;
  if (!wait_for_writers(session, d, err) || !session_begin(session, err))
    return false;
  if (!set_bounds_once(session, d, err) || !session_commit(session, err)) {
    session_rollback(session);
    return false;
  }
  return read_again(session, row, err);
}
