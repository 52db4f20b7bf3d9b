/*
 * identifier.c - the grammar of revision identifiers; see identifier.h, and graph_resolve in graph.h.
 *
 * Classes of errors: what the user typed and does not exist, is ambiguous, lies on another branch or cannot be walked
 * is ERROR_USAGE; several heads where one is wanted is ERROR_HISTORY. Called by the planners and by commands. Must not
 * know rows.
 */
#include "graph/identifier.h"

#include "base/strbuf.h"
#include "graph/message.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SHORT_NAME_LEN = 3 }; /* names up to this length are not found by a prefix */

static char *copy_or_null(const char *s, size_t len) {
  return len ? xstrndup(s, len) : NULL;
}

/* Where "+N" or "-N" begins at the end of the text, or NULL. */
static const char *find_offset(const char *text) {
  const char *end = text + strlen(text);
  const char *p = end;
  while (p > text && isdigit((unsigned char)p[-1]))
    p--;
  return p < end && p > text && (p[-1] == '+' || p[-1] == '-') ? p - 1 : NULL;
}

static size_t parse_steps(const char *digits) {
  size_t steps = 0;
  for (; *digits; digits++) {
    if (steps > SIZE_MAX / 16)
      return SIZE_MAX / 16;
    steps = steps * 10 + (size_t)(*digits - '0');
  }
  return steps;
}

static bool refuse_range(const char *text, struct error *err) {
  error_set(err, ERROR_USAGE, "Range revision not allowed: '%s'", text);
  return error_hint(err, "A range is understood by history -r and by --sql only.");
}

/* A name that is known is never taken apart, so a label such as "step-2" can be used. */
bool identifier_parse(struct identifier *id, const struct graph *graph, const char *text, struct error *err) {
  if (!text || !*text)
    return message_unknown(err, graph, text);
  if (strchr(text, ':'))
    return refuse_range(text, err);
  struct identifier parsed = {.text = text};
  const char *at = map_has(&graph->names, text) ? NULL : strchr(text, '@');
  const char *rest = at ? at + 1 : text;
  if (!map_has(&graph->names, rest))
    parsed.offset = find_offset(rest);
  size_t symbol_len = parsed.offset ? (size_t)(parsed.offset - rest) : strlen(rest);
  if (!parsed.offset && symbol_len == 0)
    return message_unknown(err, graph, text);
  if (parsed.offset) {
    parsed.is_relative = true;
    parsed.is_upward = *parsed.offset == '+';
    parsed.steps = parse_steps(parsed.offset + 1);
  }
  parsed.label = at ? copy_or_null(text, (size_t)(at - text)) : NULL;
  parsed.symbol = copy_or_null(rest, symbol_len);
  *id = parsed;
  return true;
}

void identifier_release(struct identifier *id) {
  free(id->label);
  free(id->symbol);
  *id = (struct identifier){.text = NULL};
}

static bool is_word(const char *name) {
  return strcmp(name, "head") == 0 || strcmp(name, "heads") == 0 || strcmp(name, "base") == 0;
}

/* Appends the revisions of which an id or a label begins with the text, each once; only on `line` unless it is NULL. */
static void find_by_prefix(const struct graph *graph, const char *prefix, const struct revset *line,
                           struct vec *revisions) {
  size_t len = strlen(prefix);
  struct revset found;
  revset_init(&found, graph);
  for (size_t i = 0; i < graph->names.len; i++) {
    const struct map_entry *name = &graph->names.entries[i];
    struct revision *r = name->value;
    if (name->key_len <= SHORT_NAME_LEN || strncmp(name->key, prefix, len) != 0 || revset_has(&found, r))
      continue;
    if (line && !revset_has(line, r))
      continue;
    found.has[r->index] = 1;
    vec_push(revisions, r);
  }
  revset_release(&found);
}

static bool ambiguous(const char *name, const struct vec *candidates, struct error *err) {
  struct strbuf ids = STRBUF_INIT;
  message_add_ids(&ids, candidates, ", ");
  error_set(err, ERROR_USAGE, "Revision identifier '%s' is ambiguous: %s", name, ids.buf);
  error_hint(err, "Give more characters of the revision identifier.");
  strbuf_release(&ids);
  return false;
}

