/*
 * stamp.c - plans that only change version rows; see plan.h. Called by commands and by the runner.
 *
 * After a stamp the rows are the targets, and of the rows before it those that are neither ancestor nor descendant of a
 * target, dependencies included. `base` takes all rows away, `label@base` those on the line of the label.
 */
#include "base/strbuf.h"
#include "graph/identifier.h"
#include "graph/message.h"
#include "graph/plan.h"
#include "graph/rows.h"

#include <stdlib.h>
#include <string.h>

/* One target as typed. Of several revisions that it means none is below another. */
struct stamp_target {
  struct identifier id;
  struct vec revisions;          /* struct revision *; none is base */
  const struct revision *branch; /* for `label@base` */
};

static void target_release(struct stamp_target *target) {
  identifier_release(&target->id);
  vec_release(&target->revisions);
}

/* `label@heads` may name a head that another one depends on. */
static void drop_implied(const struct graph *graph, struct vec *revisions) {
  struct revset below;
  revset_init(&below, graph);
  for (size_t i = 0; i < revisions->len; i++)
    revset_add_all_ancestors(&below, &revision_in(revisions, i)->down_all, EDGES_ALL);
  size_t kept = 0;
  for (size_t i = 0; i < revisions->len; i++)
    if (!revset_has(&below, revision_in(revisions, i)))
      revisions->items[kept++] = revisions->items[i];
  revisions->len = kept;
  revset_release(&below);
}

static bool several_heads(const struct graph *graph, struct error *err) {
  struct vec heads = VEC_INIT;
  graph_heads(graph, &heads);
  struct strbuf ids = STRBUF_INIT;
  message_add_ids(&ids, &heads, ", ");
  error_set(err, ERROR_HISTORY, "Multiple heads are present; please specify a single target revision");
  error_hint(err, "The heads are: %s; 'heads' names them all.", ids.buf);
  strbuf_release(&ids);
  vec_release(&heads);
  return false;
}

static bool target_resolve(struct stamp_target *target, const struct graph *graph, const char *text,
                           struct error *err) {
  *target = (struct stamp_target){.branch = NULL};
  if (!identifier_parse(&target->id, graph, text, err))
    return false;
  bool ok = false;
  if (target->id.is_relative)
    ok = graph_resolve(graph, text, &target->revisions, err);
  else
    ok = identifier_branch(&target->id, graph, &target->branch, err) &&
         identifier_symbol(&target->id, graph, &target->revisions, err);
  if (!ok && target->id.symbol && strcmp(target->id.symbol, "head") == 0 && err->class == ERROR_HISTORY)
    several_heads(graph, err);
  if (!ok)
    target_release(target);
  else
    drop_implied(graph, &target->revisions);
  return ok;
}

static bool is_plain_base(const struct stamp_target *target) {
  return target->revisions.len == 0 && !target->branch;
}

/* Targets must not imply one another: the version table would hold a revision and its ancestor. */
static bool check_overlap(const struct graph *graph, const struct vec *all, bool has_base, struct error *err) {
  const struct revision *upper = NULL;
  struct vec lower = VEC_INIT;
  bool overlap = revisions_overlap(graph, all, &upper, &lower);
  if (overlap) {
    message_overlap(err, ERROR_USAGE, upper->id, &lower);
  } else if (has_base && all->len) {
    overlap = true;
    error_set(err, ERROR_USAGE, "Requested revision %s overlaps with other requested revisions base",
              revision_in(all, 0)->id);
  }
  if (overlap)
    error_hint(err, "A revision includes all that is below it: name only the last one of each branch.");
  vec_release(&lower);
  return !overlap;
}

/* The rows while they are changed. */
struct stamping {
  const struct graph *graph;
  struct vec rows; /* struct revision *: what is there still of the rows before the stamp */
  struct plan *plan;
};

/* Takes the rows out that are in `line`, or all where it is NULL. */
static void take_rows(struct stamping *s, const struct revset *line, struct vec *taken) {
  size_t kept = 0;
  for (size_t i = 0; i < s->rows.len; i++) {
    if (!line || revset_has(line, revision_in(&s->rows, i)))
      vec_push(taken, s->rows.items[i]);
    else
      s->rows.items[kept++] = s->rows.items[i];
  }
  s->rows.len = kept;
}

