/*
 * bad.c - reads and turns rows of moonbird_backfill_bad; see bad.h. The engine puts them there (attempt.c).
 */
#include "backfill/bad.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void free_entry(void *item) {
  struct bad_entry *e = item;
  char *texts[] = {e->key, e->state, e->sqlstate, e->message, e->batch_id, e->first_at, e->last_at};
  for (size_t i = 0; i < ARRAY_LEN(texts); i++)
    free(texts[i]);
  free(e);
}

void bad_free_all(struct vec *entries) {
  vec_release_with(entries, free_entry);
}

static char *text_at(const struct rowset *rows, size_t row, uint32_t column) {
  return xstrdup_or_null(rowset_text(rows, row, column));
}

bool bad_read(struct session *session, const char *name, struct vec *entries, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "bad_select", &name, 1, &rows, err))
    return false;
  for (size_t i = 0; i < rows.row_count; i++) {
    struct bad_entry *e = xmalloc(sizeof(*e));
    *e = (struct bad_entry){.key = text_at(&rows, i, 0),
                            .state = text_at(&rows, i, 1),
                            .sqlstate = text_at(&rows, i, 2),
                            .message = text_at(&rows, i, 3),
                            .attempts = rowset_int(&rows, i, 4),
                            .range = rowset_int(&rows, i, 5),
                            .batch_id = text_at(&rows, i, 6),
                            .first_at = text_at(&rows, i, 7),
                            .last_at = text_at(&rows, i, 8)};
    vec_push(entries, e);
  }
  rowset_release(&rows);
  return true;
}

/* Is `text` the one value of this key? */
static bool is_single(const char *key, const char *text) {
  json_t *array = json_loads(key, JSON_ALLOW_NUL, NULL);
  bool same = false;
  if (json_array_size(array) == 1) {
    const json_t *value = json_array_get(array, 0);
    char *number = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    same = strcmp(number ? number : json_string_value(value), text) == 0;
    free(number);
  }
  json_decref(array);
  return same;
}

/* The same values, whatever blanks stand between them? */
static bool is_same(const char *key, const char *text) {
  json_t *a = json_loads(key, JSON_ALLOW_NUL, NULL), *b = json_loads(text, JSON_ALLOW_NUL, NULL);
  bool same = a && b && json_equal(a, b);
  json_decref(a);
  json_decref(b);
  return same;
}

const struct bad_entry *bad_find(const struct vec *entries, const char *key) {
  for (size_t i = 0; i < entries->len; i++) {
    const struct bad_entry *e = entries->items[i];
    if (is_same(e->key, key) || is_single(e->key, key))
      return e;
  }
  return NULL;
}

/* Nobody else must have turned it meanwhile: then a later look shows what it is. */
static bool turn(struct session *session, const char *name, const struct bad_entry *entry, const char *state,
                 struct error *err) {
  int64_t affected = 0;
  const char *params[] = {state, name, entry->key, entry->state};
  if (!session_execute(session, "bad_turn", params, 4, &affected, err))
    return false;
  if (affected == 1)
    return true;
  error_set(err, ERROR_FAILED, "the bad row %s of backfill %s was changed by somebody else meanwhile", entry->key,
            name);
  return error_hint(err, "`moonbird backfill bad list %s` shows it as it is now", name);
}

/* moonbird_backfill.quarantined counts rows in state `bad` and `retry`; the engine takes off those that it mends. */
static bool is_counted(const struct bad_entry *entry) {
  return strcmp(entry->state, BAD_BAD) == 0 || strcmp(entry->state, BAD_RETRY) == 0;
}

/* The range that put the row aside has counted it; the one that does it again will. */
bool bad_retry(struct session *session, const char *name, const struct bad_entry *entry, const char *reason,
               struct error *err) {
  const char *params[] = {entry->key, entry->key, NULL, "0", name};
  const char *row[] = {name, name, entry->key};
  return turn(session, name, entry, BAD_RETRY, err) && session_execute(session, "range_reopen", &name, 1, NULL, err) &&
         (is_counted(entry) || session_execute(session, "bad_recount", &name, 1, NULL, err)) &&
         session_execute(session, "bad_take_back", row, 3, NULL, err) &&
         session_execute(session, "range_requeue", params, 5, NULL, err) &&
         state_log(session, name, "bad row retried", entry->key, reason, err);
}

bool bad_ignore(struct session *session, const char *name, const struct bad_entry *entry, const char *reason,
                struct error *err) {
  return turn(session, name, entry, BAD_IGNORED, err) &&
         (!is_counted(entry) || session_execute(session, "bad_uncount", &name, 1, NULL, err)) &&
         state_log(session, name, "bad row ignored", entry->key, reason, err);
}
