/*
 * lexer.c - cuts Lua 5.4 source into tokens; see lexer.h and section 3.1 of the Lua manual.
 *
 * Called by header.c. The text may be the first part of a file only: every look at a byte goes through `byte_at`, which
 * remembers when somebody looked beyond the part, so that a token is never judged by half of it.
 */
#include "script/lexer.h"

#include <stdint.h>
#include <string.h>

static const char bom[] = "\xEF\xBB\xBF";

static int byte_at(struct lexer *lx, size_t index) {
  if (index < lx->len)
    return (unsigned char)lx->text[index];
  lx->touched_end = true;
  return -1;
}

static bool is_newline(int c) {
  return c == '\n' || c == '\r';
}

static bool is_blank(int c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' || is_newline(c);
}

static bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

static bool is_name_start(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(int c) {
  return is_name_start(c) || is_digit(c);
}

static int hex_value(int c) {
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/* Moves over one line end; CR LF and LF CR are one. */
static void skip_newline(struct lexer *lx) {
  int first = byte_at(lx, lx->pos++);
  int second = byte_at(lx, lx->pos);
  if (is_newline(second) && second != first)
    lx->pos++;
  lx->line++;
}

/* Moves to the end of the line, not over it. Headers are mostly comments, so this is where the time goes. */
static void skip_line(struct lexer *lx) {
  size_t left = lx->len - lx->pos;
  if (left) {
    const char *start = lx->text + lx->pos;
    const char *end = memchr(start, '\n', left);
    left = end ? (size_t)(end - start) : left;
    end = memchr(start, '\r', left);
    lx->pos += end ? (size_t)(end - start) : left;
  }
  (void)byte_at(lx, lx->pos);
}

static void skip_blanks(struct lexer *lx) {
  for (;;) {
    int c = byte_at(lx, lx->pos);
    if (!is_blank(c))
      return;
    if (is_newline(c))
      skip_newline(lx);
    else
      lx->pos++;
  }
}

void lexer_init(struct lexer *lx, const char *text, size_t len, bool complete) {
  *lx = (struct lexer){.text = text, .len = len, .line = 1, .complete = complete};
  if (len >= 3 && memcmp(text, bom, 3) == 0)
    lx->pos = 3;
  if (byte_at(lx, lx->pos) == '#')
    skip_line(lx);
}

/* At a `[`: the level of a long bracket that opens here, or -1. */
static int long_bracket_level(struct lexer *lx, size_t index) {
  int level = 0;
  for (index++; byte_at(lx, index) == '='; index++)
    level++;
  return byte_at(lx, index) == '[' ? level : -1;
}

static bool closes_long(struct lexer *lx, size_t index, int level) {
  index++;
  for (int i = 0; i < level; i++, index++) {
    if (byte_at(lx, index) != '=')
      return false;
  }
  return byte_at(lx, index) == ']';
}

/* Moves over a long bracket of this level; false when it is not closed. */
static bool skip_long(struct lexer *lx, int level) {
  lx->pos += (size_t)level + 2;
  for (;;) {
    int c = byte_at(lx, lx->pos);
    if (c < 0)
      return false;
    if (c == ']' && closes_long(lx, lx->pos, level)) {
      lx->pos += (size_t)level + 2;
      return true;
    }
    if (is_newline(c))
      skip_newline(lx);
    else
      lx->pos++;
  }
}

static enum token_kind fail(struct lexer *lx, const char *problem) {
  lx->problem = problem;
  return TOKEN_ERROR;
}

static enum token_kind lex_comment(struct lexer *lx, struct token *token) {
  lx->pos += 2;
  int level = byte_at(lx, lx->pos) == '[' ? long_bracket_level(lx, lx->pos) : -1;
  if (level < 0) {
    skip_line(lx);
    return TOKEN_COMMENT;
  }
  token->is_long = true;
  return skip_long(lx, level) ? TOKEN_COMMENT : fail(lx, "a comment in long brackets is not closed");
}

/* Behind a backslash: only what decides where the string ends; token_decode_string judges the escape itself. */
static void skip_escape(struct lexer *lx) {
  int c = byte_at(lx, lx->pos);
  if (is_newline(c)) {
    skip_newline(lx);
    return;
  }
  lx->pos += c >= 0;
  if (c == 'z')
    skip_blanks(lx);
}

static enum token_kind lex_quoted(struct lexer *lx, int quote) {
  for (lx->pos++;;) {
    int c = byte_at(lx, lx->pos);
    if (c < 0 || is_newline(c))
      return fail(lx, "a string is not closed");
    lx->pos++;
    if (c == quote)
      return TOKEN_STRING;
    if (c == '\\')
      skip_escape(lx);
  }
}

static enum token_kind lex_name(struct lexer *lx) {
  while (is_name_part(byte_at(lx, lx->pos)))
    lx->pos++;
  return TOKEN_NAME;
}

/* Loose: takes whatever looks like part of a number, since no number is ever used. */
static enum token_kind lex_number(struct lexer *lx) {
  for (;;) {
    int c = byte_at(lx, lx->pos);
    if (!is_name_part(c) && c != '.')
      return TOKEN_NUMBER;
    lx->pos++;
    int sign = byte_at(lx, lx->pos);
    if (strchr("eEpP", c) && (sign == '+' || sign == '-'))
      lx->pos++;
  }
}

static enum token_kind lex_symbol(struct lexer *lx, int c) {
  static const char *const longer[] = {"...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};
  if (c == 0)
    return fail(lx, "a NUL byte: this is not Lua source");
  if (!strchr("+-*/%^#&~|<>=(){}[];:,.", c))
    return fail(lx, "a character that Lua does not know");
  for (size_t i = 0; i < ARRAY_LEN(longer); i++) {
    size_t n = 0;
    while (longer[i][n] && byte_at(lx, lx->pos + n) == longer[i][n])
      n++;
    if (!longer[i][n]) {
      lx->pos += n;
      return TOKEN_SYMBOL;
    }
  }
  lx->pos++;
  return TOKEN_SYMBOL;
}

static enum token_kind lex(struct lexer *lx, struct token *token) {
  int c = byte_at(lx, lx->pos);
  if (c < 0)
    return TOKEN_END;
  if (c == '-' && byte_at(lx, lx->pos + 1) == '-')
    return lex_comment(lx, token);
  if (c == '"' || c == '\'')
    return lex_quoted(lx, c);
  if (c == '[') {
    int level = long_bracket_level(lx, lx->pos);
    token->is_long = level >= 0;
    if (level >= 0)
      return skip_long(lx, level) ? TOKEN_STRING : fail(lx, "a string in long brackets is not closed");
  }
  if (is_name_start(c))
    return lex_name(lx);
  if (is_digit(c) || (c == '.' && is_digit(byte_at(lx, lx->pos + 1))))
    return lex_number(lx);
  return lex_symbol(lx, c);
}

struct token lexer_next(struct lexer *lx) {
  lx->touched_end = false;
  skip_blanks(lx);
  struct token token = {.start = lx->text + lx->pos, .line = lx->line};
  size_t start = lx->pos;
  size_t line = lx->line;
  token.kind = lex(lx, &token);
  if (lx->touched_end && !lx->complete)
    token.kind = TOKEN_TRUNCATED;
  if (token.kind <= TOKEN_ERROR)
    lx->pos = start;
  token.len = lx->pos - start;
  token.end_line = lx->line;
  if (token.kind <= TOKEN_ERROR)
    lx->line = line;
  return token;
}

bool token_is(const struct token *token, enum token_kind kind, const char *text) {
  return token->kind == kind && token->len == strlen(text) && memcmp(token->start, text, token->len) == 0;
}

void token_inside(const struct token *token, const char **start, size_t *len) {
  size_t before = token->kind == TOKEN_COMMENT ? 2 : 0;
  size_t after = 0;
  if (token->is_long) {
    size_t level = 0;
    while (token->start[before + 1 + level] == '=')
      level++;
    before += level + 2;
    after = level + 2;
  }
  *start = token->start + before;
  *len = token->len - before - after;
}

/* UTF-8 in its first form, up to six bytes for code points below 2^31, as Lua takes them. */
static void add_utf8(struct strbuf *value, uint32_t cp) {
  char bytes[6];
  size_t n = 0;
  if (cp < 0x80) {
    strbuf_add_char(value, (char)cp);
    return;
  }
  uint32_t first_room = 0x3f;
  do {
    bytes[n++] = (char)(0x80 | (cp & 0x3f));
    cp >>= 6;
    first_room >>= 1;
  } while (cp > first_room);
  strbuf_add_char(value, (char)((~first_room << 1) | cp));
  while (n)
    strbuf_add_char(value, bytes[--n]);
}

/* The three escapes with digits. Each moves *p behind the escape; NULL when done. */
static const char *decode_hex(const char **p, const char *end, struct strbuf *value) {
  int high = *p < end ? hex_value((unsigned char)(*p)[0]) : -1;
  int low = *p + 1 < end ? hex_value((unsigned char)(*p)[1]) : -1;
  if (high < 0 || low < 0)
    return "\\x needs two hexadecimal digits";
  strbuf_add_char(value, (char)(high * 16 + low));
  *p += 2;
  return NULL;
}

static const char *decode_decimal(const char **p, const char *end, struct strbuf *value) {
  int number = 0;
  for (int i = 0; i < 3 && *p < end && is_digit((unsigned char)**p); i++)
    number = number * 10 + (*(*p)++ - '0');
  if (number > 255)
    return "a decimal escape is above 255";
  strbuf_add_char(value, (char)number);
  return NULL;
}

static const char *decode_code_point(const char **p, const char *end, struct strbuf *value) {
  uint32_t cp = 0;
  const char *digits = *p + 1;
  if (*p >= end || **p != '{')
    return "\\u needs { and }";
  for (*p = digits; *p < end && hex_value((unsigned char)**p) >= 0; (*p)++) {
    if (cp > 0x7ffffffU)
      return "a \\u escape is too large";
    cp = cp * 16 + (uint32_t)hex_value((unsigned char)**p);
  }
  if (*p == digits || *p >= end || **p != '}')
    return "\\u needs hexadecimal digits in { and }";
  (*p)++;
  add_utf8(value, cp);
  return NULL;
}

/* One line end is one "\n" in a string, however it is written. */
static const char *after_newline(const char *p, const char *end) {
  return p + 1 < end && is_newline((unsigned char)p[1]) && p[1] != p[0] ? p + 2 : p + 1;
}

static const char *decode_escape(const char **p, const char *end, struct strbuf *value) {
  static const char letters[] = "abfnrtv\\\"'";
  static const char meanings[] = "\a\b\f\n\r\t\v\\\"'";
  if (*p >= end)
    return "a string ends in an escape";
  char c = **p;
  const char *letter = c ? strchr(letters, c) : NULL;
  if (is_digit((unsigned char)c))
    return decode_decimal(p, end, value);
  if (is_newline((unsigned char)c)) {
    *p = after_newline(*p, end);
    strbuf_add_char(value, '\n');
    return NULL;
  }
  (*p)++;
  if (letter) {
    strbuf_add_char(value, meanings[letter - letters]);
    return NULL;
  }
  if (c == 'x')
    return decode_hex(p, end, value);
  if (c == 'u')
    return decode_code_point(p, end, value);
  if (c != 'z')
    return "an unknown escape in a string";
  while (*p < end && is_blank((unsigned char)**p))
    (*p)++;
  return NULL;
}

static void decode_long(const struct token *token, struct strbuf *value) {
  const char *p;
  size_t len;
  token_inside(token, &p, &len);
  const char *end = p + len;
  if (p < end && is_newline((unsigned char)*p))
    p = after_newline(p, end);
  while (p < end) {
    bool newline = is_newline((unsigned char)*p);
    strbuf_add_char(value, newline ? '\n' : *p);
    p = newline ? after_newline(p, end) : p + 1;
  }
}

const char *token_decode_string(const struct token *token, struct strbuf *value) {
  if (token->is_long) {
    decode_long(token, value);
    return NULL;
  }
  const char *p = token->start + 1;
  const char *end = token->start + token->len - 1;
  while (p < end) {
    if (*p != '\\') {
      strbuf_add_char(value, *p++);
      continue;
    }
    p++;
    const char *problem = decode_escape(&p, end, value);
    if (problem)
      return problem;
  }
  return NULL;
}
