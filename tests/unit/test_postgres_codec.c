/*
 * test_postgres_codec.c - the parts of the PostgreSQL driver that need no server: array encoding, decoding of texts,
 * dates and bytes, positions, the lock's key, and libpq's messages about failed connections. Links the driver's own
 * files; expected bytes and texts are what a PostgreSQL server produces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../drivers/postgres/array.h"
#include "../../drivers/postgres/decode.h"
#include "../../drivers/postgres/error.h"
#include "../../drivers/postgres/sqltext.h"
#include "../../drivers/postgres/value.h"

/* --- Arrays --- */

static void expect_array(const moonbird_column *column, uint64_t rows, uint32_t type, const char *bytes, size_t len) {
  struct buffer out = {0};
  uint32_t oid = 0;
  assert_int_equal(array_encode(&out, column, rows, &oid), ARRAY_OK);
  assert_int_equal(oid, type);
  assert_int_equal(out.len, len);
  assert_memory_equal(out.data, bytes, len);
  buffer_release(&out);
}

#define EXPECT_ARRAY(column, rows, type, bytes) expect_array(column, rows, type, bytes, sizeof(bytes) - 1)

static void test_array_of_integers(void **state) {
  (void)state;
  int64_t values[] = {1, -2, 0};
  uint8_t valid[] = {1, 1, 0};
  moonbird_column column = {.size = sizeof column, .type = MOONBIRD_TYPE_INT64, .data = values, .valid = valid};
  EXPECT_ARRAY(&column, 3, OID_INT8_ARRAY,
               "\0\0\0\1\0\0\0\1\0\0\0\x14\0\0\0\3\0\0\0\1"
               "\0\0\0\x08\0\0\0\0\0\0\0\1"
               "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe"
               "\xff\xff\xff\xff");
  column.valid = NULL;
  EXPECT_ARRAY(&column, 1, OID_INT8_ARRAY,
               "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1"
               "\0\0\0\x08\0\0\0\0\0\0\0\1");
}

static void test_array_of_nothing(void **state) {
  (void)state;
  moonbird_column column = {.size = sizeof column, .type = MOONBIRD_TYPE_FLOAT64};
  EXPECT_ARRAY(&column, 0, OID_FLOAT8_ARRAY, "\0\0\0\0\0\0\0\0\0\0\x02\xbd");
  column.type = MOONBIRD_TYPE_TEXT;
  EXPECT_ARRAY(&column, 0, OID_TEXT_ARRAY, "\0\0\0\0\0\0\0\0\0\0\0\x19");
}

static void test_array_of_nulls(void **state) {
  (void)state;
  moonbird_column column = {.size = sizeof column, .type = MOONBIRD_TYPE_NONE};
  EXPECT_ARRAY(&column, 2, OID_TEXT_ARRAY,
               "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff");
}

static void test_array_of_booleans_and_floats(void **state) {
  (void)state;
  uint8_t flags[] = {1, 0};
  double numbers[] = {1.5};
  moonbird_column column = {.size = sizeof column, .type = MOONBIRD_TYPE_BOOL, .data = flags};
  EXPECT_ARRAY(&column, 2, OID_BOOL_ARRAY, "\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\2\0\0\0\1\0\0\0\1\1\0\0\0\1\0");
  column = (moonbird_column){.size = sizeof column, .type = MOONBIRD_TYPE_FLOAT64, .data = numbers};
  EXPECT_ARRAY(&column, 1, OID_FLOAT8_ARRAY,
               "\0\0\0\1\0\0\0\0\0\0\x02\xbd\0\0\0\1\0\0\0\1\0\0\0\x08\x3f\xf8\0\0\0\0\0\0");
}

