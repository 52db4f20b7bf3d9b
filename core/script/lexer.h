/*
 * lexer.h - cuts Lua 5.4 source into tokens, for reading headers without running them.
 *
 * Knows the lexical rules only: names, strings, numbers, comments, symbols. Ownership: the text is the caller's and
 * must outlive the tokens, which are places in it. Nothing is allocated. Lines count from 1.
 */
#ifndef SCRIPT_LEXER_H
#define SCRIPT_LEXER_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
  TOKEN_END,       /* end of the text */
  TOKEN_TRUNCATED, /* the text goes on in the file, and what comes next may depend on the rest */
  TOKEN_ERROR,     /* `lexer.problem` says what */
  TOKEN_NAME,      /* keywords too */
  TOKEN_STRING,
  TOKEN_NUMBER,
  TOKEN_SYMBOL,
  TOKEN_COMMENT,
};

struct token {
  enum token_kind kind;
  const char *start;
  size_t len;
  size_t line;     /* where it starts */
  size_t end_line; /* where it ends */
  bool is_long;    /* strings and comments: in long brackets */
};

struct lexer {
  const char *text;
  size_t len;
  size_t pos;
  size_t line;
  bool complete;       /* the text is the whole file */
  bool touched_end;    /* the token at hand looked beyond the text */
  const char *problem; /* after TOKEN_ERROR: words without a capital or full stop */
};

/* Passes over a byte order mark and a first line that starts with `#`. */
void lexer_init(struct lexer *lx, const char *text, size_t len, bool complete);

/* The next token; comments are tokens, blanks are not. After TOKEN_END, _TRUNCATED and _ERROR it gives them again. */
struct token lexer_next(struct lexer *lx);

bool token_is(const struct token *token, enum token_kind kind, const char *text);

/* Appends what a string token means, escapes resolved. NULL when done, else what is wrong with it. */
const char *token_decode_string(const struct token *token, struct strbuf *value);

/* The text inside a long string or long comment (without the brackets), or behind the `--` of a short comment. */
void token_inside(const struct token *token, const char **start, size_t *len);

#endif
