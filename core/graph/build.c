/*
 * build.c - from what revision files say to a linked graph: copies, names, edges. Called once for each environment.
 * The checks are in check.c, labels and dependencies that need the finished edges in labels.c.
 */
#include "graph/structure.h"

#include <stdlib.h>
#include <string.h>

/* Empty, with room for `len` pointers. */
static struct vec arena_vec(struct arena *arena, size_t len) {
  return (struct vec){.items = len ? arena_alloc(arena, len * sizeof(void *)) : NULL, .cap = len};
}

/* Within the room that is there. */
static void put(struct vec *v, void *item) {
  v->items[v->len++] = item;
}

static struct vec copy_strings(struct arena *arena, const char *const *strings, size_t count) {
  struct vec copies = arena_vec(arena, count);
  for (size_t i = 0; i < count; i++)
    put(&copies, arena_strdup(arena, strings[i]));
  return copies;
}

static const char *file_of(const struct revision *r) {
  return r->path ? r->path : r->id;
}

/* Always false. */
static bool at_file(struct error *err, const struct revision *r) {
  return r->path ? error_where(err, "%s", r->path) : false;
}

static bool add_revision(struct graph *graph, const struct revision_source *source, struct error *err) {
  if (!check_source(source, err))
    return false;
  struct arena *arena = &graph->arena;
  struct revision *r = &graph->revisions[graph->count];
  *r = (struct revision){
      .id = arena_strdup(arena, source->id),
      .path = source->path ? arena_strdup(arena, source->path) : NULL,
      .summary = source->summary ? arena_strdup(arena, source->summary) : "",
      .data = source->data,
      .index = graph->count,
      .depends_on_text = copy_strings(arena, source->depends_on, source->depends_on_count),
  };
  graph->count++;
  const struct revision *other = map_get(&graph->names, r->id);
  if (!other) {
    map_put(&graph->names, r->id, r);
    return true;
  }
  error_set(err, ERROR_HISTORY, "Revision %s is present more than once: in %s and in %s", r->id, file_of(other),
            file_of(r));
  error_hint(err, "Remove one of the files, or give it a revision identifier of its own.");
  return at_file(err, r);
}

static bool add_label(struct graph *graph, struct revision *r, const char *label, struct error *err) {
  const struct revision *other = map_get(&graph->names, label);
  if (other == r && strcmp(r->id, label) != 0)
    return true; /* written twice in one list */
  if (!other) {
    char *copy = arena_strdup(&graph->arena, label);
    map_put(&graph->names, copy, r);
    put(&r->labels, copy);
    return true;
  }
  error_set(err, ERROR_HISTORY, "Branch name '%s' in revision %s already used by revision %s", label, r->id, other->id);
  error_hint(err, "Use another label in %s or in %s.", file_of(r), file_of(other));
  return at_file(err, r);
}

static bool add_labels(struct graph *graph, const struct revision_source *sources, struct error *err) {
  for (size_t i = 0; i < graph->count; i++) {
    struct revision *r = &graph->revisions[i];
    r->labels = arena_vec(&graph->arena, sources[i].label_count);
    for (size_t k = 0; k < sources[i].label_count; k++)
      if (!add_label(graph, r, sources[i].labels[k], err))
        return false;
  }
  return true;
}

static bool missing_error(const struct revision *r, const char *name, const char *field, struct error *err) {
  error_set(err, ERROR_HISTORY, "Revision %s referenced from %s (%s of %s) is not present", name, r->id, field,
            file_of(r));
  error_hint(err, "Bring back the file of revision %s, or correct %s in %s.", name, field, file_of(r));
  return at_file(err, r);
}

/* While edges are made: which parent has been given to which child last (its index + 1), so that a parent that is named
 * twice counts once. */
struct linker {
  struct graph *graph;
  size_t *given_to;
};

static bool take(struct linker *linker, const struct revision *parent, const struct revision *child) {
  if (linker->given_to[parent->index] == child->index + 1)
    return false;
  linker->given_to[parent->index] = child->index + 1;
  return true;
}