static struct plan_step *add_step(struct stamping *s, const struct revision *reached, size_t change_count) {
  struct plan_step *step = &s->plan->steps[s->plan->len++];
  step->direction = DIRECTION_STAMP;
  step->revision = reached;
  step->change_count = change_count;
  step->changes = arena_alloc(&s->plan->arena, change_count * sizeof(*step->changes));
  return step;
}

static void delete_rows(struct plan_step *step, const struct vec *rows, size_t count) {
  for (size_t i = 0; i < count; i++)
    step->changes[i] = (struct row_change){.kind = ROW_DELETE, .from = revision_in(rows, i)->id};
}

static void stamp_base(struct stamping *s, const struct revision *branch) {
  struct vec taken = VEC_INIT;
  struct revset line;
  revset_init(&line, s->graph);
  if (branch)
    revset_add_line(&line, branch, EDGES_ALL);
  take_rows(s, branch ? &line : NULL, &taken);
  if (taken.len)
    delete_rows(add_step(s, NULL, taken.len), &taken, taken.len);
  revset_release(&line);
  vec_release(&taken);
}

/* Related rows go; the last of them is changed into the target, unless the target is a row itself. */
static void stamp_revision(struct stamping *s, const struct revision *r) {
  struct vec taken = VEC_INIT;
  struct revset line;
  revset_init(&line, s->graph);
  revset_add_line(&line, r, EDGES_ALL);
  bool is_row = vec_find(&s->rows, r) < s->rows.len;
  if (is_row)
    vec_remove(&s->rows, vec_find(&s->rows, r));
  take_rows(s, &line, &taken);
  if (is_row && taken.len) {
    delete_rows(add_step(s, r, taken.len), &taken, taken.len);
  } else if (taken.len) {
    size_t last = taken.len - 1;
    struct plan_step *step = add_step(s, r, taken.len);
    delete_rows(step, &taken, last);
    step->changes[last] = (struct row_change){.kind = ROW_UPDATE, .from = revision_in(&taken, last)->id, .to = r->id};
  } else if (!is_row) {
    add_step(s, r, 1)->changes[0] = (struct row_change){.kind = ROW_INSERT, .to = r->id};
  }
  revset_release(&line);
  vec_release(&taken);
}

/* Bases first, so that what they take away is gone before targets come. */
static void stamp_all(struct stamping *s, const struct stamp_target *targets, size_t count, const struct vec *all) {
  plan_release(s->plan);
  s->plan->steps = arena_alloc(&s->plan->arena, (count + all->len + 1) * sizeof(*s->plan->steps));
  for (size_t i = 0; i < count; i++)
    if (targets[i].revisions.len == 0)
      stamp_base(s, targets[i].branch);
  for (size_t i = 0; i < all->len; i++)
    stamp_revision(s, revision_in(all, i));
}

static bool stamp_targets(const struct graph *graph, const struct vec *rows, const struct stamp_target *targets,
                          size_t count, struct plan *plan, struct error *err) {
  struct stamping stamping = {.graph = graph, .plan = plan};
  struct revset named;
  revset_init(&named, graph);
  struct vec all = VEC_INIT;
  bool has_base = false;
  for (size_t i = 0; i < count; i++) {
    has_base = has_base || is_plain_base(&targets[i]);
    for (size_t k = 0; k < targets[i].revisions.len; k++) {
      struct revision *r = revision_in(&targets[i].revisions, k);
      if (!revset_has(&named, r))
        vec_push(&all, r);
      named.has[r->index] = 1;
    }
  }
  bool ok = check_overlap(graph, &all, has_base, err) && rows_find(graph, rows, &stamping.rows, err);
  if (ok)
    stamp_all(&stamping, targets, count, &all);
  vec_release(&stamping.rows);
  vec_release(&all);
  revset_release(&named);
  return ok;
}

bool plan_stamp(const struct graph *graph, const struct vec *rows, const struct vec *targets, struct plan *plan,
                struct error *err) {
  struct stamp_target *resolved = xcalloc(targets->len, sizeof(*resolved));
  size_t count = 0;
  bool ok = true;
  while (ok && count < targets->len) {
    ok = target_resolve(&resolved[count], graph, strvec_at(targets, count), err);
    count += ok;
  }
  ok = ok && stamp_targets(graph, rows, resolved, count, plan, err);
  while (count > 0)
    target_release(&resolved[--count]);
  free(resolved);
  return ok;
}
