/*
 * python.c - cuts Python source into tokens; see python.h and chapter 2 of the Python language reference.
 *
 * Called by header_python.c. Strict where it decides what is a string and where a logical line ends, loose elsewhere:
 * the code between the headers is never run, only passed over.
 */
#include "script/python.h"

#include <stdint.h>
#include <string.h>

static int byte_at(const struct python_lexer *lx, size_t index) {
  return index < lx->len ? (unsigned char)lx->text[index] : -1;
}

static bool is_newline(int c) {
  return c == '\n' || c == '\r';
}

static bool is_blank(int c) {
  return c == ' ' || c == '\t' || c == '\f';
}

static bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

/* Letters beyond ASCII are not told apart from other characters there: Python has judged the file before. */
static bool is_name_part(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) || c >= 0x80;
}

void python_init(struct python_lexer *lx, const char *text, size_t len) {
  *lx = (struct python_lexer){.text = text, .len = len, .line = 1};
  if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
    lx->pos = lx->line_start = 3;
}

/* Moves over one line end; CR LF is one. */
static void skip_newline(struct python_lexer *lx) {
  lx->pos += byte_at(lx, lx->pos) == '\r' && byte_at(lx, lx->pos + 1) == '\n' ? 2 : 1;
  lx->line++;
  lx->line_start = lx->pos;
}

/* Blanks, comments, continued lines, and the line ends that end no logical line. */
static void skip_blanks(struct python_lexer *lx) {
  for (;;) {
    int c = byte_at(lx, lx->pos);
    if (is_blank(c)) {
      lx->pos++;
    } else if (c == '#') {
      while (c >= 0 && !is_newline(c))
        c = byte_at(lx, ++lx->pos);
    } else if (c == '\\' && is_newline(byte_at(lx, lx->pos + 1))) {
      lx->pos++;
      skip_newline(lx);
    } else if (is_newline(c) && (lx->depth || !lx->in_line)) {
      skip_newline(lx);
    } else {
      return;
    }
  }
}

static enum python_kind fail(struct python_lexer *lx, const char *problem) {
  lx->problem = problem;
  return PYTHON_ERROR;
}

static bool closes(const struct python_lexer *lx, int quote, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (byte_at(lx, lx->pos + i) != quote)
      return false;
  }
  return true;
}

/* At the quote. A backslash keeps what follows inside, in raw strings too. */
static enum python_kind lex_string(struct python_lexer *lx, struct python_token *token) {
  int quote = byte_at(lx, lx->pos);
  token->quote_len = closes(lx, quote, 3) ? 3 : 1;
  for (lx->pos += token->quote_len; !closes(lx, quote, token->quote_len);) {
    int c = byte_at(lx, lx->pos);
    if (c == '\\' && byte_at(lx, lx->pos + 1) >= 0)
      c = byte_at(lx, ++lx->pos);
    else if (is_newline(c) && token->quote_len == 1)
      return fail(lx, "a string is not closed");
    if (c < 0)
      return fail(lx, "a string is not closed");
    if (is_newline(c))
      skip_newline(lx);
    else
      lx->pos++;
  }
  lx->pos += token->quote_len;
  return PYTHON_STRING;
}

/* The letters before a quote, in any order and case. */
static bool take_prefix(const char *text, size_t len, struct python_token *token) {
  if (len > 2)
    return false;
  for (size_t i = 0; i < len; i++) {
    if (!strchr("rRuUbBfFtT", text[i]))
      return false;
    token->is_raw = token->is_raw || text[i] == 'r' || text[i] == 'R';
    token->is_bytes = token->is_bytes || text[i] == 'b' || text[i] == 'B';
    token->is_format = token->is_format || strchr("fFtT", text[i]) != NULL;
  }
  token->prefix_len = (unsigned char)len;
  return true;
}

static enum python_kind lex_name(struct python_lexer *lx, struct python_token *token) {
  size_t start = lx->pos;
  while (is_name_part(byte_at(lx, lx->pos)))
    lx->pos++;
  int c = byte_at(lx, lx->pos);
  struct python_token string = *token;
  if ((c != '"' && c != '\'') || !take_prefix(lx->text + start, lx->pos - start, &string))
    return PYTHON_NAME;
  *token = string;
  return lex_string(lx, token);
}

static enum python_kind lex_number(struct python_lexer *lx) {
  while (is_name_part(byte_at(lx, lx->pos)) || byte_at(lx, lx->pos) == '.')
    lx->pos++;
  return PYTHON_NUMBER;
}

