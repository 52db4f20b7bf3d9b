/*
 * test_batch.c - columnar batches: what is put in comes out, whatever the order of types and NULLs.
 */
#include "db/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct value null_value(void) {
  return (struct value){.type = MOONBIRD_TYPE_NONE};
}

static struct value int_value(int64_t i) {
  return (struct value){.type = MOONBIRD_TYPE_INT64, .integer = i};
}

static struct value float_value(double d) {
  return (struct value){.type = MOONBIRD_TYPE_FLOAT64, .number = d};
}

static struct value bool_value(bool b) {
  return (struct value){.type = MOONBIRD_TYPE_BOOL, .boolean = b};
}

static struct value text_value(const char *text) {
  return (struct value){.type = MOONBIRD_TYPE_TEXT, .bytes = text, .len = strlen(text)};
}

static struct value bytes_value(const char *bytes, size_t len) {
  return (struct value){.type = MOONBIRD_TYPE_BYTES, .bytes = bytes, .len = len};
}

static void assert_same(const struct value *got, const struct value *want) {
  assert_int_equal(got->type, want->type);
  switch (want->type) {
  case MOONBIRD_TYPE_BOOL:
    assert_int_equal(got->boolean, want->boolean);
    return;
  case MOONBIRD_TYPE_INT64:
    assert_true(got->integer == want->integer);
    return;
  case MOONBIRD_TYPE_FLOAT64:
    assert_memory_equal(&got->number, &want->number, sizeof(double));
    return;
  case MOONBIRD_TYPE_TEXT:
  case MOONBIRD_TYPE_BYTES:
    assert_int_equal(got->len, want->len);
    assert_memory_equal(got->bytes, want->bytes, want->len);
    return;
  default:
    return;
  }
}

static void add(struct batch_builder *b, uint32_t column, struct value v) {
  assert_true(batch_add_value(b, column, &v));
}

/* Puts values into a column, reads them back; the column must be of this type. */
static void round_trip(const struct value *values, size_t count, uint32_t type) {
  struct batch_builder b;
  batch_init(&b, 1);
  for (int round = 0; round < 2; round++) { /* once more after a clear */
    for (size_t i = 0; i < count; i++)
      add(&b, 0, values[i]);
    const moonbird_batch *view = batch_view(&b);
    assert_int_equal(view->row_count, count);
    assert_int_equal(view->columns[0].type, type);
    for (size_t i = 0; i < count; i++) {
      struct value got = batch_value(&view->columns[0], i);
      assert_same(&got, &values[i]);
    }
    batch_clear(&b);
  }
  batch_release(&b);
}

static void every_type_alone(void **state) {
  (void)state;
  enum { COUNT = 100 };
  struct value values[COUNT];
  for (int i = 0; i < COUNT; i++)
    values[i] = int_value(i % 3 ? INT64_MIN + i : INT64_MAX - i);
  round_trip(values, COUNT, MOONBIRD_TYPE_INT64);
  for (int i = 0; i < COUNT; i++)
    values[i] = float_value(-1.5e300 / (i + 1));
  round_trip(values, COUNT, MOONBIRD_TYPE_FLOAT64);
  for (int i = 0; i < COUNT; i++)
    values[i] = bool_value(i % 2);
  round_trip(values, COUNT, MOONBIRD_TYPE_BOOL);
  for (int i = 0; i < COUNT; i++)
    values[i] = text_value(i % 4 ? "some text" : "");
  round_trip(values, COUNT, MOONBIRD_TYPE_TEXT);
  for (int i = 0; i < COUNT; i++)
    values[i] = bytes_value("\0\xff\0", (size_t)i % 4);
  round_trip(values, COUNT, MOONBIRD_TYPE_BYTES);
  for (int i = 0; i < COUNT; i++)
    values[i] = null_value();
  round_trip(values, COUNT, MOONBIRD_TYPE_NONE);
}

static void nulls_first_last_and_between(void **state) {
  (void)state;
  struct value samples[] = {int_value(7), float_value(0.5), bool_value(true), text_value("t"), bytes_value("b\0", 2)};
  for (size_t s = 0; s < ARRAY_LEN(samples); s++) {
    struct value values[60];
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
      values[i] = i < 20 || i % 3 == 0 || i > 55 ? null_value() : samples[s];
    round_trip(values, ARRAY_LEN(values), samples[s].type);
  }
}

