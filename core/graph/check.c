/*
 * check.c - what can be wrong with revision files before their graph can be used: names, and circles. Called by
 * build.c. Must not know identifiers or plans.
 */
#include "base/strbuf.h"
#include "graph/structure.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_AT_MOST = 20 };

static const char *const RESERVED[] = {"base", "current", "head", "heads"};

static bool is_reserved(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(RESERVED); i++)
    if (strcmp(name, RESERVED[i]) == 0)
      return true;
  return false;
}

/* `path` may be NULL. Always returns false. */
static bool at_file(struct error *err, const char *path) {
  return path ? error_where(err, "%s", path) : false;
}

static bool check_id(const struct revision_source *source, struct error *err) {
  if (!source->id || !*source->id) {
    error_set(err, ERROR_HISTORY, "%s has an empty revision identifier", source->path ? source->path : "A revision");
    error_hint(err, "Give it a revision identifier of its own.");
    return at_file(err, source->path);
  }
  struct strbuf illegal = STRBUF_INIT;
  for (const char *c = "+-:@"; *c; c++)
    if (strchr(source->id, *c))
      strbuf_addf(&illegal, "%s%c", illegal.len ? ", " : "", *c);
  bool ok = illegal.len == 0;
  if (!ok) {
    error_set(err, ERROR_HISTORY, "Character(s) '%s' not allowed in revision identifier '%s'", illegal.buf, source->id);
    at_file(err, source->path);
  }
  strbuf_release(&illegal);
  return ok;
}

static bool check_not_reserved(const struct revision_source *source, const char *name, struct error *err) {
  if (!is_reserved(name))
    return true;
  error_set(err, ERROR_HISTORY, "'%s' cannot name a revision or a branch: it is a word of revision identifiers", name);
  error_hint(err, "Choose another name in %s.", source->path ? source->path : source->id);
  return at_file(err, source->path);
}

static bool check_label(const struct revision_source *source, const char *label, struct error *err) {
  if (!check_not_reserved(source, label, err))
    return false;
  if (*label && !strpbrk(label, "@:"))
    return true;
  error_set(err, ERROR_HISTORY, "Branch label '%s' of revision %s cannot be used in a revision identifier", label,
            source->id);
  error_hint(err, "A label must not be empty and must not hold '@' or ':'.");
  return at_file(err, source->path);
}

bool check_source(const struct revision_source *source, struct error *err) {
  if (!check_id(source, err) || !check_not_reserved(source, source->id, err))
    return false;
  for (size_t i = 0; i < source->label_count; i++)
    if (!check_label(source, source->labels[i], err))
      return false;
  return true;
}

static const struct vec *parents_of(const struct revision *r, bool with_dependencies) {
  return with_dependencies ? &r->down_all : &r->down;
}

static const struct vec *children_of(const struct revision *r, bool with_dependencies) {
  return with_dependencies ? &r->next_all : &r->next;
}

struct revision **graph_sorted(const struct graph *graph, bool with_dependencies, size_t *len) {
  struct revision **sorted = xcalloc(graph->count, sizeof(struct revision *));
  size_t *waits_for = xcalloc(graph->count, sizeof(*waits_for));
  size_t found = 0;
  for (size_t i = 0; i < graph->count; i++) {
    waits_for[i] = parents_of(&graph->revisions[i], with_dependencies)->len;
    if (waits_for[i] == 0)
      sorted[found++] = &graph->revisions[i];
  }
  for (size_t i = 0; i < found; i++) {
    const struct vec *children = children_of(sorted[i], with_dependencies);
    for (size_t k = 0; k < children->len; k++) {
      struct revision *child = revision_in(children, k);
      if (--waits_for[child->index] == 0)
        sorted[found++] = child;
    }
  }
  free(waits_for);
  *len = found;
  return sorted;
}

/* What is left after taking away, again and again, whatever has no child left: the circles and what lies between two of
 * them. `in` says what is left to begin with. */
static void peel_from_above(const struct graph *graph, bool with_dependencies, unsigned char *in) {
  size_t *children_left = xcalloc(graph->count, sizeof(*children_left));
  struct vec todo = VEC_INIT;
  for (size_t i = 0; i < graph->count; i++) {
    struct revision *r = &graph->revisions[i];
    const struct vec *children = children_of(r, with_dependencies);
    for (size_t k = 0; k < children->len; k++)
      children_left[i] += in[revision_in(children, k)->index];
    if (in[i] && children_left[i] == 0)
      vec_push(&todo, r);
  }
  for (const struct revision *r = vec_pop(&todo); r; r = vec_pop(&todo)) {
    in[r->index] = 0;
    const struct vec *parents = parents_of(r, with_dependencies);
    for (size_t k = 0; k < parents->len; k++) {
      struct revision *parent = revision_in(parents, k);
      if (in[parent->index] && --children_left[parent->index] == 0)
        vec_push(&todo, parent);
    }
  }
  vec_release(&todo);
  free(children_left);
}

static int compare_ids(const void *a, const void *b) {
  const struct revision *const *left = a;
  const struct revision *const *right = b;
  return strcmp((*left)->id, (*right)->id);
}

static bool cycle_error(const struct graph *graph, bool with_dependencies, const unsigned char *in, struct error *err) {
  struct vec members = VEC_INIT;
  for (size_t i = 0; i < graph->count; i++)
    if (in[i])
      vec_push(&members, &graph->revisions[i]);
  qsort(members.items, members.len, sizeof(*members.items), compare_ids);
  struct strbuf ids = STRBUF_INIT;
  struct strbuf paths = STRBUF_INIT;
  for (size_t i = 0; i < members.len && i < NAMED_AT_MOST; i++) {
    const struct revision *r = revision_in(&members, i);
    strbuf_addf(&ids, "%s%s", i ? ", " : "", r->id);
    strbuf_addf(&paths, "%s%s", i ? ", " : "", r->path ? r->path : r->id);
  }
  if (members.len > NAMED_AT_MOST) {
    strbuf_addf(&ids, ", ... %zu in all", members.len);
    strbuf_add_str(&paths, ", ...");
  }
  error_set(err, ERROR_HISTORY, "%s is detected in revisions (%s)", with_dependencies ? "Dependency cycle" : "Cycle",
            ids.buf);
  error_hint(err, "Correct %s in one of: %s.", with_dependencies ? "depends_on or down_revision" : "down_revision",
             paths.buf);
  at_file(err, revision_in(&members, 0)->path);
  strbuf_release(&paths);
  strbuf_release(&ids);
  vec_release(&members);
  return false;
}

static bool check_cycles_along(const struct graph *graph, bool with_dependencies, struct error *err) {
  size_t len = 0;
  struct revision **sorted = graph_sorted(graph, with_dependencies, &len);
  bool ok = len == graph->count;
  if (!ok) {
    unsigned char *in = xcalloc(graph->count, sizeof(*in));
    memset(in, 1, graph->count);
    for (size_t i = 0; i < len; i++)
      in[sorted[i]->index] = 0;
    peel_from_above(graph, with_dependencies, in);
    cycle_error(graph, with_dependencies, in, err);
    free(in);
  }
  free(sorted);
  return ok;
}

bool check_cycles(const struct graph *graph, struct error *err) {
  return check_cycles_along(graph, false, err) && check_cycles_along(graph, true, err);
}
