/*
 * dotenv.c - reads .env files; see dotenv.h. Called by config_load before anything is interpolated.
 */
#include "config/dotenv.h"

#include "config/textfile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct reader {
  const char *next;
  const char *end;
  const char *name; /* of the file */
  int line;
  struct error *err;
};

static bool fail(const struct reader *r, int line, const char *what) {
  error_set(r->err, ERROR_USAGE, "%s", what);
  error_hint(r->err, "lines of a .env file are KEY=value, KEY=\"value\" or KEY='value'");
  return error_where(r->err, "%s:%d", r->name, line);
}

static bool at_end_of_line(const struct reader *r) {
  return r->next == r->end || *r->next == '\n';
}

static void skip_blanks(struct reader *r) {
  while (r->next < r->end && (*r->next == ' ' || *r->next == '\t'))
    r->next++;
}

static void skip_line(struct reader *r) {
  while (!at_end_of_line(r))
    r->next++;
  if (r->next < r->end)
    r->next++;
  r->line++;
}

static void skip_export(struct reader *r) {
  size_t len = strlen("export");
  if ((size_t)(r->end - r->next) <= len || memcmp(r->next, "export", len) != 0 || !isblank((unsigned char)r->next[len]))
    return;
  r->next += len;
  skip_blanks(r);
}

static bool read_key(struct reader *r, struct strbuf *key) {
  while (r->next < r->end && (isalnum((unsigned char)*r->next) || *r->next == '_'))
    strbuf_add_char(key, *r->next++);
  skip_blanks(r);
  if (key->len == 0 || isdigit((unsigned char)key->buf[0]))
    return fail(r, r->line, "a line does not begin with the name of a variable");
  if (r->next == r->end || *r->next != '=')
    return fail(r, r->line, "a variable's name is not followed by '='");
  r->next++;
  skip_blanks(r);
  return true;
}

/* Behind a backslash within double quotes. One that means nothing stays, with its backslash. */
static void add_escaped(struct strbuf *value, char c) {
  static const char from[] = "nrt\\\"$";
  static const char to[] = "\n\r\t\\\"$";
  const char *at = c ? strchr(from, c) : NULL;
  if (!at)
    strbuf_add_char(value, '\\');
  strbuf_add_char(value, at ? to[at - from] : c);
}

static bool read_quoted(struct reader *r, char quote, struct strbuf *value) {
  int first_line = r->line;
  for (r->next++; r->next < r->end && *r->next != quote; r->next++) {
    if (*r->next == '\\' && quote == '"' && r->next + 1 < r->end) {
      add_escaped(value, *++r->next);
    } else {
      strbuf_add_char(value, *r->next);
    }
    r->line += *r->next == '\n';
  }
  if (r->next == r->end)
    return fail(r, first_line, "a quoted value has no end");
  r->next++;
  skip_blanks(r);
  if (!at_end_of_line(r) && *r->next != '#')
    return fail(r, r->line, "there is text behind the closing quote");
  return true;
}

/* Up to the end of the line or a '#' that stands behind a blank. */
static void read_bare(struct reader *r, struct strbuf *value) {
  bool was_blank = true;
  for (; !at_end_of_line(r); r->next++) {
    if (*r->next == '#' && was_blank)
      break;
    was_blank = isblank((unsigned char)*r->next);
    strbuf_add_char(value, *r->next);
  }
  strbuf_rtrim(value);
}

static bool read_value(struct reader *r, struct strbuf *value) {
  if (!at_end_of_line(r) && (*r->next == '"' || *r->next == '\''))
    return read_quoted(r, *r->next, value);
  read_bare(r, value);
  return true;
}

static bool read_line(struct reader *r, struct map *values) {
  skip_blanks(r);
  if (at_end_of_line(r) || *r->next == '#') {
    skip_line(r);
    return true;
  }
  skip_export(r);
  struct strbuf key = STRBUF_INIT;
  struct strbuf value = STRBUF_INIT;
  bool ok = read_key(r, &key) && read_value(r, &value);
  if (ok) {
    free(map_put(values, key.buf, strbuf_detach(&value)));
    skip_line(r);
  }
  strbuf_release(&key);
  strbuf_release(&value);
  return ok;
}

bool dotenv_parse(struct strbuf *text, const char *name, struct map *values, struct error *err) {
  if (!textfile_clean(text, name, err))
    return false;
  struct reader r = {.next = text->buf, .end = text->buf + text->len, .name = name, .line = 1, .err = err};
  while (r.next < r.end)
    if (!read_line(&r, values))
      return false;
  return true;
}

/* A folder .env is a Python environment, not ours. */
static bool is_there(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

bool dotenv_load(const char *path, const char *name, struct error *err) {
  if (!is_there(path))
    return true;
  struct strbuf text = STRBUF_INIT;
  struct map values = MAP_INIT;
  bool ok = textfile_read(path, name, &text, err) && dotenv_parse(&text, name, &values, err);
  for (size_t i = 0; ok && i < values.len; i++)
    setenv(values.entries[i].key, values.entries[i].value, 0);
  map_release_with(&values, free);
  strbuf_release(&text);
  return ok;
}
