/*
 * fuzz_python.c - the reader of Alembic's headers on any bytes: no crash, no leak,
 * an error exactly where nothing was found, and texts that can stand in a Lua header.
 */
#include "script/header_python.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(const struct vec *texts) {
  for (size_t i = 0; i < texts->len; i++) {
    const char *text = strvec_at(texts, i);
    if (!*text || !text_is_clean(text, strlen(text)) || strchr(text, '\n'))
      abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena = ARENA_INIT;
  struct header header = HEADER_INIT;
  struct error err = ERROR_INIT;
  const char *create_date = NULL;
  enum header_status status =
      header_read_python("versions/x.py", (const char *)data, size, &arena, &header, &create_date, &err);
  if ((status == HEADER_FOUND) == error_is_set(&err))
    abort();
  if (status == HEADER_FOUND) {
    check_texts(&header.down);
    check_texts(&header.depends_on);
    check_texts(&header.labels);
    if (!text_is_clean(header.message, strlen(header.message)) || strchr(header.summary, '\n'))
      abort();
    if (create_date && strchr(create_date, '\n'))
      abort();
  }
  header_release(&header);
  arena_release(&arena);
  error_release(&err);
  return 0;
}
