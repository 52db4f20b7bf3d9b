/*
 * test_placeholder.c - the cases of tests/cases/placeholder.txt. Runs in the root of the repository.
 */
#include "base/strbuf.h"
#include "sql/placeholder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char cases_file[] = "tests/cases/placeholder.txt";

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

static char *with_line_ends(const char *text) {
  struct strbuf out = STRBUF_INIT;
  for (; *text; text++) {
    bool is_end = text[0] == '\\' && text[1] == 'n';
    strbuf_add_char(&out, is_end ? '\n' : *text);
    text += is_end;
  }
  return strbuf_detach(&out);
}

static void run_case(const char *head, const char *sql_line, const char *want_line, const char *params) {
  bool named = strncmp(head, "name ", 5) == 0;
  const char *style = strchr(head, ' ') + 1;
  char *sql = with_line_ends(sql_line), *want = with_line_ends(want_line);
  struct placeholders p = PLACEHOLDERS_INIT;
  size_t len = strlen(sql);
  char *exact = malloc(len ? len : 1); /* without a NUL: reading past the end is seen by the sanitizer */
  memcpy(exact, sql, len);
  static const struct sql_rules rules = {
      .e_strings = true, .dollar_quotes = true, .backquotes = true, .nested_comments = true};
  placeholders_translate(&p, &rules, exact, len, named ? PLACEHOLDER_NAME : PLACEHOLDER_POSITION, style);
  char *names = strvec_join(&p.names, " ");
  char *count = xasprintf("%zu", p.count);
  if (strcmp(p.sql.buf, want) != 0 || strcmp(named ? names : count, params) != 0 || (named && p.count != p.names.len))
    fail_msg("%s\n  gives %s (%s)\n  not   %s (%s)", sql, p.sql.buf, named ? names : count, want, params);
  free(names);
  free(count);
  free(exact);
  free(sql);
  free(want);
  placeholders_release(&p);
}

static void all_cases(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  if (!strbuf_read_file(&text, cases_file))
    fail_msg("%s cannot be read", cases_file);
  char *at = text.buf;
  size_t count = 0;
  for (char *line = next_line(&at); line; line = next_line(&at)) {
    if (!*line || *line == '#')
      continue;
    char *sql = next_line(&at), *want = next_line(&at), *params = next_line(&at);
    if (!want)
      fail_msg("%s: the case \"%s\" is not whole", cases_file, line);
    run_case(line, sql, want, params ? params : "");
    count++;
  }
  assert_true(count > 20);
  strbuf_release(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_cases)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
