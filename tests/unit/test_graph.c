/*
 * test_graph.c - core/graph through its API: big graphs, deep graphs, random graphs, a large real one, and what the
 * text cases (test_graph_cases.c) cannot say.
 *
 * The random test prints its seed; MOONBIRD_TEST_SEED repeats one.
 */
#include "base/strbuf.h"
#include "graph_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

/* ---- graphs made in a loop ---- */

/* Sources with strings of their own. */
struct maker {
  struct revision_source *sources;
  size_t count;
  struct vec *down;
  struct vec *depends_on;
  struct vec *labels;
};

static void maker_init(struct maker *maker, size_t count) {
  *maker = (struct maker){.count = count};
  maker->sources = xcalloc(count, sizeof(*maker->sources));
  maker->down = xcalloc(count, sizeof(*maker->down));
  maker->depends_on = xcalloc(count, sizeof(*maker->depends_on));
  maker->labels = xcalloc(count, sizeof(*maker->labels));
  for (size_t i = 0; i < count; i++)
    maker->sources[i].id = xasprintf("r%06zu", i);
}

static void maker_release(struct maker *maker) {
  for (size_t i = 0; i < maker->count; i++) {
    free((void *)(uintptr_t)maker->sources[i].id);
    vec_release(&maker->down[i]);
    vec_release(&maker->depends_on[i]);
    strvec_release(&maker->labels[i]);
  }
  free(maker->sources);
  free(maker->down);
  free(maker->depends_on);
  free(maker->labels);
}

static void add_down(struct maker *maker, size_t child, size_t parent) {
  vec_push(&maker->down[child], (void *)(uintptr_t)maker->sources[parent].id);
}

static void add_dependency(struct maker *maker, size_t child, size_t parent) {
  vec_push(&maker->depends_on[child], (void *)(uintptr_t)maker->sources[parent].id);
}

static bool maker_try(const struct maker *maker, struct graph **graph, struct error *err) {
  for (size_t i = 0; i < maker->count; i++) {
    struct revision_source *source = &maker->sources[i];
    source->down = (const char *const *)maker->down[i].items;
    source->down_count = maker->down[i].len;
    source->depends_on = (const char *const *)maker->depends_on[i].items;
    source->depends_on_count = maker->depends_on[i].len;
    source->labels = (const char *const *)maker->labels[i].items;
    source->label_count = maker->labels[i].len;
  }
  return graph_build(graph, maker->sources, maker->count, err);
}

static struct graph *maker_build(const struct maker *maker) {
  struct graph *graph = NULL;
  struct error err = ERROR_INIT;
  if (!maker_try(maker, &graph, &err))
    fail_msg("%s", err.message);
  return graph;
}

/* ---- plans ---- */

/* Checks a plan on the rows and turns them into the rows after it. */
static void replay_rows(const struct graph *graph, const struct plan *plan, struct vec *rows, bool each,
                        const char *what) {
  struct replay replay;
  replay_init(&replay, graph, rows);
  if (!replay_plan(&replay, plan, each))
    fail_msg("%s: %s", what, replay.fault);
  vec_clear(rows);
  for (size_t i = 0; i < graph_count(graph); i++)
    if (replay.is_row[i])
      vec_push(rows, (void *)(uintptr_t)graph_at(graph, i)->id);
  replay_release(&replay);
}

static size_t go_up(const struct graph *graph, struct vec *rows, const char *target, bool each) {
  struct plan plan = PLAN_INIT;
  struct error err = ERROR_INIT;
  if (!plan_upgrade(graph, rows, target, &plan, &err))
    fail_msg("upgrade %s: %s", target, err.message);
  replay_rows(graph, &plan, rows, each, target);
  size_t len = plan.len;
  plan_release(&plan);
  return len;
}

static size_t go_down(const struct graph *graph, struct vec *rows, const char *target, bool each) {
  struct plan plan = PLAN_INIT;
  struct error err = ERROR_INIT;
  if (!plan_downgrade(graph, rows, target, &plan, &err))
    fail_msg("downgrade %s: %s", target, err.message);
  replay_rows(graph, &plan, rows, each, target);
  size_t len = plan.len;
  plan_release(&plan);
  return len;
}

/* ---- big graphs ---- */