static bool wrong_branch(const struct graph *graph, const struct revision *r, const char *branch,
                         const struct revset *line, struct error *err) {
  struct vec heads = VEC_INIT;
  graph_heads(graph, &heads);
  revset_filter(line, &heads);
  struct strbuf ids = STRBUF_INIT;
  message_add_ids(&ids, &heads, ", ");
  error_set(err, ERROR_USAGE, "Revision %s is not a member of branch '%s'", r->id, branch);
  error_hint(err, "Write '%s' without the branch, or take a revision on the way to the head of '%s': %s.", r->id,
             branch, ids.buf);
  strbuf_release(&ids);
  vec_release(&heads);
  return false;
}

/* `line` NULL: the whole graph. `branch` is for the message. */
static bool find_name(const struct graph *graph, const char *name, const struct revset *line, const char *branch,
                      const struct revision **revision, struct error *err) {
  const struct revision *r = map_get(&graph->names, name);
  struct vec candidates = VEC_INIT;
  if (!r)
    find_by_prefix(graph, name, line, &candidates);
  if (!r && candidates.len == 0 && line)
    find_by_prefix(graph, name, NULL, &candidates);
  if (!r && candidates.len == 1)
    r = revision_in(&candidates, 0);
  bool ok = false;
  if (!r && candidates.len)
    ambiguous(name, &candidates, err);
  else if (!r)
    message_unknown(err, graph, name);
  else if (line && !revset_has(line, r))
    wrong_branch(graph, r, branch, line, err);
  else
    ok = true;
  if (ok)
    *revision = r;
  vec_release(&candidates);
  return ok;
}

bool identifier_branch(const struct identifier *id, const struct graph *graph, const struct revision **branch,
                       struct error *err) {
  if (id->label)
    return find_name(graph, id->label, NULL, NULL, branch, err);
  *branch = NULL;
  return true;
}

/* The lines of a word: head, heads, base. `line` NULL is the whole graph. */
static bool resolve_word(const struct identifier *id, const struct graph *graph, const struct revset *line,
                         struct vec *revisions, struct error *err) {
  if (strcmp(id->symbol, "base") == 0)
    return true;
  bool wants_all = strcmp(id->symbol, "heads") == 0;
  struct vec heads = VEC_INIT;
  if (wants_all && !line)
    graph_real_heads(graph, &heads);
  else
    graph_heads(graph, &heads);
  if (line)
    revset_filter(line, &heads);
  bool ok = wants_all || heads.len < 2 || message_several_heads(err, id->text, &heads);
  for (size_t i = 0; ok && i < heads.len; i++)
    vec_push(revisions, heads.items[i]);
  vec_release(&heads);
  return ok;
}

/* `line` NULL: there is no label. */
static bool resolve_on_line(const struct identifier *id, const struct graph *graph, const struct revset *line,
                            struct vec *revisions, struct error *err) {
  if (is_word(id->symbol))
    return resolve_word(id, graph, line, revisions, err);
  const struct revision *r = NULL;
  if (!find_name(graph, id->symbol, line, id->label, &r, err))
    return false;
  vec_push(revisions, &graph->revisions[r->index]);
  return true;
}

bool identifier_symbol(const struct identifier *id, const struct graph *graph, struct vec *revisions,
                       struct error *err) {
  const struct revision *branch = NULL;
  if (!identifier_branch(id, graph, &branch, err))
    return false;
  if (!branch)
    return resolve_on_line(id, graph, NULL, revisions, err);
  struct revset line;
  revset_init(&line, graph);
  revset_add_line(&line, branch, EDGES_DOWN);
  bool ok = resolve_on_line(id, graph, &line, revisions, err);
  revset_release(&line);
  return ok;
}

bool identifier_symbol_one(const struct identifier *id, const struct graph *graph, const struct revision **revision,
                           struct error *err) {
  struct vec found = VEC_INIT;
  bool ok = identifier_symbol(id, graph, &found, err);
  if (ok && found.len > 1)
    ok = message_several_heads(err, id->text, &found);
  if (ok)
    *revision = found.len ? revision_in(&found, 0) : NULL;
  vec_release(&found);
  return ok;
}

bool identifier_no_steps(const struct identifier *id, struct error *err) {
  const char *digits = id->offset + 1;
  while (*digits == '0' && digits[1])
    digits++;
  return error_set(err, ERROR_USAGE, "Relative revision %s didn't produce %s migrations", id->offset, digits);
}

static bool walked_too_far(const struct identifier *id, const struct walk *walk, struct error *err) {
  error_set(err, ERROR_USAGE, "Walked too far: '%s' goes %s %s", id->text, id->is_upward ? "above" : "below",
            walk->at ? walk->at->id : "base");
  return error_hint(err, "Give a smaller number, or name the revision.");
}

