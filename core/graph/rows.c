/*
 * rows.c - version rows; see rows.h. Called by the planners. Must not know identifiers: a row is an exact id.
 */
#include "graph/rows.h"

#include "base/strbuf.h"
#include "graph/message.h"

#include <stdlib.h>

static bool unknown_row(const char *row, struct error *err) {
  error_set(err, ERROR_HISTORY,
            "Can't locate revision identified by '%s': it stands in the version table, but no revision file has it",
            row);
  return error_hint(err,
                    "Switch to the code that has the file of '%s', or set the version table to a revision that the "
                    "database really is at: moonbird stamp --purge REV",
                    row);
}

bool rows_find(const struct graph *graph, const struct vec *rows, struct vec *revisions, struct error *err) {
  struct revset found;
  revset_init(&found, graph);
  bool ok = true;
  for (size_t i = 0; ok && rows && i < rows->len; i++) {
    const struct revision *r = graph_find(graph, strvec_at(rows, i));
    if (!r)
      ok = unknown_row(strvec_at(rows, i), err);
    else if (!revset_has(&found, r))
      vec_push(revisions, &graph->revisions[r->index]);
    if (r)
      found.has[r->index] = 1;
  }
  revset_release(&found);
  return ok;
}

static bool doubled_row(const struct graph *graph, const struct vec *rows, struct error *err) {
  struct revset found;
  revset_init(&found, graph);
  size_t i = 0;
  for (const struct revision *r = NULL; i < rows->len; i++) {
    r = graph_find(graph, strvec_at(rows, i));
    if (r && revset_has(&found, r))
      break;
    if (r)
      found.has[r->index] = 1;
  }
  revset_release(&found);
  error_set(err, ERROR_HISTORY, "Revision %s stands more than once in the version table",
            i < rows->len ? strvec_at(rows, i) : "?");
  return error_hint(err, "Delete the surplus row; the version table should have a primary key.");
}

bool rows_find_consistent(const struct graph *graph, const struct vec *rows, struct vec *revisions, struct error *err) {
  if (!rows_find(graph, rows, revisions, err))
    return false;
  if (rows && revisions->len < rows->len)
    return doubled_row(graph, rows, err);
  const struct revision *upper = NULL;
  struct vec lower = VEC_INIT;
  bool overlap = revisions_overlap(graph, revisions, &upper, &lower);
  if (overlap) {
    message_overlap(err, ERROR_HISTORY, upper->id, &lower);
    error_hint(err, "The version table holds a revision and its ancestor. If the database is at %s: moonbird stamp %s",
               upper->id, upper->id);
  }
  vec_release(&lower);
  return !overlap;
}

static void count_child(struct row_state *state, const struct revision *child, bool is_applied) {
  for (size_t i = 0; i < child->down_all.len; i++) {
    size_t *children = &state->children_applied[revision_in(&child->down_all, i)->index];
    *children = is_applied ? *children + 1 : *children - 1;
  }
}

void row_state_init(struct row_state *state, const struct graph *graph, const struct vec *rows) {
  revset_init(&state->applied, graph);
  revset_add_all_ancestors(&state->applied, rows, EDGES_ALL);
  state->children_applied = xcalloc(graph->count, sizeof(*state->children_applied));
  for (size_t i = 0; i < graph->count; i++)
    if (state->applied.has[i])
      count_child(state, &graph->revisions[i], true);
}

void row_state_release(struct row_state *state) {
  revset_release(&state->applied);
  free(state->children_applied);
}

static bool is_row(const struct row_state *state, const struct revision *r) {
  return revset_has(&state->applied, r) && state->children_applied[r->index] == 0;
}

/* Those parents that are rows of their own. */
static void list_parent_rows(const struct row_state *state, const struct revision *r, struct vec *rows) {
  for (size_t i = 0; i < r->parents.len; i++)
    if (is_row(state, revision_in(&r->parents, i)))
      vec_push(rows, r->parents.items[i]);
}

static const char *id_at(const struct vec *revisions, size_t index) {
  return revision_in(revisions, index)->id;
}

/* The rows of parents go, this one comes: the last of them is changed into it, so that where there is one parent the
 * row stays the same row. */
void row_state_upgrade(struct row_state *state, const struct revision *r, struct arena *arena, struct plan_step *step) {
  struct vec parents = VEC_INIT;
  list_parent_rows(state, r, &parents);
  step->change_count = parents.len ? parents.len : 1;
  step->changes = arena_alloc(arena, step->change_count * sizeof(*step->changes));
  size_t last = step->change_count - 1;
  for (size_t i = 0; i < last; i++)
    step->changes[i] = (struct row_change){.kind = ROW_DELETE, .from = id_at(&parents, i)};
  if (parents.len)
    step->changes[last] = (struct row_change){.kind = ROW_UPDATE, .from = id_at(&parents, last), .to = r->id};
  else
    step->changes[last] = (struct row_change){.kind = ROW_INSERT, .to = r->id};
  vec_release(&parents);
  state->applied.has[r->index] = 1;
  count_child(state, r, true);
}

/* The reverse: parents that no other row implies come back. */
void row_state_downgrade(struct row_state *state, const struct revision *r, struct arena *arena,
                         struct plan_step *step) {
  state->applied.has[r->index] = 0;
  count_child(state, r, false);
  struct vec parents = VEC_INIT;
  list_parent_rows(state, r, &parents);
  step->change_count = parents.len ? parents.len : 1;
  step->changes = arena_alloc(arena, step->change_count * sizeof(*step->changes));
  size_t last = step->change_count - 1;
  for (size_t i = 0; i < last; i++)
    step->changes[i] = (struct row_change){.kind = ROW_INSERT, .to = id_at(&parents, i)};
  if (parents.len)
    step->changes[last] = (struct row_change){.kind = ROW_UPDATE, .from = r->id, .to = id_at(&parents, last)};
  else
    step->changes[last] = (struct row_change){.kind = ROW_DELETE, .from = r->id};
  vec_release(&parents);
}
