/*
 * graph_check.h - for the tests of core/graph: replays the row changes of a plan on a set of rows, and finds what is
 * wrong with a plan. Independent of the code under test: it asks the graph for edges only.
 *
 * Ownership: a `struct replay` owns its arrays (init, release).
 */
#ifndef TESTS_UNIT_GRAPH_CHECK_H
#define TESTS_UNIT_GRAPH_CHECK_H

#include "graph/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay {
  const struct graph *graph;
  bool *is_row;
  bool *is_applied;
  char fault[512]; /* "" while all is well */
};

static inline const struct revision *check_at(const struct vec *revisions, size_t index) {
  return revisions->items[index];
}

/* Marks `r` and all below it. */
static inline void check_mark_below(const struct revision *r, bool *marks) {
  struct vec todo = VEC_INIT;
  vec_push(&todo, (void *)(uintptr_t)r);
  while (todo.len) {
    r = vec_pop(&todo);
    if (marks[r->index])
      continue;
    marks[r->index] = true;
    for (size_t i = 0; i < r->down.len; i++)
      vec_push(&todo, r->down.items[i]);
    for (size_t i = 0; i < r->depends_on.len; i++)
      vec_push(&todo, r->depends_on.items[i]);
  }
  vec_release(&todo);
}

static inline void replay_init(struct replay *replay, const struct graph *graph, const struct vec *rows) {
  *replay = (struct replay){.graph = graph};
  replay->is_row = xcalloc(graph_count(graph), sizeof(bool));
  replay->is_applied = xcalloc(graph_count(graph), sizeof(bool));
  for (size_t i = 0; i < rows->len; i++) {
    const struct revision *r = graph_find(graph, strvec_at(rows, i));
    if (!r)
      continue;
    replay->is_row[r->index] = true;
    check_mark_below(r, replay->is_applied);
  }
}

static inline void replay_release(struct replay *replay) {
  free(replay->is_row);
  free(replay->is_applied);
}

/* Takes out or puts in a row that must be there, or must not. */
static inline void replay_flip(struct replay *replay, const char *id, bool to) {
  const struct revision *r = id ? graph_find(replay->graph, id) : NULL;
  if (!r || replay->is_row[r->index] == to)
    snprintf(replay->fault, sizeof(replay->fault), "row %s %s", id ? id : "(null)", to ? "is there" : "is not there");
  else
    replay->is_row[r->index] = to;
}

static inline void replay_change(struct replay *replay, const struct row_change *change) {
  if (change->kind != ROW_INSERT)
    replay_flip(replay, change->from, false);
  if (change->kind != ROW_DELETE)
    replay_flip(replay, change->to, true);
}

/* The rows must be the applied revisions without an applied child or dependant, and nothing else. */
static inline void replay_check_rows(struct replay *replay) {
  for (size_t i = 0; i < graph_count(replay->graph) && !*replay->fault; i++) {
    const struct revision *r = graph_at(replay->graph, i);
    bool has_child = false;
    for (size_t k = 0; k < r->next_all.len; k++)
      has_child = has_child || replay->is_applied[check_at(&r->next_all, k)->index];
    if (replay->is_row[i] != (replay->is_applied[i] && !has_child))
      snprintf(replay->fault, sizeof(replay->fault), "row %s should %sbe there", r->id,
               replay->is_row[i] ? "not " : "");
  }
}

/* A revision may be applied when all its parents are, and taken back when none of its children is. */
static inline void replay_apply(struct replay *replay, const struct plan_step *step) {
  const struct revision *r = step->revision;
  bool up = step->direction == DIRECTION_UPGRADE;
  const struct vec *down[] = {&r->down, &r->depends_on};
  for (size_t l = 0; up && l < 2; l++)
    for (size_t i = 0; i < down[l]->len; i++)
      if (!replay->is_applied[check_at(down[l], i)->index])
        snprintf(replay->fault, sizeof(replay->fault), "%s comes before %s", r->id, check_at(down[l], i)->id);
  for (size_t i = 0; !up && i < r->next_all.len; i++)
    if (replay->is_applied[check_at(&r->next_all, i)->index])
      snprintf(replay->fault, sizeof(replay->fault), "%s goes before %s", r->id, check_at(&r->next_all, i)->id);
  if (replay->is_applied[r->index] == up)
    snprintf(replay->fault, sizeof(replay->fault), "%s is done twice", r->id);
  replay->is_applied[r->index] = up;
}

/* Replays a whole plan of upgrade or downgrade steps. False: `fault` says what is wrong. With `each`, rows are checked
 * after every step, which costs steps times revisions. */
static inline bool replay_plan(struct replay *replay, const struct plan *plan, bool each) {
  for (size_t i = 0; i < plan->len && !*replay->fault; i++) {
    const struct plan_step *step = &plan->steps[i];
    replay_apply(replay, step);
    for (size_t k = 0; k < step->change_count && !*replay->fault; k++)
      replay_change(replay, &step->changes[k]);
    if (each)
      replay_check_rows(replay);
  }
  replay_check_rows(replay);
  return !*replay->fault;
}

/* Replays a stamp: only rows change. What is applied follows from the rows. */
static inline bool replay_stamp(struct replay *replay, const struct plan *plan) {
  for (size_t i = 0; i < plan->len; i++)
    for (size_t k = 0; k < plan->steps[i].change_count && !*replay->fault; k++)
      replay_change(replay, &plan->steps[i].changes[k]);
  memset(replay->is_applied, 0, graph_count(replay->graph) * sizeof(bool));
  for (size_t i = 0; i < graph_count(replay->graph); i++)
    if (replay->is_row[i])
      check_mark_below(graph_at(replay->graph, i), replay->is_applied);
  replay_check_rows(replay);
  return !*replay->fault;
}

#endif
