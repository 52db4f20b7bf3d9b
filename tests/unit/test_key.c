/*
 * test_key.c - keys as the state tables keep them: every type there and back, and how far a key is on its way.
 */
#include "backfill/key.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *key_of(struct batch_builder *b) {
  char *key = key_from_row(batch_view(b), 0, b->column_count);
  assert_non_null(key);
  return key;
}

/* The key must be this text, and give the same values back. */
static void round_trip(struct batch_builder *b, const char *text) {
  char *key = key_of(b);
  assert_string_equal(key, text);
  struct batch_builder back;
  struct error err = ERROR_INIT;
  batch_init(&back, b->column_count + 1);
  batch_add_int(&back, 0, 0);
  assert_true(key_add(key, &back, 1, b->column_count, &err));
  const moonbird_batch *want = batch_view(b), *got = batch_view(&back);
  for (uint32_t c = 0; c < b->column_count; c++) {
    struct value w = batch_value(&want->columns[c], 0), g = batch_value(&got->columns[c + 1], 0);
    assert_int_equal(g.type, w.type);
    assert_true(g.integer == w.integer);
    assert_int_equal(g.boolean, w.boolean);
    assert_true(g.number == w.number || (isnan(g.number) && isnan(w.number)));
    assert_int_equal(g.len, w.len);
    if (w.len)
      assert_memory_equal(g.bytes, w.bytes, w.len);
  }
  batch_release(&back);
  free(key);
}

static void every_type(void **state) {
  (void)state;
  struct batch_builder b;
  batch_init(&b, 7);
  batch_add_int(&b, 0, INT64_MIN);
  batch_add_int(&b, 1, INT64_MAX);
  batch_add_float(&b, 2, -0.5);
  batch_add_bool(&b, 3, true);
  assert_true(batch_add_text(&b, 4, "42", 2));
  assert_true(batch_add_bytes(&b, 5, "\0\xff", 2));
  assert_true(batch_add_bytes(&b, 6, "", 0));
  round_trip(&b, "[-9223372036854775808,9223372036854775807,-0.5,true,\"42\",{\"hex\":\"00ff\"},{\"hex\":\"\"}]");
  batch_release(&b);
}

static void numbers_without_loss(void **state) {
  (void)state;
  static const double numbers[] = {0.1, 1.0 / 3, 1e300, 5e-324, 123456789.123456789, -1e15};
  for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
    struct batch_builder b, back;
    struct error err = ERROR_INIT;
    batch_init(&b, 1);
    batch_init(&back, 1);
    batch_add_float(&b, 0, numbers[i]);
    char *key = key_of(&b);
    assert_true(key_add(key, &back, 0, 1, &err));
    struct value v = batch_value(&batch_view(&back)->columns[0], 0);
    assert_int_equal(v.type, MOONBIRD_TYPE_FLOAT64);
    assert_memory_equal(&v.number, &numbers[i], sizeof(double));
    free(key);
    batch_release(&b);
    batch_release(&back);
  }
}

static void numbers_without_a_json_form(void **state) {
  (void)state;
  struct batch_builder b;
  batch_init(&b, 3);
  batch_add_float(&b, 0, INFINITY);
  batch_add_float(&b, 1, -INFINITY);
  batch_add_float(&b, 2, NAN);
  round_trip(&b, "[{\"number\":\"inf\"},{\"number\":\"-inf\"},{\"number\":\"nan\"}]");
  batch_release(&b);
}

static void texts_of_any_bytes_stay_texts(void **state) {
  (void)state;
  struct batch_builder b;
  batch_init(&b, 4);
  assert_true(batch_add_text(&b, 0, "\"quoted\" \\ \xC3\xA9", 13));
  assert_true(batch_add_text(&b, 1, "a\0b", 3));
  assert_true(batch_add_text(&b, 2, "b\xff", 2)); /* not UTF-8; as bytes it would be elsewhere in the order */
  assert_true(batch_add_text(&b, 3, "", 0));
  round_trip(&b, "[\"\\\"quoted\\\" \\\\ \xC3\xA9\",\"a\\u0000b\",{\"text\":\"62ff\"},\"\"]");
  batch_release(&b);
}

static void takes_the_row_that_is_asked_for(void **state) {
  (void)state;
  struct batch_builder b;
  batch_init(&b, 3);
  for (int i = 0; i < 5; i++) {
    batch_add_int(&b, 0, i);
    batch_add_str(&b, 1, i % 2 ? "odd" : "even");
    batch_add_str(&b, 2, "no key");
  }
  char *key = key_from_row(batch_view(&b), 3, 2);
  assert_string_equal(key, "[3,\"odd\"]");
  free(key);
  batch_release(&b);
}