/* All that a user does every day, up to the heads and back. */
static void use_all(const struct graph *graph) {
  size_t count = graph_count(graph);
  struct vec rows = VEC_INIT;
  struct vec found = VEC_INIT;
  struct error err = ERROR_INIT;
  assert_int_equal(go_up(graph, &rows, "heads", false), count);
  assert_int_equal(go_up(graph, &rows, "heads", false), 0);
  assert_true(graph_current(graph, &rows, &found, &err));
  bool at_heads = false;
  assert_true(graph_is_at_heads(graph, &rows, &at_heads, &err));
  assert_true(at_heads);
  vec_clear(&found);
  assert_true(graph_history(graph, NULL, NULL, NULL, &found, &err));
  assert_int_equal(found.len, count);
  assert_int_equal(go_down(graph, &rows, "base", false), count);
  assert_int_equal(rows.len, 0);
  vec_release(&found);
  vec_release(&rows);
}

static void test_chain(void **state) {
  (void)state;
  struct maker maker;
  maker_init(&maker, 10000);
  for (size_t i = 1; i < maker.count; i++)
    add_down(&maker, i, i - 1);
  struct graph *graph = maker_build(&maker);
  use_all(graph);
  graph_free(graph);
  maker_release(&maker);
}

/* Deep enough that a recursion by revision would end the program. */
static void test_deep_chain(void **state) {
  (void)state;
  struct maker maker;
  maker_init(&maker, 300000);
  for (size_t i = 1; i < maker.count; i++)
    add_down(&maker, i, i - 1);
  strvec_push(&maker.labels[maker.count / 2], "middle");
  struct graph *graph = maker_build(&maker);
  assert_int_equal(graph_at(graph, 0)->branch_labels.len, 1);
  use_all(graph);
  graph_free(graph);
  maker_release(&maker);
}

/* A base, many children, one merge of all. */
static void test_wide_merge(void **state) {
  (void)state;
  struct maker maker;
  maker_init(&maker, 10000);
  size_t last = maker.count - 1;
  for (size_t i = 1; i < last; i++) {
    add_down(&maker, i, 0);
    add_down(&maker, last, i);
  }
  struct graph *graph = maker_build(&maker);
  use_all(graph);
  graph_free(graph);
  maker_release(&maker);
}

/* Branch and merge, again and again, with a second line that depends on each merge. */
static void test_ladder(void **state) {
  (void)state;
  struct maker maker;
  maker_init(&maker, 12000);
  for (size_t i = 4; i < maker.count; i += 4) {
    add_down(&maker, i, i - 3);
    add_down(&maker, i, i - 2);
    add_down(&maker, i + 3, i - 1);
    add_dependency(&maker, i + 3, i);
  }
  for (size_t i = 0; i < maker.count; i += 4) {
    add_down(&maker, i + 1, i);
    add_down(&maker, i + 2, i);
  }
  struct graph *graph = maker_build(&maker);
  use_all(graph);
  graph_free(graph);
  maker_release(&maker);
}

/* Two lines with a dependency between them at every second step. */
static struct graph *build_two_lines(size_t count) {
  struct maker maker;
  maker_init(&maker, count);
  for (size_t i = 0; i < maker.count; i++) {
    if (i > 1)
      add_down(&maker, i, i - 2);
    if (i % 2)
      add_dependency(&maker, i, i / 2 / 2 * 2);
  }
  struct graph *graph = maker_build(&maker);
  maker_release(&maker);
  return graph;
}

static void test_two_lines(void **state) {
  (void)state;
  struct graph *graph = build_two_lines(50000);
  use_all(graph);
  graph_free(graph);
}

static void test_long_cycle(void **state) {
  (void)state;
  struct maker maker;
  maker_init(&maker, 100000);
  for (size_t i = 0; i < maker.count; i++)
    add_down(&maker, i, (i + 1) % maker.count);
  struct graph *graph = NULL;
  struct error err = ERROR_INIT;
  assert_false(maker_try(&maker, &graph, &err));
  assert_int_equal(err.class, ERROR_HISTORY);
  assert_non_null(strstr(err.message, "Cycle is detected in revisions (r000000, r000001, "));
  assert_non_null(strstr(err.message, "100000 in all"));
  assert_null(graph);
  error_release(&err);
  maker_release(&maker);
}

/* ---- small facts ---- */

