/*
 * filename.h - names of new revision files after `file_template`.
 *
 * No ownership, no files: texts in, texts out.
 */
#ifndef SCRIPT_FILENAME_H
#define SCRIPT_FILENAME_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct filename_values {
  const char *rev;
  const char *slug;
  int64_t epoch;
  struct tm tm;
};

/* Appends the name, which may hold slashes, without ".lua". Conversions are Python's: %(rev)s, %(month).2d, %%. */
bool filename_render(const char *file_template, const struct filename_values *values, struct strbuf *name,
                     struct error *err) MUST_CHECK;

#endif