static bool link_down(struct linker *linker, struct revision *r, const struct revision_source *source,
                      struct error *err) {
  r->down = arena_vec(&linker->graph->arena, source->down_count);
  for (size_t i = 0; i < source->down_count; i++) {
    struct revision *parent = map_get(&linker->graph->names, source->down[i]);
    if (!parent || strcmp(parent->id, source->down[i]) != 0)
      return missing_error(r, source->down[i], "down_revision", err);
    if (parent == r) {
      error_set(err, ERROR_HISTORY, "Self-loop is detected in revisions (%s)", r->id);
      error_hint(err, "Correct down_revision in %s.", file_of(r));
      return at_file(err, r);
    }
    if (take(linker, parent, r))
      put(&r->down, parent);
  }
  return true;
}

/* Comes right after link_down of the same revision: `given_to` still knows its parents. */
static bool link_dependencies(struct linker *linker, struct revision *r, struct error *err) {
  if (r->depends_on_text.len == 0) {
    r->down_all = r->down;
    return true;
  }
  struct arena *arena = &linker->graph->arena;
  r->depends_on = arena_vec(arena, r->depends_on_text.len);
  r->down_all = arena_vec(arena, r->down.len + r->depends_on_text.len);
  for (size_t i = 0; i < r->down.len; i++)
    put(&r->down_all, r->down.items[i]);
  for (size_t i = 0; i < r->depends_on_text.len; i++) {
    const char *name = strvec_at(&r->depends_on_text, i);
    struct revision *parent = map_get(&linker->graph->names, name);
    if (!parent)
      return missing_error(r, name, "depends_on", err);
    if (parent == r) {
      error_set(err, ERROR_HISTORY, "Dependency self-loop is detected in revisions (%s)", r->id);
      error_hint(err, "Correct depends_on in %s.", file_of(r));
      return at_file(err, r);
    }
    if (vec_find(&r->depends_on, parent) == r->depends_on.len)
      put(&r->depends_on, parent);
    if (take(linker, parent, r))
      put(&r->down_all, parent);
  }
  return true;
}

static bool link_parents(struct graph *graph, const struct revision_source *sources, struct error *err) {
  struct linker linker = {.graph = graph, .given_to = xcalloc(graph->count, sizeof(size_t))};
  bool ok = true;
  for (size_t i = 0; ok && i < graph->count; i++)
    ok = link_down(&linker, &graph->revisions[i], &sources[i], err) &&
         link_dependencies(&linker, &graph->revisions[i], err);
  free(linker.given_to);
  return ok;
}

/* Parents know their children in the order of loading. Counts first, so that the arrays fit. */
static void link_children(struct graph *graph) {
  for (size_t i = 0; i < graph->count; i++) {
    struct revision *r = &graph->revisions[i];
    for (size_t k = 0; k < r->down_all.len; k++) {
      struct revision *parent = revision_in(&r->down_all, k);
      parent->next_all.cap++;
      parent->next.cap += k < r->down.len;
    }
  }
  for (size_t i = 0; i < graph->count; i++) {
    struct revision *r = &graph->revisions[i];
    r->next = arena_vec(&graph->arena, r->next.cap);
    r->next_all = arena_vec(&graph->arena, r->next_all.cap);
  }
  for (size_t i = 0; i < graph->count; i++) {
    struct revision *r = &graph->revisions[i];
    for (size_t k = 0; k < r->down_all.len; k++) {
      struct revision *parent = revision_in(&r->down_all, k);
      put(&parent->next_all, r);
      if (k < r->down.len)
        put(&parent->next, r);
    }
  }
}

static bool build(struct graph *graph, const struct revision_source *sources, size_t count, struct error *err) {
  for (size_t i = 0; i < count; i++)
    if (!add_revision(graph, &sources[i], err))
      return false;
  if (!add_labels(graph, sources, err) || !link_parents(graph, sources, err))
    return false;
  link_children(graph);
  if (!check_cycles(graph, err))
    return false;
  labels_spread(graph);
  parents_normalize(graph);
  return true;
}

bool graph_build(struct graph **graph, const struct revision_source *sources, size_t count, struct error *err) {
  struct graph *built = xmalloc(sizeof(*built));
  *built = (struct graph){.arena = ARENA_INIT, .names = MAP_INIT};
  built->revisions = xcalloc(count, sizeof(*built->revisions));
  if (!build(built, sources, count, err)) {
    graph_free(built);
    return false;
  }
  *graph = built;
  return true;
}

void graph_free(struct graph *graph) {
  if (!graph)
    return;
  map_release(&graph->names);
  arena_release(&graph->arena);
  free(graph->revisions);
  free(graph);
}
