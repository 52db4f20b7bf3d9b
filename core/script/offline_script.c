/*
 * offline_script.c - cuts an offline script of Alembic's into the statements of each revision; see offline_script.h.
 *
 * Called by import.c. Alembic ends every statement with a semicolon and a blank line; a semicolon at the end of a line
 * inside a trigger's body is therefore no end, and quotes, comments and dollar quotes are passed over.
 */
#include "script/offline_script.h"

#include "base/strbuf.h"
#include "config/textfile.h"
#include "sql/token.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void free_statement(void *item) {
  struct offline_statement *s = item;
  free(s->text);
  free(s);
}

static void free_part(void *item) {
  struct offline_part *part = item;
  vec_release_with(&part->statements, free_statement);
  free(part->id);
  free(part->place);
  free(part);
}

void offline_script_release(struct offline_script *script) {
  vec_release_with(&script->parts, free_part);
}

const struct offline_part *offline_script_find(const struct offline_script *script, const char *id, bool is_downgrade) {
  for (size_t i = 0; i < script->parts.len; i++) {
    const struct offline_part *part = script->parts.items[i];
    if (part->is_downgrade == is_downgrade && strcmp(part->id, id) == 0)
      return part;
  }
  return NULL;
}

struct cutter {
  struct offline_script *script;
  const char *path;
  const char *text; /* the whole, line ends as "\n" */
  const char *end;
  const char *counted; /* the line of this place is `line`; NULL before the first question */
  size_t line;
  const char *pos;
  struct offline_part *part; /* the one at hand, or NULL before the first */
  bool has_transactions;     /* a BEGIN was seen */
  bool in_transaction;
  struct error *err;
};

/* Goes on counting from the place that was asked for last, as places are mostly asked for in their order. */
static size_t line_of(struct cutter *c, const char *at) {
  if (!c->counted || at < c->counted) {
    c->counted = c->text;
    c->line = 1;
  }
  for (; c->counted < at; c->counted++)
    c->line += *c->counted == '\n';
  return c->line;
}

static bool fail(struct cutter *c, const char *at, const char *what) {
  return error_set(c->err, ERROR_USAGE, "%s:%zu: %s", c->path, line_of(c, at), what);
}

/* ---- where a statement ends ---- */

/* A semicolon ends a statement where a blank line follows, or nothing. */
static bool ends_statement(const char *p) {
  p += strspn(p, "; \t");
  if (*p != '\n')
    return !*p;
  p++;
  p += strspn(p, " \t");
  return !*p || *p == '\n';
}

/* The end of the statement at `p`: its semicolon, or the end of the text. NULL: something is not closed. */
static const char *statement_end(const struct cutter *c, const char *p) {
  /* Nobody says which database it is for: what cannot be mistaken in any of them. */
  static const struct sql_rules rules = {
      .e_strings = true, .dollar_quotes = true, .backquotes = true, .nested_comments = true};
  size_t len = (size_t)(c->end - p);
  for (size_t at = 0; at < len;) {
    if (p[at] == ';' && ends_statement(p + at))
      return p + at;
    struct sql_token token = sql_token_at(&rules, p, len, at);
    if (token.is_open)
      return NULL;
    at += token.len;
  }
  return c->end;
}

/* ---- what Alembic adds ---- */

/* Does the text have this shape? A blank stands for any blanks or none, "*" for a name or a quoted text. */
static bool has_shape(const char *text, const char *shape) {
  for (; *shape; shape++) {
    if (*shape == ' ') {
      text += strspn(text, " \t\n");
      continue;
    }
    if (*shape == '*') {
      const char *start = text;
      while (sql_is_name_char(*text) || *text == '.' || *text == '"' || *text == '\'' || *text == '-') {
        const char *close = *text == '"' || *text == '\'' ? strchr(text + 1, *text) : text;
        if (!close)
          return false;
        text = close + 1;
      }
      if (text == start)
        return false;
      continue;
    }
    if (toupper((unsigned char)*text++) != toupper((unsigned char)*shape))
      return false;
  }
  return true;
}

/* Writes to the version table, whatever its name; Alembic's DROP TABLE of it, by its usual name. */
static bool is_about_versions(const char *text) {
  static const char *const shapes[] = {
      "CREATE TABLE * ( version_num VARCHAR",
      "INSERT INTO * ( version_num ) VALUES ( * )",
      "UPDATE * SET version_num = * WHERE * = *",
  };
  for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
    if (has_shape(text, shapes[i]))
      return true;
  }
  if (has_shape(text, "DELETE FROM * WHERE * = *"))
    return strstr(text, "version_num = ") != NULL;
  const char *name = strstr(text, "alembic_version");
  return has_shape(text, "DROP TABLE *") && name && !name[strlen("alembic_version")];
}

