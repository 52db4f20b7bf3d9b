/*
 * header_lua.c - reads the header of a Lua revision from its tokens; see header.h.
 *
 * Called by environment.c through header_read_lua. No Lua state here. Statements that are no header assignments are
 * passed over token by token, up to the first `function`; on the way a header name that is set in any way that this
 * reader cannot follow is an error, so that what it reads and what Lua would see never differ.
 */
#include "script/header.h"
#include "script/lexer.h"
#include "script/message.h"

#include <stdlib.h>
#include <string.h>

enum { BOM_SIZE = 3 };

struct reader {
  const char *file;
  struct lexer lexer;
  struct token token;    /* the one at hand, never a comment */
  struct token before;   /* the one before it */
  struct token before_2; /* the one before that */
  int brackets;          /* open (, [, { */
  int blocks;            /* open if, do, repeat */
  struct arena *arena;
  struct header *header;
  struct error *err;
};

static struct token next_code(struct lexer *lexer) {
  for (;;) {
    struct token token = lexer_next(lexer);
    if (token.kind != TOKEN_COMMENT)
      return token;
  }
}

/* Moves to the next token that is no comment. */
static void advance(struct reader *r) {
  r->before_2 = r->before;
  r->before = r->token;
  r->token = next_code(&r->lexer);
}

static bool at_symbol(const struct reader *r, const char *symbol) {
  return token_is(&r->token, TOKEN_SYMBOL, symbol);
}

static bool at_word(const struct reader *r, const char *word) {
  return token_is(&r->token, TOKEN_NAME, word);
}

static bool at_end(const struct reader *r) {
  return r->token.kind <= TOKEN_ERROR || at_word(r, "function");
}

static enum header_name at_header_name(const struct reader *r) {
  return r->token.kind == TOKEN_NAME ? header_name_of(r->token.start, r->token.len) : HEADER_NAME_COUNT;
}

/* The token behind the one at hand. */
static struct token peek(const struct reader *r) {
  struct lexer ahead = r->lexer;
  return next_code(&ahead);
}

static const char *literal_words(enum header_name name) {
  if (header_is_list(name))
    return "a string, a list of strings or nil";
  return name == HEADER_TRANSACTION ? "true or false" : "a string";
}

/* A value that ends where the file part or the readable text ends is not the value's fault. */
static bool not_literal(struct reader *r, enum header_name name, size_t line) {
  if (r->token.kind == TOKEN_TRUNCATED || r->token.kind == TOKEN_ERROR)
    return false;
  return header_fail(r->err, r->file, line, "%s must be a literal: %s", header_word(name), literal_words(name));
}

static bool read_string(struct reader *r, enum header_name name) {
  struct strbuf value = STRBUF_INIT;
  const char *problem = token_decode_string(&r->token, &value);
  bool ok = problem ? header_fail(r->err, r->file, r->token.line, "%s: %s", header_word(name), problem)
                    : header_take(r->header, name, value.buf, value.len, r->arena, r->file, r->token.line, r->err);
  strbuf_release(&value);
  if (ok)
    advance(r);
  return ok;
}

static bool read_list(struct reader *r, enum header_name name, size_t line) {
  for (advance(r); !at_symbol(r, "}");) {
    if (r->token.kind != TOKEN_STRING)
      return not_literal(r, name, line);
    if (!read_string(r, name))
      return false;
    if (at_symbol(r, ",") || at_symbol(r, ";"))
      advance(r);
    else if (!at_symbol(r, "}"))
      return not_literal(r, name, line);
  }
  advance(r);
  return true;
}

static bool read_value(struct reader *r, enum header_name name, size_t line) {
  bool is_text = name != HEADER_TRANSACTION;
  if (is_text && r->token.kind == TOKEN_STRING)
    return read_string(r, name);
  if (header_is_list(name) && at_symbol(r, "{"))
    return read_list(r, name, line);
  if (!is_text && (at_word(r, "true") || at_word(r, "false")))
    r->header->transaction = at_word(r, "true");
  else if (name == HEADER_REVISION || !at_word(r, "nil"))
    return not_literal(r, name, line);
  advance(r);
  return true;
}

