/*
 * test_option.c - what a user may type: options in every place and form, `-1` as an argument, and the errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/command.h"
#include "cli/option.h"

#include <string.h>

static struct {
  const char *config;
  const char *color;
  const char *range;
  struct vec x;
  double timeout;
  bool verbose;
  bool quiet;
  bool check;
  bool resolve;
} got;

static const struct option_spec globals[] = {
    {.name = "config", .letter = 'c', .type = OPTION_TEXT, .argument = "FILE", .help = "", .target = &got.config},
    {.name = "x-arg", .letter = 'x', .type = OPTION_LIST, .argument = "K=V", .help = "", .target = &got.x},
    {.name = "verbose", .letter = 'v', .type = OPTION_FLAG, .help = "", .target = &got.verbose},
    {.name = "quiet", .letter = 'q', .type = OPTION_FLAG, .help = "", .target = &got.quiet},
    {.name = "color", .type = OPTION_CHOICE, .argument = "auto|always|never", .help = "", .target = &got.color},
    {.name = "lock-timeout", .type = OPTION_SECONDS, .argument = "S", .help = "", .target = &got.timeout},
    OPTION_END,
};

static const struct option_spec locals[] = {
    {.name = "rev-range", .letter = 'r', .type = OPTION_TEXT, .argument = "A:B", .help = "", .target = &got.range},
    {.name = "resolve-dependencies", .type = OPTION_FLAG, .help = "", .target = &got.resolve},
    {.name = "check-heads", .letter = 'c', .type = OPTION_FLAG, .help = "", .target = &got.check},
    OPTION_END,
};

struct line {
  struct vec arguments;
  struct error err;
  int next;
  bool ok;
};

/* Parses "moonbird" and the words (ends with NULL). */
static void parse_words(struct line *line, bool stop, const char *const *words) {
  char *argv[32] = {"moonbird"};
  int argc = 1;
  for (; words[argc - 1]; argc++)
    argv[argc] = (char *)words[argc - 1];
  memset(&got, 0, sizeof got);
  got.timeout = -1;
  *line = (struct line){.arguments = VEC_INIT, .err = ERROR_INIT, .next = 1};
  struct option_parser parser = {
      .command = stop ? NULL : "history", .locals = stop ? NULL : locals, .globals = globals, .stop_at_argument = stop};
  line->ok = option_parse(&parser, argc, argv, &line->next, &line->arguments, &line->err);
}

#define PARSE(line, ...)        parse_words(line, false, (const char *const[]){__VA_ARGS__, NULL})
#define PARSE_BEFORE(line, ...) parse_words(line, true, (const char *const[]){__VA_ARGS__, NULL})

static void release(struct line *line) {
  vec_release(&line->arguments);
  vec_release(&got.x);
  error_release(&line->err);
}

static void assert_argument(const struct line *line, size_t index, const char *text) {
  assert_true(index < line->arguments.len);
  assert_string_equal(strvec_at(&line->arguments, index), text);
}

static void assert_fails(struct line *line, const char *message, const char *hint) {
  assert_false(line->ok);
  assert_int_equal(line->err.class, ERROR_USAGE);
  assert_string_equal(line->err.message, message);
  if (hint)
    assert_string_equal(line->err.hint, hint);
  else
    assert_null(line->err.hint);
  release(line);
}

static void test_forms_of_options(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "-c", "a.ini", "-x", "k=v", "-xl=w", "--color=never", "--lock-timeout", "200ms", "-vq", "abc");
  assert_true(line.ok);
  assert_string_equal(got.config, "a.ini");
  assert_int_equal(got.x.len, 2);
  assert_string_equal(strvec_at(&got.x, 0), "k=v");
  assert_string_equal(strvec_at(&got.x, 1), "l=w");
  assert_string_equal(got.color, "never");
  assert_true(got.timeout > 0.199 && got.timeout < 0.201);
  assert_true(got.verbose && got.quiet);
  assert_int_equal(line.arguments.len, 1);
  assert_argument(&line, 0, "abc");
  release(&line);
}

static void test_options_after_arguments(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "abc", "-v", "def", "--resolve-dependencies");
  assert_true(line.ok && got.verbose && got.resolve);
  assert_int_equal(line.arguments.len, 2);
  assert_argument(&line, 1, "def");
  release(&line);
}

