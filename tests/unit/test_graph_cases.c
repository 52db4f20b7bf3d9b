/*
 * test_graph_cases.c - runs the text cases in tests/cases/graph: each file is a test, each call in it a check. Their
 * format is described in tests/cases/graph/README.md; adding a case needs no C. Files can be named as arguments.
 */
#include "base/strbuf.h"
#include "graph_check.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char CASES[] = "tests/cases/graph";

/* ---- words of a line ---- */

/* Owned words; `[a,b]` stays one. */
static void split_words(const char *text, struct vec *words) {
  for (;;) {
    text += strspn(text, " \t,()");
    size_t len = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, " \t,()");
    if (len == 0)
      return;
    if (len > strlen(text))
      len = strlen(text);
    strvec_push_len(words, text, len);
    text += len;
  }
}

/* ---- graphs ---- */

/* One revision of a graph block, with its own strings. */
struct block_line {
  char *id;
  char *path;
  struct vec down;
  struct vec depends_on;
  struct vec labels;
};

struct block {
  struct vec lines; /* struct block_line * */
};

static void block_line_free(void *p) {
  struct block_line *line = p;
  free(line->id);
  free(line->path);
  strvec_release(&line->down);
  strvec_release(&line->depends_on);
  strvec_release(&line->labels);
  free(line);
}

static void block_clear(struct block *block) {
  vec_release_with(&block->lines, block_line_free);
}

/* "id [label,label] < parent parent & dependency" */
static void block_add(struct block *block, const char *text) {
  struct vec words = VEC_INIT;
  split_words(text, &words);
  struct block_line *line = xcalloc(1, sizeof(*line));
  line->id = xstrdup(strcmp(strvec_at(&words, 0), "''") == 0 ? "" : strvec_at(&words, 0));
  line->path = xasprintf("%s_%zu.lua", line->id, block->lines.len);
  struct vec *list = &line->labels;
  for (size_t i = 1; i < words.len; i++) {
    char *word = words.items[i];
    if (strcmp(word, "<") == 0) {
      list = &line->down;
    } else if (strcmp(word, "&") == 0) {
      list = &line->depends_on;
    } else if (*word == '[') {
      word[strlen(word) - 1] = '\0';
      split_words(word + 1, &line->labels);
    } else {
      strvec_push(list, word);
    }
  }
  vec_push(&block->lines, line);
  strvec_release(&words);
}

static bool block_build(const struct block *block, struct graph **graph, struct error *err) {
  struct revision_source *sources = xcalloc(block->lines.len, sizeof(*sources));
  for (size_t i = 0; i < block->lines.len; i++) {
    const struct block_line *line = block->lines.items[i];
    sources[i] = (struct revision_source){
        .id = line->id,
        .path = line->path,
        .down = (const char *const *)line->down.items,
        .down_count = line->down.len,
        .depends_on = (const char *const *)line->depends_on.items,
        .depends_on_count = line->depends_on.len,
        .labels = (const char *const *)line->labels.items,
        .label_count = line->labels.len,
    };
  }
  bool ok = graph_build(graph, sources, block->lines.len, err);
  free(sources);
  return ok;
}

/* ---- a run of one file ---- */

struct run {
  const char *path;
  size_t line;
  struct block block;
  struct graph *graph; /* NULL where building failed */
  struct error build_error;
  bool is_in_block;
  size_t checks;
  size_t faults;
  /* What the last call gave, for the lines that follow it. */
  struct strbuf result;
  struct strbuf rows;
  struct strbuf changes;
  struct error err;
  char *warning;
};

__attribute__((format(printf, 2, 3))) static void fault(struct run *run, const char *fmt, ...) {
  fprintf(stderr, "%s:%zu: ", run->path, run->line);
  va_list args;
  va_start(args, fmt);
  vfprintf(stderr, fmt, args);
  va_end(args);
  fputc('\n', stderr);
  run->faults++;
}

static void add_word(struct strbuf *text, const char *word) {
  strbuf_addf(text, "%s%s", text->len ? " " : "", word);
}

static void add_revisions(struct strbuf *text, const struct vec *revisions) {
  for (size_t i = 0; i < revisions->len; i++)
    add_word(text, check_at(revisions, i)->id);
}

