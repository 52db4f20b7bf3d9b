/*
 * plan.h - from the version rows of a database and a target to an ordered list of steps, each with the changes of the
 * version rows that it brings.
 *
 * Pure, like graph.h. Ownership: the caller owns the struct (start with PLAN_INIT), the struct owns its steps; they
 * point into the graph, which must outlive it. On failure the plan is untouched.
 */
#ifndef GRAPH_PLAN_H
#define GRAPH_PLAN_H

#include "base/arena.h"
#include "graph/graph.h"

enum direction { DIRECTION_UPGRADE, DIRECTION_DOWNGRADE, DIRECTION_STAMP };

enum row_change_kind { ROW_INSERT, ROW_UPDATE, ROW_DELETE };

/* One change of the version table; every one must hit exactly one row. */
struct row_change {
  enum row_change_kind kind;
  const char *from; /* UPDATE, DELETE */
  const char *to;   /* INSERT, UPDATE */
};

struct plan_step {
  enum direction direction;
  const struct revision *revision; /* the one applied or taken back; for a stamp the one reached, NULL for base */
  struct row_change *changes;      /* in the order in which they must be done */
  size_t change_count;
};

struct plan {
  struct arena arena;
  struct plan_step *steps;
  size_t len;
  const char *warning; /* for people, where the target was ambiguous but a choice was made; else NULL */
};

#define PLAN_INIT                                                                                                      \
  { .arena = ARENA_INIT, .steps = NULL, .len = 0, .warning = NULL }

void plan_release(struct plan *plan);

/* `rows` are the version rows (const char *). Targets take the whole grammar (reference: Alembic's upgrade and
 * downgrade). No steps is a success: there is nothing to do. */
bool plan_upgrade(const struct graph *graph, const struct vec *rows, const char *target, struct plan *plan,
                  struct error *err) MUST_CHECK;
bool plan_downgrade(const struct graph *graph, const struct vec *rows, const char *target, struct plan *plan,
                    struct error *err) MUST_CHECK;

/* `targets` are absolute identifiers (const char *). Targets that overlap (one is an ancestor of another) are refused.
 */
bool plan_stamp(const struct graph *graph, const struct vec *rows, const struct vec *targets, struct plan *plan,
                struct error *err) MUST_CHECK;

#endif
