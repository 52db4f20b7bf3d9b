/*
 * fuzz_identifier.c - libFuzzer target: any bytes as a revision identifier, on a graph with branches, a merge, labels
 * and dependencies. Every entry point must answer or refuse with a message, from several sets of version rows.
 *
 * How to build and run it: tests/CMakeLists.txt. Its inputs are in tests/fuzz/corpus/identifier.
 */
#include "graph/plan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIST(...)                                                                                                      \
  (const char *const[]) {                                                                                              \
    __VA_ARGS__                                                                                                        \
  }
#define DOWN(n, ...) .down = LIST(__VA_ARGS__), .down_count = (n)

static struct graph *make_graph(void) {
  const struct revision_source sources[] = {
      {.id = "aaaa1"},
      {.id = "aaaa2", DOWN(1, "aaaa1")},
      {.id = "bbbb1", DOWN(1, "aaaa2"), .labels = LIST("feat", "my-2"), .label_count = 2},
      {.id = "bbbb2", DOWN(1, "bbbb1")},
      {.id = "cccc1", DOWN(1, "aaaa2")},
      {.id = "dddd1", .labels = LIST("netw"), .label_count = 1},
      {.id = "dddd2", DOWN(1, "dddd1"), .depends_on = LIST("cccc1"), .depends_on_count = 1},
      {.id = "mmmm1", DOWN(2, "bbbb2", "cccc1")},
      {.id = "z", DOWN(1, "dddd2"), .depends_on = LIST("feat", "aaaa2"), .depends_on_count = 2},
  };
  struct graph *graph = NULL;
  struct error err = ERROR_INIT;
  if (!graph_build(&graph, sources, ARRAY_LEN(sources), &err))
    abort();
  return graph;
}

/* An answer without an error, or a message without an answer. */
static void check(bool ok, struct error *err) {
  if (ok == error_is_set(err) || (!ok && (!err->message || !*err->message)))
    abort();
  error_clear(err);
}

static void use_with_rows(const struct graph *graph, const char *text, const struct vec *rows) {
  struct error err = ERROR_INIT;
  struct plan plan = PLAN_INIT;
  struct vec found = VEC_INIT;
  check(plan_upgrade(graph, rows, text, &plan, &err), &err);
  check(plan_downgrade(graph, rows, text, &plan, &err), &err);
  struct vec targets = {.items = (void *[]){(void *)(uintptr_t)text, (void *)(uintptr_t) "netw@base"}, .len = 2};
  check(plan_stamp(graph, rows, &targets, &plan, &err), &err);
  check(graph_history(graph, text, NULL, rows, &found, &err), &err);
  check(graph_history(graph, NULL, text, rows, &found, &err), &err);
  check(graph_history(graph, text, text, rows, &found, &err), &err);
  check(graph_history(graph, "current", text, rows, &found, &err), &err);
  vec_release(&found);
  plan_release(&plan);
  error_release(&err);
}

static void use_alone(const struct graph *graph, const char *text) {
  struct error err = ERROR_INIT;
  struct vec found = VEC_INIT;
  const struct revision *r = NULL;
  check(graph_resolve(graph, text, &found, &err), &err);
  check(graph_resolve_one(graph, text, &r, &err), &err);
  check(graph_resolve_show(graph, text, &found, &err), &err);
  struct vec row = {.items = (void *[]){(void *)(uintptr_t)text}, .len = 1};
  check(graph_current(graph, &row, &found, &err), &err);
  use_with_rows(graph, "heads", &row);
  vec_release(&found);
  error_release(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct graph *graph = NULL;
  if (!graph)
    graph = make_graph();
  static const char *const ROWS[][2] = {
      {"aaaa1", "dddd1"}, {"bbbb2", "cccc1"}, {"dddd2", "mmmm1"}, {"z", "mmmm1"}, {"dddd2", "cccc1"}};
  char *text = xstrndup((const char *)data, size);
  struct vec none = VEC_INIT;
  use_alone(graph, text);
  use_with_rows(graph, text, &none);
  for (size_t i = 0; i < ARRAY_LEN(ROWS); i++) {
    struct vec rows = VEC_INIT;
    strvec_push(&rows, ROWS[i][0]);
    strvec_push(&rows, ROWS[i][1]);
    use_with_rows(graph, text, &rows);
    strvec_release(&rows);
  }
  free(text);
  return 0;
}