static void test_sources_are_copied(void **state) {
  (void)state;
  char id[] = "aaaa1";
  char path[] = "versions/aaaa1.lua";
  char label[] = "feat";
  const char *labels[] = {label};
  int data = 0;
  struct revision_source source = {.id = id, .path = path, .labels = labels, .label_count = 1, .data = &data};
  struct graph *graph = NULL;
  struct error err = ERROR_INIT;
  assert_true(graph_build(&graph, &source, 1, &err));
  memset(id, 'x', sizeof(id) - 1);
  memset(path, 'x', sizeof(path) - 1);
  memset(label, 'x', sizeof(label) - 1);
  const struct revision *r = graph_at(graph, 0);
  assert_string_equal(r->id, "aaaa1");
  assert_string_equal(r->path, "versions/aaaa1.lua");
  assert_string_equal(r->summary, "");
  assert_string_equal(strvec_at(&r->branch_labels, 0), "feat");
  assert_ptr_equal(r->data, &data);
  assert_ptr_equal(graph_find(graph, "aaaa1"), r);
  assert_null(graph_find(graph, "feat"));
  assert_null(graph_find(graph, "aaaa"));
  assert_null(graph_at(graph, 1));
  graph_free(graph);
  graph_free(NULL);
}

static void test_where_names_the_file(void **state) {
  (void)state;
  const char *down[] = {"gone"};
  struct revision_source source = {.id = "aaaa1", .path = "versions/a.lua", .down = down, .down_count = 1};
  struct graph *graph = NULL;
  struct error err = ERROR_INIT;
  assert_false(graph_build(&graph, &source, 1, &err));
  assert_string_equal(err.where, "versions/a.lua");
  assert_non_null(strstr(err.message, "gone"));
  assert_non_null(strstr(err.message, "versions/a.lua"));
  error_release(&err);
}

static void test_failure_leaves_outputs(void **state) {
  (void)state;
  struct revision_source source = {.id = "aaaa1"};
  struct graph *graph = NULL;
  struct error err = ERROR_INIT;
  assert_true(graph_build(&graph, &source, 1, &err));
  struct plan plan = PLAN_INIT;
  assert_true(plan_upgrade(graph, NULL, "head", &plan, &err));
  assert_int_equal(plan.len, 1);
  assert_false(plan_upgrade(graph, NULL, "nope", &plan, &err));
  assert_false(plan_downgrade(graph, NULL, "+1", &plan, &err));
  assert_int_equal(plan.len, 1);
  assert_string_equal(plan.steps[0].revision->id, "aaaa1");
  const struct revision *r = graph_at(graph, 0);
  struct vec found = VEC_INIT;
  assert_false(graph_resolve_one(graph, NULL, &r, &err));
  assert_false(graph_resolve(graph, NULL, &found, &err));
  assert_false(graph_resolve_show(graph, NULL, &found, &err));
  assert_ptr_equal(r, graph_at(graph, 0));
  assert_int_equal(found.len, 0);
  assert_true(graph_resolve_one(graph, "base", &r, &err));
  assert_null(r);
  error_release(&err);
  plan_release(&plan);
  graph_free(graph);
}

static void test_range_needs_rows(void **state) {
  (void)state;
  assert_true(graph_range_needs_rows("current", NULL));
  assert_true(graph_range_needs_rows("", "current"));
  assert_false(graph_range_needs_rows(NULL, NULL));
  assert_false(graph_range_needs_rows("aaaa1", "currently"));
}

/* ---- order, told plainly ---- */

/* Heads as order.c describes them, with sets of all ancestors: slow, and nothing to remember. */
struct plain_order {
  const struct graph *graph;
  bool *todo;
  struct vec heads; /* struct revision * */
  struct vec out;   /* struct revision * */
};

static bool is_below(const struct plain_order *order, const struct revision *r, const struct revision *head) {
  bool *marks = xcalloc(graph_count(order->graph), sizeof(bool));
  check_mark_below(head, marks);
  bool below = r != head && marks[r->index];
  free(marks);
  return below;
}

/* The list index of the first head above this one, or the length of the list. */
static size_t first_above(const struct plain_order *order, const struct revision *r) {
  size_t i = 0;
  while (i < order->heads.len && !is_below(order, r, check_at(&order->heads, i)))
    i++;
  return i;
}

