/*
 * error.c - errors as values; see error.h.
 */
#include "base/error.h"

#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

void error_release(struct error *err) {
  free(err->message);
  free(err->detail);
  free(err->hint);
  free(err->where);
  free(err->statement);
  *err = (struct error)ERROR_INIT;
}

void error_clear(struct error *err) {
  error_release(err);
}

static char *format(const char *fmt, va_list args) {
  struct strbuf text = STRBUF_INIT;
  strbuf_add_vf(&text, fmt, args);
  return strbuf_detach(&text);
}

/* The new text is made first: its arguments may point into the old one. */
static bool replace(char **field, const char *fmt, va_list args) {
  char *text = format(fmt, args);
  free(*field);
  *field = text;
  return false;
}

bool error_set_v(struct error *err, enum error_class class, const char *fmt, va_list args) {
  char *message = format(fmt, args);
  error_release(err);
  err->class = class;
  err->message = message;
  return false;
}

bool error_set(struct error *err, enum error_class class, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  error_set_v(err, class, fmt, args);
  va_end(args);
  return false;
}

bool error_hint(struct error *err, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  replace(&err->hint, fmt, args);
  va_end(args);
  return false;
}

bool error_add_hint(struct error *err, const char *text) {
  return err->hint ? error_hint(err, "%s %s", err->hint, text) : error_hint(err, "%s", text);
}

bool error_detail(struct error *err, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  replace(&err->detail, fmt, args);
  va_end(args);
  return false;
}

bool error_where(struct error *err, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  replace(&err->where, fmt, args);
  va_end(args);
  return false;
}

bool error_statement(struct error *err, const char *sql, size_t len) {
  char *copy = xstrndup(sql, len);
  free(err->statement);
  err->statement = copy;
  return false;
}

bool error_prefix(struct error *err, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  char *prefix = format(fmt, args);
  va_end(args);
  char *message = xasprintf("%s%s", prefix, err->message ? err->message : "");
  free(prefix);
  free(err->message);
  err->message = message;
  return false;
}

void error_copy(struct error *to, const struct error *from) {
  struct error copy = *from;
  copy.message = xstrdup_or_null(from->message);
  copy.detail = xstrdup_or_null(from->detail);
  copy.hint = xstrdup_or_null(from->hint);
  copy.where = xstrdup_or_null(from->where);
  copy.statement = xstrdup_or_null(from->statement);
  error_move(to, &copy);
}

void error_move(struct error *to, struct error *from) {
  error_release(to);
  *to = *from;
  *from = (struct error)ERROR_INIT;
}
