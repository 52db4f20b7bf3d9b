/*
 * header_python.c - reads the header of an Alembic revision from its tokens; see header_python.h.
 *
 * Called by import.c. Works on one logical line at a time. A header name that is set in a way that this reader cannot
 * follow (in a block, together with others, by an import) is an error, so that what it reads and what Python would see
 * never differ; functions and classes have names of their own and are passed over.
 */
#include "script/header_python.h"

#include "script/message.h"
#include "script/python.h"

#include <stdlib.h>
#include <string.h>

struct reader {
  const char *file;
  struct python_lexer lexer;
  struct python_token *tokens; /* one logical line */
  size_t count;
  size_t cap;
  bool in_scope; /* in a function or class that starts at scope_column */
  size_t scope_column;
  bool docstring_over;
  struct strbuf docstring;
  size_t docstring_line;
  struct arena *arena;
  struct header *header;
  struct error *err;
};

/* ---- tokens ---- */

static bool is_symbol(const struct python_token *t, const char *symbol) {
  return python_is(t, PYTHON_SYMBOL, symbol);
}

static bool is_word(const struct python_token *t, const char *word) {
  return python_is(t, PYTHON_NAME, word);
}

static bool is_one_of(const struct python_token *t, const char *const *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (python_is(t, t->kind, words[i]))
      return true;
  }
  return false;
}

/* requires_backfill and transaction are no words of Alembic's. */
static enum header_name name_of(const struct python_token *t) {
  enum header_name name = t->kind == PYTHON_NAME ? header_name_of(t->start, t->len) : HEADER_NAME_COUNT;
  return name <= HEADER_DEPENDS_ON ? name : HEADER_NAME_COUNT;
}

static bool is_assignment(const struct python_token *t) {
  static const char *const symbols[] = {
      "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", ":=", "**=", "//=", ">>=", "<<="};
  return t->kind == PYTHON_SYMBOL && is_one_of(t, symbols, ARRAY_LEN(symbols));
}

static size_t depth_after(size_t depth, const struct python_token *t) {
  if (is_symbol(t, "(") || is_symbol(t, "[") || is_symbol(t, "{"))
    return depth + 1;
  bool closes = is_symbol(t, ")") || is_symbol(t, "]") || is_symbol(t, "}");
  return depth - (closes && depth);
}

/* Reads the next logical line; *over at the end of the file. */
static bool next_line(struct reader *r, bool *over) {
  r->count = 0;
  for (;;) {
    struct python_token t = python_next(&r->lexer);
    if (t.kind == PYTHON_ERROR)
      return header_fail(r->err, r->file, t.line, "%s", r->lexer.problem);
    *over = t.kind == PYTHON_END;
    if (t.kind == PYTHON_END || t.kind == PYTHON_NEWLINE)
      return true;
    if (r->count == r->cap) {
      r->cap = r->cap ? 2 * r->cap : 64;
      r->tokens = xrealloc(r->tokens, r->cap * sizeof(*r->tokens));
    }
    r->tokens[r->count++] = t;
  }
}

/* ---- values ---- */

static bool not_literal(struct reader *r, enum header_name name, size_t line) {
  header_fail(r->err, r->file, line, "%s must be a literal: %s", header_word(name),
              header_is_list(name) ? "a string, a tuple or list of strings, or None" : "a string");
  return error_hint(r->err, "The files are read without Python; write the value itself in its place.");
}

/* Appends the strings that stand side by side from *at on: Python joins them. */
static const char *decode_strings(const struct python_token *tokens, size_t *at, size_t end, struct strbuf *value) {
  for (; *at < end && tokens[*at].kind == PYTHON_STRING; (*at)++) {
    const struct python_token *t = &tokens[*at];
    const char *problem = t->is_bytes    ? "bytes are no text"
                          : t->is_format ? "a formatted string is no literal"
                                         : python_decode(t, value);
    if (problem)
      return problem;
  }
  return NULL;
}

static bool take_string(struct reader *r, enum header_name name, size_t *at, size_t end) {
  struct strbuf value = STRBUF_INIT;
  size_t line = r->tokens[*at].line;
  const char *problem = decode_strings(r->tokens, at, end, &value);
  bool ok = problem ? header_fail(r->err, r->file, line, "%s: %s", header_word(name), problem)
                    : header_take(r->header, name, value.buf, value.len, r->arena, r->file, line, r->err);
  strbuf_release(&value);
  return ok;
}

/* Strings with commas between them, from `at` up to `end`; a comma may follow the last. */
static bool take_strings(struct reader *r, enum header_name name, size_t at, size_t end, size_t line) {
  while (at < end) {
    if (r->tokens[at].kind != PYTHON_STRING)
      return not_literal(r, name, line);
    if (!take_string(r, name, &at, end))
      return false;
    bool comma = at < end && is_symbol(&r->tokens[at], ",");
    if ((at < end && !comma) || (comma && !header_is_list(name)))
      return not_literal(r, name, line);
    at += comma;
  }
  return true;
}

