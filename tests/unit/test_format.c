/*
 * test_format.c - every form in which a revision is shown, on a graph made in memory; the report of errors too.
 *
 * The graph: aaaa1 -> aaaa2 -> { bbbb1 [feat] -> bbbb2, cccc1 } -> mmmm1; dddd1 [netw] -> dddd2 (depends on cccc1);
 * mmmm1 -> oooo1, which nothing follows but pppp1 depends on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/format.h"
#include "cli/report.h"
#include "script/environment.h"

#include <stdlib.h>
#include <string.h>

static struct script long_script = {.comment = "Creates the people\n\nSecond paragraph,\n  indented line.",
                                    .summary = "Creates the people"};

#define DOWN(...)                                                                                                      \
  .down = (const char *const[]){__VA_ARGS__}, .down_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)
#define DEPENDS(...)                                                                                                   \
  .depends_on = (const char *const[]){__VA_ARGS__},                                                                    \
  .depends_on_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)
#define LABELS(...)                                                                                                    \
  .labels = (const char *const[]){__VA_ARGS__}, .label_count = sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)

static const struct revision_source sources[] = {
    {.id = "aaaa1", .path = "/v/aaaa1.lua", .summary = "Creates the people", .data = &long_script},
    {.id = "aaaa2", .path = "/v/aaaa2.lua", .summary = "second", DOWN("aaaa1")},
    {.id = "bbbb1", .path = "/v/bbbb1.lua", .summary = "left", DOWN("aaaa2"), LABELS("feat")},
    {.id = "bbbb2", .path = "/v/bbbb2.lua", .summary = "left 2", DOWN("bbbb1")},
    {.id = "cccc1", .path = "/v/cccc1.lua", .summary = "right", DOWN("aaaa2")},
    {.id = "dddd1", .path = "/v/dddd1.lua", .summary = "net", LABELS("netw", "alpha")},
    {.id = "dddd2", .path = "/v/dddd2.lua", .summary = "net 2", DOWN("dddd1"), DEPENDS("cccc1")},
    {.id = "mmmm1", .path = "/v/mmmm1.lua", .summary = "merge", DOWN("bbbb2", "cccc1")},
    {.id = "oooo1", .path = "/v/oooo1.lua", .summary = "", DOWN("mmmm1")},
    {.id = "pppp1", .path = "/v/pppp1.lua", .summary = "needs", DEPENDS("oooo1", "feat")},
};

static struct graph *graph;

static int build(void **state) {
  (void)state;
  struct error err = ERROR_INIT;
  bool ok = graph_build(&graph, sources, ARRAY_LEN(sources), &err);
  if (!ok)
    print_error("%s\n", err.message);
  error_release(&err);
  return ok ? 0 : -1;
}

static int release(void **state) {
  (void)state;
  graph_free(graph);
  return 0;
}

static void assert_line(const char *id, struct format_options options, const char *expected) {
  struct strbuf text = STRBUF_INIT;
  format_line(&text, graph_find(graph, id), &options);
  assert_string_equal(text.buf, expected);
  strbuf_release(&text);
}

static void assert_entry(const char *id, struct format_options options, const char *expected) {
  struct strbuf text = STRBUF_INIT;
  format_entry(&text, graph_find(graph, id), &options);
  assert_string_equal(text.buf, expected);
  strbuf_release(&text);
}

static void test_history_lines(void **state) {
  (void)state;
  struct format_options history = {.parents = true, .labels = true, .points = true, .summary = true};
  assert_line("aaaa1", history, "<base> -> aaaa1, Creates the people");
  assert_line("aaaa2", history, "aaaa1 -> aaaa2 (branchpoint), second");
  assert_line("cccc1", history, "aaaa2 -> cccc1, right");
  assert_line("dddd2", history, "dddd1 (cccc1) -> dddd2 (alpha, netw) (head), net 2");
  assert_line("mmmm1", history, "bbbb2, cccc1 -> mmmm1 (feat) (mergepoint), merge");
  assert_line("pppp1", history, "<base> (oooo1, feat) -> pppp1 (head), needs");
}

static void test_history_line_without_message(void **state) {
  (void)state;
  struct format_options history = {.parents = true, .labels = true, .points = true, .summary = true};
  assert_line("oooo1", history, "mmmm1 -> oooo1 (feat) (effective head)");
}

static void test_history_line_with_current(void **state) {
  (void)state;
  struct vec current = VEC_INIT;
  strvec_push(&current, "aaaa2");
  strvec_push(&current, "dddd2");
  struct format_options history = {
      .parents = true, .labels = true, .points = true, .summary = true, .current = &current};
  assert_line("aaaa2", history, "aaaa1 -> aaaa2 (current) (branchpoint), second");
  assert_line("dddd2", history, "dddd1 (cccc1) -> dddd2 (alpha, netw) (head) (current), net 2");
  assert_line("aaaa1", history, "<base> -> aaaa1, Creates the people");
  strvec_release(&current);
}

static void test_heads_lines(void **state) {
  (void)state;
  struct format_options heads = {.labels = true};
  assert_line("dddd2", heads, "dddd2 (alpha, netw) (head)");
  assert_line("oooo1", heads, "oooo1 (feat) (effective head)");
  assert_line("pppp1", heads, "pppp1 (head)");
}

static void test_current_lines(void **state) {
  (void)state;
  struct format_options current = {.points = true};
  assert_line("aaaa2", current, "aaaa2 (branchpoint)");
  assert_line("mmmm1", current, "mmmm1 (mergepoint)");
  assert_line("dddd2", current, "dddd2 (head)");
  assert_line("oooo1", current, "oooo1 (effective head)");
}

static void test_colors(void **state) {
  (void)state;
  struct format_options heads = {.labels = true, .color = true};
  assert_line("pppp1", heads, "\033[33mpppp1\033[0m \033[36m(head)\033[0m");
}

static void test_entry_of_a_base(void **state) {
  (void)state;
  assert_entry("aaaa1", (struct format_options){.labels = false},
               "Rev: aaaa1\n"
               "Parent: <base>\n"
               "Path: /v/aaaa1.lua\n"
               "\n"
               "    Creates the people\n"
               "    \n"
               "    Second paragraph,\n"
               "      indented line.\n"
               "\n");
}

static void test_entry_of_a_branch_point(void **state) {
  (void)state;
  assert_entry("aaaa2", (struct format_options){.labels = false},
               "Rev: aaaa2 (branchpoint)\n"
               "Parent: aaaa1\n"
               "Branches into: bbbb1, cccc1\n"
               "Path: /v/aaaa2.lua\n"
               "\n"
               "    second\n"
               "\n");
}

static void test_entry_of_a_merge(void **state) {
  (void)state;
  struct vec current = VEC_INIT;
  strvec_push(&current, "mmmm1");
  assert_entry("mmmm1", (struct format_options){.current = &current},
               "Rev: mmmm1 (mergepoint) (current)\n"
               "Merges: bbbb2, cccc1\n"
               "Branch names: feat\n"
               "Path: /v/mmmm1.lua\n"
               "\n"
               "    merge\n"
               "\n");
  strvec_release(&current);
}

static void test_entry_of_a_dependant(void **state) {
  (void)state;
  assert_entry("dddd2", (struct format_options){.labels = false},
               "Rev: dddd2 (head)\n"
               "Parent: dddd1\n"
               "Also depends on: cccc1\n"
               "Branch names: alpha, netw\n"
               "Path: /v/dddd2.lua\n"
               "\n"
               "    net 2\n"
               "\n");
}

/* An effective head is "(head)" here, and no message leaves an empty line. */
static void test_entry_of_an_effective_head(void **state) {
  (void)state;
  assert_entry("oooo1", (struct format_options){.labels = false},
               "Rev: oooo1 (head)\n"
               "Parent: mmmm1\n"
               "Branch names: feat\n"
               "Path: /v/oooo1.lua\n"
               "\n"
               "\n"
               "\n");
}

