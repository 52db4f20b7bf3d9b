/*
 * texts.c - named SQL statements; see texts.h.
 */
#include "run/texts.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "sql/placeholder.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char marker[] = "-- name: ";

/* Replaces {word}s; anything else in braces is left alone. */
static void fill_words(struct strbuf *out, const char *text, size_t len, const struct map *words) {
  for (size_t i = 0; i < len;) {
    const char *end = text[i] == '{' ? memchr(text + i, '}', len - i) : NULL;
    if (!end) {
      strbuf_add_char(out, text[i++]);
      continue;
    }
    size_t word_len = (size_t)(end - text) - i - 1;
    const char *value = map_get_len(words, text + i + 1, word_len);
    if (!value)
      BUG("no word {%.*s} for the SQL texts", (int)word_len, text + i + 1);
    strbuf_add_str(out, value);
    i = (size_t)(end - text) + 1;
  }
}

static void add_statement(struct texts *texts, const char *name, const char *text, size_t len, const struct map *words,
                          const char *style) {
  struct strbuf filled = STRBUF_INIT;
  struct placeholders p = PLACEHOLDERS_INIT;
  fill_words(&filled, text, len, words);
  strbuf_rtrim(&filled);
  static const struct sql_rules standard = {.backslash_escapes = false};
  placeholders_translate(&p, &standard, filled.buf, filled.len, PLACEHOLDER_POSITION, style);
  free(map_put(&texts->statements, name, strbuf_detach(&p.sql)));
  placeholders_release(&p);
  strbuf_release(&filled);
}

void texts_add(struct texts *texts, const struct embedded_file *file, const struct map *words, const char *style) {
  const char *at = strstr(file->text, marker);
  while (at) {
    const char *line_end = strchr(at, '\n');
    if (!line_end)
      BUG("%s ends inside a name", file->name);
    char *name = xstrndup(at + sizeof(marker) - 1, (size_t)(line_end - at) - (sizeof(marker) - 1));
    const char *next = strstr(line_end, marker);
    const char *end = next ? next : file->text + file->len;
    add_statement(texts, name, line_end + 1, (size_t)(end - line_end - 1), words, style);
    free(name);
    at = next;
  }
}

const char *texts_get(const struct texts *texts, const char *name) {
  const char *text = map_get(&texts->statements, name);
  if (!text)
    BUG("no SQL text named %s", name);
  return text;
}

void texts_release(struct texts *texts) {
  map_release_with(&texts->statements, free);
}