static void test_stops_at_the_command(void **state) {
  (void)state;
  struct line line;
  PARSE_BEFORE(&line, "-v", "-c", "a.ini", "heads", "-q");
  assert_true(line.ok && got.verbose && !got.quiet);
  assert_int_equal(line.next, 4);
  assert_int_equal(line.arguments.len, 0);
  release(&line);
}

static void test_relative_revisions_are_arguments(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "-1", "+2", "-3:", "-12", "label@-1", "-");
  assert_true(line.ok);
  assert_int_equal(line.arguments.len, 6);
  assert_argument(&line, 0, "-1");
  assert_argument(&line, 1, "+2");
  assert_argument(&line, 2, "-3:");
  assert_argument(&line, 3, "-12");
  assert_argument(&line, 5, "-");
  release(&line);
}

static void test_range_that_begins_with_a_dash(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "-r", "-3:");
  assert_true(line.ok);
  assert_string_equal(got.range, "-3:");
  assert_int_equal(line.arguments.len, 0);
  release(&line);
  PARSE(&line, "-r-3:");
  assert_true(line.ok);
  assert_string_equal(got.range, "-3:");
  release(&line);
  PARSE(&line, "--rev-range=-3:");
  assert_true(line.ok);
  assert_string_equal(got.range, "-3:");
  release(&line);
}

static void test_double_dash_ends_options(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "-v", "--", "-q", "--", "--nope");
  assert_true(line.ok && got.verbose && !got.quiet);
  assert_int_equal(line.arguments.len, 3);
  assert_argument(&line, 0, "-q");
  assert_argument(&line, 1, "--");
  assert_argument(&line, 2, "--nope");
  release(&line);
}

static void test_shared_letter(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "-c");
  assert_true(line.ok && got.check && !got.config);
  release(&line);
  PARSE(&line, "-c", "-v");
  assert_true(line.ok && got.check && got.verbose && !got.config);
  release(&line);
  PARSE(&line, "-c", "a.ini");
  assert_true(line.ok && !got.check);
  assert_string_equal(got.config, "a.ini");
  assert_int_equal(line.arguments.len, 0);
  release(&line);
}

static void test_abbreviated_names(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "--resolve", "--lock", "2min");
  assert_true(line.ok && got.resolve);
  assert_true(got.timeout > 119.9 && got.timeout < 120.1);
  release(&line);
  PARSE(&line, "--re");
  assert_fails(&line, "option '--re' is ambiguous: --rev-range, --resolve-dependencies", NULL);
}

static void test_unknown_options(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "--resolve-dependancies");
  assert_fails(&line, "unknown option '--resolve-dependancies'", "did you mean '--resolve-dependencies'?");
  PARSE(&line, "--colour=never");
  assert_fails(&line, "unknown option '--colour'", "did you mean '--color'?");
  PARSE(&line, "--zzzzzz");
  assert_fails(&line, "unknown option '--zzzzzz'", "'moonbird help history' lists its options");
  PARSE(&line, "-vZ");
  assert_fails(&line, "unknown option '-Z'", "'moonbird help history' lists its options");
  PARSE_BEFORE(&line, "--rev-range", "a:b");
  assert_fails(&line, "unknown option '--rev-range'",
               "'moonbird help' lists options and commands; a command's own options come after it");
}

static void test_wrong_values(void **state) {
  (void)state;
  struct line line;
  PARSE(&line, "--rev-range");
  assert_fails(&line, "option '--rev-range' needs a value: --rev-range A:B", NULL);
  PARSE(&line, "-r");
  assert_fails(&line, "option '-r' needs a value: -r A:B", NULL);
  PARSE(&line, "--verbose=1");
  assert_fails(&line, "option '--verbose' takes no value", NULL);
  PARSE(&line, "--color", "alway");
  assert_fails(&line, "option '--color' wants auto|always|never, not 'alway'", NULL);
  PARSE(&line, "--color", "");
  assert_fails(&line, "option '--color' wants auto|always|never, not ''", NULL);
  PARSE(&line, "--lock-timeout", "soon");
  assert_fails(&line, "option '--lock-timeout' wants a number of seconds, not 'soon'",
               "Examples: --lock-timeout 5, --lock-timeout 200ms, --lock-timeout 2min");
}

static void test_commands_are_found(void **state) {
  (void)state;
  struct error err = ERROR_INIT;
  assert_ptr_equal(command_find("list-templates"), command_find("list_templates"));
  assert_ptr_equal(command_find("log"), command_find("history"));
  assert_null(command_find("histor"));
  assert_null(command_get(NULL, "upgarde", &err));
  assert_int_equal(err.class, ERROR_USAGE);
  assert_string_equal(err.message, "unknown command 'upgarde'");
  assert_string_equal(err.hint, "did you mean 'upgrade'? 'moonbird help' lists all commands");
  error_release(&err);
}