static void test_branch_points(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  format_branch_point(&text, graph_find(graph, "aaaa2"), false, false);
  assert_string_equal(text.buf, "aaaa2 (branchpoint)\n"
                                "      -> bbbb1 (feat)\n"
                                "      -> cccc1\n"
                                "\n");
  strbuf_clear(&text);
  format_branch_point(&text, graph_find(graph, "aaaa2"), true, false);
  assert_string_equal(text.buf, "Rev: aaaa2 (branchpoint)\n"
                                "Parent: aaaa1\n"
                                "Branches into: bbbb1, cccc1\n"
                                "Path: /v/aaaa2.lua\n"
                                "\n"
                                "    second\n"
                                "\n"
                                "      -> bbbb1 (feat), left\n"
                                "      -> cccc1, right\n"
                                "\n");
  strbuf_release(&text);
}

static void test_json(void **state) {
  (void)state;
  struct vec current = VEC_INIT;
  strvec_push(&current, "mmmm1");
  json_t *object = format_json(graph_find(graph, "mmmm1"), &current);
  char *text = json_dumps(object, JSON_COMPACT);
  assert_string_equal(text, "{\"id\":\"mmmm1\",\"parents\":[\"bbbb2\",\"cccc1\"],\"children\":[\"oooo1\"],"
                            "\"depends_on\":[],\"labels\":[\"feat\"],\"head\":false,\"effective_head\":false,"
                            "\"branch_point\":false,\"merge_point\":true,\"summary\":\"merge\",\"message\":\"merge\","
                            "\"path\":\"/v/mmmm1.lua\",\"current\":true}");
  free(text);
  json_decref(object);
  object = format_json(graph_find(graph, "oooo1"), NULL);
  assert_null(json_object_get(object, "current"));
  assert_true(json_is_true(json_object_get(object, "effective_head")));
  json_decref(object);
  strvec_release(&current);
}