/* Puts the parents into the list in place of the head at `at`; false: there are none. */
static bool replace_head(struct plain_order *order, size_t at) {
  const struct revision *r = check_at(&order->heads, at);
  bool replaced = false;
  struct vec parents = VEC_INIT;
  for (size_t i = 0; i < r->parents.len; i++)
    if (order->todo[check_at(&r->parents, i)->index] &&
        vec_find(&order->heads, r->parents.items[i]) == order->heads.len)
      vec_push(&parents, r->parents.items[i]);
  for (size_t i = 0; i < parents.len; i++) {
    if (replaced)
      vec_push(&order->heads, parents.items[i]);
    else
      order->heads.items[at] = parents.items[i];
    replaced = true;
  }
  vec_release(&parents);
  return replaced;
}

static void plain_sort(struct plain_order *order) {
  size_t at = 0;
  while (order->heads.len) {
    const struct revision *r = check_at(&order->heads, at);
    size_t above = first_above(order, r);
    if (above < order->heads.len) {
      at = above;
      continue;
    }
    vec_push(&order->out, order->heads.items[at]);
    order->todo[r->index] = false;
    if (!replace_head(order, at)) {
      vec_remove(&order->heads, at);
      at = at ? at - 1 : 0;
    }
  }
}

/* The plan's revisions must come in the plain order, from its end for an upgrade. */
static void check_plan_order(const struct graph *graph, const struct plan *plan, bool up) {
  struct plain_order order = {.graph = graph, .todo = xcalloc(graph_count(graph), sizeof(bool))};
  for (size_t i = 0; i < plan->len; i++)
    order.todo[plan->steps[i].revision->index] = true;
  for (size_t i = 0; i < graph_count(graph); i++) {
    const struct revision *r = graph_at(graph, i);
    bool has_child = false;
    for (size_t k = 0; k < r->next_all.len; k++)
      has_child = has_child || order.todo[check_at(&r->next_all, k)->index];
    if (order.todo[i] && !has_child)
      vec_push(&order.heads, (void *)(uintptr_t)r);
  }
  plain_sort(&order);
  assert_int_equal(order.out.len, plan->len);
  for (size_t i = 0; i < plan->len; i++)
    assert_string_equal(plan->steps[i].revision->id, check_at(&order.out, up ? plan->len - 1 - i : i)->id);
  free(order.todo);
  vec_release(&order.heads);
  vec_release(&order.out);
}

static void test_two_lines_in_plain_order(void **state) {
  (void)state;
  struct graph *graph = build_two_lines(1200);
  struct plan plan = PLAN_INIT;
  struct error err = ERROR_INIT;
  assert_true(plan_upgrade(graph, NULL, "heads", &plan, &err));
  check_plan_order(graph, &plan, true);
  plan_release(&plan);
  graph_free(graph);
}

/* ---- random graphs ---- */

static uint64_t random_state;

static size_t pick(size_t limit) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (size_t)(random_state % limit);
}

/* Revisions are loaded in an order that has nothing to do with their edges. */
static void make_random(struct maker *maker, size_t *place) {
  size_t count = maker->count;
  for (size_t i = 0; i < count; i++)
    place[i] = i;
  for (size_t i = count; i-- > 1;) {
    size_t k = pick(i + 1);
    size_t moved = place[i];
    place[i] = place[k];
    place[k] = moved;
  }
  for (size_t i = 1; i < count; i++) {
    size_t parents = pick(10) == 0 ? 0 : pick(5) == 0 ? 2 + pick(2) : 1;
    size_t near = i < 6 ? i : 6;
    for (size_t k = 0; k < parents; k++)
      add_down(maker, place[i], place[i - 1 - pick(pick(4) ? near : i)]);
    for (size_t k = pick(4) ? 0 : 1 + pick(3); k > 0; k--)
      add_dependency(maker, place[i], place[pick(i)]);
    if (pick(8) == 0)
      vec_push(&maker->labels[place[i]], xasprintf("label%zu", i));
  }
}

/* An identifier of any form, mostly one that means something. */
static void random_identifier(const struct graph *graph, struct strbuf *text) {
  static const char *const WORDS[] = {"head", "heads", "base", "current", "x"};
  strbuf_clear(text);
  size_t count = graph_count(graph);
  if (pick(3) == 0) {
    const struct revision *r = graph_at(graph, pick(count));
    strbuf_addf(text, "%s@", r->labels.len ? strvec_at(&r->labels, 0) : r->id);
  }
  size_t form = pick(4);
  if (form == 0)
    strbuf_add_str(text, WORDS[pick(ARRAY_LEN(WORDS))]);
  else if (form < 3)
    strbuf_add_str(text, graph_at(graph, pick(count))->id);
  if (form == 3 || pick(4) == 0)
    strbuf_addf(text, "%c%zu", pick(2) ? '+' : '-', pick(4));
}

