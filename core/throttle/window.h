/*
 * window.h - times of the week at which a backfill may work: "22:00-06:00 Europe/Berlin", "Mon-Fri 20:00-05:00",
 * "Sat,Sun 00:00-24:00"; several are parted by ";".
 *
 * A window that goes over midnight belongs to the day on which it begins. Times are the clock's in the zone (without
 * one: the machine's), so a window keeps its place when the clocks change; an hour that comes twice is in it twice.
 * Main thread only. Ownership: the caller owns the struct (window_release).
 */
#ifndef THROTTLE_WINDOW_H
#define THROTTLE_WINDOW_H

#include "base/error.h"
#include "base/zone.h"

enum { WINDOW_PARTS = 16 };

struct window_part {
  unsigned days;   /* bit 0 is Sunday: the days on which it begins */
  int from_minute; /* of the day */
  int to_minute;   /* above from_minute; above 1440 where it goes over midnight */
  size_t zone;
};

struct window {
  size_t len;
  struct window_part parts[WINDOW_PARTS];
  char *zones[WINDOW_PARTS]; /* names, "" for the machine's own */
  struct zone_span spans[WINDOW_PARTS];
  size_t zone_count;
};

/* Parses, and reads the offsets of the zones from `now` (seconds since 1970) on. ERROR_USAGE says what is wrong. */
bool window_parse(const char *text, int64_t now, struct window *window, struct error *err) MUST_CHECK;
void window_release(struct window *window);

bool window_is_open(const struct window *window, int64_t now);

/* The moment at which it opens next, -1 where it does not within eight days. */
int64_t window_next_opening(const struct window *window, int64_t now);

/* "2026-11-25 22:00 Europe/Berlin", in the zone of the window that opens then; without one as the machine's clock. */
void window_format(const struct window *window, int64_t moment, char *text, size_t size);

/* Reads the offsets again when what is known ends soon. Call it now and then in a long run. */
void window_refresh(struct window *window, int64_t now);

#endif
