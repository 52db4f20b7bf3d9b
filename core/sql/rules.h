/*
 * rules.h - what differs between databases in the lexical rules of SQL. All false is the standard.
 *
 * A dialect gives them as its table `lexical`, by these names; core/lua/dialect.c reads it. No ownership: plain values.
 */
#ifndef SQL_RULES_H
#define SQL_RULES_H

#include <stdbool.h>

struct sql_rules {
  bool backslash_escapes; /* in '...' a backslash takes the next character with it */
  bool e_strings;         /* in E'...' it does */
  bool dollar_quotes;     /* $$...$$, $tag$...$tag$ */
  bool backquotes;        /* `name` */
  bool brackets;          /* [name] */
  bool nested_comments;   /* a comment inside of a comment */
  bool hash_comments;     /* # to the end of the line */
  bool statement_lists;   /* semicolons in parentheses end no statement: CREATE RULE ... DO (a; b) */
  bool trigger_bodies;    /* CREATE TRIGGER ... BEGIN a; b; END */
  bool atomic_bodies;     /* CREATE FUNCTION ... BEGIN ATOMIC a; b; END */
  bool copy_data;         /* COPY ... FROM STDIN is followed by lines of data, up to one that is \. */
  char shell_prefix;      /* what a command of the database's shell begins with where a statement could begin; or 0 */
};

#endif
