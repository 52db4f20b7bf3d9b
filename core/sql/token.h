/*
 * token.h - SQL text taken apart into tokens, as far as it takes to know where strings, quoted names and comments begin
 * and end.
 *
 * Pure; no ownership. A token never goes past the end of the text, and every byte belongs to exactly one.
 */
#ifndef SQL_TOKEN_H
#define SQL_TOKEN_H

#include "sql/rules.h"

#include <stddef.h>

enum sql_token_kind {
  SQL_BLANK,
  SQL_COMMENT,
  SQL_STRING, /* with what continues it on the next line, where that is escaped too; dollar quotes */
  SQL_NAME,   /* a quoted identifier */
  SQL_WORD,   /* a name or a keyword; also a number */
  SQL_SIGN,   /* any other single byte */
};

struct sql_token {
  enum sql_token_kind kind;
  size_t len;
  bool is_open; /* a string, name or comment that the end of the text has cut off */
};

/* The token at text[at]; `at` is below `len`, and no token begins before it that reaches there. */
struct sql_token sql_token_at(const struct sql_rules *rules, const char *text, size_t len, size_t at);

/* A word in whatever case? `word` in lower case. */
bool sql_is_word(const char *text, size_t len, const char *word);

/* May a name begin with the byte, or go on with it? */
bool sql_is_name_start(char c);
bool sql_is_name_char(char c);

static inline bool sql_is_space(enum sql_token_kind kind) {
  return kind == SQL_BLANK || kind == SQL_COMMENT;
}

#endif
