/*
 * fuzz_split.c - libFuzzer target: any bytes as a script under any lexical rules. The first two bytes choose the rules.
 *
 * Pieces lie one behind the other; a statement that is cut again is one statement with the same text; ending a text
 * with a semicolon twice changes nothing, unless a string has no end; without question marks no placeholder is found.
 * How to build and run it: tests/CMakeLists.txt. Its inputs are in tests/fuzz/corpus/split.
 */
#include "sql/placeholder.h"
#include "sql/split.h"
#include "sql/token.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sql_rules rules_of(unsigned bits) {
  return (struct sql_rules){
      .backslash_escapes = bits & 1,
      .e_strings = bits & 2,
      .dollar_quotes = bits & 4,
      .backquotes = bits & 8,
      .brackets = bits & 16,
      .nested_comments = bits & 32,
      .hash_comments = bits & 64,
      .statement_lists = bits & 128,
      .trigger_bodies = bits & 256,
      .atomic_bodies = bits & 512,
      .copy_data = bits & 1024,
      .shell_prefix = bits & 2048   ? '\\'
                      : bits & 4096 ? '.'
                                    : '\0',
  };
}

static void check(bool holds) {
  if (!holds)
    abort();
}

static void split_again(const struct sql_rules *rules, const struct sql_statement *statement) {
  struct sql_splitter splitter;
  struct sql_statement again, end;
  struct error err = ERROR_INIT;
  sql_split_init(&splitter, rules, statement->text, statement->len, 1);
  enum sql_split found = sql_split_next(&splitter, &again, &err);
  if (statement->data) { /* the text alone lacks it */
    check(found == SQL_SPLIT_BROKEN);
    error_release(&err);
    return;
  }
  check(found == SQL_SPLIT_STATEMENT);
  check(again.text == statement->text && again.len == statement->len && again.line == 1);
  check(sql_split_next(&splitter, &end, &err) == SQL_SPLIT_END);
}

static void split(const struct sql_rules *rules, const char *text, size_t len) {
  struct sql_splitter splitter;
  struct sql_statement s;
  struct error err = ERROR_INIT;
  sql_split_init(&splitter, rules, text, len, 1);
  const char *from = text;
  size_t line = 1;
  enum sql_split found;
  while ((found = sql_split_next(&splitter, &s, &err)) == SQL_SPLIT_STATEMENT) {
    check(s.piece >= from && s.piece + s.piece_len <= text + len && s.line >= line);
    check(!s.len || (s.text >= s.piece && s.text + s.len <= s.piece + s.piece_len));
    from = s.piece + s.piece_len;
    line = s.line;
    if (s.len)
      split_again(rules, &s);
  }
  check((found == SQL_SPLIT_BROKEN) == error_is_set(&err));
  check(found == SQL_SPLIT_END || s.line >= line);
  error_release(&err);
}

/* Tokens lie one behind the other, and only the last one may be open. Returns whether it is. */
static bool read_tokens(const struct sql_rules *rules, const char *text, size_t len) {
  bool is_open = false;
  for (size_t at = 0; at < len;) {
    struct sql_token token = sql_token_at(rules, text, len, at);
    check(!is_open && token.len > 0 && token.len <= len - at);
    is_open = token.is_open;
    at += token.len;
  }
  return is_open;
}

static void terminate(const struct sql_rules *rules, const char *text, size_t len) {
  struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
  sql_add_terminated(&once, rules, text, len);
  sql_add_terminated(&twice, rules, once.buf, once.len);
  check(once.len == twice.len && memcmp(once.buf, twice.buf, once.len) == 0);
  strbuf_release(&once);
  strbuf_release(&twice);
}

static void translate(const struct sql_rules *rules, const char *text, size_t len) {
  struct placeholders p = PLACEHOLDERS_INIT;
  placeholders_translate(&p, rules, text, len, PLACEHOLDER_POSITION, "$");
  check(p.count == p.marks.len && (memchr(text, '?', len) || (p.sql.len == len && memcmp(p.sql.buf, text, len) == 0)));
  placeholders_release(&p);
  placeholders_translate(&p, rules, text, len, PLACEHOLDER_NAME, "?");
  check(p.count == p.names.len);
  placeholders_release(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  struct sql_rules rules = rules_of((unsigned)data[0] | (unsigned)data[1] << 8);
  size_t len = size - 2;
  char *text = malloc(len ? len : 1); /* exactly so long: reading past the end is seen by the sanitizer */
  memcpy(text, data + 2, len);
  split(&rules, text, len);
  if (!read_tokens(&rules, text, len))
    terminate(&rules, text, len);
  translate(&rules, text, len);
  free(text);
  return 0;
}