static void assert_report(const struct error *err, const char *expected) {
  struct strbuf text = STRBUF_INIT;
  report_text(&text, err, false);
  assert_string_equal(text.buf, expected);
  strbuf_release(&text);
}

static void test_report_of_a_statement(void **state) {
  (void)state;
  struct error err = {.class = ERROR_FAILED,
                      .sqlstate = "42703",
                      .message = "column \"nmae\" does not exist",
                      .where = "versions/aaaa1.lua:12",
                      .statement = "SELECT id,\n       nmae\n  FROM people",
                      .position = 18,
                      .hint = "Perhaps you meant \"name\"."};
  assert_report(&err, "error: column \"nmae\" does not exist\n"
                      "  at versions/aaaa1.lua:12\n"
                      "  SQLSTATE 42703\n"
                      "  statement: nmae\n"
                      "             ^\n"
                      "  hint: Perhaps you meant \"name\".\n");
  err.position = -1;
  err.statement = "\n  SELECT id\n FROM people";
  err.where = "first.lua:1\n\tsecond.lua:2\n";
  err.detail = "one\ntwo";
  assert_report(&err, "error: column \"nmae\" does not exist\n"
                      "  first.lua:1\n"
                      "  second.lua:2\n"
                      "  SQLSTATE 42703\n"
                      "  detail: one\n"
                      "          two\n"
                      "  statement: SELECT id ...\n"
                      "  hint: Perhaps you meant \"name\".\n");
}

/* The caret counts columns, not bytes, and stays in view in a long line. */
static void test_report_caret(void **state) {
  (void)state;
  struct error err = {.class = ERROR_FAILED, .message = "m", .statement = "SELECT 'Müller', x", .position = 18};
  assert_report(&err, "error: m\n"
                      "  statement: SELECT 'Müller', x\n"
                      "                              ^\n");
  struct strbuf sql = STRBUF_INIT;
  for (int i = 0; i < 100; i++)
    strbuf_addf(&sql, "column_%02d, ", i);
  err.statement = sql.buf;
  err.position = 11 * 90;
  struct strbuf text = STRBUF_INIT;
  report_text(&text, &err, false);
  const char *statement = strstr(text.buf, "  statement: ");
  const char *end = strchr(statement, '\n');
  assert_true(end - statement < 120);
  size_t caret = (size_t)(strchr(end, '^') - (end + 1));
  assert_int_equal(strncmp(statement + caret, "column_90", 9), 0);
  strbuf_release(&text);
  strbuf_release(&sql);
}

static void test_report_position_at_the_edges(void **state) {
  (void)state;
  struct error err = {.class = ERROR_FAILED, .message = "m", .statement = "SELECT", .position = 6};
  assert_report(&err, "error: m\n"
                      "  statement: SELECT\n"
                      "                   ^\n");
  err.position = 7; /* past the end: not to be trusted */
  assert_report(&err, "error: m\n"
                      "  statement: SELECT\n");
  err.statement = " \n ";
  assert_report(&err, "error: m\n");
}

static void test_report_json(void **state) {
  (void)state;
  struct error err = {.class = ERROR_LOCK, .message = "bad \xff byte", .position = -1, .hint = "wait"};
  json_t *object = report_json(&err);
  char *text = json_dumps(object, JSON_COMPACT);
  assert_string_equal(text, "{\"event\":\"error\",\"class\":\"lock\",\"exit_code\":5,\"message\":\"bad \xEF\xBF\xBD "
                            "byte\",\"hint\":\"wait\"}");
  free(text);
  json_decref(object);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_history_lines),
      cmocka_unit_test(test_history_line_without_message),
      cmocka_unit_test(test_history_line_with_current),
      cmocka_unit_test(test_heads_lines),
      cmocka_unit_test(test_current_lines),
      cmocka_unit_test(test_colors),
      cmocka_unit_test(test_entry_of_a_base),
      cmocka_unit_test(test_entry_of_a_branch_point),
      cmocka_unit_test(test_entry_of_a_merge),
      cmocka_unit_test(test_entry_of_a_dependant),
      cmocka_unit_test(test_entry_of_an_effective_head),
      cmocka_unit_test(test_branch_points),
      cmocka_unit_test(test_json),
      cmocka_unit_test(test_report_of_a_statement),
      cmocka_unit_test(test_report_caret),
      cmocka_unit_test(test_report_position_at_the_edges),
      cmocka_unit_test(test_report_json),
  };
  return cmocka_run_group_tests(tests, build, release);
}
