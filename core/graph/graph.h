/*
 * graph.h - the revisions of an environment as a graph: identifiers, heads and bases, branches, order.
 *
 * Pure: no I/O, no Lua, no SQL; knows only base/. Rules are Alembic's (revision ids, partial ids, labels, depends_on,
 * effective heads), with a fixed order: where the rules leave one open, the order in which revisions were given decides
 * (file-name order).
 *
 * Ownership: the graph copies what it is given and owns its revisions; pointers to them live as long as it does.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "base/error.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

/* What the header of one revision file says. All strings are borrowed for the call of graph_build only. */
struct revision_source {
  const char *id;
  const char *path;    /* for messages; may be NULL in tests */
  const char *summary; /* first line of the message; may be NULL */
  const char *const *down;
  size_t down_count;
  const char *const *depends_on; /* ids or labels, as written */
  size_t depends_on_count;
  const char *const *labels;
  size_t label_count;
  void *data; /* passed through */
};

/* Read-only for users of the graph. The vectors of revisions are in the order of loading. */
struct revision {
  const char *id;
  const char *path;
  const char *summary; /* "" where there is none */
  void *data;
  size_t index;               /* position in the order of loading */
  struct vec down;            /* struct revision *: parents */
  struct vec depends_on;      /* struct revision *: resolved dependencies */
  struct vec depends_on_text; /* const char *: as written */
  struct vec down_all;        /* struct revision *: `down`, then those of `depends_on` that are not in it */
  struct vec parents;         /* struct revision *: as down_all, without dependencies that an ancestor has already */
  struct vec next;            /* struct revision *: children by down_revision */
  struct vec next_all;        /* struct revision *: children by down_revision or depends_on */
  struct vec labels;          /* const char *: branch labels declared here */
  struct vec branch_labels;   /* const char *: own and inherited, sorted */
};

struct graph;

/* Builds and checks. Duplicate ids, missing parents, cycles, self-loops, reused labels, forbidden characters are errors
 * (ERROR_HISTORY) that name the files. */
bool graph_build(struct graph **graph, const struct revision_source *sources, size_t count,
                 struct error *err) MUST_CHECK;
void graph_free(struct graph *graph); /* NULL is allowed */

size_t graph_count(const struct graph *graph);
const struct revision *graph_at(const struct graph *graph, size_t index);     /* in the order of loading */
const struct revision *graph_find(const struct graph *graph, const char *id); /* exact id, or NULL */

/* Alembic's words. A head has no child by down_revision; a real head has no child at all. An effective head is a head
 * that is not a real head. */
bool revision_is_head(const struct revision *r);
bool revision_is_real_head(const struct revision *r);
bool revision_is_base(const struct revision *r);
bool revision_is_branch_point(const struct revision *r);
bool revision_is_merge_point(const struct revision *r);

/* Appends struct revision *, in the order of loading. */
void graph_heads(const struct graph *graph, struct vec *heads);
void graph_real_heads(const struct graph *graph, struct vec *heads);
void graph_bases(const struct graph *graph, struct vec *bases);

/* The arguments by which `merge` joins these heads (struct revision *): "heads", or their ids where one is an effective
 * head, which that word passes over. The caller frees. */
char *graph_merge_words(const struct vec *heads);

/*
 * Resolves an absolute identifier (id, unique prefix, label, head, heads, base, label@head, label@REV, ...; no relative
 * one) and appends the revisions that it means: none for base, several for heads. Unknown, ambiguous and wrong branch
 * are three different errors (ERROR_USAGE), each with candidates; several heads where one is wanted is ERROR_HISTORY.
 * The texts are Alembic's where it has one.
 */
bool graph_resolve(const struct graph *graph, const char *identifier, struct vec *revisions,
                   struct error *err) MUST_CHECK;

/* As graph_resolve, where exactly one is wanted; NULL is base. */
bool graph_resolve_one(const struct graph *graph, const char *identifier, const struct revision **revision,
                       struct error *err) MUST_CHECK;

/* For `show` and `edit`: as graph_resolve, plus `-N` and `label@-N` counted from the heads. */
bool graph_resolve_show(const struct graph *graph, const char *identifier, struct vec *revisions,
                        struct error *err) MUST_CHECK;

/*
 * The range of `history -r LOW:HIGH`, newest first, both ends included; NULL or "" is an open end. `current` stands for
 * `rows`, the version rows of the database (const char *; may be NULL where no row is needed). With both ends open:
 * everything.
 */
bool graph_history(const struct graph *graph, const char *low, const char *high, const struct vec *rows,
                   struct vec *revisions, struct error *err) MUST_CHECK;

/* True when the text mentions `current` as a symbol, so that history needs the database. */
bool graph_range_needs_rows(const char *low, const char *high);

/* All that the version rows imply: the current branch heads including those implied by depends_on, as `current` prints
 * them. */
bool graph_current(const struct graph *graph, const struct vec *rows, struct vec *revisions,
                   struct error *err) MUST_CHECK;

/* The real heads that `rows` lacks are what `current --check-heads` asks for. */
bool graph_is_at_heads(const struct graph *graph, const struct vec *rows, bool *at_heads, struct error *err) MUST_CHECK;

#endif
