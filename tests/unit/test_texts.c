/*
 * test_texts.c - named SQL statements from files, with their words filled in.
 */
#include "run/texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct texts load(const char *text, const char *style) {
  struct embedded_file file = {.name = "test.sql", .text = text, .len = strlen(text)};
  struct map words = MAP_INIT;
  struct texts texts = TEXTS_INIT;
  map_put(&words, "table", (void *)(uintptr_t) "\"a table?\"");
  map_put(&words, "empty", (void *)(uintptr_t) "");
  texts_add(&texts, &file, &words, style);
  map_release(&words);
  return texts;
}

static void statements_by_name(void **state) {
  (void)state;
  struct texts texts =
      load("-- What the file is for.\n\n-- name: one\nSELECT a\nFROM t\n\n-- name: two\nSELECT b  \n", "?");
  assert_string_equal(texts_get(&texts, "one"), "SELECT a\nFROM t");
  assert_string_equal(texts_get(&texts, "two"), "SELECT b");
  texts_release(&texts);
}

static void words_and_placeholders(void **state) {
  (void)state;
  static const char file[] = "-- name: one\nSELECT ? FROM {table}{empty} WHERE a = ?{empty}\n";
  struct texts texts = load(file, "$");
  assert_string_equal(texts_get(&texts, "one"), "SELECT $1 FROM \"a table?\" WHERE a = $2");
  texts_release(&texts);
  texts = load(file, "?");
  assert_string_equal(texts_get(&texts, "one"), "SELECT ? FROM \"a table?\" WHERE a = ?");
  texts_release(&texts);
}

static void a_later_file_replaces(void **state) {
  (void)state;
  struct texts texts = load("-- name: one\nold\n-- name: one\nnew", "?");
  assert_string_equal(texts_get(&texts, "one"), "new");
  texts_release(&texts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(statements_by_name),
      cmocka_unit_test(words_and_placeholders),
      cmocka_unit_test(a_later_file_replaces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
