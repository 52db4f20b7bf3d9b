/*
 * state.c - reads and writes moonbird_backfill and its log; see state.h.
 */
#include "backfill/state.h"

#include "base/clock.h"
#include "base/whoami.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool state_is_done(const char *observed) {
  return strcmp(observed, OBSERVED_DONE) == 0 || strcmp(observed, OBSERVED_DONE_BAD) == 0 ||
         strcmp(observed, OBSERVED_VERIFYING) == 0;
}

char *state_command(const char *name, bool paused) {
  size_t len = strcspn(name, ":");
  if (!name[len])
    return xasprintf("moonbird backfill run %s", name);
  struct strbuf text = STRBUF_INIT;
  if (paused)
    strbuf_addf(&text, "moonbird backfill resume %s && ", name);
  if (strchr(name + len + 1, ':'))
    strbuf_add_str(&text, "moonbird downgrade -1");
  else
    strbuf_addf(&text, "moonbird upgrade %.*s", (int)len, name);
  return strbuf_detach(&text);
}

/* --- reading --- */

void backfill_row_release(struct backfill_row *row) {
  free(row->name);
  free(row->fingerprint);
  free(row->table);
  free(row->key_columns);
  free(row->key_types);
  free(row->first_key);
  free(row->last_key);
  free(row->frontier_key);
  free(row->desired);
  free(row->observed);
  free(row->overrides);
  free(row->throttle_reason);
  free(row->last_error);
  free(row->finished_at);
  *row = (struct backfill_row){.name = NULL};
}

static char *text_at(const struct rowset *rows, uint32_t column) {
  return xstrdup_or_null(rowset_text(rows, 0, column));
}

/* In the order of `backfill_find`. */
static void take_row(const struct rowset *rows, struct backfill_row *row) {
  *row = (struct backfill_row){
      .name = text_at(rows, 0),
      .fingerprint = text_at(rows, 1),
      .table = text_at(rows, 2),
      .key_columns = text_at(rows, 3),
      .key_types = text_at(rows, 4),
      .first_key = text_at(rows, 5),
      .last_key = text_at(rows, 6),
      .frontier_key = text_at(rows, 7),
      .planned = rowset_int(rows, 0, 8) != 0,
      .desired = text_at(rows, 9),
      .observed = text_at(rows, 10),
      .batch_size = rowset_int(rows, 0, 11),
      .overrides = text_at(rows, 12),
      .throttle_reason = text_at(rows, 13),
      .throttled_ms = rowset_int(rows, 0, 14),
      .rows_estimated = rowset_is_null(rows, 0, 15) ? -1 : rowset_int(rows, 0, 15),
      .quarantined = rowset_int(rows, 0, 16),
      .run_time = rowset_int(rows, 0, 17),
      .run_seed = rowset_int(rows, 0, 18),
      .last_error = text_at(rows, 19),
      .rows_done = rowset_int(rows, 0, 20),
      .finished_at = text_at(rows, 21),
  };
}

bool state_read(struct session *session, const char *name, struct backfill_row *row, bool *found, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "backfill_find", &name, 1, &rows, err))
    return false;
  *found = rows.row_count > 0;
  if (*found)
    take_row(&rows, row);
  else
    *row = (struct backfill_row){.name = NULL};
  rowset_release(&rows);
  return true;
}

bool state_read_again(struct session *session, struct backfill_row *row, struct error *err) {
  struct backfill_row now;
  bool found = false;
  if (!state_read(session, row->name, &now, &found, err))
    return false;
  if (!found)
    return error_set(err, ERROR_HISTORY, "the state of backfill %s is gone", row->name);
  backfill_row_release(row);
  *row = now;
  return true;
}

bool state_find(struct session *session, const char *name, struct backfill_row *row, bool *found, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  *row = (struct backfill_row){.name = NULL};
  if (!session_query_table(session, "backfill_names", &rows, found, err))
    return false;
  rowset_release(&rows);
  return !*found || state_read(session, name, row, found, err);
}

bool state_names(struct session *session, struct vec *names, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  bool has_table;
  if (!session_query_table(session, "backfill_names", &rows, &has_table, err))
    return false;
  for (size_t i = 0; i < rows.row_count; i++)
    strvec_push(names, rowset_text(&rows, i, 0));
  rowset_release(&rows);
  return true;
}

/* --- making and dropping --- */