/* BEGIN and COMMIT; false: it is something else. */
static bool take_transaction(struct cutter *c, const char *text) {
  bool begins = strcasecmp(text, "BEGIN") == 0 || strcasecmp(text, "BEGIN TRANSACTION") == 0;
  if (!begins && strcasecmp(text, "COMMIT") != 0)
    return false;
  c->has_transactions = c->has_transactions || begins;
  c->in_transaction = begins;
  return true;
}

/* ---- parts and statements ---- */

static bool starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

/* At a comment line: `-- Running upgrade A, B -> C` and its like. */
static bool is_marker(const char *p) {
  return starts_with(p, "-- Running upgrade ") || starts_with(p, "-- Running downgrade ");
}

static bool take_marker(struct cutter *c, const char *p) {
  char *line = xstrndup(p, strcspn(p, "\n"));
  bool is_downgrade = starts_with(line, "-- Running downgrade ");
  const char *arrow = strstr(line, " -> ");
  const char *id = is_downgrade ? line + strlen("-- Running downgrade ") : arrow ? arrow + strlen(" -> ") : "";
  size_t len = strcspn(id, ", \t");
  bool ok = arrow && len;
  if (!ok)
    fail(c, p, "this comment names no revision");
  struct offline_part *part = xcalloc(1, sizeof(*part));
  part->id = xstrndup(id, len);
  part->is_downgrade = is_downgrade;
  part->place = xasprintf("%s:%zu", c->path, line_of(c, p));
  const struct offline_part *before = ok ? offline_script_find(c->script, part->id, is_downgrade) : NULL;
  if (before) {
    ok = fail(c, p, "the statements of this revision are there already");
    error_hint(c->err, "The first are at %s.", before->place);
  }
  free(line);
  if (!ok) {
    free_part(part);
    return false;
  }
  vec_push(&c->script->parts, part);
  c->part = part;
  return true;
}

/* Takes the text over. */
static bool take_statement(struct cutter *c, char *text, const char *at) {
  if (take_transaction(c, text) || is_about_versions(text)) {
    free(text);
    return true;
  }
  if (!c->part) {
    free(text);
    fail(c, at, "a statement stands before the first comment \"-- Running upgrade A -> B\"");
    return error_hint(c->err,
                      "The script is what `alembic upgrade head --sql` prints on standard output; take out what "
                      "does not belong to a revision.");
  }
  struct offline_statement *s = xcalloc(1, sizeof(*s));
  s->text = text;
  s->autocommit = c->has_transactions && !c->in_transaction;
  vec_push(&c->part->statements, s);
  return true;
}

/* Passes over blanks and comments; *start is where the statement begins, with the comments that lead to it. A marker
 * ends the comments before it. */
static bool find_start(struct cutter *c, const char **start) {
  const char *p = c->pos;
  *start = NULL;
  for (;;) {
    p += strspn(p, " \t\n");
    if (!*start)
      *start = p;
    if (!starts_with(p, "--"))
      break;
    bool marks = is_marker(p);
    if (marks && !take_marker(c, p))
      return false;
    p += strcspn(p, "\n");
    if (marks)
      *start = NULL;
  }
  c->pos = p;
  return true;
}

static bool cut(struct cutter *c) {
  for (;;) {
    const char *start;
    if (!find_start(c, &start))
      return false;
    if (!*c->pos)
      return true;
    const char *end = statement_end(c, c->pos);
    if (!end) {
      fail(c, c->pos, "a quote or comment in this statement is not closed");
      return false;
    }
    c->pos = end + strspn(end, "; \t");
    while (end > start && isspace((unsigned char)end[-1]))
      end--;
    if (end > start && !take_statement(c, xstrndup(start, (size_t)(end - start)), start))
      return false;
  }
}

bool offline_script_read(struct offline_script *script, const char *path, struct error *err) {
  struct strbuf text = STRBUF_INIT;
  struct cutter c = {.script = script, .path = path, .err = err};
  size_t before = script->parts.len;
  bool ok = textfile_read(path, path, &text, err);
  if (ok) {
    c.text = c.pos = text.buf;
    c.end = text.buf + text.len;
    ok = cut(&c);
  }
  if (ok && script->parts.len == before) {
    ok = error_set(err, ERROR_USAGE, "%s: no comment \"-- Running upgrade A -> B\" in it", path);
    error_hint(err, "The script is what `alembic upgrade head --sql` prints on standard output.");
  }
  strbuf_release(&text);
  return ok;
}
