/*
 * labels.c - what needs the finished edges: which branch labels a revision carries, and which of its dependencies an
 * ancestor has already. Called by build.c, last. Must not know identifiers or plans.
 */
#include "graph/structure.h"

#include <stdlib.h>
#include <string.h>

static bool same_labels(const struct vec *a, const struct vec *b) {
  return a->len == b->len && (a->items == b->items || memcmp(a->items, b->items, a->len * sizeof(*a->items)) == 0);
}

/* The union of two sorted lists. A label is one string, so equal pointers are equal labels. Shares the array of the
 * first where it holds all: most revisions have the labels of their parent. */
static struct vec merge_labels(struct arena *arena, const struct vec *a, const struct vec *b) {
  if (b->len == 0 || same_labels(a, b))
    return *a;
  if (a->len == 0)
    return *b;
  struct vec merged = {.items = arena_alloc(arena, (a->len + b->len) * sizeof(void *)), .cap = a->len + b->len};
  size_t i = 0;
  size_t k = 0;
  while (i < a->len || k < b->len) {
    if (i < a->len && k < b->len && a->items[i] == b->items[k])
      k++;
    bool from_a = k == b->len || (i < a->len && strcmp(strvec_at(a, i), strvec_at(b, k)) < 0);
    merged.items[merged.len++] = from_a ? a->items[i++] : b->items[k++];
  }
  return merged;
}

static int compare_labels(const void *a, const void *b) {
  const char *const *left = a;
  const char *const *right = b;
  return strcmp(*left, *right);
}

static struct vec own_sorted(struct arena *arena, const struct revision *r) {
  if (r->labels.len < 2)
    return r->labels;
  size_t bytes = r->labels.len * sizeof(void *);
  struct vec sorted = {.items = arena_alloc(arena, bytes), .len = r->labels.len, .cap = r->labels.len};
  memcpy(sorted.items, r->labels.items, bytes);
  qsort(sorted.items, sorted.len, sizeof(*sorted.items), compare_labels);
  return sorted;
}

static void spread_up(struct graph *graph, struct revision *const *sorted) {
  for (size_t i = 0; i < graph->count; i++) {
    struct revision *r = sorted[i];
    struct vec own = own_sorted(&graph->arena, r);
    for (size_t k = 0; k < r->down.len; k++)
      r->branch_labels = merge_labels(&graph->arena, &r->branch_labels, &revision_in(&r->down, k)->branch_labels);
    r->branch_labels = merge_labels(&graph->arena, &r->branch_labels, &own);
  }
}

/* A revision in the middle of a line: nothing branches off here, dependants counted, and nothing is merged. */
static bool is_plain(const struct revision *r) {
  return r->next_all.len < 2 && r->down.len < 2;
}

static const struct revision *only(const struct vec *revisions) {
  return revisions->len == 1 ? revision_in(revisions, 0) : NULL;
}

/*
 * A label also names what lies below it on its line, back to where the line left another one; but only as long as the
 * line above it is unforked and unmerged to its end. (Alembic starts this walk at the last descendant that it happens
 * to visit; this is what comes of it.)
 */
static void spread_down(struct graph *graph, struct revision *const *sorted) {
  unsigned char *plain_to_the_end = xcalloc(graph->count, sizeof(*plain_to_the_end));
  for (size_t i = graph->count; i-- > 0;) {
    const struct revision *r = sorted[i];
    const struct revision *next = only(&r->next);
    plain_to_the_end[r->index] = is_plain(r) && (!next || plain_to_the_end[next->index]);
  }
  for (size_t i = 0; i < graph->count; i++) {
    const struct revision *r = sorted[i];
    if (r->labels.len == 0 || !plain_to_the_end[r->index])
      continue;
    struct vec own = own_sorted(&graph->arena, r);
    const struct revision *below = only(&r->down);
    for (; below && is_plain(below); below = only(&below->down)) {
      struct revision *marked = &graph->revisions[below->index];
      marked->branch_labels = merge_labels(&graph->arena, &own, &marked->branch_labels);
    }
  }
  free(plain_to_the_end);
}

