/*
 * test_table.c - columns of texts as they are printed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/table.h"

#include <locale.h>

static const char *const titles[] = {"NAME", "+ROWS", "TABLE"};

static void assert_prints(const struct table *table, size_t columns, const char *expected) {
  struct strbuf text = STRBUF_INIT;
  table_print(table, &text, columns);
  assert_string_equal(text.buf, expected);
  strbuf_release(&text);
}

static void test_columns(void **state) {
  (void)state;
  struct table table;
  table_init(&table, 3, titles);
  table_add(&table, "split");
  table_add_int(&table, 1200);
  table_add(&table, "people");
  table_add(&table, "имя");
  table_add_int(&table, -1);
  table_add(&table, NULL);
  table_add(&table, "x");
  table_add_int(&table, 2);
  table_add(&table, ""); /* and no blanks behind the line */
  assert_prints(&table, 0,
                "NAME   ROWS  TABLE\n"
                "split  1200  people\n"
                "имя      -1  -\n"
                "x         2\n");
  table_release(&table);
}

static void test_last_column_is_cut(void **state) {
  (void)state;
  struct table table;
  table_init(&table, 3, titles);
  table_add(&table, "a\n\033[2J");
  table_add_int(&table, 1);
  table_add(&table, "a_table_with_a_name_that_is_far_too_long");
  assert_prints(&table, 40,
                "NAME    ROWS  TABLE\n"
                "a??[2J     1  a_table_with_a_name_tha...\n");
  table_release(&table);
}

int main(void) {
  setlocale(LC_CTYPE, "C.UTF-8");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_columns),
      cmocka_unit_test(test_last_column_is_cut),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