static void add_change(struct strbuf *text, const struct row_change *change) {
  static const char *const NAMES[] = {"insert", "update", "delete"};
  strbuf_add_str(text, NAMES[change->kind]);
  if (change->from)
    strbuf_addf(text, " %s", change->from);
  if (change->to)
    strbuf_addf(text, " %s", change->to);
}

static void describe_plan(struct run *run, const struct plan *plan) {
  for (size_t i = 0; i < plan->len; i++) {
    const struct plan_step *step = &plan->steps[i];
    add_word(&run->result, step->revision ? step->revision->id : "base");
    for (size_t k = 0; k < step->change_count; k++) {
      strbuf_add_str(&run->changes, k ? " + " : run->changes.len ? "; " : "");
      add_change(&run->changes, &step->changes[k]);
    }
  }
}

static void run_plan(struct run *run, const char *verb, struct vec *args, const struct vec *rows) {
  struct plan plan = PLAN_INIT;
  bool is_stamp = strcmp(verb, "stamp") == 0;
  const char *target = args->len ? strvec_at(args, 0) : "";
  bool ok = is_stamp                       ? plan_stamp(run->graph, rows, args, &plan, &run->err)
            : strcmp(verb, "upgrade") == 0 ? plan_upgrade(run->graph, rows, target, &plan, &run->err)
                                           : plan_downgrade(run->graph, rows, target, &plan, &run->err);
  if (ok) {
    describe_plan(run, &plan);
    run->warning = xstrdup_or_null(plan.warning);
    struct replay replay;
    replay_init(&replay, run->graph, rows);
    if (!(is_stamp ? replay_stamp(&replay, &plan) : replay_plan(&replay, &plan, true)))
      fault(run, "the plan is wrong: %s", replay.fault);
    for (size_t i = 0; i < graph_count(run->graph); i++)
      if (replay.is_row[i])
        add_word(&run->rows, graph_at(run->graph, i)->id);
    replay_release(&replay);
  }
  plan_release(&plan);
}

static void run_history(struct run *run, const char *range, const struct vec *rows, struct vec *found) {
  const char *colon = strchr(range, ':');
  if (!colon) {
    fault(run, "history takes LOW:HIGH");
    return;
  }
  char *low = xstrndup(range, (size_t)(colon - range));
  if (graph_history(run->graph, low, colon + 1, rows, found, &run->err))
    add_revisions(&run->result, found);
  free(low);
}

static void run_one(struct run *run, const char *identifier) {
  const struct revision *r = NULL;
  if (graph_resolve_one(run->graph, identifier, &r, &run->err))
    add_word(&run->result, r ? r->id : "base");
}

static void run_marks(struct run *run, const char *id) {
  const struct revision *r = graph_find(run->graph, id);
  if (!r)
    return;
  const struct {
    const char *name;
    bool is_set;
  } marks[] = {
      {"head", revision_is_real_head(r)},
      {"effective-head", revision_is_head(r) && !revision_is_real_head(r)},
      {"base", revision_is_base(r)},
      {"branchpoint", revision_is_branch_point(r)},
      {"mergepoint", revision_is_merge_point(r)},
  };
  for (size_t i = 0; i < ARRAY_LEN(marks); i++)
    if (marks[i].is_set)
      add_word(&run->result, marks[i].name);
}

/* Commands that list revisions. False: no such command. */
static bool run_list(struct run *run, const char *verb, const char *arg, const struct vec *rows, struct vec *found) {
  const struct revision *r = graph_find(run->graph, arg);
  bool at_heads = false;
  if (strcmp(verb, "resolve") == 0)
    (void)!graph_resolve(run->graph, arg, found, &run->err);
  else if (strcmp(verb, "show") == 0)
    (void)!graph_resolve_show(run->graph, arg, found, &run->err);
  else if (strcmp(verb, "current") == 0)
    (void)!graph_current(run->graph, rows, found, &run->err);
  else if (strcmp(verb, "at-heads") == 0 && graph_is_at_heads(run->graph, rows, &at_heads, &run->err))
    add_word(&run->result, at_heads ? "yes" : "no");
  else if (strcmp(verb, "heads") == 0)
    graph_heads(run->graph, found);
  else if (strcmp(verb, "real-heads") == 0)
    graph_real_heads(run->graph, found);
  else if (strcmp(verb, "bases") == 0)
    graph_bases(run->graph, found);
  else if (strcmp(verb, "parents") == 0 && r)
    add_revisions(&run->result, &r->parents);
  else if (strcmp(verb, "children") == 0 && r)
    add_revisions(&run->result, &r->next_all);
  else
    return strcmp(verb, "at-heads") == 0;
  if (!error_is_set(&run->err))
    add_revisions(&run->result, found);
  return true;
}

