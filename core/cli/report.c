/*
 * report.c - see report.h.
 */
#include "cli/report.h"

#include "cli/output.h"
#include "cli/width.h"

#include <stdlib.h>
#include <string.h>

/* Columns of a statement's line around the caret; the rest is cut. */
enum { STATEMENT_COLUMNS = 100 };

static const char *class_name(enum error_class class) {
  switch (class) {
  case ERROR_NONE:
    return "none";
  case ERROR_FAILED:
    return "failed";
  case ERROR_USAGE:
    return "usage";
  case ERROR_PENDING:
    return "pending";
  case ERROR_HISTORY:
    return "history";
  case ERROR_LOCK:
    return "lock";
  case ERROR_CONNECT:
    return "connect";
  case ERROR_PARTIAL:
    return "partial";
  case ERROR_FINDINGS:
    return "findings";
  case ERROR_INTERRUPTED:
    return "interrupted";
  }
  BUG("error class %d has no name", (int)class);
}

/* "  label: first line" and further lines under it. */
static void add_lines(struct strbuf *text, const char *label, const char *words) {
  size_t indent = 2 + strlen(label);
  strbuf_addf(text, "  %s", label);
  for (const char *line = words; *line;) {
    size_t len = strcspn(line, "\r\n");
    strbuf_add(text, line, len);
    line += len;
    line += strspn(line, "\r\n");
    if (*line) {
      strbuf_add_char(text, '\n');
      strbuf_add_repeated(text, ' ', indent);
    }
  }
  strbuf_add_char(text, '\n');
}

/* A place of one line, or a traceback: one line a level. */
static void add_where(struct strbuf *text, const char *where) {
  bool many = strchr(where, '\n') != NULL;
  for (const char *line = where; *line;) {
    line += strspn(line, " \t\r\n");
    size_t len = strcspn(line, "\r\n");
    if (len)
      strbuf_addf(text, many ? "  %.*s\n" : "  at %.*s\n", (int)len, line);
    line += len;
  }
}

/* The line of the statement that holds the byte `position`. */
static void find_line(const char *statement, size_t position, size_t *start, size_t *end) {
  *start = position;
  while (*start > 0 && statement[*start - 1] != '\n')
    --*start;
  *end = position + strcspn(statement + position, "\r\n");
}

/* Without a position: the first line that says something. */
static size_t first_line(const char *statement) {
  return strspn(statement, " \t\r\n");
}

static void add_statement(struct strbuf *text, const char *statement, int64_t position) {
  static const char label[] = "  statement: ";
  bool known = position >= 0 && (uint64_t)position <= strlen(statement);
  size_t at = known ? (size_t)position : first_line(statement);
  size_t start, end;
  find_line(statement, at, &start, &end);
  size_t indent = strspn(statement + start, " \t");
  start += indent < at - start ? indent : at - start;
  /* A long line is cut in front, so that the caret stays in view. */
  bool cut_front = width_of_len(statement + start, at - start) > STATEMENT_COLUMNS * 3 / 4;
  while (cut_front && width_of_len(statement + start, at - start) > STATEMENT_COLUMNS / 2)
    do
      start++;
    while (((unsigned char)statement[start] & 0xC0) == 0x80);
  char *line = xstrndup(statement + start, end - start);
  strbuf_addf(text, "%s%s", label, cut_front ? "..." : "");
  width_add_cut(text, line, STATEMENT_COLUMNS);
  if (!known && statement[end] && statement[end + strspn(statement + end, " \t\r\n;")])
    strbuf_add_str(text, " ...");
  strbuf_add_char(text, '\n');
  if (known) {
    strbuf_add_repeated(text, ' ', strlen(label) + (cut_front ? 3 : 0) + width_of_len(statement + start, at - start));
    strbuf_add_str(text, "^\n");
  }
  free(line);
}

void report_text(struct strbuf *text, const struct error *err, bool color) {
  strbuf_addf(text, "%serror:%s ", color ? "\033[1;31m" : "", color ? "\033[0m" : "");
  size_t from = text->len;
  strbuf_addf(text, "%s\n", err->message);
  if (err->where)
    add_where(text, err->where);
  if (err->sqlstate[0])
    strbuf_addf(text, "  SQLSTATE %s\n", err->sqlstate);
  if (err->detail)
    add_lines(text, "detail: ", err->detail);
  if (err->statement && err->statement[first_line(err->statement)])
    add_statement(text, err->statement, err->position);
  if (err->hint)
    add_lines(text, "hint: ", err->hint);
  strbuf_mask_controls(text, from);
}

static void set_text(json_t *object, const char *key, const char *text) {
  if (text && text[0])
    json_object_set_new(object, key, output_json_text(text));
}

json_t *report_json(const struct error *err) {
  json_t *object = json_object();
  json_object_set_new(object, "event", json_string("error"));
  json_object_set_new(object, "class", json_string(class_name(err->class)));
  json_object_set_new(object, "exit_code", json_integer((json_int_t)err->class));
  set_text(object, "message", err->message);
  set_text(object, "where", err->where);
  set_text(object, "sqlstate", err->sqlstate);
  set_text(object, "detail", err->detail);
  set_text(object, "statement", err->statement);
  if (err->position >= 0)
    json_object_set_new(object, "position", json_integer(err->position));
  set_text(object, "hint", err->hint);
  return object;
}
