/*
 * width.c - columns of UTF-8 text; see width.h.
 */
#include "cli/width.h"

#include <string.h>
#include <sys/ioctl.h>
#include <utf8proc.h>

/* One character: its bytes, its columns, and whether it may be written as it is. */
struct glyph {
  size_t len;
  size_t columns;
  bool printable;
};

static struct glyph glyph_at(const char *text, size_t len) {
  utf8proc_int32_t code = -1;
  utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &code);
  if (used <= 0 || code < 0)
    return (struct glyph){.len = 1, .columns = 1, .printable = false};
  if (utf8proc_category(code) == UTF8PROC_CATEGORY_CC)
    return (struct glyph){.len = (size_t)used, .columns = 1, .printable = false};
  int columns = utf8proc_charwidth(code);
  return (struct glyph){.len = (size_t)used, .columns = columns > 0 ? (size_t)columns : 0, .printable = true};
}

size_t width_of_len(const char *text, size_t len) {
  size_t columns = 0;
  for (size_t at = 0; at < len;) {
    struct glyph g = glyph_at(text + at, len - at);
    columns += g.columns;
    at += g.len;
  }
  return columns;
}

size_t width_of(const char *text) {
  return width_of_len(text, strlen(text));
}

static size_t add_up_to(struct strbuf *out, const char *text, size_t columns) {
  size_t len = strlen(text);
  size_t used = 0;
  for (size_t at = 0; at < len;) {
    struct glyph g = glyph_at(text + at, len - at);
    if (used + g.columns > columns)
      break;
    if (g.printable)
      strbuf_add(out, text + at, g.len);
    else
      strbuf_add_char(out, '?');
    used += g.columns;
    at += g.len;
  }
  return used;
}

size_t width_add_cut(struct strbuf *out, const char *text, size_t columns) {
  if (width_of(text) <= columns)
    return add_up_to(out, text, columns);
  if (columns <= 3)
    return add_up_to(out, text, columns);
  size_t used = add_up_to(out, text, columns - 3);
  strbuf_add_str(out, "...");
  return used + 3;
}

size_t width_of_line(const char *text, size_t columns) {
  size_t len = strlen(text), used = 0, blank = 0;
  for (size_t at = 0; at < len;) {
    struct glyph g = glyph_at(text + at, len - at);
    if (text[at] == ' ')
      blank = at;
    used += g.columns;
    if (used > columns && at)
      return blank ? blank : at;
    at += g.len;
  }
  return len;
}

void width_add_valid(struct strbuf *out, const char *text, size_t len) {
  for (size_t at = 0; at < len;) {
    utf8proc_int32_t code;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(len - at), &code);
    if (used > 0) {
      strbuf_add(out, text + at, (size_t)used);
      at += (size_t)used;
    } else {
      strbuf_add_str(out, "\xEF\xBF\xBD");
      at++;
    }
  }
}

size_t width_of_terminal(int fd) {
  struct winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}
