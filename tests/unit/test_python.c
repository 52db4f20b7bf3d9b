/*
 * test_python.c - the reader of Alembic's headers, over the cases in tests/cases/python.
 *
 * A case is NAME.py and NAME.py.expected, see the README there. With PYTHON_CASES_WRITE=1 in the environment, missing
 * expected files are written, to be read and corrected by a person.
 */
#include "base/strbuf.h"
#include "script/header_python.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char folder[] = "tests/cases/python";

static void add_list(struct strbuf *sb, const char *name, const struct vec *texts) {
  if (!texts->len)
    return;
  char *joined = strvec_join(texts, "|");
  strbuf_addf(sb, "%s: %s\n", name, joined);
  free(joined);
}

static void add_found(struct strbuf *sb, const struct header *h, const char *create_date) {
  strbuf_addf(sb, "revision: %s\n", h->id);
  add_list(sb, "down_revision", &h->down);
  add_list(sb, "branch_labels", &h->labels);
  add_list(sb, "depends_on", &h->depends_on);
  if (create_date)
    strbuf_addf(sb, "create_date: %s\n", create_date);
  strbuf_addf(sb, "summary: %s\n", h->summary);
  for (const char *p = h->message; *p;) {
    size_t len = strcspn(p, "\n");
    strbuf_addf(sb, "message: %.*s\n", (int)len, p);
    p += len + (p[len] == '\n');
  }
}

/* What the reader makes of a text, as the expected files have it. */
static char *outcome(const char *name, const char *text, size_t len) {
  struct arena arena = ARENA_INIT;
  struct header header = HEADER_INIT;
  struct error err = ERROR_INIT;
  struct strbuf sb = STRBUF_INIT;
  const char *create_date = NULL;
  /* A copy without room behind it, so that the sanitizer sees a read beyond the end. */
  char *exact = malloc(len ? len : 1);
  memcpy(exact, text, len);
  if (header_read_python(name, exact, len, &arena, &header, &create_date, &err) == HEADER_FOUND) {
    add_found(&sb, &header, create_date);
  } else {
    assert_int_equal(err.class, ERROR_HISTORY);
    strbuf_addf(&sb, "error: %s\n", err.message);
    if (err.hint)
      strbuf_addf(&sb, "hint: %s\n", err.hint);
  }
  free(exact);
  header_release(&header);
  arena_release(&arena);
  error_release(&err);
  return strbuf_detach(&sb);
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
  char *actual = outcome(name, text.buf, text.len);
  if (getenv("PYTHON_CASES_WRITE"))
    write_expected(name, actual);
  read_case(name, ".expected", &expected);
  if (strcmp(actual, expected.buf) != 0)
    fail_msg("%s\n--- expected\n%s--- actual\n%s", name, expected.buf, actual);
  for (size_t len = 0; len < text.len; len++)
    free(outcome(name, text.buf, len));
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
    size_t len = strlen(d->d_name);
    if (len < 3 || strcmp(d->d_name + len - 3, ".py") != 0)
      continue;
    check_case(d->d_name);
    count++;
  }
  closedir(dir);
  assert_true(count >= 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_case),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
