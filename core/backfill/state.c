/*
 * state.c - reads and writes moonbird_backfill and moonbird_backfill_range; see state.h.
 */
#include "backfill/state.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

void range_release(struct range *range) {
  free(range->low);
  free(range->high);
  free(range->cursor);
  *range = (struct range){.low = NULL};
}

static bool insert_backfill(struct session *session, const struct definition *d, const char *fingerprint,
                            const char *low, const char *high, struct error *err) {
  char now[CLOCK_TEXT_SIZE];
  clock_format_utc(clock_wall_us(), now);
  struct batch_builder params;
  batch_init(&params, 11);
  batch_add_str(&params, 0, d->name);
  batch_add_str(&params, 1, fingerprint);
  batch_add_str(&params, 2, d->table);
  batch_add_str(&params, 3, d->key_columns);
  batch_add_str(&params, 4, d->key_types);
  batch_add_str(&params, 5, low);
  batch_add_str(&params, 6, high);
  batch_add_str(&params, 7, high);
  batch_add_int(&params, 8, d->sizer.size);
  if (d->rows_estimated >= 0)
    batch_add_int(&params, 9, d->rows_estimated);
  else
    batch_add_null(&params, 9);
  batch_add_str(&params, 10, now);
  bool ok = session_execute_batch(session, "backfill_insert", &params, NULL, err);
  batch_release(&params);
  return ok;
}

static bool insert_range(struct session *session, const char *name, const char *low, const char *high,
                         struct error *err) {
  struct batch_builder params;
  batch_init(&params, 4);
  batch_add_str(&params, 0, name);
  batch_add_int(&params, 1, 1);
  batch_add_str(&params, 2, low);
  batch_add_str(&params, 3, high);
  bool ok = session_execute_batch(session, "range_insert", &params, NULL, err);
  batch_release(&params);
  return ok;
}

bool state_create(struct session *session, const struct definition *d, const char *fingerprint, const char *low,
                  const char *high, struct error *err) {
  const char *name = d->name;
  return session_execute(session, "range_delete", &name, 1, NULL, err) &&
         session_execute(session, "backfill_delete", &name, 1, NULL, err) &&
         insert_backfill(session, d, fingerprint, low, high, err) &&
         (!low || insert_range(session, name, low, high, err));
}

bool state_read_range(struct session *session, const char *name, struct range *range, bool *found, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "range_select", &name, 1, &rows, err))
    return false;
  *found = rows.row_count > 0;
  if (*found) {
    const char *state = rowset_text(&rows, 0, 4);
    *range = (struct range){
        .number = rowset_int(&rows, 0, 0),
        .low = xstrdup_or_null(rowset_text(&rows, 0, 1)),
        .high = xstrdup_or_null(rowset_text(&rows, 0, 2)),
        .cursor = xstrdup_or_null(rowset_text(&rows, 0, 3)),
        .done = state && strcmp(state, "done") == 0,
        .epoch = rowset_int(&rows, 0, 5),
        .rows_done = rowset_int(&rows, 0, 6),
    };
  }
  rowset_release(&rows);
  return true;
}

bool state_check_table(struct session *session, const struct definition *d, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "backfill_select", (const char *const[]){d->name}, 1, &rows, err))
    return false;
  const char *table = rows.row_count ? rowset_text(&rows, 0, 0) : NULL;
  const char *key = rows.row_count ? rowset_text(&rows, 0, 1) : NULL;
  bool same = table && key && strcmp(table, d->table) == 0 && strcmp(key, d->key_columns) == 0;
  if (!same) {
    error_set(err, ERROR_PARTIAL, "the backfill has begun over %s with the key %s, and is over %s with the key %s now",
              table ? table : "a table that is not known any more", key ? key : "[]", d->table, d->key_columns);
    error_hint(err, "put the table and the key back as they were and run it again");
  }
  rowset_release(&rows);
  return same;
}

bool state_claim(struct session *session, const char *name, struct range *range, const char *worker,
                 struct error *err) {
  struct batch_builder params;
  batch_init(&params, 3);
  batch_add_str(&params, 0, worker);
  batch_add_str(&params, 1, name);
  batch_add_int(&params, 2, range->number);
  int64_t affected = 0;
  bool ok = session_execute_batch(session, "range_take", &params, &affected, err);
  batch_release(&params);
  if (ok && affected == 1)
    range->epoch++;
  return ok;
}

bool state_finish(struct session *session, const struct definition *d, int64_t rows_done, int64_t size,
                  struct error *err) {
  char now[CLOCK_TEXT_SIZE];
  clock_format_utc(clock_wall_us(), now);
  struct batch_builder params;
  batch_init(&params, 6);
  batch_add_str(&params, 0, "done");
  batch_add_int(&params, 1, rows_done);
  batch_add_int(&params, 2, size);
  batch_add_str(&params, 3, now);
  batch_add_null(&params, 4);
  batch_add_str(&params, 5, d->name);
  bool ok = session_execute_batch(session, "backfill_finish", &params, NULL, err);
  batch_release(&params);
  return ok;
}