static void check_applied_are(const struct graph *graph, const struct vec *rows, const bool *expected,
                              const char *what) {
  struct replay replay;
  replay_init(&replay, graph, rows);
  for (size_t i = 0; i < graph_count(graph); i++)
    if (replay.is_applied[i] != expected[i])
      fail_msg("%s: %s should %sbe applied", what, graph_at(graph, i)->id, expected[i] ? "" : "not ");
  replay_release(&replay);
}

/* One call with any target: either an error with a message, or a plan that is right in itself and does what it says. */
static bool random_move(const struct graph *graph, struct vec *rows, const char *target) {
  struct plan plan = PLAN_INIT;
  struct error err = ERROR_INIT;
  bool up = pick(2);
  bool ok = up ? plan_upgrade(graph, rows, target, &plan, &err) : plan_downgrade(graph, rows, target, &plan, &err);
  if (!ok) {
    assert_non_null(err.message);
    assert_true(err.class == ERROR_USAGE || err.class == ERROR_HISTORY);
    error_release(&err);
    return false;
  }
  check_plan_order(graph, &plan, up);
  struct replay before;
  replay_init(&before, graph, rows);
  for (size_t i = 0; i < plan.len; i++)
    before.is_applied[plan.steps[i].revision->index] = up;
  replay_rows(graph, &plan, rows, true, target);
  check_applied_are(graph, rows, before.is_applied, target);
  replay_release(&before);
  plan_release(&plan);
  return true;
}

static void random_stamp(const struct graph *graph, struct vec *rows, const char *target) {
  struct plan plan = PLAN_INIT;
  struct error err = ERROR_INIT;
  struct vec targets = {.items = (void *[]){(void *)(uintptr_t)target}, .len = 1};
  if (plan_stamp(graph, rows, &targets, &plan, &err)) {
    struct replay replay;
    replay_init(&replay, graph, rows);
    if (!replay_stamp(&replay, &plan))
      fail_msg("stamp %s: %s", target, replay.fault);
    vec_clear(rows);
    for (size_t i = 0; i < graph_count(graph); i++)
      if (replay.is_row[i])
        vec_push(rows, (void *)(uintptr_t)graph_at(graph, i)->id);
    replay_release(&replay);
  }
  error_release(&err);
  plan_release(&plan);
}

/* Newest first: nothing stands behind one of its parents, nothing stands there twice. */
static void check_history(const struct graph *graph, const char *low, const char *high, const struct vec *rows) {
  struct vec found = VEC_INIT;
  struct error err = ERROR_INIT;
  bool *seen = xcalloc(graph_count(graph), sizeof(bool));
  if (graph_history(graph, low, high, rows, &found, &err)) {
    for (size_t i = 0; i < found.len; i++) {
      const struct revision *r = check_at(&found, i);
      for (size_t k = 0; k < r->down_all.len; k++)
        assert_false(seen[check_at(&r->down_all, k)->index]);
      assert_false(seen[r->index]);
      seen[r->index] = true;
    }
  } else {
    assert_non_null(err.message);
  }
  free(seen);
  vec_release(&found);
  error_release(&err);
}

static size_t random_round(size_t count, size_t moves) {
  struct maker maker;
  maker_init(&maker, count);
  size_t *place = xcalloc(count, sizeof(*place));
  make_random(&maker, place);
  struct graph *graph = maker_build(&maker);
  struct vec rows = VEC_INIT;
  struct strbuf target = STRBUF_INIT;
  struct strbuf other = STRBUF_INIT;
  size_t plans = 0;
  for (size_t i = 0; i < moves; i++) {
    random_identifier(graph, &target);
    random_identifier(graph, &other);
    plans += random_move(graph, &rows, target.buf);
    check_history(graph, target.buf, pick(2) ? other.buf : "", &rows);
    if (pick(20) == 0)
      random_stamp(graph, &rows, target.buf);
  }
  struct plan plan = PLAN_INIT;
  struct error err = ERROR_INIT;
  assert_true(plan_upgrade(graph, NULL, "heads", &plan, &err));
  check_plan_order(graph, &plan, true);
  plan_release(&plan);
  go_up(graph, &rows, "heads", true);
  go_down(graph, &rows, "base", true);
  strbuf_release(&other);
  strbuf_release(&target);
  vec_release(&rows);
  graph_free(graph);
  free(place);
  maker_release(&maker);
  return plans;
}