/* Behind a literal: does the statement end here, or does an expression go on? */
static bool statement_ends(const struct reader *r) {
  if (r->token.kind == TOKEN_NAME)
    return !at_word(r, "and") && !at_word(r, "or");
  return r->token.kind == TOKEN_END || at_symbol(r, ";") || at_symbol(r, "::") || at_symbol(r, "(");
}

/* At `name = ...`, outside of all blocks. */
static bool read_assignment(struct reader *r, enum header_name name) {
  size_t line = r->token.line;
  if (!header_note(r->header, name, r->file, line, r->err))
    return false;
  advance(r);
  advance(r);
  if (!read_value(r, name, line))
    return false;
  return statement_ends(r) || not_literal(r, name, line);
}

/* At a header name: is it one target of `a, b.c = ...`? */
static bool in_target_list(const struct reader *r) {
  struct lexer ahead = r->lexer;
  bool comma = token_is(&r->before, TOKEN_SYMBOL, ",");
  for (;;) {
    struct token token = next_code(&ahead);
    if (token_is(&token, TOKEN_SYMBOL, "="))
      return comma;
    comma = comma || token_is(&token, TOKEN_SYMBOL, ",");
    if (!token_is(&token, TOKEN_SYMBOL, ",") && !token_is(&token, TOKEN_SYMBOL, "."))
      return false;
    token = next_code(&ahead);
    if (token.kind != TOKEN_NAME)
      return false;
  }
}

static bool refuse(struct reader *r, enum header_name name, const char *why) {
  header_fail(r->err, r->file, r->token.line, "%s %s", header_word(name), why);
  return error_hint(r->err, "Write it on a line of its own above the first function: `%s = ...`, a literal.",
                    header_word(name));
}

/* At a header name. Reads a plain assignment, refuses the others, passes over what is none. */
static bool read_name(struct reader *r, enum header_name name) {
  struct token next = peek(r);
  bool assigned = token_is(&next, TOKEN_SYMBOL, "=");
  bool is_field = token_is(&r->before, TOKEN_SYMBOL, ".") || token_is(&r->before, TOKEN_SYMBOL, ":");
  bool is_global_field =
      is_field && (token_is(&r->before_2, TOKEN_NAME, "_G") || token_is(&r->before_2, TOKEN_NAME, "_ENV"));
  if (r->brackets || (is_field && !is_global_field)) {
    advance(r);
    return true;
  }
  if (assigned && is_global_field)
    return refuse(r, name, "must be set by its plain name");
  if (in_target_list(r))
    return refuse(r, name, "must not be set together with other names");
  if (assigned && r->blocks)
    return refuse(r, name, "must not be set inside a block");
  if (assigned)
    return read_assignment(r, name);
  advance(r);
  return true;
}

/* At a header name behind `local`: a text is given to it. */
static bool gets_string(const struct reader *r) {
  struct lexer ahead = r->lexer;
  struct token token = next_code(&ahead);
  if (!token_is(&token, TOKEN_SYMBOL, "="))
    return false;
  token = next_code(&ahead);
  return token.kind == TOKEN_STRING;
}

/* At `local`: passes over the names. */
static bool skip_local(struct reader *r) {
  advance(r);
  while (r->token.kind == TOKEN_NAME && !at_word(r, "function")) {
    enum header_name name = at_header_name(r);
    if (name != HEADER_NAME_COUNT && !r->blocks && gets_string(r))
      return refuse(r, name, "must not be local");
    advance(r);
    if (at_symbol(r, "<")) {
      advance(r);
      advance(r);
      advance(r);
    }
    if (!at_symbol(r, ","))
      break;
    advance(r);
  }
  return true;
}