static void broken_keys_are_errors(void **state) {
  (void)state;
  static const char *const broken[] = {"",  "[",    "{}", "[]", "[1,2]", "[null]", "[[1]]", "[{}]", "[{\"hex\":1}]",
                                       "7", "[1] x"};
  for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
    struct batch_builder b;
    struct error err = ERROR_INIT;
    batch_init(&b, 1);
    assert_false(key_add(broken[i], &b, 0, 1, &err));
    assert_int_equal(err.class, ERROR_HISTORY);
    error_release(&err);
    batch_release(&b);
  }
}

static void finds_nulls_and_nothing_else(void **state) {
  (void)state;
  assert_true(key_has_null("[null]"));
  assert_true(key_has_null("[1,null]"));
  assert_false(key_has_null("[1,2]"));
  assert_false(key_has_null("[\"null\"]"));
  assert_false(key_has_null("[\"annulled\",\"[null]\"]"));
}

static void positions_of_numbers(void **state) {
  (void)state;
  assert_true(key_position("[0]", "[100]", "[25]") == 0.25);
  assert_true(key_position("[-100]", "[100]", "[0]") == 0.5);
  assert_true(key_position("[1]", "[1]", "[1]") == 1);
  assert_true(key_position("[0.5]", "[1.5]", "[1]") == 0.5);
  double p = key_position("[-9223372036854775808]", "[9223372036854775807]", "[0]");
  assert_true(p > 0.49 && p < 0.51);
}

static void assert_position(const char *low, const char *high, const char *key, double want) {
  double got = key_position(low, high, key);
  if (got < want - 1e-9 || got > want + 1e-9)
    fail_msg("%s is at %.12g, not at %.12g", key, got, want);
}

static void positions_of_uuids_and_bytes(void **state) {
  (void)state;
  const char *first = "[\"00000000-0000-0000-0000-000000000000\"]",
             *last = "[\"ffffffff-ffff-ffff-ffff-ffffffffffff\"]";
  assert_position(first, last, first, 0);
  assert_position(first, last, "[\"40000000-0000-4000-8000-000000000000\"]", 0.25);
  assert_position(first, last, "[\"C0000000-0000-0000-0000-000000000000\"]", 0.75);
  assert_position(first, last, last, 1);
  /* Those of an hour have their first digits in common. */
  first = "[\"018f3a5b-0000-7000-8000-000000000000\"]";
  last = "[\"018f3a5b-8000-7000-8000-000000000000\"]";
  assert_position(first, last, "[\"018f3a5b-2000-7fff-8000-000000000000\"]", 0.25 + 0x0fff / (0x8000 * 65536.0));
  assert_position(first, last, "[\"018f3a5a-ffff-7000-8000-000000000000\"]", 0);
  assert_position(first, last, "[\"018f3a5c-0000-7000-8000-000000000000\"]", 1);
  assert_position("[{\"hex\":\"0000\"}]", "[{\"hex\":\"1000\"}]", "[{\"hex\":\"08\"}]", 0.5);
  assert_true(key_position(first, last, "[\"018f3a5b-2000-7fff-8000-00000000000g\"]") == -1);
}

static void positions_of_several_columns(void **state) {
  (void)state;
  assert_position("[\"x\",10]", "[\"x\",20]", "[\"x\",15]", 0.5);
  assert_position("[\"00000000-0000-0000-0000-000000000000\",\"a\"]",
                  "[\"ffffffff-ffff-ffff-ffff-ffffffffffff\",\"b\"]",
                  "[\"80000000-0000-0000-0000-000000000000\",\"z\"]", 0.5);
}

static void other_positions_are_unknown(void **state) {
  (void)state;
  assert_true(key_position("[\"a\"]", "[\"z\"]", "[\"m\"]") == -1);
  assert_true(key_position("[1,1]", "[2,2]", "[1,2]") == -1);
  assert_true(key_position("[1]", "[2]", NULL) == -1);
  assert_true(key_position(NULL, NULL, "[1]") == -1);
  assert_true(key_position("[1]", "[2]", "broken") == -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type),
      cmocka_unit_test(positions_of_uuids_and_bytes),
      cmocka_unit_test(positions_of_several_columns),
      cmocka_unit_test(numbers_without_loss),
      cmocka_unit_test(numbers_without_a_json_form),
      cmocka_unit_test(texts_of_any_bytes_stay_texts),
      cmocka_unit_test(takes_the_row_that_is_asked_for),
      cmocka_unit_test(broken_keys_are_errors),
      cmocka_unit_test(finds_nulls_and_nothing_else),
      cmocka_unit_test(positions_of_numbers),
      cmocka_unit_test(other_positions_are_unknown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
