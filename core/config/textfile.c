/*
 * textfile.c - reads and cleans whole text files; see textfile.h. Called by ini.c and dotenv.c, and by url.c for its
 * UTF-8 check.
 */
#include "config/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { FILE_LIMIT = 16 * 1024 * 1024, CHUNK = 64 * 1024 };

/* Length of the valid UTF-8 sequence at `s` by the table of RFC 3629, section 4; 0 where there is none. */
static size_t sequence_length(const unsigned char *s, size_t left) {
  if (s[0] < 0x80)
    return 1;
  size_t len = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4 : 0;
  if (len == 0 || len > left)
    return 0;
  /* The second byte's range is smaller after some first bytes: no overlong forms, surrogates, or above U+10FFFF. */
  unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
  unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
  if (s[1] < low || s[1] > high)
    return 0;
  for (size_t i = 2; i < len; i++)
    if ((s[i] & 0xC0) != 0x80)
      return 0;
  return len;
}

size_t textfile_utf8_prefix(const char *text, size_t len) {
  size_t i = 0;
  while (i < len) {
    size_t step = sequence_length((const unsigned char *)text + i, len - i);
    if (step == 0)
      return i;
    i += step;
  }
  return len;
}

static int line_of(const struct strbuf *text, size_t offset) {
  int line = 1;
  for (size_t i = 0; i < offset; i++)
    line += text->buf[i] == '\n';
  return line;
}

static void normalize_line_ends(struct strbuf *text) {
  size_t to = 0;
  for (size_t from = 0; from < text->len; from++) {
    bool is_return = text->buf[from] == '\r';
    if (is_return && from + 1 < text->len && text->buf[from + 1] == '\n')
      continue;
    text->buf[to++] = is_return ? '\n' : text->buf[from];
  }
  strbuf_truncate(text, to);
}

static void drop_byte_order_mark(struct strbuf *text) {
  if (text->len < 3 || memcmp(text->buf, "\xEF\xBB\xBF", 3) != 0)
    return;
  memmove(text->buf, text->buf + 3, text->len - 3);
  strbuf_truncate(text, text->len - 3);
}

bool textfile_clean(struct strbuf *text, const char *name, struct error *err) {
  drop_byte_order_mark(text);
  normalize_line_ends(text);
  const char *nul = text->len ? memchr(text->buf, '\0', text->len) : NULL;
  if (nul) {
    error_set(err, ERROR_USAGE, "'%s' holds a NUL byte: it is not a text file", name);
    return error_where(err, "%s:%d", name, line_of(text, (size_t)(nul - text->buf)));
  }
  size_t valid = textfile_utf8_prefix(text->buf, text->len);
  if (valid == text->len)
    return true;
  error_set(err, ERROR_USAGE, "'%s' is not valid UTF-8: byte 0x%02X", name, (unsigned)(unsigned char)text->buf[valid]);
  error_hint(err, "save the file in UTF-8");
  return error_where(err, "%s:%d", name, line_of(text, valid));
}

static bool fail_to_read(const char *name, int code, struct error *err) {
  return error_set(err, ERROR_USAGE, "Can't read '%s': %s", name, strerror(code));
}

static bool read_all(int fd, const char *name, struct strbuf *text, struct error *err) {
  for (;;) {
    strbuf_reserve(text, CHUNK);
    ssize_t got = read(fd, text->buf + text->len, CHUNK);
    if (got == 0)
      return true;
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return fail_to_read(name, errno, err);
    text->len += (size_t)got;
    text->buf[text->len] = '\0';
    if (text->len > FILE_LIMIT)
      return error_set(err, ERROR_USAGE, "'%s' is larger than %d MiB", name, FILE_LIMIT / (1024 * 1024));
  }
}

bool textfile_read(const char *path, const char *name, struct strbuf *text, struct error *err) {
  strbuf_clear(text);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail_to_read(name, errno, err);
  bool ok = read_all(fd, name, text, err) && textfile_clean(text, name, err);
  close(fd);
  if (!ok)
    strbuf_clear(text);
  return ok;
}