void labels_spread(struct graph *graph) {
  size_t len = 0;
  struct revision **sorted = graph_sorted(graph, false, &len);
  spread_up(graph, sorted);
  spread_down(graph, sorted);
  free(sorted);
}

/* For each revision: who depends on it; and how far each is from the bases, as a bound for the search. */
struct dependants {
  struct vec *of;
  size_t *height;
  size_t *seen_for; /* the dependency (index + 1) for which a revision was reached last */
};

static void dependants_init(struct dependants *d, const struct graph *graph) {
  d->of = xcalloc(graph->count, sizeof(*d->of));
  d->height = xcalloc(graph->count, sizeof(*d->height));
  d->seen_for = xcalloc(graph->count, sizeof(*d->seen_for));
  for (size_t i = 0; i < graph->count; i++) {
    struct revision *r = &graph->revisions[i];
    for (size_t k = 0; k < r->depends_on.len; k++)
      vec_push(&d->of[revision_in(&r->depends_on, k)->index], r);
  }
  size_t len = 0;
  struct revision **sorted = graph_sorted(graph, false, &len);
  for (size_t i = 0; i < len; i++)
    for (size_t k = 0; k < sorted[i]->next.len; k++) {
      size_t *above = &d->height[revision_in(&sorted[i]->next, k)->index];
      if (*above <= d->height[sorted[i]->index])
        *above = d->height[sorted[i]->index] + 1;
    }
  free(sorted);
}

static void dependants_release(struct dependants *d, const struct graph *graph) {
  for (size_t i = 0; i < graph->count; i++)
    vec_release(&d->of[i]);
  free(d->of);
  free(d->height);
  free(d->seen_for);
}

/* Marks all that stands above one of those that depend on `dependency`, as high as its highest dependant. */
static void mark_above_dependants(struct dependants *d, const struct revision *dependency) {
  const struct vec *dependants = &d->of[dependency->index];
  size_t limit = 0;
  struct vec todo = VEC_INIT;
  for (size_t i = 0; i < dependants->len; i++) {
    vec_push(&todo, dependants->items[i]);
    size_t height = d->height[revision_in(dependants, i)->index];
    limit = height > limit ? height : limit;
  }
  for (const struct revision *r = vec_pop(&todo); r; r = vec_pop(&todo))
    for (size_t i = 0; i < r->next.len; i++) {
      const struct revision *above = revision_in(&r->next, i);
      if (d->height[above->index] > limit || d->seen_for[above->index] == dependency->index + 1)
        continue;
      d->seen_for[above->index] = dependency->index + 1;
      vec_push(&todo, r->next.items[i]);
    }
  vec_release(&todo);
}

static void drop_parent(struct graph *graph, struct revision *r, const struct revision *parent) {
  if (vec_find(&r->down, parent) < r->down.len)
    return;
  if (r->parents.items == r->down_all.items) {
    size_t bytes = r->down_all.len * sizeof(void *);
    r->parents.items = arena_alloc(&graph->arena, bytes);
    memcpy(r->parents.items, r->down_all.items, bytes);
  }
  vec_remove(&r->parents, vec_find(&r->parents, parent));
}

/* A dependency that a revision below has already says nothing new; Alembic leaves it out of the parents, and the order
 * of steps depends on that. One that only one revision has needs no search. */
void parents_normalize(struct graph *graph) {
  size_t dependency_count = 0;
  for (size_t i = 0; i < graph->count; i++) {
    graph->revisions[i].parents = graph->revisions[i].down_all;
    dependency_count += graph->revisions[i].depends_on.len;
  }
  if (dependency_count == 0)
    return;
  struct dependants d;
  dependants_init(&d, graph);
  for (size_t i = 0; i < graph->count; i++) {
    if (d.of[i].len < 2)
      continue;
    mark_above_dependants(&d, &graph->revisions[i]);
    for (size_t k = 0; k < d.of[i].len; k++) {
      struct revision *dependant = revision_in(&d.of[i], k);
      if (d.seen_for[dependant->index] == i + 1)
        drop_parent(graph, dependant, &graph->revisions[i]);
    }
  }
  dependants_release(&d, graph);
}
