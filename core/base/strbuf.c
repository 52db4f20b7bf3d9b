/*
 * strbuf.c - text that grows; see strbuf.h.
 */
#include "base/strbuf.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char strbuf_empty[1] = "";

void strbuf_init(struct strbuf *sb) {
  *sb = (struct strbuf)STRBUF_INIT;
}

void strbuf_clear(struct strbuf *sb) {
  strbuf_truncate(sb, 0);
}

void strbuf_release(struct strbuf *sb) {
  if (sb->cap)
    free(sb->buf);
  strbuf_init(sb);
}

char *strbuf_detach(struct strbuf *sb) {
  char *bytes = sb->cap ? sb->buf : xstrdup("");
  strbuf_init(sb);
  return bytes;
}

void strbuf_reserve(struct strbuf *sb, size_t more) {
  char *old = sb->cap ? sb->buf : NULL;
  sb->buf = xgrow(old, &sb->cap, sb->len + more + 1, 1);
  sb->buf[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const void *data, size_t len) {
  if (!len)
    return;
  strbuf_reserve(sb, len);
  memcpy(sb->buf + sb->len, data, len);
  sb->len += len;
  sb->buf[sb->len] = '\0';
}

void strbuf_add_str(struct strbuf *sb, const char *s) {
  strbuf_add(sb, s, strlen(s));
}

void strbuf_add_char(struct strbuf *sb, char c) {
  strbuf_add(sb, &c, 1);
}

void strbuf_add_repeated(struct strbuf *sb, char c, size_t count) {
  strbuf_reserve(sb, count);
  memset(sb->buf + sb->len, c, count);
  sb->len += count;
  sb->buf[sb->len] = '\0';
}

/* Length of the UTF-8 character at s, 0 where there is none (RFC 3629, section 4). */
static size_t utf8_char_len(const unsigned char *s, size_t len) {
  if (s[0] >= 1 && s[0] < 0x80)
    return 1;
  size_t want = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4 : 0;
  if (!want || want > len)
    return 0;
  unsigned char lowest = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
  unsigned char highest = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
  if (s[1] < lowest || s[1] > highest)
    return 0;
  for (size_t i = 2; i < want; i++)
    if ((s[i] & 0xC0) != 0x80)
      return 0;
  return want;
}

void strbuf_add_utf8(struct strbuf *sb, const char *text, size_t len) {
  for (size_t i = 0; i < len;) {
    size_t char_len = utf8_char_len((const unsigned char *)text + i, len - i);
    if (char_len)
      strbuf_add(sb, text + i, char_len);
    else
      strbuf_add_char(sb, '?');
    i += char_len ? char_len : 1;
  }
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  strbuf_add_vf(sb, fmt, args);
  va_end(args);
}

void strbuf_add_vf(struct strbuf *sb, const char *fmt, va_list args) {
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, fmt, again);
  va_end(again);
  if (len < 0)
    BUG("bad format \"%s\"", fmt);
  strbuf_reserve(sb, (size_t)len);
  vsnprintf(sb->buf + sb->len, (size_t)len + 1, fmt, args);
  sb->len += (size_t)len;
}

void strbuf_add_number(struct strbuf *sb, double number) {
  char text[32];
  for (int precision = 15; precision <= 17; precision++) {
    snprintf(text, sizeof(text), "%.*g", precision, number);
    if (strtod(text, NULL) == number)
      break;
  }
  strbuf_add_str(sb, text);
}

void strbuf_mask_controls(struct strbuf *sb, size_t from) {
  for (size_t i = from; i < sb->len; i++) {
    unsigned char c = (unsigned char)sb->buf[i], next = (unsigned char)sb->buf[i + 1]; /* behind the end is a NUL */
    bool is_c0 = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
    bool is_c1 = c == 0xC2 && next >= 0x80 && next < 0xA0; /* in UTF-8 */
    if (is_c0 || is_c1)
      sb->buf[i] = '?';
    if (is_c1)
      sb->buf[i + 1] = '?';
  }
}

void strbuf_truncate(struct strbuf *sb, size_t len) {
  if (len >= sb->len)
    return;
  sb->len = len;
  sb->buf[len] = '\0';
}

void strbuf_rtrim(struct strbuf *sb) {
  size_t len = sb->len;
  while (len && isspace((unsigned char)sb->buf[len - 1]))
    len--;
  strbuf_truncate(sb, len);
}

/* Reads until the end of the file; a folder opens but does not read, so read() reports it. */
static bool read_all(struct strbuf *sb, int fd) {
  struct stat st;
  if (fstat(fd, &st) == 0 && st.st_size > 0)
    strbuf_reserve(sb, (size_t)st.st_size);
  for (;;) {
    strbuf_reserve(sb, 4096);
    ssize_t n = read(fd, sb->buf + sb->len, sb->cap - sb->len - 1);
    if (n == 0)
      return true;
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    sb->len += (size_t)n;
    sb->buf[sb->len] = '\0';
  }
}

bool strbuf_read_file(struct strbuf *sb, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  size_t before = sb->len;
  bool ok = read_all(sb, fd);
  int saved = errno;
  close(fd);
  if (!ok)
    strbuf_truncate(sb, before);
  errno = saved;
  return ok;
}
