/*
 * header.c - the rules that both kinds of header share: names, values, what is missing; see header.h.
 *
 * Called by header_lua.c and sql.c. Knows nothing of how a header is written down.
 */
#include "script/header.h"

#include <string.h>
#include <utf8proc.h>

static const struct {
  const char *word;
  bool is_list;
} names[HEADER_NAME_COUNT] = {
    [HEADER_REVISION] = {"revision", false},
    [HEADER_DOWN_REVISION] = {"down_revision", true},
    [HEADER_BRANCH_LABELS] = {"branch_labels", true},
    [HEADER_DEPENDS_ON] = {"depends_on", true},
    [HEADER_REQUIRES_BACKFILL] = {"requires_backfill", true},
    [HEADER_TRANSACTION] = {"transaction", false},
};

void header_release(struct header *h) {
  vec_release(&h->down);
  vec_release(&h->depends_on);
  vec_release(&h->labels);
  vec_release(&h->requires_backfill);
  *h = (struct header)HEADER_INIT;
}

enum header_name header_name_of(const char *word, size_t len) {
  for (int i = 0; i < HEADER_NAME_COUNT; i++) {
    if (strlen(names[i].word) == len && memcmp(names[i].word, word, len) == 0)
      return (enum header_name)i;
  }
  return HEADER_NAME_COUNT;
}

const char *header_word(enum header_name name) {
  return names[name].word;
}

bool header_is_list(enum header_name name) {
  return names[name].is_list;
}

bool header_fail(struct error *err, const char *file, size_t line, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  error_set_v(err, ERROR_HISTORY, fmt, args);
  va_end(args);
  return error_prefix(err, "%s:%zu: ", file, line);
}

bool text_is_clean(const char *text, size_t len) {
  for (size_t i = 0; i < len;) {
    unsigned char c = (unsigned char)text[i];
    if (c >= 0x80) {
      utf8proc_int32_t cp;
      utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text + i, (utf8proc_ssize_t)(len - i), &cp);
      if (n <= 0)
        return false;
      i += (size_t)n;
      continue;
    }
    if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\v') || c == 0x7f)
      return false;
    i++;
  }
  return true;
}

static struct vec *list_of(struct header *h, enum header_name name) {
  switch (name) {
  case HEADER_DOWN_REVISION:
    return &h->down;
  case HEADER_DEPENDS_ON:
    return &h->depends_on;
  case HEADER_BRANCH_LABELS:
    return &h->labels;
  case HEADER_REQUIRES_BACKFILL:
    return &h->requires_backfill;
  default:
    BUG("%s is no list", header_word(name));
  }
}

bool header_take(struct header *h, enum header_name name, const char *value, size_t len, struct arena *arena,
                 const char *file, size_t line, struct error *err) {
  if (!len)
    return header_fail(err, file, line, "%s must not be an empty string", header_word(name));
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)value[i] < ' ')
      return header_fail(err, file, line, "%s must not have line ends or control characters", header_word(name));
  }
  if (!text_is_clean(value, len))
    return header_fail(err, file, line, "%s is not valid UTF-8 text", header_word(name));
  char *copy = arena_strndup(arena, value, len);
  if (header_is_list(name))
    vec_push(list_of(h, name), copy);
  else if (name == HEADER_REVISION)
    h->id = copy;
  else
    BUG("%s takes no text", header_word(name));
  return true;
}

bool header_note(struct header *h, enum header_name name, const char *file, size_t line, struct error *err) {
  if (h->lines[name])
    return header_fail(err, file, line, "%s is set twice, first in line %zu", header_word(name), h->lines[name]);
  h->lines[name] = line;
  return true;
}

enum header_status header_judge(const struct header *h, const char *file, const char *how_to_write_base,
                                struct error *err) {
  size_t revision = h->lines[HEADER_REVISION];
  size_t down = h->lines[HEADER_DOWN_REVISION];
  if (!revision && !down)
    return HEADER_NONE;
  if (!revision) {
    header_fail(err, file, down, "down_revision is set, but revision is not");
    error_hint(err, "Set `revision` to the id of this revision, above the first function.");
    return HEADER_BROKEN;
  }
  if (!down) {
    header_fail(err, file, revision, "down_revision is missing");
    error_hint(err, "Write `%s` for a base, else the id of the revision that comes before this one.",
               how_to_write_base);
    return HEADER_BROKEN;
  }
  return HEADER_FOUND;
}