static void another_type_makes_a_variant(void **state) {
  (void)state;
  struct value samples[] = {int_value(-1),        float_value(2.25),  bool_value(false),
                            text_value("longer"), bytes_value("", 0), null_value()};
  size_t n = ARRAY_LEN(samples) - 1;
  for (size_t first = 0; first < n; first++)
    for (size_t second = 0; second < n; second++) {
      struct value values[50];
      for (size_t i = 0; i < ARRAY_LEN(values); i++)
        values[i] = i < 18 ? null_value() : i % 7 == 0 ? samples[n] : i < 35 ? samples[first] : samples[second];
      round_trip(values, ARRAY_LEN(values), first == second ? samples[first].type : MOONBIRD_TYPE_VARIANT);
    }
  struct value all[120];
  for (size_t i = 0; i < ARRAY_LEN(all); i++)
    all[i] = samples[(i * 5 + i / 7) % ARRAY_LEN(samples)];
  round_trip(all, ARRAY_LEN(all), MOONBIRD_TYPE_VARIANT);
}

static void cutting_takes_values_off(void **state) {
  (void)state;
  struct batch_builder b;
  batch_init(&b, 3);
  for (int i = 0; i < 20; i++) {
    add(&b, 0, text_value(i % 2 ? "odd" : "even"));
    add(&b, 1, int_value(i));
    add(&b, 2, i % 3 ? text_value("x") : int_value(i));
  }
  for (uint32_t c = 0; c < 3; c++) {
    batch_cut(&b, c, 100); /* nothing there */
    batch_cut(&b, c, 11);
  }
  add(&b, 0, text_value("after"));
  add(&b, 1, int_value(99));
  add(&b, 2, null_value());
  const moonbird_batch *view = batch_view(&b);
  assert_int_equal(view->row_count, 12);
  struct value got = batch_value(&view->columns[0], 10), want = text_value("even");
  assert_same(&got, &want);
  got = batch_value(&view->columns[0], 11), want = text_value("after");
  assert_same(&got, &want);
  got = batch_value(&view->columns[1], 11), want = int_value(99);
  assert_same(&got, &want);
  got = batch_value(&view->columns[2], 9), want = int_value(9);
  assert_same(&got, &want);
  got = batch_value(&view->columns[2], 10), want = text_value("x");
  assert_same(&got, &want);
  got = batch_value(&view->columns[2], 11), want = null_value();
  assert_same(&got, &want);
  batch_release(&b);
}

static void a_column_cut_to_nothing_forgets_its_type(void **state) {
  (void)state;
  struct batch_builder b;
  batch_init(&b, 1);
  add(&b, 0, int_value(1));
  batch_cut(&b, 0, 0);
  add(&b, 0, text_value("text"));
  assert_int_equal(batch_view(&b)->columns[0].type, MOONBIRD_TYPE_TEXT);
  batch_cut(&b, 0, 0);
  add(&b, 0, null_value());
  add(&b, 0, int_value(5));
  const moonbird_batch *view = batch_view(&b);
  assert_int_equal(view->columns[0].type, MOONBIRD_TYPE_INT64);
  assert_int_equal(batch_value(&view->columns[0], 0).type, MOONBIRD_TYPE_NONE);
  assert_true(batch_value(&view->columns[0], 1).integer == 5);
  batch_release(&b);
}

static void views_say_where_nulls_are(void **state) {
  (void)state;
  struct batch_builder b;
  batch_init(&b, 2);
  batch_add_int(&b, 0, 1);
  batch_add_str(&b, 1, NULL);
  batch_add_int(&b, 0, 2);
  batch_add_str(&b, 1, "t");
  const moonbird_batch *view = batch_view(&b);
  assert_int_equal(view->size, sizeof(moonbird_batch));
  assert_int_equal(view->column_count, 2);
  assert_null(view->columns[0].valid);
  assert_non_null(view->columns[1].valid);
  assert_int_equal(view->columns[1].valid[0], 0);
  assert_int_equal(view->columns[1].offsets[0], 0);
  assert_int_equal(view->columns[1].offsets[2], 1);
  assert_true(batch_size_bytes(&b) > 0);
  batch_clear(&b);
  assert_int_equal(batch_view(&b)->row_count, 0);
  assert_int_equal(batch_size_bytes(&b), 0);
  batch_release(&b);
  batch_init(&b, 0);
  assert_int_equal(batch_view(&b)->row_count, 0);
  batch_release(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_type_alone),
      cmocka_unit_test(nulls_first_last_and_between),
      cmocka_unit_test(another_type_makes_a_variant),
      cmocka_unit_test(cutting_takes_values_off),
      cmocka_unit_test(a_column_cut_to_nothing_forgets_its_type),
      cmocka_unit_test(views_say_where_nulls_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
