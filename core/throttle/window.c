/*
 * window.c - parses windows and asks the clock; see window.h. Called by the throttle.
 */
#include "throttle/window.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DAY_MINUTES = 1440, KNOWN_DAYS = 400, ALL_DAYS = 0x7F };

static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* --- parsing --- */

static void skip_blanks(const char **p) {
  while (isblank((unsigned char)**p))
    (*p)++;
}

static bool parse_day(const char **p, int *day) {
  for (int i = 0; i < 7; i++) {
    if (strncasecmp(*p, day_names[i], 3) != 0)
      continue;
    *day = i;
    while (isalpha((unsigned char)**p)) /* "Monday" is welcome */
      (*p)++;
    return true;
  }
  return false;
}

/* "Mon-Fri,Sun"; a text that begins otherwise means all days. */
static bool parse_days(const char **p, unsigned *days) {
  *days = 0;
  if (!isalpha((unsigned char)**p)) {
    *days = ALL_DAYS;
    return true;
  }
  do {
    int first, last;
    *p += **p == ',';
    skip_blanks(p);
    if (!parse_day(p, &first))
      return false;
    last = first;
    if (**p == '-' && !parse_day((++*p, p), &last))
      return false;
    for (int day = first;; day = (day + 1) % 7) {
      *days |= 1u << day;
      if (day == last)
        break;
    }
  } while (**p == ',');
  return isblank((unsigned char)**p);
}

static bool parse_minute(const char **p, int *minute) {
  const char *s = *p;
  for (int i = 0; i < 5; i++)
    if (i == 2 ? s[i] != ':' : !isdigit((unsigned char)s[i]))
      return false;
  int hours = (s[0] - '0') * 10 + s[1] - '0', minutes = (s[3] - '0') * 10 + s[4] - '0';
  *minute = hours * 60 + minutes;
  *p += 5;
  return hours <= 24 && minutes < 60 && *minute <= DAY_MINUTES;
}

static bool parse_times(const char **p, struct window_part *part) {
  if (!parse_minute(p, &part->from_minute) || part->from_minute == DAY_MINUTES)
    return false;
  skip_blanks(p);
  if (**p != '-')
    return false;
  (*p)++;
  skip_blanks(p);
  if (!parse_minute(p, &part->to_minute) || part->to_minute == part->from_minute)
    return false;
  if (part->to_minute < part->from_minute)
    part->to_minute += DAY_MINUTES;
  return !**p || **p == ';' || isblank((unsigned char)**p);
}

static bool add_zone(struct window *window, const char *name, size_t len, int64_t now, size_t *zone,
                     struct error *err) {
  char *text = xstrndup(name, len);
  for (*zone = 0; *zone < window->zone_count; (*zone)++)
    if (strcmp(window->zones[*zone], text) == 0) {
      free(text);
      return true;
    }
  if (!zone_load(text, now, KNOWN_DAYS, &window->spans[*zone], err)) {
    free(text);
    return false;
  }
  window->zones[window->zone_count++] = text;
  return true;
}

static bool fail(const char *text, struct error *err) {
  error_set(err, ERROR_USAGE, "'%s' is no window of time", text);
  return error_hint(err, "write 22:00-06:00 Europe/Berlin, with days in front where it is not for all: Mon-Fri "
                         "22:00-06:00, Sat,Sun 00:00-24:00; a semicolon between two");
}

static bool parse_part(struct window *window, const char **p, const char *text, int64_t now, struct error *err) {
  struct window_part *part = &window->parts[window->len];
  skip_blanks(p);
  if (!parse_days(p, &part->days))
    return fail(text, err);
  skip_blanks(p);
  if (!parse_times(p, part))
    return fail(text, err);
  skip_blanks(p);
  size_t len = strcspn(*p, "; \t");
  if (!add_zone(window, *p, len, now, &part->zone, err))
    return false;
  *p += len;
  skip_blanks(p);
  window->len++;
  return !**p || **p == ';' || fail(text, err);
}

bool window_parse(const char *text, int64_t now, struct window *window, struct error *err) {
  struct window made = {.len = 0};
  const char *p = text;
  bool ok;
  do {
    p += *p == ';';
    ok = made.len < WINDOW_PARTS ? parse_part(&made, &p, text, now, err) : fail(text, err);
  } while (ok && *p);
  if (!ok) {
    window_release(&made);
    return false;
  }
  *window = made;
  return true;
}

void window_release(struct window *window) {
  for (size_t i = 0; i < window->zone_count; i++) {
    free(window->zones[i]);
    zone_release(&window->spans[i]);
  }
  *window = (struct window){.len = 0};
}

void window_refresh(struct window *window, int64_t now) {
  enum { SOON_S = 10 * 86400 };
  for (size_t i = 0; i < window->zone_count; i++) {
    struct zone_span span;
    struct error ignored = ERROR_INIT;
    if (window->spans[i].until - now > SOON_S)
      continue;
    if (zone_load(window->zones[i], now, KNOWN_DAYS, &span, &ignored)) {
      zone_release(&window->spans[i]);
      window->spans[i] = span;
    }
    error_release(&ignored);
  }
}

/* --- asking --- */

/* Minutes since 1970-01-01 00:00 on the clock of the zone; that day was a Thursday. */
static int64_t clock_minutes(const struct window *window, size_t zone, int64_t epoch) {
  int64_t local = epoch + zone_offset(&window->spans[zone], epoch);
  return local >= 0 ? local / 60 : -1;
}

static bool part_is_open(const struct window_part *part, int64_t minutes) {
  int64_t day = minutes / DAY_MINUTES;
  int minute = (int)(minutes % DAY_MINUTES);
  unsigned weekday = (unsigned)((day + 4) % 7), yesterday = (weekday + 6) % 7;
  bool today = (part->days & (1u << weekday)) && minute >= part->from_minute && minute < part->to_minute;
  return today || ((part->days & (1u << yesterday)) && minute + DAY_MINUTES < part->to_minute);
}

static const struct window_part *open_part(const struct window *window, int64_t now) {
  for (size_t i = 0; i < window->len; i++)
    if (part_is_open(&window->parts[i], clock_minutes(window, window->parts[i].zone, now)))
      return &window->parts[i];
  return NULL;
}

bool window_is_open(const struct window *window, int64_t now) {
  return open_part(window, now) != NULL;
}

int64_t window_next_opening(const struct window *window, int64_t now) {
  enum { MINUTE_S = 60, MOST_MINUTES = 8 * DAY_MINUTES };
  int64_t at = now - now % MINUTE_S;
  for (int i = 0; i < MOST_MINUTES; i++, at += MINUTE_S)
    if (at >= now && window_is_open(window, at))
      return at;
  return -1;
}

void window_format(const struct window *window, int64_t moment, char *text, size_t size) {
  const struct window_part *part = open_part(window, moment);
  time_t local = (time_t)clock_minutes(window, part ? part->zone : 0, moment) * 60;
  struct tm tm;
  gmtime_r(&local, &tm);
  size_t len = strftime(text, size, "%Y-%m-%d %H:%M", &tm);
  const char *zone = window->zones[part ? part->zone : 0];
  if (len && *zone)
    snprintf(text + len, size - len, " %s", zone);
  else
    text[len] = '\0';
}