static void test_verbs_are_found(void **state) {
  (void)state;
  struct error err = ERROR_INIT;
  const struct command *noun = command_get(NULL, "backfill", &err);
  assert_non_null(noun);
  assert_true(command_is_noun(noun));
  assert_false(command_is_noun(command_find("upgrade")));
  assert_null(command_noun(noun));
  const struct command *verb = command_get(noun, "list", &err);
  assert_ptr_equal(verb, command_find("backfill list"));
  assert_ptr_equal(command_noun(verb), noun);
  assert_string_equal(command_verb(verb), "list");
  assert_null(command_get(noun, "lsit", &err));
  assert_string_equal(err.message, "unknown command 'backfill lsit'");
  assert_string_equal(err.hint, "did you mean 'backfill list'? 'moonbird help backfill' lists its commands");
  /* One word stays one word. */
  assert_null(command_get(NULL, "backfill list", &err));
  assert_null(command_get(command_find("upgrade"), "head", &err));
  assert_string_equal(err.hint, "'upgrade' has no commands of its own");
  assert_false(command_missing_verb(noun, &err));
  assert_int_equal(strncmp(err.message, "backfill: which command? One of ", 32), 0);
  assert_string_equal(err.hint, "'moonbird help backfill' tells what they do");
  error_release(&err);
}

/* A row without a noun's row, or with an alias of other words before the verb, would end in a BUG somewhere. */
static void test_rows_fit_together(void **state) {
  (void)state;
  for (size_t i = 0; i < command_count(); i++) {
    const struct command *c = command_at(i);
    const struct command *noun = command_noun(c);
    assert_ptr_equal(command_find(c->name), c);
    assert_true(c->run || command_is_noun(c));
    assert_true(!noun || command_is_noun(noun));
    if (c->alias)
      assert_int_equal(strncmp(c->alias, c->name, (size_t)(command_verb(c) - c->name)), 0);
  }
}

static bool check(const char *command, const char *const *words, struct error *err) {
  struct vec arguments = VEC_INIT;
  for (; *words; words++)
    vec_push(&arguments, (char *)*words);
  bool ok = command_check_arguments(command_find(command), &arguments, err);
  vec_release(&arguments);
  return ok;
}

#define CHECK(command, ...) check(command, (const char *const[]){__VA_ARGS__}, &err)

static void test_number_of_arguments(void **state) {
  (void)state;
  struct error err = ERROR_INIT;
  assert_true(CHECK("upgrade", "head", NULL));
  assert_true(CHECK("up", NULL));
  assert_true(CHECK("up", "head", NULL));
  assert_true(CHECK("stamp", "a", "b", "c", NULL));
  assert_true(CHECK("help", NULL));
  assert_true(CHECK("help", "backfill", "list", NULL));
  assert_false(CHECK("upgrade", NULL));
  assert_string_equal(err.message, "upgrade: the argument REV is missing");
  assert_string_equal(err.hint, "usage: moonbird upgrade REV");
  assert_false(CHECK("stamp", NULL));
  assert_string_equal(err.message, "stamp: the argument REV is missing");
  assert_false(CHECK("up", "a", "b", NULL));
  assert_string_equal(err.message, "up: unexpected argument 'b'");
  assert_false(CHECK("heads", "x", NULL));
  assert_string_equal(err.message, "heads: unexpected argument 'x'");
  assert_string_equal(err.hint, "usage: moonbird heads");
  error_release(&err);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forms_of_options),
      cmocka_unit_test(test_options_after_arguments),
      cmocka_unit_test(test_stops_at_the_command),
      cmocka_unit_test(test_relative_revisions_are_arguments),
      cmocka_unit_test(test_range_that_begins_with_a_dash),
      cmocka_unit_test(test_double_dash_ends_options),
      cmocka_unit_test(test_shared_letter),
      cmocka_unit_test(test_abbreviated_names),
      cmocka_unit_test(test_unknown_options),
      cmocka_unit_test(test_wrong_values),
      cmocka_unit_test(test_commands_are_found),
      cmocka_unit_test(test_verbs_are_found),
      cmocka_unit_test(test_rows_fit_together),
      cmocka_unit_test(test_number_of_arguments),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
