/*
 * split.c - where the statements of a script end; see split.h. Called for the sections of .sql revisions and for what
 * --sql prints. Knows of statements only what their ends need: those that hold statements themselves, and those that
 * are followed by data.
 */
#include "sql/split.h"

#include "sql/token.h"

#include <string.h>

/* How far into a statement the words have led. A body ends at the END that follows a semicolon: no other END does,
 * whatever a column or a CASE is called. */
enum stage {
  STAGE_START,  /* no word yet */
  STAGE_CREATE, /* CREATE, CREATE OR REPLACE, CREATE TEMP */
  STAGE_HEAD,   /* of what may have a body: up to BEGIN */
  STAGE_BEGIN,  /* BEGIN, which ATOMIC must follow */
  STAGE_BODY,
  STAGE_BODY_SEMICOLON, /* in the body, right behind a semicolon or its first word */
  STAGE_COPY,
  STAGE_COPY_FROM,
  STAGE_DATA,  /* COPY ... FROM STDIN */
  STAGE_OTHER, /* ends at the next semicolon */
};

/* A statement while it is read. */
struct reader {
  const struct sql_rules *rules;
  enum stage stage;
  size_t depth;    /* of parentheses */
  size_t first;    /* where it begins, comments passed over */
  size_t end;      /* behind its last token that is no space */
  bool has_tokens; /* `first` and `end` are set */
};

static enum stage after_start(const struct sql_rules *rules, const char *word, size_t len) {
  bool may_have_body = rules->trigger_bodies || rules->atomic_bodies;
  if (may_have_body && sql_is_word(word, len, "create"))
    return STAGE_CREATE;
  return rules->copy_data && sql_is_word(word, len, "copy") ? STAGE_COPY : STAGE_OTHER;
}

static enum stage after_create(const struct sql_rules *rules, const char *word, size_t len) {
  static const char *const between[] = {"or", "replace", "temp", "temporary"};
  for (size_t i = 0; i < ARRAY_LEN(between); i++)
    if (sql_is_word(word, len, between[i]))
      return STAGE_CREATE;
  bool is_trigger = rules->trigger_bodies && sql_is_word(word, len, "trigger");
  bool is_routine = rules->atomic_bodies && (sql_is_word(word, len, "function") || sql_is_word(word, len, "procedure"));
  return is_trigger || is_routine ? STAGE_HEAD : STAGE_OTHER;
}

static enum stage after_word(const struct sql_rules *rules, enum stage stage, const char *word, size_t len) {
  switch (stage) {
  case STAGE_START:
    return after_start(rules, word, len);
  case STAGE_CREATE:
    return after_create(rules, word, len);
  case STAGE_BEGIN:
    if (sql_is_word(word, len, "atomic"))
      return STAGE_BODY_SEMICOLON;
    return sql_is_word(word, len, "begin") ? STAGE_BEGIN : STAGE_HEAD;
  case STAGE_HEAD:
    if (!sql_is_word(word, len, "begin"))
      return STAGE_HEAD;
    return rules->atomic_bodies ? STAGE_BEGIN : STAGE_BODY_SEMICOLON;
  case STAGE_BODY_SEMICOLON:
    return sql_is_word(word, len, "end") ? STAGE_OTHER : STAGE_BODY;
  case STAGE_COPY:
    return sql_is_word(word, len, "from") ? STAGE_COPY_FROM : STAGE_COPY;
  case STAGE_COPY_FROM:
    return sql_is_word(word, len, "stdin") ? STAGE_DATA : STAGE_COPY;
  case STAGE_BODY:
  case STAGE_DATA:
  case STAGE_OTHER:
    break;
  }
  return stage;
}

/* After what is neither word nor space. */
static enum stage after_other(enum stage stage) {
  switch (stage) {
  case STAGE_START:
  case STAGE_CREATE:
    return STAGE_OTHER;
  case STAGE_BEGIN:
    return STAGE_HEAD;
  case STAGE_BODY_SEMICOLON:
    return STAGE_BODY;
  case STAGE_COPY_FROM:
    return STAGE_COPY;
  default:
    return stage;
  }
}

/* Takes a semicolon; returns whether the statement ends with it. */
static bool take_semicolon(struct reader *r) {
  if (r->stage == STAGE_BODY || r->stage == STAGE_BODY_SEMICOLON) {
    r->stage = STAGE_BODY_SEMICOLON;
    return false;
  }
  return !r->rules->statement_lists || r->depth == 0;
}

