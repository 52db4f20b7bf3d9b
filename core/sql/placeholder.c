/*
 * placeholder.c - finds and rewrites placeholders in SQL text; see placeholder.h. Called for every statement with
 * parameters.
 */
#include "sql/placeholder.h"

#include "sql/token.h"

#include <stdint.h>
#include <string.h>

static void add_placeholder(struct placeholders *p, size_t number, const char *style) {
  vec_push(&p->marks, (void *)(uintptr_t)p->sql.len);
  if (style[0] == '$')
    strbuf_addf(&p->sql, "$%zu", number);
  else
    strbuf_add_char(&p->sql, '?');
}

static size_t find_name(const struct vec *names, const char *name, size_t len) {
  for (size_t i = 0; i < names->len; i++)
    if (strlen(strvec_at(names, i)) == len && memcmp(strvec_at(names, i), name, len) == 0)
      return i;
  return names->len;
}

static void add_name(struct placeholders *p, const char *name, size_t len, const char *style) {
  size_t index = style[0] == '$' ? find_name(&p->names, name, len) : p->names.len;
  if (index == p->names.len)
    strvec_push_len(&p->names, name, len);
  p->count = p->names.len;
  add_placeholder(p, index + 1, style);
}

/* Handles a placeholder at s + at; returns its length, or 0 where there is none. */
static size_t take_position(struct placeholders *p, const char *s, size_t at, size_t len, const char *style) {
  if (s[at] != '?')
    return 0;
  if (at + 1 < len && s[at + 1] == '?') {
    strbuf_add_char(&p->sql, '?');
    return 2;
  }
  add_placeholder(p, ++p->count, style);
  return 1;
}

static size_t take_name(struct placeholders *p, const char *s, size_t at, size_t len, const char *style) {
  if (s[at] != ':' || at + 1 >= len)
    return 0;
  if (s[at + 1] == ':') {
    strbuf_add_str(&p->sql, "::");
    return 2;
  }
  if (!sql_is_name_start(s[at + 1]))
    return 0;
  size_t end = at + 1;
  while (end < len && sql_is_name_char(s[end]))
    end++;
  add_name(p, s + at + 1, end - at - 1, style);
  return end - at;
}

void placeholders_translate(struct placeholders *p, const struct sql_rules *rules, const char *sql, size_t len,
                            enum placeholder_kind kind, const char *style) {
  for (size_t at = 0; at < len;) {
    struct sql_token token = sql_token_at(rules, sql, len, at);
    size_t taken = 0;
    if (token.kind == SQL_SIGN)
      taken = kind == PLACEHOLDER_POSITION ? take_position(p, sql, at, len, style) : take_name(p, sql, at, len, style);
    if (!taken)
      strbuf_add(&p->sql, sql + at, token.len);
    at += taken ? taken : token.len;
  }
}

void placeholders_release(struct placeholders *p) {
  strbuf_release(&p->sql);
  strvec_release(&p->names);
  vec_release(&p->marks);
  p->count = 0;
}
