/*
 * plan.c - plans for upgrade and downgrade; see plan.h. Called by commands and by the runner. Stamps are in stamp.c.
 *
 * An upgrade does what the target and its ancestors have and the rows do not. A downgrade takes back what stands above
 * the target and is applied, dependants on other branches too.
 */
#include "graph/plan.h"

#include "base/strbuf.h"
#include "graph/identifier.h"
#include "graph/message.h"
#include "graph/rows.h"

void plan_release(struct plan *plan) {
  arena_release(&plan->arena);
  *plan = (struct plan)PLAN_INIT;
}

/* Fills the steps: `newest_first` as it is for a downgrade, from its end for an upgrade. */
static void add_steps(struct plan *plan, const struct graph *graph, enum direction direction, const struct vec *rows,
                      const struct vec *newest_first) {
  struct row_state state;
  row_state_init(&state, graph, rows);
  size_t len = newest_first->len;
  plan->steps = arena_alloc(&plan->arena, (len ? len : 1) * sizeof(*plan->steps));
  for (size_t i = 0; i < len; i++) {
    struct plan_step *step = &plan->steps[i];
    bool is_upgrade = direction == DIRECTION_UPGRADE;
    step->direction = direction;
    step->revision = revision_in(newest_first, is_upgrade ? len - 1 - i : i);
    if (is_upgrade)
      row_state_upgrade(&state, step->revision, &plan->arena, step);
    else
      row_state_downgrade(&state, step->revision, &plan->arena, step);
  }
  plan->len = len;
  row_state_release(&state);
}

/* `set` is what is to be done. */
static void make_plan(struct plan *plan, const struct graph *graph, enum direction direction, const struct vec *rows,
                      const struct revset *set) {
  struct vec ordered = VEC_INIT;
  order_newest_first(graph, set, &ordered);
  plan_release(plan);
  add_steps(plan, graph, direction, rows, &ordered);
  vec_release(&ordered);
}

/* ---- upgrade ---- */

/* Appends those of the applied revisions on the line that have no child among them. */
static void list_applied_tips(const struct graph *graph, const struct vec *rows, const struct revset *line,
                              struct vec *tips) {
  struct revset applied;
  revset_init(&applied, graph);
  revset_add_all_ancestors(&applied, rows, EDGES_ALL);
  struct revset is_below;
  revset_init(&is_below, graph);
  for (size_t i = 0; i < graph->count; i++) {
    applied.has[i] = applied.has[i] && line->has[i];
    const struct vec *parents = &graph->revisions[i].parents;
    for (size_t k = 0; applied.has[i] && k < parents->len; k++)
      is_below.has[revision_in(parents, k)->index] = 1;
  }
  for (size_t i = 0; i < graph->count; i++)
    if (applied.has[i] && !is_below.has[i])
      vec_push(tips, &graph->revisions[i]);
  revset_release(&is_below);
  revset_release(&applied);
}

static bool several_starts(const struct identifier *id, const char *verb, const struct vec *starts, struct error *err) {
  struct strbuf ids = STRBUF_INIT;
  message_add_ids(&ids, starts, ", ");
  error_set(err, ERROR_USAGE, "Ambiguous %s from multiple current revisions: %s", verb, ids.buf);
  error_hint(err, "Name a branch: '<branchname>@%s'.", id->offset);
  strbuf_release(&ids);
  return false;
}

/* Where `+N` and `label@+N` count from: the row on the line, or what is applied of the line by other branches, or base.
 * `line` NULL: no label. */
static bool find_upgrade_start(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                               const struct revset *line, const struct revision **start, struct error *err) {
  struct vec starts = VEC_INIT;
  for (size_t i = 0; i < rows->len; i++)
    vec_push(&starts, rows->items[i]);
  if (line) {
    revset_filter(line, &starts);
    if (starts.len == 0)
      list_applied_tips(graph, rows, line, &starts);
  }
  bool ok = starts.len < 2 || several_starts(id, "upgrade", &starts, err);
  if (ok)
    *start = starts.len ? revision_in(&starts, 0) : NULL;
  vec_release(&starts);
  return ok;
}

