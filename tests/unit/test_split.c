/*
 * test_split.c - the cases of tests/cases/split.txt, and that a long script takes linear time. Runs in the root of the
 * repository.
 */
#include "base/clock.h"
#include "base/map.h"
#include "lua/dialect.h"
#include "sql/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char cases_file[] = "tests/cases/split.txt";

/* The next line, without its end; NULL at the end of the text. */
static char *next_line(char **at) {
  char *line = *at;
  if (!*line)
    return NULL;
  char *end = strchr(line, '\n');
  *at = end ? end + 1 : line + strlen(line);
  if (end)
    *end = '\0';
  return line;
}

static struct sql_rules parse_rules(char *words) {
  struct sql_rules rules = {.shell_prefix = 0};
  for (char *rest, *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    if (strncmp(word, "shell_prefix=", 13) == 0)
      rules.shell_prefix = word[13];
    else if (!dialect_set_rule(&rules, word, true))
      fail_msg("%s: no rule %s", cases_file, word);
  }
  return rules;
}

static void add_escaped(struct strbuf *out, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (text[i] == '\n')
      strbuf_add_str(out, "\\n");
    else
      strbuf_add_char(out, text[i]);
  }
}

/* The pieces lie one behind the other. */
static void check_place(const char *sql, size_t len, const char **from, const struct sql_statement *s) {
  assert_true(s->piece >= *from && s->piece + s->piece_len <= sql + len);
  if (s->len)
    assert_true(s->text >= s->piece && s->text + s->len <= s->piece + s->piece_len);
  *from = s->piece + s->piece_len;
}

/* What splitting gives, in the form of the cases. */
static char *split(const struct sql_rules *rules, const char *sql, size_t len) {
  struct strbuf out = STRBUF_INIT;
  struct sql_splitter splitter;
  struct sql_statement s;
  struct error err = ERROR_INIT;
  const char *from = sql;
  sql_split_init(&splitter, rules, sql, len, 1);
  enum sql_split found;
  while ((found = sql_split_next(&splitter, &s, &err)) == SQL_SPLIT_STATEMENT) {
    check_place(sql, len, &from, &s);
    if (!s.len)
      continue;
    strbuf_addf(&out, "%zu: ", s.line);
    add_escaped(&out, s.text, s.len);
    strbuf_add_char(&out, '\n');
    if (s.data) {
      assert_true(s.data >= s.text + s.len && s.data + s.data_len <= s.piece + s.piece_len);
      strbuf_add_str(&out, "data ");
      add_escaped(&out, s.data, s.data_len);
      strbuf_add_char(&out, '\n');
    }
  }
  if (found == SQL_SPLIT_BROKEN)
    strbuf_addf(&out, "error %zu: %s\n", s.line, err.message);
  error_release(&err);
  return strbuf_detach(&out);
}

/* Each wanted line, or of an error its beginning. */
static bool is_wanted(char *got, const char *want) {
  while (*want) {
    const char *end = strchr(want, '\n');
    size_t len = (size_t)(end - want);
    char *line = next_line(&got);
    bool is_error = strncmp(want, "error ", 6) == 0;
    if (!line || strncmp(line, want, len) != 0 || (!is_error && line[len]))
      return false;
    want = end + 1;
  }
  return !*got;
}

static void run_case(const struct sql_rules *rules, const char *title, const struct strbuf *sql, const char *want) {
  size_t len = sql->len ? sql->len - 1 : 0; /* the last line end is the file's */
  char *exact = malloc(len ? len : 1);      /* without a NUL: reading past the end is seen by the sanitizer */
  memcpy(exact, sql->buf, len);
  char *got = split(rules, exact, len), *shown = strdup(got);
  if (!is_wanted(got, want))
    fail_msg("%s: %s\n--- gives\n%s--- not\n%s", cases_file, title, shown, want);
  free(exact);
  free(got);
  free(shown);
}

/* Takes the lines of one case behind its title. */
static void read_case(char **at, struct strbuf *sql, struct strbuf *want) {
  struct strbuf *part = sql;
  while (**at && strncmp(*at, "=== ", 4) != 0) {
    char *line = next_line(at);
    if (strcmp(line, "---") == 0) {
      part = want;
      continue;
    }
    if (part == want && !*line)
      continue;
    strbuf_addf(part, "%s\n", line);
  }
}

static void all_cases(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  if (!strbuf_read_file(&text, cases_file))
    fail_msg("%s cannot be read", cases_file);
  struct map rules = MAP_INIT;
  char *at = text.buf;
  size_t count = 0;
  for (char *line = next_line(&at); line; line = next_line(&at)) {
    if (strncmp(line, "rules ", 6) == 0) {
      char *words = line + 6, *name = strsep(&words, " ");
      struct sql_rules *parsed = malloc(sizeof(*parsed));
      *parsed = words ? parse_rules(words) : (struct sql_rules){.shell_prefix = 0};
      map_put(&rules, name, parsed);
    }
    if (strncmp(line, "=== ", 4) != 0)
      continue;
    char *title = line + 4, *name = strsep(&title, ":");
    const struct sql_rules *named = map_get(&rules, name);
    if (!named || !title)
      fail_msg("%s: no rules for \"%s\"", cases_file, line);
    struct strbuf sql = STRBUF_INIT, want = STRBUF_INIT;
    read_case(&at, &sql, &want);
    run_case(named, title, &sql, want.buf);
    strbuf_release(&sql);
    strbuf_release(&want);
    count++;
  }
  assert_true(count > 30);
  map_release_with(&rules, free);
  strbuf_release(&text);
}

static double split_seconds(size_t statements) {
  static const char statement[] = "INSERT INTO t VALUES (1, 'some text', /* c */ \"x\");\n";
  struct strbuf sql = STRBUF_INIT;
  for (size_t i = 0; i < statements; i++)
    strbuf_add_str(&sql, statement);
  struct sql_rules rules = {.e_strings = true, .dollar_quotes = true, .nested_comments = true};
  struct sql_splitter splitter;
  struct sql_statement s;
  struct error err = ERROR_INIT;
  double started = clock_monotonic_s();
  sql_split_init(&splitter, &rules, sql.buf, sql.len, 1);
  size_t count = 0;
  while (sql_split_next(&splitter, &s, &err) == SQL_SPLIT_STATEMENT)
    count++;
  double seconds = clock_monotonic_s() - started;
  assert_int_equal(count, statements);
  assert_int_equal(s.line, statements);
  strbuf_release(&sql);
  return seconds;
}

/* Eight times as much may take eight times as long, not sixty-four; a busy machine has room. */
static void long_scripts_take_linear_time(void **state) {
  (void)state;
  double few = split_seconds(5000), many = split_seconds(40000);
  assert_true(many < 30 * (few + 0.001));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases), cmocka_unit_test(long_scripts_take_linear_time)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
