/*
 * journal.c - the record of committed statements; see journal.h and DESIGN.md, section 8.
 */
#include "run/journal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const state_names[] = {
    [ENTRY_STARTED] = "started", [ENTRY_DONE] = "done", [ENTRY_FAILED] = "failed"};

static enum entry_state state_from_name(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(state_names); i++)
    if (name && strcmp(name, state_names[i]) == 0)
      return (enum entry_state)i;
  return ENTRY_STARTED;
}

static void free_entry(void *item) {
  struct journal_entry *e = item;
  free(e->kind);
  free(e->fingerprint);
  free(e->statement);
  free(e->error);
  free(e->new_fingerprint);
  free(e->new_statement);
  free(e);
}

void journal_release(struct journal *journal) {
  vec_release_with(&journal->entries, free_entry);
  vec_release_with(&journal->page, free_entry);
}

static const char *text_or_empty(const struct rowset *rows, size_t row, uint32_t column) {
  const char *text = rowset_text(rows, row, column);
  return text ? text : "";
}

static void take_row(struct journal *journal, const struct rowset *rows, size_t row) {
  struct journal_entry *e = xcalloc(1, sizeof(*e));
  e->number = rowset_int(rows, row, 0);
  e->kind = xstrdup(text_or_empty(rows, row, 1));
  e->fingerprint = xstrdup(text_or_empty(rows, row, 2));
  e->statement = xstrdup(text_or_empty(rows, row, 3));
  e->state = state_from_name(rowset_text(rows, row, 4));
  e->result = rowset_int(rows, row, 5);
  e->error = xstrdup_or_null(rowset_text(rows, row, 6));
  e->written = true;
  vec_push(&journal->page, e);
}

static const char clock_kind[] = "clock";

static struct journal_entry *add_entry(struct journal *journal, const char *kind, const char *fingerprint,
                                       const char *statement) {
  struct journal_entry *e = xcalloc(1, sizeof(*e));
  e->number = journal->next++;
  e->kind = xstrdup(kind);
  e->fingerprint = xstrdup(fingerprint);
  e->statement = xstrdup(statement);
  e->state = ENTRY_STARTED;
  vec_push(&journal->entries, e);
  journal->unwritten++;
  return e;
}

/* --- what an earlier run left --- */

enum { PAGE_LEN = 1000, SPILL_LEN = 1000 };

/* The page goes, save what has begun: whoever has asked for that may still hold it. */
static void drop_page(struct journal *journal) {
  for (size_t i = 0; i < journal->page.len; i++) {
    struct journal_entry *e = journal->page.items[i];
    if (e->changed || e->state == ENTRY_STARTED)
      vec_push(&journal->entries, e);
    else
      free_entry(e);
  }
  journal->page.len = 0;
}

static bool load_page(struct journal *journal, struct session *session, int64_t start, struct error *err) {
  drop_page(journal);
  struct batch_builder params;
  batch_init(&params, 4);
  batch_add_str(&params, 0, journal->revision);
  batch_add_str(&params, 1, journal->direction);
  batch_add_int(&params, 2, start);
  batch_add_int(&params, 3, start + PAGE_LEN);
  struct rowset rows = ROWSET_INIT;
  bool ok = session_query_batch(session, "journal_select", &params, &rows, err);
  batch_release(&params);
  if (!ok)
    return false;
  for (size_t i = 0; i < rows.row_count; i++)
    take_row(journal, &rows, i);
  rowset_release(&rows);
  journal->page_start = start;
  return true;
}

/* The entry with that number, from an earlier run. */
static bool find_entry(struct journal *journal, struct session *session, int64_t number, struct journal_entry **entry,
                       struct error *err) {
  bool is_there = number >= journal->page_start && number < journal->page_start + (int64_t)journal->page.len;
  if (!is_there && !load_page(journal, session, number, err))
    return false;
  if (!journal->page.len)
    return error_set(err, ERROR_PARTIAL, "statement %lld of revision %s is not in the journal any more",
                     (long long)number, journal->revision);
  *entry = journal->page.items[number - journal->page_start];
  return true;
}

bool journal_left_over(struct journal *journal, struct session *session, const struct journal_entry **entry,
                       struct error *err) {
  struct journal_entry *found = NULL;
  if (journal->passed < journal->found && !find_entry(journal, session, (int64_t)journal->passed, &found, err))
    return false;
  *entry = found;
  return true;
}

/* The clock of the run that began the revision, or a new one. */
static void take_clock(struct journal *journal) {
  const struct journal_entry *first = journal->page.len ? journal->page.items[0] : NULL;
  if (first && strcmp(first->kind, clock_kind) == 0) {
    char *end = NULL;
    journal->clock.time_s = strtoll(first->fingerprint, &end, 10);
    journal->clock.seed = strtoll(end, NULL, 10);
    journal->passed = 1;
    return;
  }
  int64_t now_us = clock_wall_us();
  journal->clock = (struct journal_clock){.time_s = now_us / 1000000, .seed = now_us ^ ((int64_t)getpid() << 40)};
  char *text = xasprintf("%lld %lld", (long long)journal->clock.time_s, (long long)journal->clock.seed);
  add_entry(journal, clock_kind, text, "time and seed")->state = ENTRY_DONE;
  free(text);
}