static bool closes(const struct python_token *open, const struct python_token *close) {
  return (is_symbol(open, "(") && is_symbol(close, ")")) || (is_symbol(open, "[") && is_symbol(close, "]")) ||
         (is_symbol(open, "{") && is_symbol(close, "}"));
}

/* The tokens from `at` up to `end` are the whole right side. */
static bool take_value(struct reader *r, enum header_name name, size_t at, size_t end, size_t line) {
  bool is_list = header_is_list(name);
  if (end - at == 1 && is_word(&r->tokens[at], "None"))
    return is_list || not_literal(r, name, line);
  if (end - at >= 2 && closes(&r->tokens[at], &r->tokens[end - 1])) {
    if (!is_symbol(&r->tokens[at], "(") && !is_list)
      return not_literal(r, name, line);
    at++;
    end--;
    if (at == end)
      return is_list || not_literal(r, name, line);
    if (end - at == 1 && is_word(&r->tokens[at], "None") && is_symbol(&r->tokens[at - 1], "("))
      return is_list || not_literal(r, name, line);
  } else if (at == end) {
    return not_literal(r, name, line);
  }
  return take_strings(r, name, at, end, line);
}

/* ---- statements ---- */

static bool refuse(struct reader *r, const struct python_token *t, const char *why) {
  enum header_name name = name_of(t);
  header_fail(r->err, r->file, t->line, "%s %s", header_word(name), why);
  return error_hint(r->err, "The files are read without Python; write `%s = ...`, a literal, on a line of its own.",
                    header_word(name));
}

/* `import x as revision`, `from x import revision`. */
static bool check_import(struct reader *r, size_t from, size_t to) {
  bool names = is_word(&r->tokens[from], "import");
  for (size_t i = from + 1; i < to; i++) {
    const struct python_token *t = &r->tokens[i];
    bool renamed = i + 1 < to && is_word(&r->tokens[i + 1], "as");
    bool part = is_symbol(&r->tokens[i - 1], ".") || (i + 1 < to && is_symbol(&r->tokens[i + 1], "."));
    if (names && name_of(t) != HEADER_NAME_COUNT && !renamed && !part)
      return refuse(r, t, "must not be imported");
    names = names || is_word(t, "import");
  }
  return true;
}

/* Any other statement: does a header name stand where something is assigned to? */
static bool check_targets(struct reader *r, size_t from, size_t to) {
  const struct python_token *target = NULL;
  size_t depth = 0;
  bool bracketed = is_symbol(&r->tokens[from], "(") || is_symbol(&r->tokens[from], "[");
  for (size_t i = from; i < to; i++) {
    const struct python_token *t = &r->tokens[i];
    bool is_field = i > from && is_symbol(&r->tokens[i - 1], ".");
    bool goes_on = i + 1 < to && (is_symbol(&r->tokens[i + 1], ".") || is_symbol(&r->tokens[i + 1], "(") ||
                                  is_symbol(&r->tokens[i + 1], "["));
    if (name_of(t) != HEADER_NAME_COUNT && !is_field && !goes_on && (depth == 0 || bracketed))
      target = t;
    if (depth == 0 && target && is_assignment(t))
      return refuse(r, target, "is set in a way that cannot be read");
    depth = depth_after(depth, t);
  }
  return true;
}

/* The `=` of `name = ...` and `name: annotation = ...` at `from`; `to` where there is none. */
static size_t find_equals(const struct reader *r, size_t from, size_t to) {
  size_t i = from + 1;
  size_t depth = 0;
  if (i < to && is_symbol(&r->tokens[i], "="))
    return i;
  if (i >= to || !is_symbol(&r->tokens[i], ":"))
    return to;
  for (; i < to; i++) {
    if (depth == 0 && is_symbol(&r->tokens[i], "="))
      return i;
    depth = depth_after(depth, &r->tokens[i]);
  }
  return to;
}

/* One statement, from `from` up to `to`. */
static bool read_statement(struct reader *r, size_t from, size_t to, bool in_block) {
  if (from == to)
    return true;
  const struct python_token *first = &r->tokens[from];
  enum header_name name = name_of(first);
  if (is_word(first, "import") || is_word(first, "from"))
    return check_import(r, from, to);
  size_t equals = name == HEADER_NAME_COUNT ? to : find_equals(r, from, to);
  if (equals == to)
    return check_targets(r, from, to);
  if (in_block)
    return refuse(r, first, "must not be set inside a block");
  return header_note(r->header, name, r->file, first->line, r->err) && take_value(r, name, equals + 1, to, first->line);
}

static bool is_compound(const struct python_token *t) {
  static const char *const words[] = {"if",   "elif",   "else",    "for",   "while", "try",
                                      "with", "except", "finally", "match", "case"};
  return t->kind == PYTHON_NAME && is_one_of(t, words, ARRAY_LEN(words));
}

/* `if x: revision = "a"`: the statements behind the colon are in a block. */
static bool read_compound(struct reader *r) {
  size_t depth = 0;
  for (size_t i = 0; i < r->count; i++) {
    if (depth == 0 && is_symbol(&r->tokens[i], ":"))
      return read_statement(r, i + 1, r->count, true);
    depth = depth_after(depth, &r->tokens[i]);
  }
  return true;
}

