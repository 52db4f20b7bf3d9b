/*
 * slug.c - from a message in any language to the part of a file name; see slug.h.
 *
 * Called by revision.c. Letters are put in composed form first, so that one message always gives one file name.
 */
#include "script/slug.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool is_word_part(utf8proc_int32_t cp) {
  switch (utf8proc_category(cp)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_NO:
    return true;
  default:
    return cp == '_';
  }
}

/* `longest` characters, then back to the last "_". */
static void shorten(struct strbuf *slug, size_t longest) {
  size_t end = 0;
  size_t count = 0;
  for (; end < slug->len; end++) {
    bool starts_character = ((unsigned char)slug->buf[end] & 0xC0) != 0x80;
    if (starts_character && count++ == longest)
      break;
  }
  if (end == slug->len)
    return;
  strbuf_truncate(slug, end);
  const char *last = strrchr(slug->buf, '_');
  if (last)
    strbuf_truncate(slug, (size_t)(last - slug->buf));
  strbuf_add_char(slug, '_');
}

char *slug_of(const char *message, size_t longest) {
  struct strbuf slug = STRBUF_INIT;
  utf8proc_uint8_t *composed = utf8proc_NFC((const utf8proc_uint8_t *)(message ? message : ""));
  const utf8proc_uint8_t *p = composed;
  bool gap = false;
  while (p && *p) {
    utf8proc_int32_t cp;
    utf8proc_ssize_t n = utf8proc_iterate(p, -1, &cp);
    if (n <= 0)
      break;
    p += n;
    if (!is_word_part(cp)) {
      gap = slug.len > 0;
      continue;
    }
    utf8proc_uint8_t bytes[4];
    n = utf8proc_encode_char(utf8proc_tolower(cp), bytes);
    if (gap)
      strbuf_add_char(&slug, '_');
    gap = false;
    strbuf_add(&slug, bytes, (size_t)n);
  }
  free(composed);
  shorten(&slug, longest);
  return strbuf_detach(&slug);
}
