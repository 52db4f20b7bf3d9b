/*
 * history.c - the range of `history -r LOW:HIGH`; see graph.h. Called by the history command.
 *
 * LOW takes what show takes, HIGH what an upgrade takes, counted from LOW; both take `current`, the version rows. An
 * offset that leads past the end of a line means its last revision: `-20:` is the whole of a history of five. Where
 * `-N` from the heads is not below HIGH, it is counted from HIGH.
 */
#include "graph/identifier.h"
#include "graph/rows.h"

#include <string.h>

static bool is_open(const char *end) {
  return !end || !*end;
}

static bool is_current(const char *end) {
  return end && strcmp(end, "current") == 0;
}

bool graph_range_needs_rows(const char *low, const char *high) {
  return is_current(low) || is_current(high);
}

/* What is asked for, resolved. */
struct range {
  const char *low_text;
  const char *high_text;
  struct vec low; /* struct revision *; none is base */
  struct vec high;
  const struct revision *branch; /* the label of LOW: only heads on its line are wanted; or NULL */
  bool low_is_short;             /* LOW is `-N`, and some head is nearer to its base than N */
  bool high_follows;             /* HIGH is `+N`, counted from LOW */
};

static bool find_low(struct range *range, const struct graph *graph, const struct vec *rows, struct error *err) {
  if (is_open(range->low_text))
    return true;
  if (is_current(range->low_text))
    return rows_find(graph, rows, &range->low, err);
  struct identifier id;
  if (!identifier_parse(&id, graph, range->low_text, err))
    return false;
  id.stays = true;
  bool ok = identifier_branch(&id, graph, &range->branch, err);
  if (ok && identifier_is_below_heads(&id))
    ok = identifier_below_heads(&id, graph, &range->low, err);
  else if (ok)
    ok = graph_resolve_show(graph, range->low_text, &range->low, err);
  if (!ok && id.is_relative && !identifier_is_below_heads(&id))
    error_hint(err, "The start of a range can be -N or label@-N, counted from the heads, but not REV-N or +N.");
  range->low_is_short = id.short_walks > 0;
  identifier_release(&id);
  return ok;
}

static void keep_branch(const struct range *range, const struct graph *graph, struct vec *revisions) {
  if (!range->branch)
    return;
  struct revset line;
  revset_init(&line, graph);
  revset_add_line(&line, range->branch, EDGES_DOWN);
  revset_filter(&line, revisions);
  revset_release(&line);
}

/* All heads; or, where LOW names a branch, the ends of its line, also those that others depend on. */
static void find_open_high(struct range *range, const struct graph *graph) {
  if (!range->branch) {
    graph_real_heads(graph, &range->high);
    return;
  }
  graph_heads(graph, &range->high);
  keep_branch(range, graph, &range->high);
}

static bool find_high(struct range *range, const struct graph *graph, const struct vec *rows, struct error *err) {
  if (is_current(range->high_text))
    return rows_find(graph, rows, &range->high, err);
  if (is_open(range->high_text) || strcmp(range->high_text, "heads") == 0) {
    find_open_high(range, graph);
    return true;
  }
  struct identifier id;
  if (!identifier_parse(&id, graph, range->high_text, err))
    return false;
  id.stays = id.is_upward;
  range->high_follows = id.is_relative && !id.symbol;
  bool ok = plan_upgrade_targets(&id, graph, &range->low, &range->high, err);
  identifier_release(&id);
  return ok;
}

static bool not_in_line(const struct range *range, struct error *err) {
  error_set(
      err, ERROR_USAGE, "Requested range %s:%s does not refer to ancestor/descendant revisions along the same branch",
      is_open(range->low_text) ? "base" : range->low_text, is_open(range->high_text) ? "heads" : range->high_text);
  return error_hint(err, "The start of a range must be below its end.");
}

static bool holds_all(const struct revset *set, const struct vec *revisions) {
  for (size_t i = 0; i < revisions->len; i++)
    if (!revset_has(set, revision_in(revisions, i)))
      return false;
  return true;
}

/* Turns `wanted`, all that is at or below the upper end, into what stands on the lines up from the lower end. */
static void cut_below(const struct graph *graph, const struct vec *low, struct revset *wanted) {
  struct revset below;
  revset_init(&below, graph);
  revset_add_all_ancestors(&below, low, EDGES_ALL);
  struct revset above;
  revset_init(&above, graph);
  for (size_t i = 0; i < low->len; i++)
    revset_add_descendants(&above, revision_in(low, i), EDGES_DOWN);
  for (size_t i = 0; i < graph->count; i++)
    wanted->has[i] = wanted->has[i] && above.has[i] && !below.has[i];
  for (size_t i = 0; i < low->len; i++)
    wanted->has[revision_in(low, i)->index] = 1;
  revset_release(&above);
  revset_release(&below);
}

/* Counts `-N` from HIGH where the heads are no place to count from. Lines that are all too short are meant as a whole,
 * with what they depend on. */
static bool count_from_high(struct range *range, const struct graph *graph, const struct revset *wanted,
                            struct error *err) {
  struct identifier id;
  if (is_open(range->low_text) || is_current(range->low_text) || range->high_follows || !range->high.len)
    return true;
  if (!range->low_is_short && holds_all(wanted, &range->low))
    return true;
  if (!identifier_parse(&id, graph, range->low_text, err))
    return false;
  bool ok = true;
  if (identifier_is_below_heads(&id)) {
    range->low.len = 0;
    id.stays = true;
    ok = identifier_below(&id, graph, &range->high, &range->low, err);
    range->low.len = id.short_walks == range->high.len ? 0 : range->low.len;
  }
  identifier_release(&id);
  return ok;
}

static bool list_range(struct range *range, const struct graph *graph, struct vec *revisions, struct error *err) {
  keep_branch(range, graph, &range->high);
  struct revset wanted;
  revset_init(&wanted, graph);
  revset_add_all_ancestors(&wanted, &range->high, EDGES_ALL);
  bool ok = count_from_high(range, graph, &wanted, err) && (holds_all(&wanted, &range->low) || not_in_line(range, err));
  if (ok && range->low.len)
    cut_below(graph, &range->low, &wanted);
  if (ok)
    order_newest_first(graph, &wanted, revisions);
  revset_release(&wanted);
  return ok;
}

bool graph_history(const struct graph *graph, const char *low, const char *high, const struct vec *rows,
                   struct vec *revisions, struct error *err) {
  struct range range = {.low_text = low, .high_text = high};
  bool ok = find_low(&range, graph, rows, err) && find_high(&range, graph, rows, err) &&
            list_range(&range, graph, revisions, err);
  vec_release(&range.low);
  vec_release(&range.high);
  return ok;
}
