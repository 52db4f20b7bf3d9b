/*
 * python.h - cuts Python source into tokens, for reading the headers of Alembic's revisions without Python.
 *
 * Knows the lexical rules only: names, strings, symbols, logical lines. Ownership: the text is the caller's and must
 * outlive the tokens, which are places in it. Nothing is allocated. Lines count from 1.
 */
#ifndef SCRIPT_PYTHON_H
#define SCRIPT_PYTHON_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum python_kind {
  PYTHON_END,
  PYTHON_ERROR,   /* `lexer.problem` says what */
  PYTHON_NEWLINE, /* the end of a logical line; empty ones have none */
  PYTHON_NAME,    /* keywords too */
  PYTHON_STRING,
  PYTHON_NUMBER,
  PYTHON_SYMBOL,
};

struct python_token {
  enum python_kind kind;
  const char *start;
  size_t len;
  size_t line;
  size_t column; /* bytes before it in its line */
  /* Strings only. */
  unsigned char prefix_len;
  unsigned char quote_len; /* 1 or 3 */
  bool is_raw;
  bool is_bytes;
  bool is_format;
};

struct python_lexer {
  const char *text;
  size_t len;
  size_t pos;
  size_t line;
  size_t line_start;
  size_t depth;        /* open brackets: line ends inside them are blanks */
  bool in_line;        /* the logical line has a token */
  const char *problem; /* after PYTHON_ERROR: words without a capital or full stop */
};

/* Passes over a byte order mark. */
void python_init(struct python_lexer *lx, const char *text, size_t len);

/* The next token; comments and blanks are passed over. After PYTHON_END and PYTHON_ERROR it gives them again. */
struct python_token python_next(struct python_lexer *lx);

bool python_is(const struct python_token *token, enum python_kind kind, const char *text);

/* Appends what a string token means, escapes resolved, as UTF-8. NULL when done, else what is wrong with it. */
const char *python_decode(const struct python_token *token, struct strbuf *value);

#endif