static bool walk_from_rows(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                           const struct revset *line, struct vec *targets, struct error *err) {
  struct walk walk = {.line = line, .stays = id->stays};
  if (!find_upgrade_start(id, graph, rows, line, &walk.at, err))
    return false;
  bool ok = walk_up(&walk, graph, id->steps);
  if (ok)
    vec_push(targets, &graph->revisions[walk.at->index]);
  else if (walk.too_far)
    identifier_no_steps(id, err);
  else
    message_ambiguous_walk(err, id->text, walk.at, &walk.choices);
  vec_release(&walk.choices);
  return ok;
}

static bool find_relative_to_rows(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                                  struct vec *targets, struct error *err) {
  const struct revision *branch = NULL;
  if (!identifier_branch(id, graph, &branch, err))
    return false;
  if (!id->is_upward || id->steps == 0)
    return identifier_no_steps(id, err);
  if (!branch)
    return walk_from_rows(id, graph, rows, NULL, targets, err);
  struct revset line;
  revset_init(&line, graph);
  revset_add_line(&line, branch, EDGES_DOWN);
  bool ok = walk_from_rows(id, graph, rows, &line, targets, err);
  revset_release(&line);
  return ok;
}

bool plan_upgrade_targets(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                          struct vec *targets, struct error *err) {
  if (!id->is_relative)
    return identifier_symbol(id, graph, targets, err);
  if (!id->symbol)
    return find_relative_to_rows(id, graph, rows, targets, err);
  const struct revision *r = NULL;
  if (!identifier_walk(id, graph, &r, err))
    return false;
  if (r)
    vec_push(targets, &graph->revisions[r->index]);
  return true;
}

static void make_upgrade(struct plan *plan, const struct graph *graph, const struct vec *rows,
                         const struct vec *targets) {
  struct revset wanted;
  revset_init(&wanted, graph);
  revset_add_all_ancestors(&wanted, targets, EDGES_ALL);
  struct revset applied;
  revset_init(&applied, graph);
  revset_add_all_ancestors(&applied, rows, EDGES_ALL);
  for (size_t i = 0; i < graph->count; i++)
    wanted.has[i] = wanted.has[i] && !applied.has[i];
  make_plan(plan, graph, DIRECTION_UPGRADE, rows, &wanted);
  revset_release(&applied);
  revset_release(&wanted);
}

bool plan_upgrade(const struct graph *graph, const struct vec *rows, const char *target, struct plan *plan,
                  struct error *err) {
  struct identifier id;
  if (!identifier_parse(&id, graph, target, err))
    return false;
  struct vec found = VEC_INIT;
  struct vec targets = VEC_INIT;
  bool ok = rows_find_consistent(graph, rows, &found, err) && plan_upgrade_targets(&id, graph, &found, &targets, err);
  if (ok)
    make_upgrade(plan, graph, &found, &targets);
  vec_release(&targets);
  vec_release(&found);
  identifier_release(&id);
  return ok;
}

/* ---- downgrade ---- */

/* What a downgrade goes down to, and on which line. */
struct bottom {
  const struct revision *revision; /* NULL is base */
  const struct revision *branch;   /* NULL: everything above is taken back */
  bool is_choice;                  /* `-N` with several rows: the first was taken */
};

/* Where `label@-N` counts from: the row on the line, or else the branch head on it that other rows imply. */
static bool find_downgrade_start(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                                 const struct revision *branch, const struct revision **start, struct error *err) {
  struct revset line;
  revset_init(&line, graph);
  revset_add_line(&line, branch, EDGES_DOWN);
  struct vec starts = VEC_INIT;
  for (size_t i = 0; i < rows->len; i++)
    vec_push(&starts, rows->items[i]);
  revset_filter(&line, &starts);
  if (starts.len == 0) {
    rows_current(graph, rows, &starts);
    revset_filter(&line, &starts);
  }
  bool ok = false;
  if (starts.len > 1) {
    several_starts(id, "downgrade", &starts, err);
  } else if (starts.len == 0) {
    identifier_no_steps(id, err);
    error_hint(err, "Nothing of branch '%s' is applied.", id->label);
  } else {
    *start = revision_in(&starts, 0);
    ok = true;
  }
  vec_release(&starts);
  revset_release(&line);
  return ok;
}

