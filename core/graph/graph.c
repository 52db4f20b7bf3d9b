/*
 * graph.c - questions that a graph answers without an identifier: revisions, heads and bases, and what the version rows
 * of a database imply. Called by commands and by the rest of this folder.
 */
#include "graph/rows.h"
#include "graph/structure.h"
#include "graph/traversal.h"

#include <string.h>

size_t graph_count(const struct graph *graph) {
  return graph->count;
}

const struct revision *graph_at(const struct graph *graph, size_t index) {
  return index < graph->count ? &graph->revisions[index] : NULL;
}

const struct revision *graph_find(const struct graph *graph, const char *id) {
  const struct revision *r = map_get(&graph->names, id);
  return r && strcmp(r->id, id) == 0 ? r : NULL;
}

bool revision_is_head(const struct revision *r) {
  return r->next.len == 0;
}

bool revision_is_real_head(const struct revision *r) {
  return r->next_all.len == 0;
}

bool revision_is_base(const struct revision *r) {
  return r->down.len == 0;
}

bool revision_is_branch_point(const struct revision *r) {
  return r->next.len > 1;
}

bool revision_is_merge_point(const struct revision *r) {
  return r->down.len > 1;
}

static void list_where(const struct graph *graph, bool (*is_wanted)(const struct revision *r), struct vec *revisions) {
  for (size_t i = 0; i < graph->count; i++)
    if (is_wanted(&graph->revisions[i]))
      vec_push(revisions, &graph->revisions[i]);
}

void graph_heads(const struct graph *graph, struct vec *heads) {
  list_where(graph, revision_is_head, heads);
}

void graph_real_heads(const struct graph *graph, struct vec *heads) {
  list_where(graph, revision_is_real_head, heads);
}

void graph_bases(const struct graph *graph, struct vec *bases) {
  list_where(graph, revision_is_base, bases);
}

static bool has_child_in(const struct revset *set, const struct revision *r) {
  for (size_t i = 0; i < r->next.len; i++)
    if (revset_has(set, revision_in(&r->next, i)))
      return true;
  return false;
}

void rows_current(const struct graph *graph, const struct vec *rows, struct vec *revisions) {
  struct revset applied;
  revset_init(&applied, graph);
  revset_add_all_ancestors(&applied, rows, EDGES_ALL);
  for (size_t i = 0; i < graph->count; i++)
    if (applied.has[i] && !has_child_in(&applied, &graph->revisions[i]))
      vec_push(revisions, &graph->revisions[i]);
  revset_release(&applied);
}

char *graph_merge_words(const struct vec *heads) {
  bool are_real = true;
  struct vec ids = VEC_INIT;
  for (size_t i = 0; i < heads->len; i++) {
    are_real = are_real && revision_is_real_head(revision_in(heads, i));
    strvec_push(&ids, revision_in(heads, i)->id);
  }
  char *words = are_real ? xstrdup("heads") : strvec_join(&ids, " ");
  strvec_release(&ids);
  return words;
}

bool graph_current(const struct graph *graph, const struct vec *rows, struct vec *revisions, struct error *err) {
  struct vec found = VEC_INIT;
  bool ok = rows_find(graph, rows, &found, err);
  if (ok)
    rows_current(graph, &found, revisions);
  vec_release(&found);
  return ok;
}

bool graph_is_at_heads(const struct graph *graph, const struct vec *rows, bool *at_heads, struct error *err) {
  struct vec found = VEC_INIT;
  bool ok = rows_find(graph, rows, &found, err);
  if (ok) {
    struct revset held;
    revset_init(&held, graph);
    for (size_t i = 0; i < found.len; i++)
      held.has[revision_in(&found, i)->index] = 1;
    bool all = true;
    for (size_t i = 0; i < graph->count; i++)
      all = all && (held.has[i] || !revision_is_real_head(&graph->revisions[i]));
    revset_release(&held);
    *at_heads = all;
  }
  vec_release(&found);
  return ok;
}
