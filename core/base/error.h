/*
 * error.h - what went wrong, filled once where it happened, printed once by the command.
 *
 * Ownership: the caller owns the struct (start with ERROR_INIT), the struct owns its texts. Functions that can fail
 * take a `struct error *` last and return bool: true is done, false means that they have filled it. It may not be NULL.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* The class gives the exit code (DESIGN.md, section 7): the numbers are the codes themselves. */
enum error_class {
  ERROR_NONE = 0,
  ERROR_FAILED = 1,   /* a migration or a statement failed and was rolled back */
  ERROR_USAGE = 2,    /* the command line or the configuration is wrong */
  ERROR_PENDING = 3,  /* there is work left */
  ERROR_HISTORY = 4,  /* the history in the database and the files disagree */
  ERROR_LOCK = 5,     /* somebody else holds the lock */
  ERROR_CONNECT = 6,  /* the database cannot be reached or opened */
  ERROR_PARTIAL = 7,  /* a revision is partly applied */
  ERROR_FINDINGS = 8, /* lint, diff, verify or a backfill found something */
  ERROR_INTERRUPTED = 130,
};

/* What makes sense after the error; the numbers of MOONBIRD_RETRY_... in driver.h. */
enum error_retry {
  RETRY_NEVER = 0,
  RETRY_STATEMENT = 1,
  RETRY_TRANSACTION = 2,
  RETRY_CONNECTION = 3,
};

struct error {
  enum error_class class;
  enum error_retry retry;
  char sqlstate[6]; /* "" where no database was involved */
  int64_t position; /* byte offset in `statement`, -1 unknown */
  char *message;    /* one sentence: what failed, on which object */
  char *detail;     /* the database's own further words, or NULL */
  char *hint;       /* what to do next, or NULL */
  char *where;      /* "file:line" or a traceback, or NULL */
  char *statement;  /* the SQL text, or NULL */
};

#define ERROR_INIT                                                                                                     \
  { .class = ERROR_NONE, .position = -1 }

/* Life. Clear makes it reusable. */
void error_clear(struct error *err);
void error_release(struct error *err);

/* Fills class and message (what was there is freed) and returns false, so that a caller can `return error_set(...)`. */
bool error_set(struct error *err, enum error_class class, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool error_set_v(struct error *err, enum error_class class, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

/* Adds to an error that is set; each returns false. A later call replaces the text. */
bool error_hint(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool error_add_hint(struct error *err, const char *text); /* behind the hint that is there */
bool error_detail(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool error_where(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool error_statement(struct error *err, const char *sql, size_t len);

/* Puts text before the message: "revision ab12: " + message. */
bool error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Copies `from` into `to` (what was there is freed). */
void error_copy(struct error *to, const struct error *from);

/* Moves `from` into `to` (what was there is freed); `from` is clear afterwards. */
void error_move(struct error *to, struct error *from);

static inline bool error_is_set(const struct error *err) {
  return err->class != ERROR_NONE;
}

#endif