static void take_token(struct reader *r, const char *text, size_t at, const struct sql_token *token) {
  if (!r->has_tokens)
    r->first = at;
  r->has_tokens = true;
  r->end = at + token->len;
  if (token->kind == SQL_WORD) {
    bool is_query = r->depth && (r->stage == STAGE_COPY || r->stage == STAGE_COPY_FROM);
    r->stage = is_query ? STAGE_COPY : after_word(r->rules, r->stage, text + at, token->len);
    return;
  }
  r->stage = after_other(r->stage);
  if (token->kind == SQL_SIGN && text[at] == '(')
    r->depth++;
  else if (token->kind == SQL_SIGN && text[at] == ')' && r->depth)
    r->depth--;
}

static size_t count_lines(const char *text, size_t len) {
  size_t lines = 0;
  const char *end = text + len;
  for (const char *p = memchr(text, '\n', len); p; p = memchr(p, '\n', (size_t)(end - p))) {
    lines++;
    p++;
  }
  return lines;
}

void sql_split_init(struct sql_splitter *splitter, const struct sql_rules *rules, const char *text, size_t len,
                    size_t first_line) {
  *splitter = (struct sql_splitter){.rules = *rules, .text = text, .len = len, .line = first_line};
}

static size_t line_at(const struct sql_splitter *s, size_t at) {
  return s->line + count_lines(s->text + s->at, at - s->at);
}

/* Always SQL_SPLIT_BROKEN. Nothing behind it is read any more. */
static enum sql_split broken(struct sql_splitter *s, size_t at, struct sql_statement *statement) {
  statement->line = line_at(s, at);
  statement->text = s->text + at;
  statement->len = s->len - at;
  s->at = s->len;
  return SQL_SPLIT_BROKEN;
}

static enum sql_split never_closed(struct sql_splitter *s, size_t at, const struct sql_token *token,
                                   struct sql_statement *statement, struct error *err) {
  const char *what = token->kind == SQL_STRING ? "string" : token->kind == SQL_NAME ? "quoted name" : "comment";
  error_set(err, ERROR_FAILED, "the %s that begins here has no end", what);
  return broken(s, at, statement);
}

static enum sql_split shell_command(struct sql_splitter *s, size_t at, struct sql_statement *statement,
                                    struct error *err) {
  size_t len = 0;
  while (at + 1 + len < s->len && len < 40 && sql_is_name_char(s->text[at + 1 + len]))
    len++;
  error_set(err, ERROR_FAILED, "%.*s is a command of the database's shell, not SQL", (int)len + 1, s->text + at);
  error_hint(err, "Take the line out of the revision, or write what it does as SQL.");
  return broken(s, at, statement);
}

static size_t line_len(const char *text, size_t len) {
  const char *end = memchr(text, '\n', len);
  return end ? (size_t)(end - text) + 1 : len;
}

/* \. alone on its line */
static bool ends_data(const char *line, size_t len) {
  while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
    len--;
  return len == 2 && line[0] == '\\' && line[1] == '.';
}

/* Takes the data that begins in the line behind the semicolon at `at`; returns where the piece ends, 0 where the data
 * has no end. */
static size_t take_data(const struct sql_splitter *s, size_t at, struct sql_statement *statement) {
  size_t start = at + line_len(s->text + at, s->len - at);
  for (size_t line = start; line < s->len;) {
    size_t len = line_len(s->text + line, s->len - line);
    if (ends_data(s->text + line, len)) {
      statement->data = s->text + start;
      statement->data_len = line - start;
      return line + 2;
    }
    line += len;
  }
  return 0;
}

/* Behind the semicolon at `at`: a comment on the same line belongs to the statement before it. */
static size_t with_comment_behind(const struct sql_splitter *s, size_t at) {
  size_t end = at;
  for (size_t next = at + 1; next < s->len;) {
    struct sql_token token = sql_token_at(&s->rules, s->text, s->len, next);
    if (!sql_is_space(token.kind) || token.is_open || memchr(s->text + next, '\n', token.len))
      break;
    next += token.len;
    end = token.kind == SQL_COMMENT ? next : end;
  }
  return end;
}