static void run_labels(struct run *run, const char *id) {
  const struct revision *r = graph_find(run->graph, id);
  for (size_t i = 0; r && i < r->branch_labels.len; i++)
    add_word(&run->result, strvec_at(&r->branch_labels, i));
}

static void forget_result(struct run *run) {
  strbuf_clear(&run->result);
  strbuf_clear(&run->rows);
  strbuf_clear(&run->changes);
  error_clear(&run->err);
  free(run->warning);
  run->warning = NULL;
}

static void call(struct run *run, const char *verb, struct vec *args, const struct vec *rows) {
  const char *arg = args->len ? strvec_at(args, 0) : "";
  struct vec found = VEC_INIT;
  if (strcmp(verb, "build") == 0) {
    if (!run->graph)
      error_set(&run->err, run->build_error.class, "%s", run->build_error.message);
    if (!run->graph && run->build_error.hint)
      error_hint(&run->err, "%s", run->build_error.hint);
  } else if (!run->graph) {
    fault(run, "the graph is broken: %s", run->build_error.message);
  } else if (strcmp(verb, "upgrade") == 0 || strcmp(verb, "downgrade") == 0 || strcmp(verb, "stamp") == 0) {
    run_plan(run, verb, args, rows);
  } else if (strcmp(verb, "history") == 0) {
    run_history(run, arg, rows, &found);
  } else if (strcmp(verb, "one") == 0) {
    run_one(run, arg);
  } else if (strcmp(verb, "labels") == 0) {
    run_labels(run, arg);
  } else if (strcmp(verb, "marks") == 0) {
    run_marks(run, arg);
  } else if (!run_list(run, verb, arg, rows, &found)) {
    fault(run, "no command or no revision: %s %s", verb, arg);
  }
  vec_release(&found);
}

/* "error 4: text": class and a part of the message. */
static void expect_error(struct run *run, const char *expected) {
  int class = (int)strtol(expected + strlen("error"), NULL, 10);
  const char *text = strchr(expected, ':');
  text = text ? text + 1 + strspn(text + 1, " ") : "";
  if (!error_is_set(&run->err))
    fault(run, "expected error \"%s\", got: %s", text, run->result.len ? run->result.buf : "-");
  else if ((int)run->err.class != class || !strstr(run->err.message, text))
    fault(run, "expected error %d \"%s\", got %d \"%s\"", class, text, (int)run->err.class, run->err.message);
}

static void expect(struct run *run, const char *what, const char *expected, const char *got) {
  run->checks++;
  if (error_is_set(&run->err))
    fault(run, "expected %s %s, got error: %s", what, expected, run->err.message);
  else if (strcmp(expected, *got ? got : "-") != 0)
    fault(run, "expected %s %s, got %s", what, expected, *got ? got : "-");
}

/* "verb args from rows => expected" */
static void run_call(struct run *run, char *text) {
  char *expected = strstr(text, "=>");
  if (!expected) {
    fault(run, "no => in this line");
    return;
  }
  *expected = '\0';
  expected += 2 + strspn(expected + 2, " ");
  struct vec words = VEC_INIT;
  split_words(text, &words);
  struct vec args = VEC_INIT;
  struct vec rows = VEC_INIT;
  struct vec *list = &args;
  for (size_t i = 1; i < words.len; i++) {
    if (strcmp(strvec_at(&words, i), "from") == 0)
      list = &rows;
    else
      vec_push(list, strcmp(strvec_at(&words, i), "''") == 0 ? (void *)(uintptr_t) "" : words.items[i]);
  }
  forget_result(run);
  call(run, strvec_at(&words, 0), &args, &rows);
  if (strncmp(expected, "error", 5) == 0) {
    run->checks++;
    expect_error(run, expected);
  } else {
    expect(run, "result", expected, run->result.buf);
  }
  vec_release(&rows);
  vec_release(&args);
  strvec_release(&words);
}