static void test_array_of_texts(void **state) {
  (void)state;
  uint32_t offsets[] = {2, 4, 4, 5}; /* a view into a longer text */
  uint8_t valid[] = {1, 1, 0};
  moonbird_column column = {
      .size = sizeof column, .type = MOONBIRD_TYPE_TEXT, .data = "..abc", .offsets = offsets, .valid = valid};
  EXPECT_ARRAY(&column, 3, OID_TEXT_ARRAY,
               "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1\0\0\0\2ab\0\0\0\0\xff\xff\xff\xff");
  column.type = MOONBIRD_TYPE_BYTES;
  column.valid = NULL;
  EXPECT_ARRAY(&column, 1, OID_BYTEA_ARRAY, "\0\0\0\1\0\0\0\0\0\0\0\x11\0\0\0\1\0\0\0\1\0\0\0\2ab");
}

static void test_array_of_variants(void **state) {
  (void)state;
  unsigned char data[8 + 8 + 1 + 2];
  int64_t integer = -7;
  double number = 0.1;
  memcpy(data, &integer, 8);
  memcpy(data + 8, &number, 8);
  memcpy(data + 16, "\1hi", 3);
  uint32_t offsets[] = {0, 8, 16, 17, 19, 19};
  uint8_t types[] = {MOONBIRD_TYPE_INT64, MOONBIRD_TYPE_FLOAT64, MOONBIRD_TYPE_BOOL, MOONBIRD_TYPE_TEXT,
                     MOONBIRD_TYPE_NONE};
  moonbird_column column = {
      .size = sizeof column, .type = MOONBIRD_TYPE_VARIANT, .data = data, .offsets = offsets, .row_types = types};
  EXPECT_ARRAY(&column, 5, OID_TEXT_ARRAY,
               "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\5\0\0\0\1\0\0\0\2-7\0\0\0\3"
               "0.1\0\0\0\4true\0\0\0\2hi\xff\xff\xff\xff");
  EXPECT_ARRAY(&column, 1, OID_INT8_ARRAY,
               "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xf9");
}

/* --- Numbers as text --- */

static void expect_number(double number, const char *expected) {
  char text[VALUE_TEXT_SIZE];
  struct value value = {.type = MOONBIRD_TYPE_FLOAT64, .number = number};
  size_t len = value_number_text(&value, text);
  assert_int_equal(len, strlen(expected));
  assert_string_equal(text, expected);
}

static void test_numbers_round_trip(void **state) {
  (void)state;
  char text[VALUE_TEXT_SIZE];
  struct value value = {.type = MOONBIRD_TYPE_INT64, .integer = INT64_MIN};
  value_number_text(&value, text);
  assert_string_equal(text, "-9223372036854775808");
  expect_number(0.1, "0.1");
  expect_number(1.0 / 3.0, "0.3333333333333333");
  expect_number(0.1 + 0.2, "0.30000000000000004");
  expect_number(-1.7976931348623157e308, "-1.7976931348623157e+308");
}

/* --- Decoding --- */

static void expect_bytea(const char *text, const char *bytes, size_t len) {
  unsigned char out[32];
  assert_int_equal(decode_bytea_text(text, strlen(text), out), len);
  assert_memory_equal(out, bytes, len);
}

static void test_bytea(void **state) {
  (void)state;
  expect_bytea("\\x00ff5C", "\0\xff\\", 3);
  expect_bytea("\\x", "", 0);
  expect_bytea("", "", 0);
  expect_bytea("a\\\\b\\000\\377", "a\\b\0\xff", 5);
}

static void test_integers(void **state) {
  (void)state;
  assert_true(decode_integer_text("-9223372036854775808") == INT64_MIN);
  assert_true(decode_integer_text("9223372036854775807") == INT64_MAX);
  assert_true(decode_integer_text("0") == 0);
}

static void test_uuid(void **state) {
  (void)state;
  char out[DECODE_TEXT_SIZE];
  size_t len =
      decode_uuid((const unsigned char *)"\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11", out);
  assert_int_equal(len, 36);
  assert_memory_equal(out, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 36);
}

