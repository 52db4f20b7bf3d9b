/*
 * structure.h - what a graph is made of; for the files of this folder only.
 *
 * Ownership: everything below a graph, the arrays of the vectors in its revisions too, lies in its arena; so those
 * vectors are never pushed to or released. Nothing changes after graph_build, so a graph may be read by several.
 */
#ifndef GRAPH_STRUCTURE_H
#define GRAPH_STRUCTURE_H

#include "base/arena.h"
#include "base/map.h"
#include "graph/graph.h"

struct graph {
  struct arena arena;
  struct revision *revisions;
  size_t count;
  struct map names; /* ids and labels -> struct revision * */
};

static inline struct revision *revision_in(const struct vec *revisions, size_t index) {
  return revisions->items[index];
}

/* Steps of the building; each in its own file. Cycles are looked for along `down`, then along dependencies too. */
bool check_source(const struct revision_source *source, struct error *err) MUST_CHECK;
bool check_cycles(const struct graph *graph, struct error *err) MUST_CHECK;
void labels_spread(struct graph *graph);
void parents_normalize(struct graph *graph);

/* The revisions so that parents (`down` only, or dependencies too) come before children: an array of `count`, which the
 * caller frees. With cycles `*len` is less than the count. */
struct revision **graph_sorted(const struct graph *graph, bool with_dependencies, size_t *len);

#endif