static bool count_found(struct journal *journal, struct session *session, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  const char *params[] = {journal->revision, journal->direction};
  if (!session_query(session, "journal_count", params, 2, &rows, err))
    return false;
  journal->found = (size_t)rowset_int(&rows, 0, 0);
  journal->ended = (size_t)rowset_int(&rows, 0, 1);
  journal->next = (int64_t)journal->found;
  journal->used = journal->found > 0;
  rowset_release(&rows);
  return true;
}

bool journal_load(struct journal *journal, struct session *session, const char *revision, const char *direction,
                  struct error *err) {
  *journal = (struct journal){.revision = revision, .direction = direction};
  if (session->has_journal_table && !count_found(journal, session, err))
    return false;
  if (journal->found && !load_page(journal, session, 0, err))
    return false;
  take_clock(journal);
  return true;
}

/* The beginnings of the fingerprints tell apart what looks the same: a function whose lines have changed. */
static bool refuse_other(const struct journal *journal, const struct journal_entry *e, const char *kind,
                         const char *fingerprint, const char *statement, struct error *err) {
  error_set(err, ERROR_PARTIAL,
            "statement %lld of revision %s is not the one that an earlier, interrupted run has committed",
            (long long)e->number, journal->revision);
  error_detail(err, "committed: %s: %s  (%.8s)\nnow:       %s: %s  (%.8s)", e->kind, e->statement, e->fingerprint, kind,
               statement, fingerprint);
  return error_hint(err, "put the script back as it was and run it again; or finish the work by hand and tell the "
                         "database where it stands with `moonbird stamp`");
}

/* Only what has begun and not ended can go on under another definition. */
static bool may_change(const struct journal_entry *e, const char *kind) {
  return e->state == ENTRY_STARTED && strcmp(kind, "backfill") == 0 && strcmp(e->kind, kind) == 0;
}

void journal_accept(struct journal_entry *e) {
  free(e->fingerprint);
  free(e->statement);
  e->fingerprint = e->new_fingerprint;
  e->statement = e->new_statement;
  e->new_fingerprint = e->new_statement = NULL;
  e->changed = true;
}

bool journal_refuse(const struct journal *journal, const struct journal_entry *e, struct error *err) {
  refuse_other(journal, e, e->kind, e->new_fingerprint, e->new_statement, err);
  return error_hint(
      err, "the backfill has begun with the code as it was: put it back; or, when rows done by the old and rows "
           "done by the new code may stand side by side, run it again with --accept-code-change");
}

/* A statement that an earlier run has come by. */
static bool take_known(struct journal *journal, struct journal_entry *e, const char *kind, const char *fingerprint,
                       const char *statement, struct error *err) {
  bool is_same = strcmp(e->fingerprint, fingerprint) == 0;
  if (!is_same && !may_change(e, kind))
    return refuse_other(journal, e, kind, fingerprint, statement, err);
  if (!is_same) {
    e->new_fingerprint = xstrdup(fingerprint);
    e->new_statement = xstrdup(statement);
  }
  journal->passed++;
  return true;
}

bool journal_next(struct journal *journal, struct session *session, const char *kind, const char *fingerprint,
                  const char *statement, struct journal_entry **entry, bool *known, struct error *err) {
  if (journal->passed >= journal->found) {
    *entry = add_entry(journal, kind, fingerprint, statement);
    *known = false;
    return true;
  }
  struct journal_entry *e = NULL;
  if (!find_entry(journal, session, (int64_t)journal->passed, &e, err) ||
      !take_known(journal, e, kind, fingerprint, statement, err))
    return false;
  *entry = e;
  *known = true;
  return true;
}

/* --- the table --- */

static bool ensure_table(struct session *session, struct error *err) {
  if (session->has_journal_table)
    return true;
  if (!session_execute(session, "journal_create", NULL, 0, NULL, err))
    return false;
  session->has_journal_table = true;
  return true;
}

static void add_result(struct batch_builder *params, uint32_t column, const struct journal_entry *e) {
  if (e->state == ENTRY_DONE)
    batch_add_int(params, column, e->result);
  else
    batch_add_null(params, column);
}

static void add_row(const struct journal *journal, struct batch_builder *rows, const struct journal_entry *e,
                    const char *now) {
  batch_add_str(rows, 0, journal->revision);
  batch_add_str(rows, 1, journal->direction);
  batch_add_int(rows, 2, e->number);
  batch_add_str(rows, 3, e->kind);
  batch_add_str(rows, 4, e->fingerprint);
  batch_add_clean(rows, 5, e->statement);
  batch_add_str(rows, 6, state_names[e->state]);
  add_result(rows, 7, e);
  batch_add_clean(rows, 8, e->error);
  batch_add_str(rows, 9, now);
}

