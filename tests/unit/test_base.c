/*
 * test_base.c - strbuf, vec, map, arena, clock texts, digests and errors: what everything else stands on.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* --- strbuf --- */

static void text_grows_and_is_always_ended(void **state) {
  (void)state;
  struct strbuf sb = STRBUF_INIT;
  assert_string_equal(sb.buf, "");
  for (int i = 0; i < 5000; i++) {
    strbuf_add_char(&sb, (char)('a' + i % 26));
    assert_int_equal(strlen(sb.buf), (size_t)i + 1);
  }
  strbuf_clear(&sb);
  assert_string_equal(sb.buf, "");
  strbuf_addf(&sb, "%s-%05d", "x", 42);
  strbuf_add_repeated(&sb, '.', 3);
  assert_string_equal(sb.buf, "x-00042...");
  strbuf_add(&sb, "a\0b", 3);
  assert_int_equal(sb.len, 13);
  assert_memory_equal(sb.buf + 10, "a\0b", 4);
  strbuf_truncate(&sb, 100);
  assert_int_equal(sb.len, 13);
  strbuf_truncate(&sb, 1);
  assert_string_equal(sb.buf, "x");
  char *bytes = strbuf_detach(&sb);
  assert_string_equal(bytes, "x");
  assert_int_equal(sb.len, 0);
  free(bytes);
  bytes = strbuf_detach(&sb);
  assert_string_equal(bytes, "");
  free(bytes);
  strbuf_release(&sb);
}

static void controls_are_masked(void **state) {
  (void)state;
  struct strbuf sb = STRBUF_INIT;
  strbuf_add_str(&sb, "\033[1mЖ\n\t\033[2J\r\a\x7F \xC2\x9B \xC2\xA0\xC2");
  strbuf_mask_controls(&sb, 4);
  assert_string_equal(sb.buf, "\033[1mЖ\n\t?[2J??? ?? \xC2\xA0\xC2");
  strbuf_release(&sb);
}

static void empty_texts_are_never_written(void **state) {
  (void)state;
  struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
  strbuf_add(&a, "", 0);
  strbuf_truncate(&a, 0);
  strbuf_rtrim(&a);
  strbuf_add_str(&b, "b");
  assert_string_equal(a.buf, "");
  strbuf_release(&a);
  strbuf_release(&a);
  strbuf_release(&b);
}

static void trims_the_end(void **state) {
  (void)state;
  struct strbuf sb = STRBUF_INIT;
  strbuf_add_str(&sb, "  a b \t\r\n");
  strbuf_rtrim(&sb);
  assert_string_equal(sb.buf, "  a b");
  strbuf_clear(&sb);
  strbuf_add_str(&sb, " \n");
  strbuf_rtrim(&sb);
  assert_string_equal(sb.buf, "");
  strbuf_release(&sb);
}

static void reads_files(void **state) {
  (void)state;
  char path[] = "/tmp/test_base.XXXXXX";
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  enum { LEN = 100000 };
  char *bytes = xmalloc(LEN);
  for (int i = 0; i < LEN; i++)
    bytes[i] = (char)(i * 7);
  assert_int_equal(write(fd, bytes, LEN), LEN);
  close(fd);
  struct strbuf sb = STRBUF_INIT;
  strbuf_add_str(&sb, "> ");
  assert_true(strbuf_read_file(&sb, path));
  assert_int_equal(sb.len, LEN + 2);
  assert_memory_equal(sb.buf + 2, bytes, LEN);
  assert_int_equal(sb.buf[sb.len], '\0');
  assert_int_equal(unlink(path), 0);
  assert_false(strbuf_read_file(&sb, path));
  assert_false(strbuf_read_file(&sb, "/tmp")); /* a folder opens but cannot be read */
  assert_int_equal(sb.len, LEN + 2);
  strbuf_release(&sb);
  free(bytes);
}

