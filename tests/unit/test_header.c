/*
 * test_header.c - the header readers, over the cases in tests/cases/header.
 *
 * A case is NAME.lua or NAME.sql and NAME.lua.expected or NAME.sql.expected, see the README there. With
 * HEADER_CASES_WRITE=1 in the environment, missing expected files are written, to be read and corrected by a person.
 */
#include "base/strbuf.h"
#include "script/header.h"
#include "script/sql.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char folder[] = "tests/cases/header";

static enum header_status read_any(const char *name, const char *text, size_t len, bool complete, struct arena *arena,
                                   struct header *header, struct error *err) {
  if (strstr(name, ".sql"))
    return header_read_sql(name, text, len, complete, arena, header, err);
  return header_read_lua(name, text, len, complete, arena, header, err);
}

static void add_list(struct strbuf *sb, const char *name, const struct vec *texts) {
  if (!texts->len)
    return;
  char *joined = strvec_join(texts, "|");
  strbuf_addf(sb, "%s: %s\n", name, joined);
  free(joined);
}

static void add_found(struct strbuf *sb, const struct header *h) {
  strbuf_addf(sb, "revision: %s\n", h->id);
  add_list(sb, "down_revision", &h->down);
  add_list(sb, "branch_labels", &h->labels);
  add_list(sb, "depends_on", &h->depends_on);
  add_list(sb, "requires_backfill", &h->requires_backfill);
  if (!h->transaction)
    strbuf_add_str(sb, "transaction: false\n");
  strbuf_addf(sb, "summary: %s\n", h->summary);
  for (const char *p = h->message; *p;) {
    size_t len = strcspn(p, "\n");
    strbuf_addf(sb, "message: %.*s\n", (int)len, p);
    p += len + (p[len] == '\n');
  }
}

/* What a reader makes of a text, as the expected files have it; "truncated" where it wants more. */
static char *outcome(const char *name, const char *text, size_t len, bool complete) {
  struct arena arena = ARENA_INIT;
  struct header header = HEADER_INIT;
  struct error err = ERROR_INIT;
  struct strbuf sb = STRBUF_INIT;
  /* A copy without room behind it, so that the sanitizer sees a read beyond the end. */
  char *exact = malloc(len ? len : 1);
  memcpy(exact, text, len);
  switch (read_any(name, exact, len, complete, &arena, &header, &err)) {
  case HEADER_FOUND:
    add_found(&sb, &header);
    break;
  case HEADER_NONE:
    strbuf_add_str(&sb, "no revision\n");
    break;
  case HEADER_TRUNCATED:
    strbuf_add_str(&sb, "truncated\n");
    break;
  case HEADER_BROKEN:
    assert_int_equal(err.class, ERROR_HISTORY);
    strbuf_addf(&sb, "error: %s\n", err.message);
    if (err.hint)
      strbuf_addf(&sb, "hint: %s\n", err.hint);
    break;
  }
  free(exact);
  header_release(&header);
  arena_release(&arena);
  error_release(&err);
  return strbuf_detach(&sb);
}

static bool is_case(const char *name) {
  size_t len = strlen(name);
  return len > 4 && (strcmp(name + len - 4, ".lua") == 0 || strcmp(name + len - 4, ".sql") == 0);
}

static void read_case(const char *name, const char *suffix, struct strbuf *text) {
  char *path = xasprintf("%s/%s%s", folder, name, suffix);
  if (!strbuf_read_file(text, path))
    fail_msg("can't read %s", path);
  free(path);
}

static void write_expected(const char *name, const char *text) {
  char *path = xasprintf("%s/%s.expected", folder, name);
  FILE *file = fopen(path, "wx");
  if (file) {
    fputs(text, file);
    fclose(file);
  }
  free(path);
}

static void check_case(const char *name) {
  struct strbuf text = STRBUF_INIT;
  struct strbuf expected = STRBUF_INIT;
  read_case(name, "", &text);
  char *actual = outcome(name, text.buf, text.len, true);
  if (getenv("HEADER_CASES_WRITE"))
    write_expected(name, actual);
  read_case(name, ".expected", &expected);
  if (strcmp(actual, expected.buf) != 0)
    fail_msg("%s\n--- expected\n%s--- actual\n%s", name, expected.buf, actual);
  /* However much of the file was read, the answer is the same or "more". */
  for (size_t len = 0; len <= text.len; len++) {
    char *part = outcome(name, text.buf, len, false);
    if (strcmp(part, "truncated\n") != 0 && strcmp(part, actual) != 0)
      fail_msg("%s: the first %zu bytes give\n%s--- the whole file\n%s", name, len, part, actual);
    free(part);
  }
  free(actual);
  strbuf_release(&text);
  strbuf_release(&expected);
}

static void every_case(void **state) {
  (void)state;
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  size_t count = 0;
  const struct dirent *d;
  while ((d = readdir(dir))) {
    if (!is_case(d->d_name))
      continue;
    check_case(d->d_name);
    count++;
  }
  closedir(dir);
  assert_true(count >= 30);
}

static void reading_stops_at_the_first_function(void **state) {
  (void)state;
  static const char text[] = "revision = \"a\" down_revision = nil functio";
  char *part = outcome("x.lua", text, strlen(text), false);
  assert_string_equal(part, "truncated\n");
  free(part);
  static const char whole[] = "revision = \"a\" down_revision = nil function \"never closed";
  part = outcome("x.lua", whole, strlen(whole), false);
  assert_string_equal(part, "revision: a\nsummary: \n");
  free(part);
}

