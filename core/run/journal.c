/*
 * journal.c - the record of committed statements; see journal.h and DESIGN.md, section 8.
 */
#include "run/journal.h"

#include "base/clock.h"

#include <stdio.h>
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
  vec_push(&journal->entries, e);
}

static const char clock_kind[] = "clock";

static struct journal_entry *add_entry(struct journal *journal, const char *kind, const char *fingerprint,
                                       const char *statement) {
  struct journal_entry *e = xcalloc(1, sizeof(*e));
  e->number = (int64_t)journal->entries.len;
  e->kind = xstrdup(kind);
  e->fingerprint = xstrdup(fingerprint);
  e->statement = xstrdup(statement);
  e->state = ENTRY_STARTED;
  vec_push(&journal->entries, e);
  return e;
}

/* The clock of the run that began the revision, or a new one. */
static void take_clock(struct journal *journal) {
  const struct journal_entry *first = journal->entries.len ? journal->entries.items[0] : NULL;
  if (first && strcmp(first->kind, clock_kind) == 0) {
    char *seed;
    journal->clock.time_s = strtoll(first->fingerprint, &seed, 10);
    journal->clock.seed = strtoll(seed, NULL, 10);
    journal->passed = 1;
    return;
  }
  int64_t now_us = clock_wall_us();
  journal->clock = (struct journal_clock){.time_s = now_us / 1000000, .seed = now_us ^ ((int64_t)getpid() << 40)};
  char *text = xasprintf("%lld %lld", (long long)journal->clock.time_s, (long long)journal->clock.seed);
  add_entry(journal, clock_kind, text, "time and seed")->state = ENTRY_DONE;
  free(text);
}

bool journal_load(struct journal *journal, struct session *session, const char *revision, const char *direction,
                  struct error *err) {
  *journal = (struct journal){.revision = revision, .direction = direction};
  if (!session->has_journal_table) {
    take_clock(journal);
    return true;
  }
  struct rowset rows = ROWSET_INIT;
  const char *params[] = {revision, direction};
  if (!session_query(session, "journal_select", params, 2, &rows, err))
    return false;
  for (size_t i = 0; i < rows.row_count; i++)
    take_row(journal, &rows, i);
  rowset_release(&rows);
  journal->found = journal->entries.len;
  journal->used = journal->found > 0;
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

bool journal_next(struct journal *journal, const char *kind, const char *fingerprint, const char *statement,
                  struct journal_entry **entry, bool *known, struct error *err) {
  if (journal->passed < journal->found) {
    struct journal_entry *e = journal->entries.items[journal->passed];
    if (strcmp(e->fingerprint, fingerprint) != 0 && !may_change(e, kind))
      return refuse_other(journal, e, kind, fingerprint, statement, err);
    if (strcmp(e->fingerprint, fingerprint) != 0) {
      e->new_fingerprint = xstrdup(fingerprint);
      e->new_statement = xstrdup(statement);
    }
    journal->passed++;
    *entry = e;
    *known = true;
    return true;
  }
  *entry = add_entry(journal, kind, fingerprint, statement);
  *known = false;
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

static bool insert_entry(struct journal *journal, struct session *session, const struct journal_entry *e,
                         struct error *err) {
  char now[CLOCK_TEXT_SIZE];
  clock_format_utc(clock_wall_us(), now);
  struct batch_builder params;
  batch_init(&params, 10);
  batch_add_str(&params, 0, journal->revision);
  batch_add_str(&params, 1, journal->direction);
  batch_add_int(&params, 2, e->number);
  batch_add_str(&params, 3, e->kind);
  batch_add_str(&params, 4, e->fingerprint);
  batch_add_clean(&params, 5, e->statement);
  batch_add_str(&params, 6, state_names[e->state]);
  add_result(&params, 7, e);
  batch_add_clean(&params, 8, e->error);
  batch_add_str(&params, 9, now);
  bool ok = session_execute_batch(session, "journal_insert", &params, NULL, err);
  batch_release(&params);
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

bool journal_write(struct journal *journal, struct session *session, struct error *err) {
  if (!ensure_table(session, err))
    return false;
  for (size_t i = 0; i < journal->entries.len; i++) {
    const struct journal_entry *e = journal->entries.items[i];
    bool ok = !e->written  ? insert_entry(journal, session, e, err)
              : e->changed ? journal_update(journal, session, e, err)
                           : true;
    if (!ok)
      return false;
  }
  return true;
}

void journal_committed(struct journal *journal) {
  for (size_t i = 0; i < journal->entries.len; i++) {
    struct journal_entry *e = journal->entries.items[i];
    e->written = true;
    e->changed = false;
  }
  journal->used = true;
}

bool journal_close(struct journal *journal, struct session *session, struct error *err) {
  if (!journal->used)
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