static void makes_clean_utf8(void **state) {
  (void)state;
  static const struct {
    const char *in;
    size_t len;
    const char *out;
  } cases[] = {
      {"plain", 5, "plain"},
      {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
      {"a\0b", 3, "a?b"},
      {"caf\xE9 x", 6, "caf? x"},
      {"cut \xE2\x82", 6, "cut ??"},
      {"\xC0\x80", 2, "??"},           /* overlong */
      {"\xE0\x9F\xBF", 3, "???"},      /* overlong */
      {"\xED\xA0\x80", 3, "???"},      /* a surrogate */
      {"\xF4\x90\x80\x80", 4, "????"}, /* beyond U+10FFFF */
      {"\xF4\x8F\xBF\xBF", 4, "\xF4\x8F\xBF\xBF"},
      {"\x80\xFF", 2, "??"},
      {"", 0, ""},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct strbuf sb = STRBUF_INIT;
    char *exact = xstrndup(cases[i].in, cases[i].len); /* so that a byte too many is seen by the sanitizer */
    char *tight = malloc(cases[i].len ? cases[i].len : 1);
    memcpy(tight, exact, cases[i].len);
    strbuf_add_utf8(&sb, tight, cases[i].len);
    assert_string_equal(sb.buf, cases[i].out);
    strbuf_release(&sb);
    free(exact);
    free(tight);
  }
}

/* --- vec --- */

static void vectors_keep_order(void **state) {
  (void)state;
  struct vec v = VEC_INIT;
  int items[100];
  assert_null(vec_pop(&v));
  for (size_t i = 0; i < ARRAY_LEN(items); i++)
    vec_push(&v, &items[i]);
  assert_ptr_equal(vec_remove(&v, 10), &items[10]);
  assert_ptr_equal(vec_remove(&v, 0), &items[0]);
  assert_ptr_equal(vec_remove(&v, v.len - 1), &items[99]);
  assert_int_equal(v.len, 97);
  assert_ptr_equal(v.items[0], &items[1]);
  assert_ptr_equal(v.items[9], &items[11]);
  assert_int_equal(vec_find(&v, &items[98]), 96);
  assert_int_equal(vec_find(&v, &items[10]), v.len);
  assert_ptr_equal(vec_pop(&v), &items[98]);
  vec_clear(&v);
  assert_int_equal(v.len, 0);
  vec_release(&v);
}

static void string_vectors_own_copies(void **state) {
  (void)state;
  struct vec v = VEC_INIT;
  char *none = strvec_join(&v, ",");
  assert_string_equal(none, "");
  free(none);
  char text[] = "one";
  strvec_push(&v, text);
  text[0] = 'X';
  strvec_push_len(&v, "two and more", 3);
  strvec_push(&v, "");
  assert_true(strvec_contains(&v, "one"));
  assert_true(strvec_contains(&v, ""));
  assert_false(strvec_contains(&v, "two and"));
  char *joined = strvec_join(&v, ", ");
  assert_string_equal(joined, "one, two, ");
  free(joined);
  strvec_release(&v);
}

/* --- map --- */

static void maps_of_thousands_keep_keys_and_order(void **state) {
  (void)state;
  enum { COUNT = 20000 };
  struct map m = MAP_INIT;
  assert_null(map_get(&m, "nothing"));
  assert_false(map_has(&m, ""));
  char key[32];
  for (uintptr_t i = 0; i < COUNT; i++) {
    snprintf(key, sizeof(key), "key%lu", (unsigned long)(i * 2654435761u % 1000003u));
    assert_null(map_put(&m, key, (void *)(i + 1)));
  }
  assert_int_equal(m.len, COUNT);
  for (uintptr_t i = 0; i < COUNT; i++) {
    snprintf(key, sizeof(key), "key%lu", (unsigned long)(i * 2654435761u % 1000003u));
    assert_ptr_equal(map_get(&m, key), (void *)(i + 1));
    assert_string_equal(m.entries[i].key, key);
  }
  assert_false(map_has(&m, "key"));
  assert_false(map_has(&m, "key1000004"));
  assert_null(map_get_len(&m, "key0 and more", 3));
  map_release(&m);
}

static void putting_again_gives_the_old_value_back(void **state) {
  (void)state;
  struct map m = MAP_INIT;
  int a, b;
  assert_null(map_put(&m, "k", &a));
  assert_ptr_equal(map_put(&m, "k", &b), &a);
  assert_ptr_equal(map_put(&m, "k", NULL), &b);
  assert_int_equal(m.len, 1);
  assert_true(map_has(&m, "k"));
  assert_null(map_get(&m, "k"));
  assert_null(map_put(&m, "", &a));
  assert_ptr_equal(map_get_len(&m, "xyz", 0), &a);
  map_release(&m);
  map_put(&m, "again", xstrdup("value"));
  map_release_with(&m, free);
}

/* --- arena --- */

static void arenas_give_aligned_zeroed_memory(void **state) {
  (void)state;
  struct arena a = ARENA_INIT;
  for (size_t size = 0; size < 3000; size += 7) {
    unsigned char *p = arena_alloc(&a, size);
    assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
    for (size_t i = 0; i < size; i++)
      assert_int_equal(p[i], 0);
    memset(p, 0xAB, size);
  }
  char *large = arena_alloc(&a, 1000000);
  large[999999] = 'x';
  assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
  assert_string_equal(arena_strdup(&a, ""), "");
  assert_string_equal(arena_printf(&a, "%d%s", 7, "x"), "7x");
  arena_release(&a);
  assert_string_equal(arena_strdup(&a, "used again"), "used again");
  arena_release(&a);
}

/* --- clock --- */

static void durations_are_for_people(void **state) {
  (void)state;
  static const struct {
    double seconds;
    const char *text;
  } cases[] = {
      {0, "0 ms"},
      {0.0031, "3 ms"},
      {0.9994, "999 ms"},
      {0.9996, "1.00 s"},
      {1.236, "1.24 s"},
      {59.99, "59.99 s"},
      {59.996, "1 min 00 s"},
      {125, "2 min 05 s"},
      {3599.4, "59 min 59 s"},
      {3599.6, "1 h 00 min"},
      {3 * 3600 + 7 * 60, "3 h 07 min"},
      {360000, "100 h 00 min"},
  };
  char text[CLOCK_TEXT_SIZE];
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    clock_format_duration(cases[i].seconds, text);
    assert_string_equal(text, cases[i].text);
  }
}