static void expect_date(int32_t days, const char *expected) {
  char out[DECODE_TEXT_SIZE];
  assert_int_equal(decode_date(days, out), strlen(expected));
  assert_memory_equal(out, expected, strlen(expected));
}

static void expect_timestamp(int64_t microseconds, const char *expected) {
  char out[DECODE_TEXT_SIZE];
  assert_int_equal(decode_timestamp(microseconds, out), strlen(expected));
  assert_memory_equal(out, expected, strlen(expected));
}

static void test_dates(void **state) {
  (void)state;
  expect_date(0, "2000-01-01");
  expect_date(59, "2000-02-29");
  expect_date(-1, "1999-12-31");
  expect_date(9822, "2026-11-22");
  expect_date(-730119, "0001-01-01");
  expect_date(-730120, "0001-12-31 BC");
  expect_date(2921940, "10000-01-01");
  expect_date(INT32_MAX, "infinity");
  expect_date(INT32_MIN, "-infinity");
  expect_timestamp(0, "2000-01-01 00:00:00");
  expect_timestamp(-1, "1999-12-31 23:59:59.999999");
  expect_timestamp(3723120000, "2000-01-01 01:02:03.12");
  expect_timestamp(INT64_C(-63082281600000000) - 1000000, "0001-12-31 23:59:59 BC");
  expect_timestamp(INT64_MAX, "infinity");
}

/* --- Texts --- */

static void test_positions(void **state) {
  (void)state;
  const char *sql = "SELECT '\xc3\xa4\xe2\x82\xac', x";
  assert_int_equal(sql_offset_of_char(sql, strlen(sql), 1), 0);
  assert_int_equal(sql_offset_of_char(sql, strlen(sql), 9), 8);
  assert_int_equal(sql_offset_of_char(sql, strlen(sql), 10), 10);
  assert_int_equal(sql_offset_of_char(sql, strlen(sql), 14), 16);
  assert_int_equal(sql_offset_of_char(sql, strlen(sql), 99), strlen(sql));
}

static void test_queries(void **state) {
  (void)state;
  static const char *const queries[] = {"select 1", "  -- c\n(SELECT 1)", "/* a /* b */ */VALUES (1)", "((table t))"};
  static const char *const others[] = {
      "", "-- select", "/* select", "selection", "WITH x AS (SELECT 1) SELECT 1", "INSERT INTO t SELECT 1"};
  for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
    assert_true(sql_is_query(queries[i], strlen(queries[i])));
  }
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
    assert_false(sql_is_query(others[i], strlen(others[i])));
  }
}

static void test_mentioned_parameters(void **state) {
  (void)state;
  assert_true(sql_mentions_param("SELECT $1", 9, 1));
  assert_false(sql_mentions_param("SELECT $12", 10, 1));
  assert_true(sql_mentions_param("SELECT $12, $1", 14, 1));
  assert_false(sql_mentions_param("SELECT $1", 9, 2));
}

static void test_plain_texts(void **state) {
  (void)state;
  assert_true(text_is_plain("", 0));
  assert_true(text_is_plain("\xf0\x9f\x8c\x99 ok", 7));
  assert_false(text_is_plain("a\\b", 3));
  assert_false(text_is_plain("a\0b", 3));
  static const char *const broken[] = {"\xff", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "\x80"};
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    assert_false(text_is_utf8(broken[i], strlen(broken[i])));
  }
}

