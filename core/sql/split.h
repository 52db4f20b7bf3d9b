/*
 * split.h - a script of several statements, cut into them one by one.
 *
 * Pure. Ownership: pieces are places in the caller's text, which must outlive the splitter. Each call goes on where the
 * last one stopped, so a text is read once, however long it is.
 */
#ifndef SQL_SPLIT_H
#define SQL_SPLIT_H

#include "base/error.h"
#include "base/strbuf.h"
#include "sql/rules.h"

#include <stddef.h>

struct sql_splitter {
  struct sql_rules rules; /* the caller may change them between two statements */
  const char *text;
  size_t len;                                         /* becomes less where `ends_text` is true of a comment */
  bool (*ends_text)(const char *comment, size_t len); /* the caller's, or NULL; asked of what begins its line */
  size_t at;
  size_t line; /* of text[at] */
};

struct sql_statement {
  const char *text; /* from its first word to its end, without the semicolon */
  size_t len;
  size_t line;
  const char *piece; /* the same with the comments around it and its data; where `len` is 0 this is all comment */
  size_t piece_len;
  const char *data; /* the lines that follow COPY ... FROM STDIN, each with its end; NULL for other statements */
  size_t data_len;
};

enum sql_split {
  SQL_SPLIT_STATEMENT,
  SQL_SPLIT_END,
  SQL_SPLIT_BROKEN, /* what comes next is no statement; `err` says why, `statement->line` where */
};

/* `first_line` is the number of the text's first line, for messages. */
void sql_split_init(struct sql_splitter *splitter, const struct sql_rules *rules, const char *text, size_t len,
                    size_t first_line);

/* The next statement. `err` is filled for SQL_SPLIT_BROKEN only. */
enum sql_split sql_split_next(struct sql_splitter *splitter, struct sql_statement *statement,
                              struct error *err) MUST_CHECK;

/* Appends the text of one or several statements so that it ends with exactly one semicolon, whatever semicolons and
 * comments it ends with; blanks around it go. What holds nothing but comments gets no semicolon. */
void sql_add_terminated(struct strbuf *out, const struct sql_rules *rules, const char *sql, size_t len);

#endif