static void test_random_graphs(void **state) {
  (void)state;
  const char *given = getenv("MOONBIRD_TEST_SEED");
  random_state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
  print_message("MOONBIRD_TEST_SEED=%llu\n", (unsigned long long)random_state);
  random_state += random_state == 0;
  size_t plans = 0;
  for (size_t i = 0; i < 300; i++)
    plans += random_round(2 + pick(40), 40);
  for (size_t i = 0; i < 4; i++)
    plans += random_round(300, 4);
  assert_true(plans > 1000);
}

/* ---- a large real graph ---- */

static json_t *load_neutron(void) {
  const char *folder = getenv("MOONBIRD_TEST_DATA");
  char *path = xasprintf("%s/neutron_graph.json", folder ? folder : "../shared/data");
  json_t *revisions = json_load_file(path, 0, NULL);
  free(path);
  return revisions;
}

/* null, a string or a list of strings; borrowed. */
static void take_strings(const json_t *value, struct vec *strings) {
  if (json_is_string(value))
    vec_push(strings, (void *)(uintptr_t)json_string_value(value));
  for (size_t i = 0; i < json_array_size(value); i++)
    vec_push(strings, (void *)(uintptr_t)json_string_value(json_array_get(value, i)));
}

static struct graph *build_neutron(const json_t *revisions) {
  struct maker maker;
  maker_init(&maker, json_array_size(revisions));
  for (size_t i = 0; i < maker.count; i++) {
    const json_t *item = json_array_get(revisions, i);
    free((void *)(uintptr_t)maker.sources[i].id);
    maker.sources[i].id = xstrdup(json_string_value(json_object_get(item, "revision")));
    take_strings(json_object_get(item, "down_revision"), &maker.down[i]);
    take_strings(json_object_get(item, "depends_on"), &maker.depends_on[i]);
    struct vec labels = VEC_INIT;
    take_strings(json_object_get(item, "branch_labels"), &labels);
    for (size_t k = 0; k < labels.len; k++)
      strvec_push(&maker.labels[i], strvec_at(&labels, k));
    vec_release(&labels);
  }
  struct graph *graph = maker_build(&maker);
  maker_release(&maker);
  return graph;
}

static void test_neutron(void **state) {
  (void)state;
  json_t *revisions = load_neutron();
  if (!revisions) {
    print_message("skipped: neutron_graph.json is not there\n");
    skip();
  }
  struct graph *graph = build_neutron(revisions);
  size_t count = graph_count(graph);
  assert_true(count > 100);
  struct vec rows = VEC_INIT;
  for (size_t i = 0; i < count; i++) {
    const char *id = graph_at(graph, i)->id;
    vec_clear(&rows);
    assert_true(go_up(graph, &rows, id, true) > 0);
    assert_int_equal(go_up(graph, &rows, id, true), 0);
    assert_int_equal(rows.len, 1);
    assert_string_equal(strvec_at(&rows, 0), id);
    vec_clear(&rows);
    assert_int_equal(go_up(graph, &rows, "heads", false), count);
    size_t taken_back = go_down(graph, &rows, id, true);
    assert_int_equal(go_up(graph, &rows, "heads", true), taken_back);
  }
  vec_release(&rows);
  struct vec heads = VEC_INIT;
  struct error err = ERROR_INIT;
  assert_true(graph_resolve(graph, "expand@heads", &heads, &err));
  assert_int_equal(heads.len, 1);
  assert_true(graph_resolve(graph, "contract@heads", &heads, &err));
  assert_int_equal(heads.len, 2);
  vec_release(&heads);
  graph_free(graph);
  json_decref(revisions);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sources_are_copied),
      cmocka_unit_test(test_where_names_the_file),
      cmocka_unit_test(test_failure_leaves_outputs),
      cmocka_unit_test(test_range_needs_rows),
      cmocka_unit_test(test_chain),
      cmocka_unit_test(test_deep_chain),
      cmocka_unit_test(test_wide_merge),
      cmocka_unit_test(test_ladder),
      cmocka_unit_test(test_two_lines),
      cmocka_unit_test(test_two_lines_in_plain_order),
      cmocka_unit_test(test_long_cycle),
      cmocka_unit_test(test_random_graphs),
      cmocka_unit_test(test_neutron),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