bool state_create_tables(struct session *session, struct error *err) {
  static const char *const names[] = {"backfill_create", "range_create", "worker_create", "bad_create",
                                      "backfill_log_create"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (!session_execute(session, names[i], NULL, 0, NULL, err))
      return false;
  return true;
}

bool state_forget(struct session *session, const char *name, struct error *err) {
  static const char *const names[] = {"bad_delete", "worker_delete_all", "range_delete", "backfill_delete"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++)
    if (!session_execute(session, names[i], &name, 1, NULL, err))
      return false;
  return true;
}

bool state_register(struct session *session, const struct definition *d, const char *fingerprint, const char *revision,
                    int64_t run_time, int64_t run_seed, struct error *err) {
  struct batch_builder params;
  batch_init(&params, 10);
  batch_add_str(&params, 0, d->name);
  batch_add_str(&params, 1, fingerprint);
  batch_add_str(&params, 2, d->table);
  batch_add_str(&params, 3, d->key_columns);
  batch_add_str(&params, 4, d->key_types);
  batch_add_str(&params, 5, revision);
  batch_add_int(&params, 6, d->sizer.size);
  if (d->rows_estimated >= 0)
    batch_add_int(&params, 7, d->rows_estimated);
  else
    batch_add_null(&params, 7);
  batch_add_int(&params, 8, run_time);
  batch_add_int(&params, 9, run_seed);
  bool ok = session_execute_batch(session, "backfill_insert", &params, NULL, err);
  batch_release(&params);
  return ok && state_log(session, d->name, "registered", d->table, NULL, err);
}

bool state_check_table(const struct backfill_row *row, const struct definition *d, struct error *err) {
  if (strcmp(row->table, d->table) == 0 && strcmp(row->key_columns, d->key_columns) == 0)
    return true;
  error_set(err, ERROR_PARTIAL, "the backfill has begun over %s with the key %s, and is over %s with the key %s now",
            row->table, row->key_columns, d->table, d->key_columns);
  return error_hint(err, "put the table and the key back as they were and run it again");
}

/* --- what operators want --- */

bool state_desire(struct session *session, const char *name, const char *desired, const char *event, const char *reason,
                  struct error *err) {
  const char *params[] = {desired, name};
  return session_execute(session, "backfill_desire", params, 2, NULL, err) &&
         state_log(session, name, event, NULL, reason, err);
}

/* --- what the engine sees --- */

bool state_observe(struct session *session, const char *name, const char *observed, const char *error,
                   struct error *err) {
  struct batch_builder params;
  batch_init(&params, 3);
  batch_add_str(&params, 0, observed);
  batch_add_clean(&params, 1, error);
  batch_add_str(&params, 2, name);
  bool ok = session_execute_batch(session, "backfill_observe", &params, NULL, err);
  batch_release(&params);
  return ok && state_log(session, name, observed, error, NULL, err);
}

bool state_finish(struct session *session, const char *name, int64_t rows_done, int64_t batch_size, struct error *err) {
  int64_t affected = 0;
  struct batch_builder params;
  batch_init(&params, 3);
  batch_add_int(&params, 0, rows_done);
  batch_add_int(&params, 1, batch_size);
  batch_add_str(&params, 2, name);
  bool ok = session_execute_batch(session, "backfill_finish", &params, &affected, err);
  batch_release(&params);
  /* No range is left, so rows of workers that were killed tell nobody anything. */
  ok = ok && session_execute(session, "worker_delete_all", &name, 1, NULL, err);
  char *detail = xasprintf("rows: %lld", (long long)rows_done);
  ok = ok && (affected == 0 || state_log(session, name, "finished", detail, NULL, err));
  free(detail);
  return ok;
}

void state_log_params(struct batch_builder *params, const char *name, const char *event, const char *detail,
                      const char *reason) {
  batch_init(params, 7);
  batch_add_str(params, 0, name);
  batch_add_str(params, 1, event);
  batch_add_clean(params, 2, detail);
  batch_add_clean(params, 3, reason);
  batch_add_str(params, 4, whoami_user());
  batch_add_str(params, 5, whoami_host());
  batch_add_int(params, 6, getpid());
}

bool state_log(struct session *session, const char *name, const char *event, const char *detail, const char *reason,
               struct error *err) {
  struct batch_builder params;
  state_log_params(&params, name, event, detail, reason);
  bool ok = session_execute_batch(session, "backfill_log_insert", &params, NULL, err);
  batch_release(&params);
  return ok;
}