static void moments_are_in_utc(void **state) {
  (void)state;
  char text[CLOCK_TEXT_SIZE];
  setenv("TZ", "America/New_York", 1);
  clock_format_utc(0, text);
  assert_string_equal(text, "1970-01-01 00:00:00.000000+00:00");
  clock_format_utc(INT64_C(1795348800123456), text);
  assert_string_equal(text, "2026-11-22 12:00:00.123456+00:00");
  assert_true(clock_wall_us() > INT64_C(1700000000000000));
  int64_t before = clock_monotonic_ns();
  assert_true(clock_monotonic_ns() >= before);
}

static void moments_are_read_as_databases_write_them(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t wall_us;
  } cases[] = {
      {"1970-01-01 00:00:00", 0},
      {"1970-01-01 00:00:00.000001+00:00", 1},
      {"2026-11-22 12:00:00.123456+00:00", INT64_C(1795348800123456)},
      {"2026-11-22 12:00:00.1234567+00", INT64_C(1795348800123456)},
      {"2026-11-22T12:00:00.5Z", INT64_C(1795348800500000)},
      {"2026-11-22 17:30:00+05:30", INT64_C(1795348800000000)},
      {"2026-11-22 08:00:00-04", INT64_C(1795348800000000)},
      {"2024-02-29 23:59:59", INT64_C(1709251199000000)},
  };
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    int64_t got = -1;
    assert_true(clock_parse(cases[i].text, &got));
    assert_int_equal(got, cases[i].wall_us);
  }
  static const char *const broken[] = {
      "",
      "now",
      "infinity",
      "2026-11-22",
      "2026-11-22 12:00",
      "2026-11-22 12:00:0",
      "2026-11-22 12:00:00+",
      "2026-11-22 12:00:00 x",
      "2026-1-22 12:00:00",
  };
  for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
    int64_t got = 7;
    assert_false(clock_parse(broken[i], &got));
    assert_int_equal(got, 7);
  }
}