static bool find_below_rows(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                            struct bottom *bottom, struct error *err) {
  struct walk walk = WALK_INIT;
  if (!identifier_branch(id, graph, &bottom->branch, err))
    return false;
  if (id->is_upward || id->steps == 0)
    return identifier_no_steps(id, err);
  if (bottom->branch) {
    if (!find_downgrade_start(id, graph, rows, bottom->branch, &walk.at, err))
      return false;
  } else if (rows->len) {
    walk.at = bottom->branch = revision_in(rows, 0);
    bottom->is_choice = rows->len > 1;
  }
  bool ok = walk_down(&walk, id->steps);
  if (ok)
    bottom->revision = walk.at;
  else if (walk.too_far)
    identifier_no_steps(id, err);
  else
    message_ambiguous_walk(err, id->text, walk.at, &walk.choices);
  vec_release(&walk.choices);
  return ok;
}

static bool find_bottom(const struct identifier *id, const struct graph *graph, const struct vec *rows,
                        struct bottom *bottom, struct error *err) {
  if (id->is_relative && !id->symbol)
    return find_below_rows(id, graph, rows, bottom, err);
  if (!identifier_branch(id, graph, &bottom->branch, err))
    return false;
  if (id->is_relative)
    return identifier_walk(id, graph, &bottom->revision, err);
  return identifier_symbol_one(id, graph, &bottom->revision, err);
}

/* The lowest revisions that must go: bases, or children of the bottom; only those on the branch. */
static void find_roots(const struct graph *graph, const struct bottom *bottom, struct vec *roots) {
  if (!bottom->revision)
    graph_bases(graph, roots);
  else
    for (size_t i = 0; i < bottom->revision->next.len; i++)
      vec_push(roots, bottom->revision->next.items[i]);
  if (!bottom->branch)
    return;
  struct revset line;
  revset_init(&line, graph);
  revset_add_line(&line, bottom->branch, EDGES_DOWN);
  revset_filter(&line, roots);
  revset_release(&line);
}

/* Turns `set` into what is applied of the roots and all above them; returns whether there is anything. */
static bool collect_applied_above(const struct graph *graph, const struct vec *rows, const struct vec *roots,
                                  struct revset *set) {
  for (size_t i = 0; i < roots->len; i++)
    revset_add_descendants(set, revision_in(roots, i), EDGES_ALL);
  struct revset applied;
  revset_init(&applied, graph);
  revset_add_all_ancestors(&applied, rows, EDGES_ALL);
  bool any = false;
  for (size_t i = 0; i < graph->count; i++) {
    set->has[i] = set->has[i] && applied.has[i];
    any = any || set->has[i];
  }
  revset_release(&applied);
  return any;
}

static bool not_below(const char *target, const struct vec *rows, struct error *err) {
  struct strbuf ids = STRBUF_INIT;
  message_add_ids(&ids, rows, ", ");
  error_set(err, ERROR_USAGE, "Destination %s is not a valid downgrade target from current head(s)", target);
  if (rows->len)
    error_hint(err, "The database is at %s.", ids.buf);
  else
    error_hint(err, "No revision is applied.");
  strbuf_release(&ids);
  return false;
}

static const char CHOICE_WARNING[] = "downgrade -%zu from multiple heads is ambiguous; %s was taken. Name a branch: "
                                     "<branchname>@-%zu";

static bool downgrade_to(const struct graph *graph, const struct vec *rows, const struct identifier *id,
                         struct plan *plan, struct error *err) {
  struct bottom bottom = {.revision = NULL};
  if (!find_bottom(id, graph, rows, &bottom, err))
    return false;
  struct vec roots = VEC_INIT;
  struct revset set;
  revset_init(&set, graph);
  find_roots(graph, &bottom, &roots);
  bool any = collect_applied_above(graph, rows, &roots, &set);
  bool is_row = bottom.revision && vec_find(rows, bottom.revision) < rows->len;
  bool ok = any || !bottom.revision || is_row || not_below(id->text, rows, err);
  if (ok)
    make_plan(plan, graph, DIRECTION_DOWNGRADE, rows, &set);
  if (ok && bottom.is_choice)
    plan->warning = arena_printf(&plan->arena, CHOICE_WARNING, id->steps, revision_in(rows, 0)->id, id->steps);
  revset_release(&set);
  vec_release(&roots);
  return ok;
}

bool plan_downgrade(const struct graph *graph, const struct vec *rows, const char *target, struct plan *plan,
                    struct error *err) {
  struct identifier id;
  if (!identifier_parse(&id, graph, target, err))
    return false;
  struct vec found = VEC_INIT;
  bool ok = rows_find_consistent(graph, rows, &found, err) && downgrade_to(graph, &found, &id, plan, err);
  vec_release(&found);
  identifier_release(&id);
  return ok;
}
