/*
 * zone.c - time zones; see zone.h. Called where revisions are named and where a backfill has a window.
 */
#include "base/zone.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the zone database has this name. Names such as "../../etc/passwd" are not looked up. */
static bool zone_exists(const char *zone) {
  if (strcmp(zone, "UTC") == 0)
    return true;
  if (*zone == '/' || strstr(zone, "..") ||
      zone[strspn(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789_+-/")])
    return false;
  const char *folder = getenv("TZDIR");
  char *path = xasprintf("%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", zone);
  FILE *file = fopen(path, "re");
  char magic[4];
  bool found = file && fread(magic, 1, sizeof(magic), file) == sizeof(magic) && memcmp(magic, "TZif", 4) == 0;
  if (file)
    fclose(file);
  free(path);
  return found;
}

/* --- the variable TZ --- */

/* The C library knows one zone at a time, from the variable TZ: lends it ours; zone_leave puts back what was there. */
static char *zone_enter(const char *zone) {
  const char *before = getenv("TZ");
  char *saved = before ? xstrdup(before) : NULL;
  char *name = strcmp(zone, "UTC") == 0 ? xstrdup("UTC0") : xasprintf(":%s", zone);
  setenv("TZ", name, 1);
  tzset();
  free(name);
  return saved;
}

static void zone_leave(char *saved) {
  if (saved)
    setenv("TZ", saved, 1);
  else
    unsetenv("TZ");
  tzset();
  free(saved);
}

/* The name as the database has it, or NULL and the error; the caller frees. */
static char *known_name(const char *zone, struct error *err) {
  if (zone_exists(zone))
    return xstrdup(zone);
  char *upper = xstrdup(zone);
  for (char *p = upper; *p; p++)
    *p = (char)toupper((unsigned char)*p);
  if (zone_exists(upper))
    return upper;
  free(upper);
  error_set(err, ERROR_USAGE, "Can't locate timezone: %s", zone);
  error_hint(err, "timezone takes names such as UTC or Europe/Berlin; they come with the package tzdata.");
  return NULL;
}

/* Enters the zone; the machine's own needs nothing but a look at it. `entered` tells whether to leave it again. */
static bool enter_named(const char *zone, bool *entered, char **saved, struct error *err) {
  *entered = zone && *zone;
  *saved = NULL;
  if (!*entered) {
    tzset();
    return true;
  }
  char *name = known_name(zone, err);
  if (!name)
    return false;
  *saved = zone_enter(name);
  free(name);
  return true;
}

bool zone_time(const char *zone, int64_t epoch, struct tm *tm, struct error *err) {
  time_t when = (time_t)epoch;
  bool entered;
  char *saved;
  if (!enter_named(zone, &entered, &saved, err))
    return false;
  localtime_r(&when, tm);
  if (entered) {
    tm->tm_zone = NULL; /* would point into the zone that is put away now */
    zone_leave(saved);
  }
  return true;
}

/* --- offsets --- */

/* In the zone that is entered. */
static int32_t offset_at(int64_t epoch) {
  time_t when = (time_t)epoch;
  struct tm tm;
  localtime_r(&when, &tm);
  return (int32_t)tm.tm_gmtoff;
}

static void add_offset(struct zone_span *span, size_t *room, int64_t since, int32_t offset) {
  if (span->len == *room) {
    *room = *room ? 2 * *room : 8;
    span->since = xrealloc(span->since, *room * sizeof(*span->since));
    span->offsets = xrealloc(span->offsets, *room * sizeof(*span->offsets));
  }
  span->since[span->len] = since;
  span->offsets[span->len++] = offset;
}

/* The first second at which the offset is another one than at `low`; it is at `high`. */
static int64_t find_change(int64_t low, int64_t high) {
  int32_t before = offset_at(low);
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (offset_at(middle) == before)
      low = middle;
    else
      high = middle;
  }
  return high;
}

bool zone_load(const char *zone, int64_t from, int days, struct zone_span *span, struct error *err) {
  enum { STEP_S = 6 * 3600, DAY_S = 86400 }; /* no zone changes twice in six hours */
  bool entered;
  char *saved;
  size_t room = 0;
  if (!enter_named(zone, &entered, &saved, err))
    return false;
  *span = (struct zone_span){.until = from + (int64_t)days * DAY_S};
  int32_t offset = offset_at(from);
  add_offset(span, &room, from, offset);
  for (int64_t at = from; at < span->until; at += STEP_S) {
    int32_t next = offset_at(at + STEP_S);
    if (next != offset)
      add_offset(span, &room, find_change(at, at + STEP_S), next);
    offset = next;
  }
  if (entered)
    zone_leave(saved);
  return true;
}

void zone_release(struct zone_span *span) {
  free(span->since);
  free(span->offsets);
  *span = (struct zone_span){.len = 0};
}

int32_t zone_offset(const struct zone_span *span, int64_t epoch) {
  size_t i = span->len - 1;
  while (i > 0 && epoch < span->since[i])
    i--;
  return span->offsets[i];
}
