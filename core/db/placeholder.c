/*
 * placeholder.c - finds and rewrites placeholders in SQL text; see placeholder.h.
 *
 * The scanner knows the lexical rules of standard SQL and those extensions that cannot be mistaken: E'...' strings with
 * backslashes, nested comments, dollar quotes, backquotes and square brackets are left alone where they are not quotes.
 */
#include "db/placeholder.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

static bool is_name_start(char c) {
  return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_char(char c) {
  return is_name_start(c) || isdigit((unsigned char)c);
}

/* Length of a quoted piece that starts at s[0]; doubled quotes stay inside, and so do backslash escapes where asked. */
static size_t quoted_len(const char *s, size_t len, bool backslash) {
  char quote = s[0];
  size_t i = 1;
  while (i < len) {
    if (backslash && s[i] == '\\' && i + 1 < len)
      i += 2;
    else if (s[i] != quote)
      i++;
    else if (i + 1 < len && s[i + 1] == quote)
      i += 2;
    else
      return i + 1;
  }
  return len;
}

static size_t line_comment_len(const char *s, size_t len) {
  const char *end = memchr(s, '\n', len);
  return end ? (size_t)(end - s) : len;
}

static size_t block_comment_len(const char *s, size_t len) {
  size_t depth = 1, i = 2;
  while (i < len && depth) {
    if (i + 1 < len && s[i] == '/' && s[i + 1] == '*') {
      depth++;
      i += 2;
    } else if (i + 1 < len && s[i] == '*' && s[i + 1] == '/') {
      depth--;
      i += 2;
    } else {
      i++;
    }
  }
  return i;
}

/* $tag$ ... $tag$; 0 when no dollar quote starts here. */
static size_t dollar_quote_len(const char *s, size_t len) {
  size_t tag = 1;
  while (tag < len && is_name_char(s[tag]))
    tag++;
  if (tag >= len || s[tag] != '$' || isdigit((unsigned char)s[1]))
    return 0;
  tag++;
  for (size_t i = tag; i + tag <= len; i++)
    if (s[i] == '$' && memcmp(s + i, s, tag) == 0)
      return i + tag;
  return len;
}

/* Length of what must be copied unread at s + at: a string, a quoted name, a comment; 0 where there is none. */
static size_t opaque_len(const char *s, size_t at, size_t len) {
  const char *p = s + at;
  size_t left = len - at;
  bool after_name = at > 0 && is_name_char(s[at - 1]);
  switch (p[0]) {
  case '\'': {
    bool escape = after_name && (s[at - 1] == 'e' || s[at - 1] == 'E') && !(at > 1 && is_name_char(s[at - 2]));
    return quoted_len(p, left, escape);
  }
  case '"':
  case '`':
    return quoted_len(p, left, false);
  case '-':
    return left > 1 && p[1] == '-' ? line_comment_len(p, left) : 0;
  case '/':
    return left > 1 && p[1] == '*' ? block_comment_len(p, left) : 0;
  case '$':
    return after_name ? 0 : dollar_quote_len(p, left);
  default:
    return 0;
  }
}

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
  if (!is_name_start(s[at + 1]))
    return 0;
  size_t end = at + 1;
  while (end < len && is_name_char(s[end]))
    end++;
  add_name(p, s + at + 1, end - at - 1, style);
  return end - at;
}

void placeholders_translate(struct placeholders *p, const char *sql, size_t len, enum placeholder_kind kind,
                            const char *style) {
  for (size_t i = 0; i < len;) {
    size_t opaque = opaque_len(sql, i, len);
    if (opaque) {
      strbuf_add(&p->sql, sql + i, opaque);
      i += opaque;
      continue;
    }
    size_t taken =
        kind == PLACEHOLDER_POSITION ? take_position(p, sql, i, len, style) : take_name(p, sql, i, len, style);
    if (!taken) {
      strbuf_add_char(&p->sql, sql[i]);
      taken = 1;
    }
    i += taken;
  }
}

void placeholders_release(struct placeholders *p) {
  strbuf_release(&p->sql);
  strvec_release(&p->names);
  vec_release(&p->marks);
  p->count = 0;
}

/* --- the end of a statement --- */

static bool is_blank(char c) {
  return isspace((unsigned char)c) != 0;
}

/* Where the last word ends: behind it stand only blanks, comments and semicolons. */
static size_t words_end(const char *sql, size_t len) {
  size_t end = 0;
  for (size_t i = 0; i < len;) {
    size_t opaque = opaque_len(sql, i, len);
    size_t taken = opaque ? opaque : 1;
    bool is_comment = opaque && (sql[i] == '-' || sql[i] == '/');
    if (!is_comment && sql[i] != ';' && !is_blank(sql[i]))
      end = i + taken;
    i += taken;
  }
  return end;
}

void sql_add_terminated(struct strbuf *out, const char *sql, size_t len) {
  size_t start = out->len;
  while (len && is_blank(sql[0])) {
    sql++;
    len--;
  }
  size_t end = words_end(sql, len);
  strbuf_add(out, sql, end);
  if (end)
    strbuf_add_char(out, ';');
  for (size_t i = end; i < len;) {
    size_t opaque = opaque_len(sql, i, len);
    if (opaque)
      strbuf_add(out, sql + i, opaque);
    else if (sql[i] != ';')
      strbuf_add_char(out, sql[i]);
    i += opaque ? opaque : 1;
  }
  while (out->len > start && is_blank(out->buf[out->len - 1]))
    strbuf_truncate(out, out->len - 1);
}