static bool walk_steps(const struct identifier *id, const struct graph *graph, struct walk *walk, struct error *err) {
  /* `base+0` walks nowhere; taken for base, a downgrade to it would take back everything. */
  walk->too_far = !walk->at && id->steps == 0;
  bool ok = !walk->too_far && (id->is_upward ? walk_up(walk, graph, id->steps) : walk_down(walk, id->steps));
  if (!ok && walk->too_far)
    walked_too_far(id, walk, err);
  else if (!ok)
    message_ambiguous_walk(err, id->text, walk->at, &walk->choices);
  return ok;
}

bool identifier_walk(const struct identifier *id, const struct graph *graph, const struct revision **revision,
                     struct error *err) {
  struct walk walk = {.stays = id->stays};
  const struct revision *branch = NULL;
  if (!identifier_symbol_one(id, graph, &walk.at, err) || !identifier_branch(id, graph, &branch, err))
    return false;
  struct revset line;
  revset_init(&line, graph);
  if (branch) {
    revset_add_line(&line, branch, EDGES_DOWN);
    walk.line = &line;
  }
  bool ok = walk_steps(id, graph, &walk, err);
  if (ok)
    *revision = walk.at;
  revset_release(&line);
  vec_release(&walk.choices);
  return ok;
}

bool identifier_is_below_heads(const struct identifier *id) {
  return id->is_relative && !id->symbol && !id->is_upward && id->steps > 0;
}

bool identifier_below(struct identifier *id, const struct graph *graph, const struct vec *starts, struct vec *revisions,
                      struct error *err) {
  struct revset reached;
  revset_init(&reached, graph);
  bool ok = true;
  for (size_t i = 0; ok && i < starts->len; i++) {
    struct walk walk = {.at = revision_in(starts, i), .stays = id->stays};
    ok = walk_steps(id, graph, &walk, err);
    id->short_walks += walk.too_far;
    if (ok && walk.at && !revset_has(&reached, walk.at)) {
      reached.has[walk.at->index] = 1;
      vec_push(revisions, &graph->revisions[walk.at->index]);
    }
    vec_release(&walk.choices);
  }
  revset_release(&reached);
  return ok;
}

bool identifier_below_heads(struct identifier *id, const struct graph *graph, struct vec *revisions,
                            struct error *err) {
  const struct revision *branch = NULL;
  if (!identifier_branch(id, graph, &branch, err))
    return false;
  struct vec heads = VEC_INIT;
  if (branch) {
    struct revset line;
    revset_init(&line, graph);
    revset_add_line(&line, branch, EDGES_DOWN);
    graph_heads(graph, &heads);
    revset_filter(&line, &heads);
    revset_release(&line);
  } else {
    graph_real_heads(graph, &heads);
  }
  bool ok = identifier_below(id, graph, &heads, revisions, err);
  vec_release(&heads);
  return ok;
}

static bool refuse_relative(const struct identifier *id, const struct graph *graph, struct error *err) {
  message_unknown(err, graph, id->text);
  return error_hint(err, "A relative revision identifier cannot be used here.");
}

bool graph_resolve(const struct graph *graph, const char *identifier, struct vec *revisions, struct error *err) {
  struct identifier id;
  if (!identifier_parse(&id, graph, identifier, err))
    return false;
  bool ok = id.is_relative ? refuse_relative(&id, graph, err) : identifier_symbol(&id, graph, revisions, err);
  identifier_release(&id);
  return ok;
}

bool graph_resolve_one(const struct graph *graph, const char *identifier, const struct revision **revision,
                       struct error *err) {
  struct identifier id;
  if (!identifier_parse(&id, graph, identifier, err))
    return false;
  bool ok = id.is_relative ? refuse_relative(&id, graph, err) : identifier_symbol_one(&id, graph, revision, err);
  identifier_release(&id);
  return ok;
}

bool graph_resolve_show(const struct graph *graph, const char *identifier, struct vec *revisions, struct error *err) {
  if (identifier && !*identifier)
    return true;
  struct identifier id;
  if (!identifier_parse(&id, graph, identifier, err))
    return false;
  bool ok = false;
  if (!id.is_relative)
    ok = identifier_symbol(&id, graph, revisions, err);
  else if (!identifier_is_below_heads(&id))
    refuse_relative(&id, graph, err);
  else
    ok = identifier_below_heads(&id, graph, revisions, err);
  identifier_release(&id);
  return ok;
}
