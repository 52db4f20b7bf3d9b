/*
 * message.c - from the lines of a comment block to the message of a revision; see message.h.
 *
 * Called by header.c and sql.c.
 */
#include "script/message.h"

#include <string.h>

void message_release(struct message *m) {
  strbuf_release(&m->whole);
  strbuf_release(&m->text);
}

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

static bool is_header_line(const char *line, size_t len) {
  static const char *const starts[] = {"Revision ID:", "Revises:", "Create Date:", "Branch Labels:", "Depends On:"};
  while (len && is_space(*line)) {
    line++;
    len--;
  }
  for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
    size_t n = strlen(starts[i]);
    if (len >= n && memcmp(line, starts[i], n) == 0)
      return true;
  }
  return false;
}

/* Nothing yet, or a blank line last. */
static bool ends_blank(const struct strbuf *text) {
  return !text->len || (text->len > 1 && text->buf[text->len - 1] == '\n' && text->buf[text->len - 2] == '\n');
}

void message_add_line(struct message *m, const char *line, size_t len) {
  while (len && is_space(line[len - 1]))
    len--;
  strbuf_add(&m->whole, line, len);
  strbuf_add_char(&m->whole, '\n');
  if (is_header_line(line, len)) {
    m->skipped = true;
    return;
  }
  /* The blank lines around lines that were left out become one. */
  if (!len && (m->skipped || !m->text.len) && ends_blank(&m->text))
    return;
  m->skipped = m->skipped && !len;
  strbuf_add(&m->text, line, len);
  strbuf_add_char(&m->text, '\n');
}

void message_add_comment(struct message *m, const char *text, size_t len) {
  while (len && *text == '-') {
    text++;
    len--;
  }
  bool blank = len && (*text == ' ' || *text == '\t');
  message_add_line(m, text + blank, len - blank);
}

static char *first_paragraph(const char *text, struct arena *arena) {
  struct strbuf line = STRBUF_INIT;
  while (*text) {
    size_t len = strcspn(text, "\n");
    size_t start = strspn(text, " \t");
    if (start >= len)
      break;
    if (line.len)
      strbuf_add_char(&line, ' ');
    strbuf_add(&line, text + start, len - start);
    text += len + (text[len] == '\n');
  }
  char *summary = arena_strndup(arena, line.buf, line.len);
  strbuf_release(&line);
  return summary;
}

/* Blank lines at both ends are left out; an indentation of the first line stays. */
static char *trimmed(const struct strbuf *text, struct arena *arena) {
  size_t start = 0;
  size_t len = text->len;
  while (len && is_space(text->buf[len - 1]))
    len--;
  for (size_t i = 0; i < len && is_space(text->buf[i]); i++) {
    if (text->buf[i] == '\n')
      start = i + 1;
  }
  return arena_strndup(arena, text->buf + start, len - start);
}

void message_finish(const struct message *m, struct arena *arena, char **whole, char **text, char **summary) {
  *whole = trimmed(&m->whole, arena);
  *text = trimmed(&m->text, arena);
  *summary = first_paragraph(*text, arena);
}
