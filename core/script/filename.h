/*
 * filename.h - names of new revision files after `file_template`, and the time that stands in them.
 *
 * No ownership, no files: texts in, texts out. Main thread only (time zones are a setting of the process).
 */
#ifndef SCRIPT_FILENAME_H
#define SCRIPT_FILENAME_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The clock face in the zone (an IANA name; NULL or "": the machine's own) at a moment in seconds since 1970 UTC. */
bool zone_time(const char *zone, int64_t epoch, struct tm *tm, struct error *err) MUST_CHECK;

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
