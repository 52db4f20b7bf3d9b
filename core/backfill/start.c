/*
 * start.c - see start.h and BACKFILL.md, 4.1.
 */
#include "backfill/start.h"

#include "backfill/key.h"
#include "backfill/writers.h"

#include <stdlib.h>
#include <string.h>

bool start_tables(struct session *session, bool has_tables, struct error *err) {
  return has_tables || state_create_tables(session, err);
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
 * those in further columns, which lib/backfill_table.lua looks for. */
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

bool start_bounds(struct session *session, const struct definition *d, const struct runner_limits *limits,
                  struct backfill_row *row, struct runner_outcome *outcome, struct error *err) {
  if (row->first_key || row->planned)
    return true;
  if (!writers_wait(session, d, limits, row, outcome, err))
    return false;
  if (outcome->end != JOB_GOES_ON)
    return true;
  if (!session_begin(session, err))
    return false;
  if (!set_bounds_once(session, d, err) || !session_commit(session, err)) {
    session_rollback(session);
    return false;
  }
  return state_read_again(session, row, err);
}