static void count_nesting(struct reader *r) {
  if (at_symbol(r, "(") || at_symbol(r, "[") || at_symbol(r, "{"))
    r->brackets++;
  else if (at_symbol(r, ")") || at_symbol(r, "]") || at_symbol(r, "}"))
    r->brackets -= r->brackets > 0;
  else if (at_word(r, "if") || at_word(r, "do") || at_word(r, "repeat"))
    r->blocks++;
  else if (at_word(r, "end") || at_word(r, "until"))
    r->blocks -= r->blocks > 0;
}

static bool read_statements(struct reader *r) {
  while (!at_end(r)) {
    enum header_name name = at_header_name(r);
    bool ok = true;
    if (name != HEADER_NAME_COUNT) {
      ok = read_name(r, name);
    } else if (at_word(r, "local")) {
      ok = skip_local(r);
    } else {
      count_nesting(r);
      advance(r);
    }
    if (!ok)
      return false;
  }
  return true;
}

static void add_long_comment(struct message *message, const struct token *token) {
  const char *text;
  size_t len;
  token_inside(token, &text, &len);
  bool blank = len && *text == ' ';
  text += blank;
  len -= blank;
  while (len) {
    size_t line = 0;
    while (line < len && text[line] != '\n' && text[line] != '\r')
      line++;
    message_add_line(message, text, line);
    line += line + 1 < len && text[line] == '\r' && text[line + 1] == '\n';
    line += line < len;
    text += line;
    len -= line;
  }
}

/* The first comment block: one long comment, or the short ones that follow each other line by line. Ends at the first
 * token that does not belong to it; false: the text is broken. */
static bool read_message(struct reader *r) {
  struct message message = MESSAGE_INIT;
  bool ok = true;
  size_t last_line = 0;
  for (struct token t = lexer_next(&r->lexer); ok && t.kind == TOKEN_COMMENT; t = lexer_next(&r->lexer)) {
    if (last_line && (t.is_long || t.line != last_line + 1))
      break;
    const char *text;
    size_t len;
    token_inside(&t, &text, &len);
    if (!text_is_clean(text, len))
      ok = header_fail(r->err, r->file, t.line, "the comment is not valid UTF-8 text");
    else if (t.is_long)
      add_long_comment(&message, &t);
    else
      message_add_comment(&message, text, len);
    last_line = t.end_line;
    if (t.is_long)
      break;
  }
  message_finish(&message, r->arena, &r->header->comment, &r->header->message, &r->header->summary);
  message_release(&message);
  return ok;
}

/* A text that cannot be cut into tokens is a broken revision when it looks like one, else no revision at all. Only what
 * stands before the trouble is looked at (brackets that are not closed hold the rest of the file), so that the answer
 * does not depend on how much of the file was read. */
static enum header_status judge_broken_text(struct reader *r, const char *text, size_t len) {
  size_t before = r->token.is_long ? len : (size_t)(r->token.start - text);
  if (!r->header->lines[HEADER_REVISION] && !memmem(text, before, "revision", strlen("revision")))
    return HEADER_NONE;
  header_fail(r->err, r->file, r->token.line, "%s", r->lexer.problem);
  return HEADER_BROKEN;
}

enum header_status header_read_lua(const char *file, const char *text, size_t len, bool complete, struct arena *arena,
                                   struct header *header, struct error *err) {
  struct reader r = {.file = file, .arena = arena, .header = header, .err = err};
  if (!complete && len < BOM_SIZE)
    return HEADER_TRUNCATED;
  lexer_init(&r.lexer, text, len, complete);
  struct lexer start = r.lexer;
  advance(&r);
  bool ok = read_statements(&r);
  if (r.token.kind == TOKEN_TRUNCATED)
    return HEADER_TRUNCATED;
  if (r.token.kind == TOKEN_ERROR)
    return judge_broken_text(&r, text, len);
  enum header_status status = ok ? header_judge(header, file, "down_revision = nil", err) : HEADER_BROKEN;
  if (status != HEADER_FOUND)
    return status;
  r.lexer = start;
  return read_message(&r) ? HEADER_FOUND : HEADER_BROKEN;
}