/* What could be taken for an assignment, and what could not. */
static enum python_kind lex_symbol(struct python_lexer *lx, int c) {
  static const char *const longer[] = {"**=", "//=", ">>=", "<<=", "==", "!=", "<=", ">=", ":=", "->",
                                       "+=",  "-=",  "*=",  "/=",  "%=", "&=", "|=", "^=", "@="};
  if (c == 0)
    return fail(lx, "a NUL byte: this is not Python source");
  lx->depth += strchr("([{", c) != NULL;
  if (strchr(")]}", c) && lx->depth)
    lx->depth--;
  for (size_t i = 0; i < ARRAY_LEN(longer); i++) {
    size_t n = strlen(longer[i]);
    if (lx->len - lx->pos < n || memcmp(lx->text + lx->pos, longer[i], n) != 0)
      continue;
    lx->pos += n;
    return PYTHON_SYMBOL;
  }
  lx->pos++;
  return PYTHON_SYMBOL;
}

static enum python_kind lex(struct python_lexer *lx, struct python_token *token) {
  int c = byte_at(lx, lx->pos);
  if (c < 0 && !lx->in_line)
    return PYTHON_END;
  if (c < 0 || is_newline(c)) {
    lx->in_line = false;
    if (c >= 0)
      skip_newline(lx);
    return c < 0 && lx->depth ? fail(lx, "a bracket is not closed") : PYTHON_NEWLINE;
  }
  lx->in_line = true;
  if (c == '"' || c == '\'')
    return lex_string(lx, token);
  if (is_digit(c))
    return lex_number(lx);
  return is_name_part(c) ? lex_name(lx, token) : lex_symbol(lx, c);
}

struct python_token python_next(struct python_lexer *lx) {
  if (!lx->problem)
    skip_blanks(lx);
  size_t start = lx->pos;
  struct python_token token = {.start = lx->text + start, .line = lx->line, .column = start - lx->line_start};
  token.kind = lx->problem ? PYTHON_ERROR : lex(lx, &token);
  token.len = lx->pos - start;
  return token;
}

bool python_is(const struct python_token *token, enum python_kind kind, const char *text) {
  return token->kind == kind && token->len == strlen(text) && memcmp(token->start, text, token->len) == 0;
}

/* ---- what a string means ---- */

static const char *add_code_point(uint32_t cp, struct strbuf *value) {
  if (cp == 0)
    return "a NUL in a string";
  if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
    return "an escape in a string is no character";
  if (cp < 0x80) {
    strbuf_add_char(value, (char)cp);
    return NULL;
  }
  int more = cp < 0x800 ? 1 : cp < 0x10000 ? 2 : 3;
  static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
  strbuf_add_char(value, (char)(first[more] | (cp >> (6 * more))));
  while (more-- > 0)
    strbuf_add_char(value, (char)(0x80 | ((cp >> (6 * more)) & 0x3f)));
  return NULL;
}

static int digit_value(char c) {
  if (is_digit(c))
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Digits of a base: at least `least`, at most `most` of them. */
static const char *decode_digits(const char **p, const char *end, uint32_t base, int least, int most,
                                 struct strbuf *value) {
  uint32_t cp = 0;
  int count = 0;
  for (; count < most && *p < end && (uint32_t)digit_value(**p) < base; count++)
    cp = cp * base + (uint32_t)digit_value(*(*p)++);
  return count < least ? "an escape in a string has too few digits" : add_code_point(cp, value);
}

/* Behind a backslash. Escapes that Python does not know stay as they are written, backslash and all. */
static const char *decode_escape(const char **p, const char *end, struct strbuf *value) {
  static const char letters[] = "abfnrtv\\\"'";
  static const char meanings[] = "\a\b\f\n\r\t\v\\\"'";
  char c = **p;
  const char *letter = c ? strchr(letters, c) : NULL;
  if (c >= '0' && c <= '7')
    return decode_digits(p, end, 8, 1, 3, value);
  (*p)++;
  switch (c) {
  case '\r':
    *p += *p < end && **p == '\n';
    return NULL;
  case '\n':
    return NULL;
  case 'x':
    return decode_digits(p, end, 16, 2, 2, value);
  case 'u':
    return decode_digits(p, end, 16, 4, 4, value);
  case 'U':
    return decode_digits(p, end, 16, 8, 8, value);
  case 'N':
    return "a character given by its name cannot be read: write the character itself";
  default:
    break;
  }
  if (!letter)
    strbuf_add_char(value, '\\');
  strbuf_add_char(value, letter ? meanings[letter - letters] : c);
  return NULL;
}

const char *python_decode(const struct python_token *token, struct strbuf *value) {
  const char *p = token->start + token->prefix_len + token->quote_len;
  const char *end = token->start + token->len - token->quote_len;
  while (p < end) {
    if (*p == '\r') {
      strbuf_add_char(value, '\n');
      p += p + 1 < end && p[1] == '\n' ? 2 : 1;
    } else if (*p != '\\' || token->is_raw) {
      strbuf_add_char(value, *p++);
    } else {
      p++;
      const char *problem = decode_escape(&p, end, value);
      if (problem)
        return problem;
    }
  }
  return NULL;
}
