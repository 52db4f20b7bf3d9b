/*
 * token.c - the tokens of SQL text; see token.h. Called by split.c, placeholder.c and the Lua binding. Works on bytes:
 * all that it looks for is ASCII, and whatever is not belongs to a word.
 */
#include "sql/token.h"

#include <string.h>

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool sql_is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

bool sql_is_name_char(char c) {
  return sql_is_name_start(c) || is_digit(c);
}

static bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool sql_is_word(const char *text, size_t len, const char *word) {
  for (size_t i = 0; i < len; i++) {
    char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    if (!word[i] || c != word[i])
      return false;
  }
  return word[len] == '\0';
}

static struct sql_token token(enum sql_token_kind kind, size_t len) {
  return (struct sql_token){.kind = kind, .len = len};
}

static struct sql_token cut_off(enum sql_token_kind kind, size_t len) {
  return (struct sql_token){.kind = kind, .len = len, .is_open = true};
}

/* From s[from] to the closing quote; a doubled one stays inside. */
static struct sql_token quoted(enum sql_token_kind kind, const char *s, size_t len, size_t from, char quote) {
  size_t at = from;
  while (at < len) {
    const char *end = memchr(s + at, quote, len - at);
    if (!end)
      break;
    at = (size_t)(end - s) + 1;
    if (at == len || s[at] != quote)
      return token(kind, at);
    at++;
  }
  return cut_off(kind, len);
}

static struct sql_token escaped_string(const char *s, size_t len, size_t from) {
  size_t at = from;
  while (at < len) {
    bool is_doubled = s[at] == '\'' && at + 1 < len && s[at + 1] == '\'';
    if (s[at] == '\\' || is_doubled)
      at += 2;
    else if (s[at++] == '\'')
      return token(SQL_STRING, at);
  }
  return cut_off(SQL_STRING, len);
}

static size_t line_comment_len(const char *s, size_t len) {
  const char *end = memchr(s, '\n', len);
  return end ? (size_t)(end - s) : len;
}

/* Where the next piece of a string begins that goes on in a further line: its quote; 0 where there is none. */
static size_t continued_at(const char *s, size_t len, size_t at) {
  bool has_line_end = false;
  while (at < len) {
    if (is_blank(s[at])) {
      has_line_end = has_line_end || s[at] == '\n' || s[at] == '\r';
      at++;
    } else if (has_line_end && s[at] == '-' && at + 1 < len && s[at + 1] == '-') {
      at += line_comment_len(s + at, len - at);
    } else {
      return has_line_end && s[at] == '\'' ? at : 0;
    }
  }
  return 0;
}

/* E'...', with its further pieces: those are escaped as the first one is. */
static struct sql_token e_string(const char *s, size_t len) {
  struct sql_token t = escaped_string(s, len, 2);
  for (size_t next = t.len; !t.is_open;) {
    next = continued_at(s, len, t.len);
    if (!next)
      break;
    t = escaped_string(s, len, next + 1);
  }
  return t;
}

static struct sql_token block_comment(const struct sql_rules *rules, const char *s, size_t len) {
  size_t depth = 1, at = 2;
  while (at + 1 < len) {
    if (s[at] == '*' && s[at + 1] == '/') {
      at += 2;
      if (--depth == 0)
        return token(SQL_COMMENT, at);
    } else if (rules->nested_comments && s[at] == '/' && s[at + 1] == '*') {
      at += 2;
      depth++;
    } else {
      at++;
    }
  }
  return cut_off(SQL_COMMENT, len);
}

/* $tag$ ... $tag$; a lone sign where none begins here. */
static struct sql_token dollar_quote(const char *s, size_t len) {
  size_t tag = 1;
  while (tag < len && sql_is_name_char(s[tag]))
    tag++;
  if (tag >= len || s[tag] != '$' || is_digit(s[1]))
    return token(SQL_SIGN, 1);
  tag++;
  size_t at = tag;
  while (at + tag <= len) {
    const char *end = memchr(s + at, '$', len - at);
    if (!end || (size_t)(end - s) + tag > len)
      break;
    at = (size_t)(end - s);
    if (memcmp(end, s, tag) == 0)
      return token(SQL_STRING, at + tag);
    at++;
  }
  return cut_off(SQL_STRING, len);
}

/* A dollar sign inside of a name begins no quote. */
static struct sql_token word(const char *s, size_t len) {
  size_t i = 1;
  while (i < len && (sql_is_name_char(s[i]) || s[i] == '$'))
    i++;
  return token(SQL_WORD, i);
}

static struct sql_token blanks(const char *s, size_t len) {
  size_t i = 1;
  while (i < len && is_blank(s[i]))
    i++;
  return token(SQL_BLANK, i);
}

struct sql_token sql_token_at(const struct sql_rules *rules, const char *text, size_t len, size_t at) {
  const char *s = text + at;
  size_t left = len - at;
  char next = left > 1 ? s[1] : '\0';
  if (is_blank(s[0]))
    return blanks(s, left);
  if (rules->e_strings && (s[0] == 'e' || s[0] == 'E') && next == '\'')
    return e_string(s, left);
  if (sql_is_name_char(s[0]))
    return word(s, left);
  switch (s[0]) {
  case '\'':
    return rules->backslash_escapes ? escaped_string(s, left, 1) : quoted(SQL_STRING, s, left, 1, '\'');
  case '"':
    return quoted(SQL_NAME, s, left, 1, '"');
  case '`':
    return rules->backquotes ? quoted(SQL_NAME, s, left, 1, '`') : token(SQL_SIGN, 1);
  case '[':
    return rules->brackets ? quoted(SQL_NAME, s, left, 1, ']') : token(SQL_SIGN, 1);
  case '-':
    return next == '-' ? token(SQL_COMMENT, line_comment_len(s, left)) : token(SQL_SIGN, 1);
  case '#':
    return rules->hash_comments ? token(SQL_COMMENT, line_comment_len(s, left)) : token(SQL_SIGN, 1);
  case '/':
    return next == '*' ? block_comment(rules, s, left) : token(SQL_SIGN, 1);
  case '$':
    return rules->dollar_quotes ? dollar_quote(s, left) : token(SQL_SIGN, 1);
  default:
    return token(SQL_SIGN, 1);
  }
}
