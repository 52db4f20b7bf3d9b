/*
 * test_url.c - database URLs: the cases of tests/cases/url.txt, and what must never be shown.
 *
 * Runs in the root of the repository.
 */
#include "base/strbuf.h"
#include "config/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char cases_file[] = "tests/cases/url.txt";

/* Appends " name=value"; a value that is empty or holds blanks in quotes, as the cases write it. */
static void add_field(struct strbuf *out, const char *name, const char *value) {
  if (!value)
    return;
  bool is_quoted = !*value || strchr(value, ' ');
  strbuf_addf(out, is_quoted ? " %s=\"%s\"" : " %s=%s", name, value);
}

static char *describe(const struct url *url) {
  struct strbuf out = STRBUF_INIT;
  add_field(&out, "scheme", url->scheme);
  add_field(&out, "user", url->user);
  add_field(&out, "password", url->password);
  add_field(&out, "host", url->host);
  add_field(&out, "port", url->port);
  add_field(&out, "database", url->database);
  for (size_t i = 0; i < url->keys.len; i++) {
    strbuf_add_str(&out, " ?");
    char *name = strbuf_detach(&out);
    strbuf_addf(&out, "%s%s", name, strvec_at(&url->keys, i));
    free(name);
    const char *value = strvec_at(&url->values, i);
    strbuf_addf(&out, !*value || strchr(value, ' ') ? "=\"%s\"" : "=%s", value);
  }
  char *redacted = url_redacted(url);
  add_field(&out, "redacted", redacted);
  free(redacted);
  return strbuf_detach(&out);
}

static bool check_error(const char *text, const char *expected) {
  struct url url = URL_INIT;
  struct error err = ERROR_INIT;
  bool ok = !url_parse(text, &url, &err);
  if (!ok) {
    url_release(&url);
    return false;
  }
  ok = err.class == ERROR_USAGE && strstr(err.message, expected) && err.hint;
  bool is_leak = strstr(err.message, "hidden") || strstr(err.hint, "hidden");
  if (!ok || is_leak)
    print_error("  got: %s\n", err.message);
  error_release(&err);
  return ok && !is_leak;
}

static bool check_fields(const char *text, const char *expected) {
  struct url url = URL_INIT;
  struct error err = ERROR_INIT;
  if (!url_parse(text, &url, &err)) {
    print_error("  got: error: %s\n", err.message);
    error_release(&err);
    return false;
  }
  char *got = describe(&url);
  bool ok = strcmp(got + 1, expected) == 0;
  if (!ok)
    print_error("  got: %s\n", got + 1);
  free(got);
  url_release(&url);
  return ok;
}

static bool check_line(char *line, int number) {
  char *arrow = strstr(line, " => ");
  if (!arrow || *line == '#')
    return true;
  *arrow = '\0';
  const char *expected = arrow + strlen(" => ");
  const char error_mark[] = "error: ";
  bool is_error = strncmp(expected, error_mark, strlen(error_mark)) == 0;
  bool ok = is_error ? check_error(line, expected + strlen(error_mark)) : check_fields(line, expected);
  if (!ok)
    print_error("%s:%d: %s => %s\n", cases_file, number, line, expected);
  return ok;
}

static void test_cases(void **state) {
  (void)state;
  struct strbuf text = STRBUF_INIT;
  assert_true(strbuf_read_file(&text, cases_file));
  int failed = 0, number = 0;
  char *next = text.buf;
  for (char *line; (line = strsep(&next, "\n"));)
    failed += !check_line(line, ++number);
  strbuf_release(&text);
  assert_true(number > 50);
  assert_int_equal(failed, 0);
}

static void test_blanks_around_are_cut(void **state) {
  (void)state;
  struct url url = URL_INIT;
  struct error err = ERROR_INIT;
  assert_true(url_parse(" \tpostgresql://u:p@h/d\r\n", &url, &err));
  assert_string_equal(url.database, "d");
  url_release(&url);
  assert_false(url_parse("postgresql://u:hidden@h/d\nx", &url, &err));
  assert_null(strstr(err.message, "hidden"));
  assert_non_null(strstr(err.message, "control character"));
  error_release(&err);
}

static void check_redaction(const char *text, const char *expected) {
  char *shown = url_redact_text(text);
  assert_string_equal(shown, expected);
  free(shown);
}

static void test_redact_text(void **state) {
  (void)state;
  check_redaction("sqlite:///:memory:", "sqlite:///:memory:");
  check_redaction("sqlite:///a b.db", "sqlite:///a b.db");
  check_redaction("postgresql+psycopg2://u@h/d", "postgresql+psycopg2://u@h/d");
  check_redaction("postgresql+psycopg2://u:s3%40t@h/d?sslmode=require",
                  "postgresql+psycopg2://u:***@h/d?sslmode=require");
  check_redaction("postgresql://u:a@b/c@h/d", "postgresql://u:***@h/d");
  check_redaction("postgresql://h/d?sslpassword=x&a=b", "postgresql://h/d?sslpassword=***&a=b");
  check_redaction("postgresql://h/d?PASSWORD=x", "postgresql://h/d?PASSWORD=***");
  check_redaction("postgresql://h/d?passfile=/p", "postgresql://h/d?passfile=/p");
  check_redaction("postgresql://u:x@h:y/d", "postgresql://***@h:y/d");
  check_redaction("u:x@h", "***@h");
  check_redaction("host=h password='a b' user=u", "host=h password=*** user=u");
  check_redaction("password=x", "password=***");
  check_redaction("host = h password = x user = u", "host = h password =*** user = u");
  check_redaction("password is x = y", "password is x = y");
  check_redaction("password='x", "password=***");
  check_redaction("", "");
  check_redaction("://", "://");
}

/* What is shown reads as the same URL, but for the secrets. */
static void test_redacted_is_a_url(void **state) {
  (void)state;
  struct url url = URL_INIT, again = URL_INIT;
  struct error err = ERROR_INIT;
  assert_true(url_parse("postgresql://a%2Fb%3Ac:p@h%3Fx:1/d%3Fe%2541?k%26=v%3D%2B", &url, &err));
  char *shown = url_redacted(&url);
  assert_true(url_parse(shown, &again, &err));
  assert_string_equal(again.user, "a/b:c");
  assert_string_equal(again.password, "***");
  assert_string_equal(again.host, "h?x");
  assert_string_equal(again.database, "d?e%41");
  assert_string_equal(strvec_at(&again.keys, 0), "k&");
  assert_string_equal(strvec_at(&again.values, 0), "v=+");
  free(shown);
  url_release(&url);
  url_release(&again);
}

/* A megabyte of each character that has a meaning: no time that grows with the square, no deep stack. */
static void test_long_texts(void **state) {
  (void)state;
  for (const char *c = "@:/?[]%&=+a"; *c; c++) {
    struct strbuf text = STRBUF_INIT;
    strbuf_add_str(&text, "postgresql://u:");
    strbuf_add_repeated(&text, *c, 1024 * 1024);
    struct url url = URL_INIT;
    struct error err = ERROR_INIT;
    if (url_parse(text.buf, &url, &err))
      url_release(&url);
    error_release(&err);
    strbuf_release(&text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cases),       cmocka_unit_test(test_blanks_around_are_cut),
      cmocka_unit_test(test_redact_text), cmocka_unit_test(test_redacted_is_a_url),
      cmocka_unit_test(test_long_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
