/*
 * fuzz_ini.c - any bytes as moonbird.ini, each value interpolated, and the same bytes as .env. Nothing is opened or
 * set.
 */
#include "config/dotenv.h"
#include "config/ini.h"
#include "config/interpolate.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error has a class, a message and, as this is a file, a line. */
static void check_error(struct error *err) {
  if (err->class != ERROR_USAGE || !err->message || !err->where)
    BUG("an error without message or place");
  error_clear(err);
}

static void interpolate_section(const struct ini *ini, const struct ini_section *section) {
  struct interpolation in = {.ini = ini, .section = section->name, .here = "/here"};
  struct error err = ERROR_INIT;
  for (size_t i = 0; i < section->entries.len && i < 50; i++) {
    struct strbuf out = STRBUF_INIT;
    if (!interpolate(&in, section->entries.entries[i].value, i % 2 == 0, &out, NULL, &err))
      check_error(&err);
    strbuf_release(&out);
  }
  vec_release(&in.used);
}

static void read_as_ini(const uint8_t *data, size_t size) {
  struct strbuf text = STRBUF_INIT;
  struct ini ini = INI_INIT;
  struct error err = ERROR_INIT;
  strbuf_add(&text, data, size);
  if (ini_read_text(&ini, &text, "fuzz.ini", &err))
    for (size_t i = 0; i < ini.sections.len; i++)
      interpolate_section(&ini, ini.sections.entries[i].value);
  else
    check_error(&err);
  ini_release(&ini);
  strbuf_release(&text);
}

static void read_as_dotenv(const uint8_t *data, size_t size) {
  struct strbuf text = STRBUF_INIT;
  struct map values = MAP_INIT;
  struct error err = ERROR_INIT;
  strbuf_add(&text, data, size);
  if (!dotenv_parse(&text, "fuzz.env", &values, &err))
    check_error(&err);
  map_release_with(&values, free);
  strbuf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  read_as_ini(data, size);
  read_as_dotenv(data, size);
  return 0;
}