/* The statements of a section with their lines, parted by "|"; NULL: there is no such section. */
static void check_section(const char *text, enum sql_section which, const char *expected) {
  static const struct sql_rules rules = {.dollar_quotes = true, .copy_data = true, .shell_prefix = '\\'};
  struct sql_splitter section;
  bool is_there = script_sql_section(text, strlen(text), &rules, which, &section);
  assert_int_equal(is_there, expected != NULL);
  if (!expected)
    return;
  struct strbuf got = STRBUF_INIT;
  struct sql_statement s;
  struct error err = ERROR_INIT;
  enum sql_split found;
  while ((found = sql_split_next(&section, &s, &err)) == SQL_SPLIT_STATEMENT)
    if (s.len)
      strbuf_addf(&got, "%s%zu:%.*s", got.len ? "|" : "", s.line, (int)s.len, s.text);
  if (found == SQL_SPLIT_BROKEN)
    strbuf_addf(&got, "%sbroken %zu", got.len ? "|" : "", s.line);
  assert_string_equal(got.buf ? got.buf : "", expected);
  error_release(&err);
  strbuf_release(&got);
}

static void sql_sections(void **state) {
  (void)state;
  static const char text[] = "-- revision: a\n-- down_revision:\n\n-- migrate:up\nCREATE TABLE t (x int);\n"
                             "--migrate:down  \r\nDROP TABLE t;\n";
  check_section(text, SQL_SECTION_UP, "5:CREATE TABLE t (x int)");
  check_section(text, SQL_SECTION_DOWN, "7:DROP TABLE t");
  check_section(text, SQL_SECTION_VERIFY, NULL);
  check_section("", SQL_SECTION_UP, NULL);
  check_section("-- migrate:up", SQL_SECTION_UP, "");
}

/* `expected` is a part of the message, NULL where all is right. */
static void check_whole(const char *text, size_t expected_line, const char *expected) {
  static const struct sql_rules rules = {.dollar_quotes = true, .copy_data = true, .shell_prefix = '\\'};
  struct error err = ERROR_INIT;
  size_t line = 0;
  assert_int_equal(script_sql_check(text, strlen(text), &rules, &line, &err), expected == NULL);
  if (expected) {
    assert_non_null(strstr(err.message, expected));
    assert_int_equal(line, expected_line);
  }
  error_release(&err);
}

static void sql_belongs_to_sections(void **state) {
  (void)state;
  check_whole("-- revision: a\n-- migrate:up\nSELECT 1;\n-- migrate:down\n-- migrate:verify\nSELECT 2;", 0, NULL);
  check_whole("", 0, NULL);
  check_whole("-- a\n;;\n/* b */ -- migrate:up is a line of its own\n-- migrate:up\nSELECT $$\n-- migrate:x\n$$;", 0,
              NULL);
  check_whole("-- revision: a\n\nSELECT\n1;\n-- migrate:up\n", 3, "the statement stands in no section");
  check_whole("\xEF\xBB\xBF-- a\r\nSELECT 'b\r\n-- migrate:up\r\n", 2, "the string that begins here has no end");
  check_whole("-- migrate:up\nSELECT 1;\n-- migrate:dwn\nSELECT 2;\n", 3, "unknown section \"-- migrate:dwn\"");
  check_whole("-- migrate:up\n-- migrate:down\n\n--migrate: up \n", 4,
              "`-- migrate:up` is there twice, first in line 1");
  check_whole("-- migrate:up\nSELECT 'never closed\n-- migrate:Up\n", 3, "unknown section \"-- migrate:Up\"");
}

static void markers_count_as_comments_of_their_own(void **state) {
  (void)state;
  static const char text[] = "\xEF\xBB\xBF-- revision: a\n/*\n-- migrate:up\n*/\n-- migrate:up\n"
                             "SELECT 'a\n-- migrate:down\n', $$\n-- migrate:down\n$$; -- migrate:down\n"
                             "COPY t FROM stdin;\n-- migrate:down\n\\.\nSELECT 1\n  -- migrate:down\nSELECT 2;\n";
  check_section(text, SQL_SECTION_UP,
                "6:SELECT 'a\n-- migrate:down\n', $$\n-- migrate:down\n$$|11:COPY t FROM stdin|14:SELECT 1");
  check_section(text, SQL_SECTION_DOWN, "16:SELECT 2");
}

/* What is wrong in one section is no matter of the others. */
static void a_broken_section_ends_too(void **state) {
  (void)state;
  static const char text[] = "-- migrate:up\nSELECT 1;\n\\connect x\nSELECT 2;\n-- migrate:down\nSELECT 'never\n"
                             "-- migrate:verify\nSELECT 3;\n";
  check_section(text, SQL_SECTION_UP, "2:SELECT 1|broken 3");
  check_section(text, SQL_SECTION_DOWN, "broken 6");
  check_section(text, SQL_SECTION_VERIFY, "8:SELECT 3");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case),
      cmocka_unit_test(reading_stops_at_the_first_function),
      cmocka_unit_test(sql_sections),
      cmocka_unit_test(sql_belongs_to_sections),
      cmocka_unit_test(markers_count_as_comments_of_their_own),
      cmocka_unit_test(a_broken_section_ends_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