static enum sql_split finish(struct sql_splitter *s, const struct reader *r, size_t at, struct sql_statement *statement,
                             struct error *err) {
  struct sql_statement found = {.data = NULL};
  size_t start = r->has_tokens ? r->first : s->at;
  if (r->stage == STAGE_DATA) {
    at = take_data(s, at, &found);
    if (!at) {
      error_set(err, ERROR_FAILED, "the data of this COPY ... FROM STDIN has no end");
      error_hint(err, "A line \\. ends it. Where the rows stand elsewhere, write them as INSERT statements.");
      return broken(s, start, statement);
    }
  } else if (at < s->len) {
    at = with_comment_behind(s, at);
  }
  found.text = s->text + start;
  found.len = r->has_tokens ? r->end - r->first : 0;
  found.line = line_at(s, start);
  found.piece = s->text + s->at;
  found.piece_len = at - s->at;
  *statement = found;
  s->line = line_at(s, at);
  s->at = at;
  return SQL_SPLIT_STATEMENT;
}

static bool begins_line(const char *text, size_t at) {
  while (at && (text[at - 1] == ' ' || text[at - 1] == '\t'))
    at--;
  return !at || text[at - 1] == '\n' || text[at - 1] == '\r';
}

/* A comment that the caller has told apart is the end of the text. */
static bool is_end(const struct sql_splitter *s, size_t at, const struct sql_token *token) {
  return s->ends_text && token->kind == SQL_COMMENT && begins_line(s->text, at) &&
         s->ends_text(s->text + at, token->len);
}

/* Blanks and lone semicolons in front of a statement. */
static void pass_over_nothing(struct sql_splitter *s) {
  size_t at = s->at;
  while (at < s->len) {
    struct sql_token token = sql_token_at(&s->rules, s->text, s->len, at);
    if (token.kind != SQL_BLANK && s->text[at] != ';')
      break;
    at += token.len;
  }
  s->line = line_at(s, at);
  s->at = at;
}

enum sql_split sql_split_next(struct sql_splitter *s, struct sql_statement *statement, struct error *err) {
  pass_over_nothing(s);
  if (s->at == s->len)
    return SQL_SPLIT_END;
  struct reader r = {.rules = &s->rules, .stage = STAGE_START};
  for (size_t at = s->at; at < s->len;) {
    struct sql_token token = sql_token_at(&s->rules, s->text, s->len, at);
    if (token.is_open)
      return never_closed(s, at, &token, statement, err);
    if (is_end(s, at, &token)) {
      s->len = at;
      break;
    }
    bool is_sign = token.kind == SQL_SIGN;
    if (is_sign && s->text[at] == ';' && take_semicolon(&r))
      return finish(s, &r, at, statement, err);
    if (is_sign && !r.has_tokens && s->rules.shell_prefix && s->text[at] == s->rules.shell_prefix)
      return shell_command(s, at, statement, err);
    if (is_sign && s->text[at] == ';')
      r.end = at + 1;
    else if (!sql_is_space(token.kind))
      take_token(&r, s->text, at, &token);
    at += token.len;
  }
  return s->at == s->len ? SQL_SPLIT_END : finish(s, &r, s->len, statement, err);
}

/* --- one semicolon at the end --- */

static bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where the last word ends: behind it stand only blanks, comments and semicolons. */
static size_t words_end(const struct sql_rules *rules, const char *sql, size_t len) {
  size_t end = 0;
  for (size_t at = 0; at < len;) {
    struct sql_token token = sql_token_at(rules, sql, len, at);
    if (!sql_is_space(token.kind) && sql[at] != ';')
      end = at + token.len;
    at += token.len;
  }
  return end;
}

void sql_add_terminated(struct strbuf *out, const struct sql_rules *rules, const char *sql, size_t len) {
  while (len && (is_blank(sql[0]) || sql[0] == ';')) {
    sql++;
    len--;
  }
  size_t start = out->len;
  size_t end = words_end(rules, sql, len);
  strbuf_add(out, sql, end);
  if (end)
    strbuf_add_char(out, ';');
  for (size_t at = end; at < len;) {
    struct sql_token token = sql_token_at(rules, sql, len, at);
    if (sql[at] != ';')
      strbuf_add(out, sql + at, token.len);
    at += token.len;
  }
  while (out->len > start && is_blank(out->buf[out->len - 1]))
    strbuf_truncate(out, out->len - 1);
}
