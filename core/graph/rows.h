/*
 * rows.h - the version rows of a database: found in the graph, checked, and changed step by step; for this folder only.
 *
 * Ownership: the caller owns a row_state (init, release); the changes that it makes lie in the plan's arena.
 */
#ifndef GRAPH_ROWS_H
#define GRAPH_ROWS_H

#include "graph/plan.h"
#include "graph/traversal.h"

/* Appends the revisions of the rows (const char *, exact ids; NULL is no row), each once. An unknown one is an error.
 */
bool rows_find(const struct graph *graph, const struct vec *rows, struct vec *revisions, struct error *err) MUST_CHECK;

/* As rows_find, and refuses rows of which one implies another, and a row that stands there twice: no plan could change
 * exactly one row with each change. */
bool rows_find_consistent(const struct graph *graph, const struct vec *rows, struct vec *revisions,
                          struct error *err) MUST_CHECK;

/* Appends the branch heads among all that the rows imply, in the order of loading. */
void rows_current(const struct graph *graph, const struct vec *rows, struct vec *revisions);

/* What is applied. A version row is an applied revision without an applied child (dependants counted). */
struct row_state {
  struct revset applied;
  size_t *children_applied;
};

/* `rows`: struct revision *, none an ancestor of another. */
void row_state_init(struct row_state *state, const struct graph *graph, const struct vec *rows);
void row_state_release(struct row_state *state);

/* Apply a revision or take it back, and fill the row changes of the step. */
void row_state_upgrade(struct row_state *state, const struct revision *r, struct arena *arena, struct plan_step *step);
void row_state_downgrade(struct row_state *state, const struct revision *r, struct arena *arena,
                         struct plan_step *step);

#endif
