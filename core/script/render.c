/*
 * render.c - fills the `${name}` places of a revision template; see render.h.
 *
 * Called by revision.c. Works line by line; knows what a comment line looks like in Lua and SQL, nothing else of them.
 */
#include "script/render.h"

#include <string.h>

struct renderer {
  const char *file;
  size_t line;
  const struct render_value *values;
  size_t count;
  struct strbuf *out;
  struct error *err;
};

static bool fail(struct renderer *r, const char *what, const char *name, size_t len) {
  error_set(r->err, ERROR_USAGE, "%s:%zu: %s%.*s", r->file, r->line, what, (int)(len < 60 ? len : 60), name);
  struct strbuf known = STRBUF_INIT;
  for (size_t i = 0; i < r->count; i++)
    strbuf_addf(&known, "%s${%s}", i ? ", " : "", r->values[i].name);
  error_hint(r->err, "Known are %s; write $${ for a plain ${.", known.buf);
  strbuf_release(&known);
  return false;
}

static const struct render_value *find_value(const struct renderer *r, const char *name, size_t len) {
  for (size_t i = 0; i < r->count; i++) {
    if (strlen(r->values[i].name) == len && memcmp(r->values[i].name, name, len) == 0)
      return &r->values[i];
  }
  return NULL;
}

/* `-- ` or `--- `: a comment that cannot become a long one, whatever follows. */
static bool starts_comment(const char *text, size_t len) {
  size_t i = 0;
  while (i < len && (text[i] == ' ' || text[i] == '\t'))
    i++;
  size_t dashes = 0;
  while (i < len && text[i] == '-') {
    i++;
    dashes++;
  }
  return dashes >= 2 && i < len && text[i] == ' ';
}

static void add_comment_text(struct strbuf *out, const char *text) {
  while (*text) {
    size_t len = strcspn(text, "\n");
    strbuf_add(out, text, len);
    text += len;
    if (!*text)
      break;
    while (out->len && out->buf[out->len - 1] == ' ')
      strbuf_truncate(out, out->len - 1);
    strbuf_add_str(out, text[1] == '\n' || !text[1] ? "\n--" : "\n-- ");
    text++;
  }
}

static size_t column_of(const struct strbuf *out, size_t line_start) {
  size_t start = out->len;
  while (start > line_start && out->buf[start - 1] != '\n')
    start--;
  size_t column = 0;
  for (size_t i = start; i < out->len; i++)
    column += ((unsigned char)out->buf[i] & 0xC0) != 0x80;
  return column;
}

/* At blanks: two or more of them before a `--` remark are a tab stop. Returns how many were used. */
static size_t add_blanks(struct renderer *r, const char *line, size_t at, size_t len, size_t line_start) {
  size_t end = at;
  while (end < len && line[end] == ' ')
    end++;
  size_t blanks = end - at;
  bool is_stop = blanks >= 2 && at && end + 1 < len && line[end] == '-' && line[end + 1] == '-';
  if (!is_stop) {
    strbuf_add_repeated(r->out, ' ', blanks);
    return blanks;
  }
  size_t column = column_of(r->out, line_start);
  strbuf_add_repeated(r->out, ' ', column + 2 > end ? 2 : end - column);
  return blanks;
}

/* At `${`: appends the value; *used is the length of the place. */
static bool add_place(struct renderer *r, const char *line, size_t at, size_t len, size_t *used) {
  const char *name = line + at + 2;
  const char *close = memchr(name, '}', len - at - 2);
  if (!close)
    return fail(r, "no } behind ", line + at, len - at);
  size_t name_len = (size_t)(close - name);
  *used = name_len + 3;
  const struct render_value *value = find_value(r, name, name_len);
  if (!value)
    return fail(r, "unknown placeholder ", line + at, *used);
  if (!value->is_comment) {
    strbuf_add_str(r->out, value->value);
    return true;
  }
  if (!starts_comment(line, at))
    return fail(r, "a line with this placeholder must start with `-- `: ", line + at, *used);
  add_comment_text(r->out, value->value);
  return true;
}

static bool is_only_place(const char *line, size_t len) {
  size_t start = 0;
  while (start < len && line[start] == ' ')
    start++;
  return len - start > 3 && memcmp(line + start, "${", 2) == 0 &&
         memchr(line + start, '}', len - start) == line + len - 1;
}

static bool render_line(struct renderer *r, const char *line, size_t len) {
  size_t start = r->out->len;
  for (size_t i = 0; i < len;) {
    size_t left = len - i;
    size_t used = 1;
    if (left >= 3 && memcmp(line + i, "$${", 3) == 0) {
      strbuf_add_str(r->out, "${");
      used = 3;
    } else if (left >= 2 && memcmp(line + i, "${", 2) == 0) {
      if (!add_place(r, line, i, len, &used))
        return false;
    } else if (line[i] == ' ') {
      used = add_blanks(r, line, i, len, start);
    } else {
      strbuf_add_char(r->out, line[i]);
    }
    i += used;
  }
  while (r->out->len > start && strchr(" \t\r\n", r->out->buf[r->out->len - 1]))
    strbuf_truncate(r->out, r->out->len - 1);
  if (r->out->len > start || !is_only_place(line, len))
    strbuf_add_char(r->out, '\n');
  return true;
}

bool render(const char *file, const char *text, size_t len, const struct render_value *values, size_t count,
            struct strbuf *out, struct error *err) {
  struct renderer r = {.file = file, .values = values, .count = count, .out = out, .err = err};
  bool at_top = true;
  while (len) {
    const char *newline = memchr(text, '\n', len);
    size_t line = newline ? (size_t)(newline - text) : len;
    size_t used = line + (newline != NULL);
    line -= line && text[line - 1] == '\r';
    r.line++;
    at_top = at_top && line && *text == '#';
    if (!at_top && !render_line(&r, text, line))
      return false;
    text += used;
    len -= used;
  }
  return true;
}
