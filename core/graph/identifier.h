/*
 * identifier.h - what a user typed for a revision, taken apart and resolved; for this folder only.
 *
 *   [label@][symbol][+N|-N]     symbol: id, unique prefix, label, head, heads, base
 *
 * Ownership: the caller owns a struct identifier (parse, release), which owns copies of the parts.
 */
#ifndef GRAPH_IDENTIFIER_H
#define GRAPH_IDENTIFIER_H

#include "graph/structure.h"
#include "graph/traversal.h"

struct identifier {
  const char *text; /* borrowed */
  char *label;      /* NULL where there is none */
  char *symbol;     /* NULL where there is none: the text is "+1" or "label@+1" */
  bool is_relative;
  bool is_upward;     /* +N */
  bool stays;         /* set by the caller: an offset that leads too far means the last revision on its way */
  size_t short_walks; /* counted by identifier_below: such walks */
  size_t steps;       /* more than any graph has where the number is too large */
  const char *offset; /* in `text`: "+N" or "-N"; NULL where not relative */
};

/* `text` NULL or empty is an error, and so is a range `a:b`. */
bool identifier_parse(struct identifier *id, const struct graph *graph, const char *text, struct error *err) MUST_CHECK;
void identifier_release(struct identifier *id);

/* The revision whose line the label names, or NULL where there is no label. */
bool identifier_branch(const struct identifier *id, const struct graph *graph, const struct revision **branch,
                       struct error *err) MUST_CHECK;

/* Appends what label and symbol mean, without the offset; nothing for base. */
bool identifier_symbol(const struct identifier *id, const struct graph *graph, struct vec *revisions,
                       struct error *err) MUST_CHECK;

/* As identifier_symbol, where exactly one is wanted; NULL is base. */
bool identifier_symbol_one(const struct identifier *id, const struct graph *graph, const struct revision **revision,
                           struct error *err) MUST_CHECK;

/* Walks from label and symbol by the offset; NULL is base. */
bool identifier_walk(const struct identifier *id, const struct graph *graph, const struct revision **revision,
                     struct error *err) MUST_CHECK;

/* True for `-N` and `label@-N`, which `show` and the start of a range count from the heads. */
bool identifier_is_below_heads(const struct identifier *id);

/* Appends what stands N below each of the starts, in their order, each once; `id` is `-N` or `label@-N`. */
bool identifier_below(struct identifier *id, const struct graph *graph, const struct vec *starts, struct vec *revisions,
                      struct error *err) MUST_CHECK;

/* The same from the heads, those on the line of the label where there is one. */
bool identifier_below_heads(struct identifier *id, const struct graph *graph, struct vec *revisions,
                            struct error *err) MUST_CHECK;

/* Appends what an upgrade from `rows` (struct revision *) goes to; in plan.c. */
bool plan_upgrade_targets(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                          struct vec *targets, struct error *err) MUST_CHECK;

/* "Relative revision +6 didn't produce 6 migrations". Always false. */
bool identifier_no_steps(const struct identifier *id, struct error *err);

#endif
