/*
 * traversal.c - sets of revisions as bytes, filled by a search with a stack of its own; single steps. Called by
 * everything in this folder that asks what lies above or below a revision. Must not know identifiers or rows.
 */
#include "graph/traversal.h"

#include <stdlib.h>

void revset_init(struct revset *set, const struct graph *graph) {
  set->has = xcalloc(graph->count, sizeof(*set->has));
}

void revset_release(struct revset *set) {
  free(set->has);
  set->has = NULL;
}

static void add_and_queue(struct revset *set, const struct vec *revisions, struct vec *todo) {
  for (size_t i = 0; i < revisions->len; i++) {
    const struct revision *r = revision_in(revisions, i);
    if (revset_has(set, r))
      continue;
    set->has[r->index] = 1;
    vec_push(todo, revisions->items[i]);
  }
}

void revset_add_ancestors(struct revset *set, const struct revision *r, enum edges edges) {
  if (revset_has(set, r))
    return;
  set->has[r->index] = 1;
  struct vec todo = VEC_INIT;
  for (; r; r = vec_pop(&todo))
    add_and_queue(set, edges == EDGES_ALL ? &r->down_all : &r->down, &todo);
  vec_release(&todo);
}

void revset_add_descendants(struct revset *set, const struct revision *r, enum edges edges) {
  if (revset_has(set, r))
    return;
  set->has[r->index] = 1;
  struct vec todo = VEC_INIT;
  for (; r; r = vec_pop(&todo))
    add_and_queue(set, edges == EDGES_ALL ? &r->next_all : &r->next, &todo);
  vec_release(&todo);
}

/* The two searches meet in `r` alone, so the second one must not find it in the set. */
void revset_add_line(struct revset *set, const struct revision *r, enum edges edges) {
  revset_add_ancestors(set, r, edges);
  set->has[r->index] = 0;
  revset_add_descendants(set, r, edges);
}

void revset_add_all_ancestors(struct revset *set, const struct vec *revisions, enum edges edges) {
  for (size_t i = 0; i < revisions->len; i++)
    revset_add_ancestors(set, revision_in(revisions, i), edges);
}

void revset_filter(const struct revset *set, struct vec *revisions) {
  size_t kept = 0;
  for (size_t i = 0; i < revisions->len; i++)
    if (revset_has(set, revision_in(revisions, i)))
      revisions->items[kept++] = revisions->items[i];
  revisions->len = kept;
}

/* Adds all that is strictly below the revisions. */
static void add_below(struct revset *set, const struct vec *revisions) {
  for (size_t i = 0; i < revisions->len; i++)
    revset_add_all_ancestors(set, &revision_in(revisions, i)->down_all, EDGES_ALL);
}

/* Finds, for one that is known to be below another, the first that is above it. */
static void name_overlap(const struct graph *graph, const struct vec *revisions, const struct revision *below,
                         const struct revision **upper, struct vec *lower) {
  struct revset above;
  revset_init(&above, graph);
  revset_add_descendants(&above, below, EDGES_ALL);
  size_t i = 0;
  while (revision_in(revisions, i) == below || !revset_has(&above, revision_in(revisions, i)))
    i++;
  revset_release(&above);
  if (upper)
    *upper = revision_in(revisions, i);
  if (!lower)
    return;
  struct vec one = {.items = &revisions->items[i], .len = 1};
  struct revset under;
  revset_init(&under, graph);
  add_below(&under, &one);
  for (size_t k = 0; k < revisions->len; k++)
    if (revset_has(&under, revision_in(revisions, k)))
      vec_push(lower, revisions->items[k]);
  revset_release(&under);
}

bool revisions_overlap(const struct graph *graph, const struct vec *revisions, const struct revision **upper,
                       struct vec *lower) {
  if (revisions->len < 2)
    return false;
  struct revset below;
  revset_init(&below, graph);
  add_below(&below, revisions);
  size_t i = 0;
  while (i < revisions->len && !revset_has(&below, revision_in(revisions, i)))
    i++;
  revset_release(&below);
  if (i == revisions->len)
    return false;
  if (upper || lower)
    name_overlap(graph, revisions, revision_in(revisions, i), upper, lower);
  return true;
}

/* Takes the only way on, if there is exactly one. */
static bool take_step(struct walk *walk) {
  if (walk->choices.len == 1) {
    walk->at = vec_pop(&walk->choices);
    return true;
  }
  walk->too_far = walk->choices.len == 0;
  return false;
}

bool walk_up(struct walk *walk, const struct graph *graph, size_t steps) {
  for (size_t i = 0; i < steps; i++) {
    if (!walk->at) {
      graph_bases(graph, &walk->choices);
    } else {
      for (size_t k = 0; k < walk->at->next.len; k++)
        vec_push(&walk->choices, walk->at->next.items[k]);
    }
    if (walk->line)
      revset_filter(walk->line, &walk->choices);
    if (!take_step(walk))
      return walk->stays && walk->too_far && walk->at;
  }
  return true;
}

bool walk_down(struct walk *walk, size_t steps) {
  for (size_t i = 0; i < steps; i++) {
    if (!walk->at) {
      walk->too_far = true;
      return false;
    }
    if (walk->at->down.len == 0) {
      walk->too_far = walk->stays;
      if (walk->stays)
        return true;
      walk->at = NULL;
      continue;
    }
    for (size_t k = 0; k < walk->at->down.len; k++)
      vec_push(&walk->choices, walk->at->down.items[k]);
    if (!take_step(walk))
      return false;
  }
  return true;
}