static bool insert_new(const struct journal *journal, struct session *session, struct error *err) {
  char now[CLOCK_TEXT_SIZE];
  clock_format_utc(clock_wall_us(), now);
  struct batch_builder rows;
  batch_init(&rows, 10);
  for (size_t i = 0; i < journal->entries.len; i++) {
    const struct journal_entry *e = journal->entries.items[i];
    if (!e->written)
      add_row(journal, &rows, e, now);
  }
  bool ok = session_execute_rows(session, "journal_insert", &rows, err);
  batch_release(&rows);
  return ok;
}

void journal_set_done(struct journal_entry *entry, int64_t result) {
  entry->state = ENTRY_DONE;
  entry->result = result;
  entry->changed = true;
}

void journal_set_failed(struct journal_entry *entry, const char *error) {
  entry->state = ENTRY_FAILED;
  free(entry->error);
  entry->error = xstrdup(error);
  entry->changed = true;
}

bool journal_update(struct journal *journal, struct session *session, const struct journal_entry *e,
                    struct error *err) {
  char now[CLOCK_TEXT_SIZE];
  clock_format_utc(clock_wall_us(), now);
  struct batch_builder params;
  batch_init(&params, 9);
  batch_add_str(&params, 0, state_names[e->state]);
  add_result(&params, 1, e);
  batch_add_clean(&params, 2, e->error);
  batch_add_str(&params, 3, now);
  batch_add_str(&params, 4, e->fingerprint);
  batch_add_clean(&params, 5, e->statement);
  batch_add_str(&params, 6, journal->revision);
  batch_add_str(&params, 7, journal->direction);
  batch_add_int(&params, 8, e->number);
  bool ok = session_execute_batch(session, "journal_update", &params, NULL, err);
  batch_release(&params);
  return ok;
}

static bool update_changed(struct journal *journal, struct session *session, const struct vec *entries,
                           struct error *err) {
  for (size_t i = 0; i < entries->len; i++) {
    const struct journal_entry *e = entries->items[i];
    if (e->written && e->changed && !journal_update(journal, session, e, err))
      return false;
  }
  return true;
}

bool journal_write(struct journal *journal, struct session *session, struct error *err) {
  return ensure_table(session, err) && (!journal->unwritten || insert_new(journal, session, err)) &&
         update_changed(journal, session, &journal->entries, err) &&
         update_changed(journal, session, &journal->page, err);
}

static const struct journal_entry *first_begun(const struct vec *entries) {
  const struct journal_entry *first = NULL;
  for (size_t i = 0; i < entries->len; i++) {
    const struct journal_entry *e = entries->items[i];
    if (e->state == ENTRY_STARTED && (!first || e->number < first->number))
      first = e;
  }
  return first;
}

const struct journal_entry *journal_first_begun(const struct journal *journal) {
  const struct journal_entry *of_page = first_begun(&journal->page);
  return of_page ? of_page : first_begun(&journal->entries);
}

/* All entries stand in the table; those that have ended are not needed any more. */
static void keep_begun(struct journal *journal) {
  size_t kept = 0;
  for (size_t i = 0; i < journal->entries.len; i++) {
    struct journal_entry *e = journal->entries.items[i];
    e->written = true;
    e->changed = false;
    if (e->state == ENTRY_STARTED)
      journal->entries.items[kept++] = e;
    else
      free_entry(e);
  }
  journal->entries.len = kept;
  journal->unwritten = 0;
  for (size_t i = 0; i < journal->page.len; i++)
    ((struct journal_entry *)journal->page.items[i])->changed = false;
}

bool journal_spill(struct journal *journal, struct session *session, struct error *err) {
  if (journal->unwritten < SPILL_LEN)
    return true;
  if (!journal_write(journal, session, err))
    return false;
  journal->spilled = true;
  keep_begun(journal);
  return true;
}

void journal_committed(struct journal *journal) {
  keep_begun(journal);
  journal->used = true;
  journal->spilled = false;
}

bool journal_close(struct journal *journal, struct session *session, struct error *err) {
  if (!journal->used && !journal->spilled)
    return true;
  const char *params[] = {journal->revision, journal->direction};
  return session_execute(session, "journal_delete", params, 2, NULL, err);
}

bool journal_find_open(struct session *session, char **revision, char **direction, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  *revision = *direction = NULL;
  if (!session_query_table(session, "journal_open", &rows, &session->has_journal_table, err))
    return false;
  if (rows.row_count) {
    *revision = xstrdup_or_null(rowset_text(&rows, 0, 0));
    *direction = xstrdup_or_null(rowset_text(&rows, 0, 1));
  }
  rowset_release(&rows);
  return true;
}

bool journal_purge(struct session *session, struct error *err) {
  return !session->has_journal_table || session_execute(session, "journal_purge", NULL, 0, NULL, err);
}
