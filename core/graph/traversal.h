/*
 * traversal.h - sets of revisions, their ancestors and descendants, and steps up and down; for this folder only.
 *
 * Ownership: the caller owns a set (init, release); it must not outlive its graph.
 */
#ifndef GRAPH_TRAVERSAL_H
#define GRAPH_TRAVERSAL_H

#include "graph/structure.h"

/* One byte for each revision of the graph. */
struct revset {
  unsigned char *has;
};

enum edges { EDGES_DOWN, EDGES_ALL }; /* by down_revision; by depends_on too */

void revset_init(struct revset *set, const struct graph *graph);
void revset_release(struct revset *set);

static inline bool revset_has(const struct revset *set, const struct revision *r) {
  return set->has[r->index];
}

/* Add the revision and all its ancestors (descendants). The set must hold nothing but what such calls with the same
 * edges have put there: they stop at what is in it. */
void revset_add_ancestors(struct revset *set, const struct revision *r, enum edges edges);
void revset_add_descendants(struct revset *set, const struct revision *r, enum edges edges);

/* Adds the revision with its ancestors and descendants to an empty set: its line. */
void revset_add_line(struct revset *set, const struct revision *r, enum edges edges);

/* As revset_add_ancestors, for each of a vector. */
void revset_add_all_ancestors(struct revset *set, const struct vec *revisions, enum edges edges);

/* Removes from the vector what is not in the set. */
void revset_filter(const struct revset *set, struct vec *revisions);

/* True where one of the revisions is an ancestor (dependencies included) of others of them; then `upper` is the
 * descendant and `lower` gets the others. Either may be NULL. */
bool revisions_overlap(const struct graph *graph, const struct vec *revisions, const struct revision **upper,
                       struct vec *lower);

/* A walk of single steps. NULL as a revision stands for base. */
struct walk {
  const struct revision *at;
  const struct revset *line; /* where not NULL, steps up stay in it */
  bool stays;                /* a walk that is too long ends at the last revision on its way, and that is no failure */
  bool too_far;              /* the last walk ended early, at `at` */
  struct vec choices;        /* where not empty: the walk ended at `at`, which has all these ways on */
};

#define WALK_INIT                                                                                                      \
  { .at = NULL, .choices = VEC_INIT }

/* False where the walk could not be finished; `too_far` or `choices` say why. */
bool walk_up(struct walk *walk, const struct graph *graph, size_t steps) MUST_CHECK;
bool walk_down(struct walk *walk, size_t steps) MUST_CHECK;

/* Appends the revisions of the set newest first: a revision stands before its parents and dependencies. */
void order_newest_first(const struct graph *graph, const struct revset *set, struct vec *ordered);

#endif