/* --- error --- */

static void errors_hold_what_was_said_last(void **state) {
  (void)state;
  struct error err = ERROR_INIT;
  assert_false(error_is_set(&err));
  assert_false(error_set(&err, ERROR_FAILED, "first %d", 1));
  assert_false(error_add_hint(&err, "other"));
  assert_string_equal(err.hint, "other");
  assert_false(error_hint(&err, "hint"));
  assert_false(error_detail(&err, "detail"));
  assert_false(error_where(&err, "a:%d", 7));
  assert_false(error_statement(&err, "SELECT 1; more", 8));
  err.position = 3;
  memcpy(err.sqlstate, "23505", 6);
  assert_false(error_prefix(&err, "%s: ", "object"));
  assert_string_equal(err.message, "object: first 1");
  assert_string_equal(err.statement, "SELECT 1");
  assert_false(error_hint(&err, "better %s", err.hint)); /* the old text may be in the new one */
  assert_string_equal(err.hint, "better hint");
  assert_false(error_add_hint(&err, "still"));
  assert_string_equal(err.hint, "better hint still");
  assert_false(error_set(&err, ERROR_USAGE, "again: %s", err.message));
  assert_string_equal(err.message, "again: object: first 1");
  assert_int_equal(err.class, ERROR_USAGE);
  assert_int_equal(err.position, -1);
  assert_string_equal(err.sqlstate, "");
  assert_null(err.hint);
  assert_null(err.where);
  error_release(&err);
  assert_false(error_is_set(&err));
}

static void errors_move_and_are_copied(void **state) {
  (void)state;
  struct error a = ERROR_INIT, b = ERROR_INIT;
  error_set(&b, ERROR_FAILED, "old");
  error_set(&a, ERROR_LOCK, "new");
  error_hint(&a, "hint");
  memcpy(a.sqlstate, "57014", 6);
  error_copy(&b, &a);
  assert_string_equal(b.message, "new");
  assert_string_equal(b.hint, "hint");
  assert_string_equal(b.sqlstate, "57014");
  assert_ptr_not_equal(b.message, a.message);
  error_move(&b, &a);
  assert_int_equal(b.class, ERROR_LOCK);
  assert_false(error_is_set(&a));
  assert_null(a.message);
  error_copy(&b, &a);
  assert_false(error_is_set(&b));
  error_release(&a);
  error_release(&b);
}

/* --- digests: the examples of FIPS 180-2 and RFC 1321 --- */

static void digests_are_the_standards(void **state) {
  (void)state;
  char sha256[SHA256_HEX_SIZE];
  char md5[MD5_HEX_SIZE];
  sha256_hex("abc", 3, sha256);
  assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  md5_hex("abc", 3, md5);
  assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
  md5_hex("", 0, md5);
  assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_grows_and_is_always_ended),
      cmocka_unit_test(controls_are_masked),
      cmocka_unit_test(empty_texts_are_never_written),
      cmocka_unit_test(trims_the_end),
      cmocka_unit_test(reads_files),
      cmocka_unit_test(makes_clean_utf8),
      cmocka_unit_test(vectors_keep_order),
      cmocka_unit_test(string_vectors_own_copies),
      cmocka_unit_test(maps_of_thousands_keep_keys_and_order),
      cmocka_unit_test(putting_again_gives_the_old_value_back),
      cmocka_unit_test(arenas_give_aligned_zeroed_memory),
      cmocka_unit_test(durations_are_for_people),
      cmocka_unit_test(moments_are_in_utc),
      cmocka_unit_test(moments_are_read_as_databases_write_them),
      cmocka_unit_test(errors_hold_what_was_said_last),
      cmocka_unit_test(errors_move_and_are_copied),
      cmocka_unit_test(digests_are_the_standards),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