/* A line that begins with a blank says more about the call before it. */
static void run_more(struct run *run, const char *text) {
  text += strspn(text, " \t");
  size_t name_len = strcspn(text, " ");
  const char *rest = text + name_len + strspn(text + name_len, " ");
  if (strncmp(text, "rows", name_len) == 0) {
    expect(run, "rows", rest, run->rows.buf);
  } else if (strncmp(text, "changes", name_len) == 0) {
    expect(run, "changes", rest, run->changes.buf);
  } else if (strncmp(text, "hint", name_len) == 0) {
    run->checks++;
    if (!run->err.hint || !strstr(run->err.hint, rest))
      fault(run, "expected hint \"%s\", got \"%s\"", rest, run->err.hint ? run->err.hint : "none");
  } else if (strncmp(text, "warning", name_len) == 0) {
    run->checks++;
    if (!run->warning || !strstr(run->warning, rest))
      fault(run, "expected warning \"%s\", got \"%s\"", rest, run->warning ? run->warning : "none");
  } else {
    fault(run, "unknown line: %s", text);
  }
}

static void begin_block(struct run *run) {
  graph_free(run->graph);
  run->graph = NULL;
  error_clear(&run->build_error);
  block_clear(&run->block);
  run->is_in_block = true;
}

static void end_block(struct run *run) {
  run->is_in_block = false;
  (void)!block_build(&run->block, &run->graph, &run->build_error);
}

static void run_line(struct run *run, char *text) {
  text[strcspn(text, "\r\n")] = '\0';
  if (*text == '#' || !text[strspn(text, " \t")])
    return;
  if (strcmp(text, "graph") == 0)
    begin_block(run);
  else if (strcmp(text, "end") == 0)
    end_block(run);
  else if (run->is_in_block)
    block_add(&run->block, text);
  else if (*text == ' ')
    run_more(run, text);
  else
    run_call(run, text);
}

static void run_file(void **state) {
  struct run run = {.path = *state, .result = STRBUF_INIT, .rows = STRBUF_INIT, .changes = STRBUF_INIT};
  FILE *file = fopen(run.path, "r");
  assert_non_null(file);
  char *text = NULL;
  size_t size = 0;
  while (getline(&text, &size, file) >= 0) {
    run.line++;
    run_line(&run, text);
  }
  free(text);
  fclose(file);
  forget_result(&run);
  strbuf_release(&run.result);
  strbuf_release(&run.rows);
  strbuf_release(&run.changes);
  block_clear(&run.block);
  graph_free(run.graph);
  error_release(&run.build_error);
  print_message("%s: %zu checks\n", run.path, run.checks);
  assert_true(run.checks > 0);
  assert_int_equal(run.faults, 0);
}

static int compare_names(const void *a, const void *b) {
  const char *const *left = a;
  const char *const *right = b;
  return strcmp(*left, *right);
}

static void find_files(struct vec *paths) {
  DIR *dir = opendir(CASES);
  if (!dir)
    return;
  for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
    size_t len = strlen(entry->d_name);
    if (len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0)
      vec_push(paths, xasprintf("%s/%s", CASES, entry->d_name));
  }
  closedir(dir);
  qsort(paths->items, paths->len, sizeof(*paths->items), compare_names);
}

int main(int argc, char **argv) {
  struct vec paths = VEC_INIT;
  for (int i = 1; i < argc; i++)
    strvec_push(&paths, argv[i]);
  if (argc < 2)
    find_files(&paths);
  if (paths.len == 0) {
    fprintf(stderr, "no cases in %s: run this in the root of the repository\n", CASES);
    return 1;
  }
  struct CMUnitTest *tests = xcalloc(paths.len, sizeof(*tests));
  for (size_t i = 0; i < paths.len; i++)
    tests[i] =
        (struct CMUnitTest){.name = strvec_at(&paths, i), .test_func = run_file, .initial_state = paths.items[i]};
  int failed = _cmocka_run_group_tests("graph cases", tests, paths.len, NULL, NULL);
  free(tests);
  strvec_release(&paths);
  return failed;
}