/* The published test vectors of FNV-1a: the lock's key must never change. */
static void test_fnv(void **state) {
  (void)state;
  assert_true(fnv64(FNV64_START, "", 0) == UINT64_C(0xcbf29ce484222325));
  assert_true(fnv64(FNV64_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
  assert_true(fnv64(FNV64_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

/* --- Errors --- */

static void expect_connect_error(const char *text, const char *sqlstate, const char *message, const char *hint) {
  moonbird_error error;
  error_from_connect_text(&error, text);
  assert_string_equal(error.sqlstate, sqlstate);
  assert_string_equal(error.message, message);
  assert_string_equal(error.hint, hint);
}

static void test_connect_errors(void **state) {
  (void)state;
  expect_connect_error("connection to server at \"127.0.0.1\", port 5433 failed: Connection refused\n"
                       "\tIs the server running on that host and accepting TCP/IP connections?\n",
                       "08001", "connection to server at \"127.0.0.1\", port 5433 failed: Connection refused",
                       "Is the server running on that host and accepting TCP/IP connections?");
  expect_connect_error("connection to server at \"h\", port 5432 failed: FATAL:  28P01: password authentication failed "
                       "for user \"u\"\nLOCATION:  auth_failed, auth.c:338\n",
                       "28P01",
                       "connection to server at \"h\", port 5432 failed: password authentication failed for "
                       "user \"u\"",
                       "");
  expect_connect_error("connection to server at \"localhost\" (::1), port 5432 failed: Connection refused\n"
                       "\tIs the server running on that host and accepting TCP/IP connections?\n"
                       "connection to server at \"localhost\" (127.0.0.1), port 5432 failed: FATAL:  3D000: database "
                       "\"x\" does not exist\n",
                       "3D000",
                       "connection to server at \"localhost\" (127.0.0.1), port 5432 failed: database \"x\" "
                       "does not exist",
                       "Is the server running on that host and accepting TCP/IP connections?");
  expect_connect_error("could not translate host name \"x\" to address: Name or service not known\n", "08001",
                       "could not translate host name \"x\" to address: Name or service not known", "");
  expect_connect_error("", "08001", "the connection could not be opened", "");
}

static void test_retry(void **state) {
  (void)state;
  assert_int_equal(error_retry_of("40P01"), MOONBIRD_RETRY_TRANSACTION);
  assert_int_equal(error_retry_of("55P03"), MOONBIRD_RETRY_TRANSACTION);
  assert_int_equal(error_retry_of("08006"), MOONBIRD_RETRY_CONNECTION);
  assert_int_equal(error_retry_of("08P01"), MOONBIRD_RETRY_NEVER);
  assert_int_equal(error_retry_of("57P01"), MOONBIRD_RETRY_CONNECTION);
  assert_int_equal(error_retry_of("57014"), MOONBIRD_RETRY_NEVER);
  assert_int_equal(error_retry_of("25006"), MOONBIRD_RETRY_CONNECTION);
  assert_int_equal(error_retry_of("23505"), MOONBIRD_RETRY_NEVER);
}

static void test_long_messages_are_cut_between_characters(void **state) {
  (void)state;
  moonbird_error error;
  char text[2000];
  for (size_t i = 0; i + 2 < sizeof text; i += 2) {
    memcpy(text + i, "\xc3\xa4", 3);
  }
  error_set(&error, "HY000", "%s", text);
  assert_int_equal(strlen(error.message), 1022);
  assert_true(text_is_utf8(error.message, strlen(error.message)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_array_of_integers),
      cmocka_unit_test(test_array_of_nothing),
      cmocka_unit_test(test_array_of_nulls),
      cmocka_unit_test(test_array_of_booleans_and_floats),
      cmocka_unit_test(test_array_of_texts),
      cmocka_unit_test(test_array_of_variants),
      cmocka_unit_test(test_numbers_round_trip),
      cmocka_unit_test(test_bytea),
      cmocka_unit_test(test_integers),
      cmocka_unit_test(test_uuid),
      cmocka_unit_test(test_dates),
      cmocka_unit_test(test_positions),
      cmocka_unit_test(test_queries),
      cmocka_unit_test(test_mentioned_parameters),
      cmocka_unit_test(test_plain_texts),
      cmocka_unit_test(test_fnv),
      cmocka_unit_test(test_connect_errors),
      cmocka_unit_test(test_retry),
      cmocka_unit_test(test_long_messages_are_cut_between_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