static bool opens_scope(const struct python_token *t) {
  return is_word(t, "def") || is_word(t, "class") || is_word(t, "async");
}

/* At the first logical line, when it is a string. */
static bool read_docstring(struct reader *r) {
  size_t at = 0;
  struct python_token *t = r->tokens;
  if (t->kind != PYTHON_STRING || t->is_bytes || t->is_format)
    return true;
  for (size_t i = 0; i < r->count; i++) {
    if (t[i].kind != PYTHON_STRING || t[i].is_bytes || t[i].is_format)
      return true;
  }
  r->docstring_line = t->line;
  const char *problem = decode_strings(t, &at, r->count, &r->docstring);
  return !problem || header_fail(r->err, r->file, t->line, "the docstring: %s", problem);
}

static bool read_line(struct reader *r) {
  const struct python_token *first = &r->tokens[0];
  if (!r->docstring_over && !read_docstring(r))
    return false;
  r->docstring_over = true;
  if (r->in_scope && first->column > r->scope_column)
    return true;
  r->in_scope = opens_scope(first);
  r->scope_column = first->column;
  if (r->in_scope)
    return true;
  if (is_compound(first) && (r->count < 2 || !is_assignment(&r->tokens[1])))
    return read_compound(r);
  size_t from = 0;
  size_t depth = 0;
  for (size_t i = 0; i <= r->count; i++) {
    if (i == r->count || (depth == 0 && is_symbol(&r->tokens[i], ";"))) {
      if (!read_statement(r, from, i, first->column > 0))
        return false;
      from = i + 1;
      continue;
    }
    depth = depth_after(depth, &r->tokens[i]);
  }
  return true;
}

static bool read_lines(struct reader *r) {
  for (bool over = false; !over;) {
    if (!next_line(r, &over) || (r->count && !read_line(r)))
      return false;
  }
  return true;
}

/* ---- the whole ---- */

/* Control characters have no place in a comment. */
static void blank_controls(struct strbuf *text) {
  for (size_t i = 0; i < text->len; i++) {
    unsigned char c = (unsigned char)text->buf[i];
    if ((c < ' ' && c != '\n') || c == 0x7f)
      text->buf[i] = ' ';
  }
}

static bool take_docstring(struct reader *r, const char **create_date) {
  static const char date[] = "Create Date:";
  struct message message = MESSAGE_INIT;
  *create_date = NULL;
  if (!text_is_clean(r->docstring.buf, r->docstring.len)) {
    blank_controls(&r->docstring);
    if (!text_is_clean(r->docstring.buf, r->docstring.len))
      return header_fail(r->err, r->file, r->docstring_line, "the docstring is not valid UTF-8 text");
  }
  for (const char *p = r->docstring.buf; *p;) {
    size_t len = strcspn(p, "\n");
    size_t start = strspn(p, " \t");
    if (strncmp(p + start, date, strlen(date)) == 0) {
      const char *value = p + start + strlen(date);
      value += strspn(value, " \t");
      size_t value_len = (size_t)(p + len > value ? p + len - value : 0);
      while (value_len && strchr(" \t\r", value[value_len - 1]))
        value_len--;
      *create_date = value_len ? arena_strndup(r->arena, value, value_len) : NULL;
    }
    message_add_line(&message, p, len);
    p += len + (p[len] == '\n');
  }
  message_finish(&message, r->arena, &r->header->comment, &r->header->message, &r->header->summary);
  message_release(&message);
  return true;
}

/* HEXADECIMAL.py: how Alembic 0.1 wrote the id. */
static void take_id_of_name(struct reader *r) {
  const char *slash = strrchr(r->file, '/');
  const char *name = slash ? slash + 1 : r->file;
  size_t len = strspn(name, "0123456789abcdef");
  if (!len || strcmp(name + len, ".py") != 0)
    return;
  r->header->id = arena_strndup(r->arena, name, len);
  r->header->lines[HEADER_REVISION] = 1;
}

static bool judge(struct reader *r) {
  const struct header *h = r->header;
  if (!h->lines[HEADER_REVISION])
    take_id_of_name(r);
  if (!h->lines[HEADER_REVISION]) {
    error_set(r->err, ERROR_HISTORY, "Could not determine revision id from filename %s: it sets no `revision`",
              r->file);
    return error_hint(r->err, "Alembic stops at such a file too: take it out of the folder, or give it a header.");
  }
  return h->lines[HEADER_DOWN_REVISION] ||
         header_fail(r->err, r->file, h->lines[HEADER_REVISION], "down_revision is missing");
}

enum header_status header_read_python(const char *file, const char *text, size_t len, struct arena *arena,
                                      struct header *header, const char **create_date, struct error *err) {
  struct reader r = {.file = file, .arena = arena, .header = header, .err = err, .docstring = STRBUF_INIT};
  python_init(&r.lexer, text, len);
  bool ok = read_lines(&r) && judge(&r) && take_docstring(&r, create_date);
  strbuf_release(&r.docstring);
  free(r.tokens);
  return ok ? HEADER_FOUND : HEADER_BROKEN;
}
