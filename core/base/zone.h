/*
 * zone.h - time zones by their names: the clock face at a moment, and the offsets from UTC over a while.
 *
 * Main thread only: the C library knows one zone at a time, and it is a setting of the process. Whoever asks often, or
 * while other threads are busy, reads the offsets once (zone_load) and calculates from them.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/error.h"

#include <stdint.h>
#include <time.h>

/* The clock face in the zone (an IANA name; NULL or "": the machine's own) at a moment in seconds since 1970 UTC. */
bool zone_time(const char *zone, int64_t epoch, struct tm *tm, struct error *err) MUST_CHECK;

/* Offsets of a zone: `offsets[i]` holds from `since[i]` until the next one. */
struct zone_span {
  size_t len;
  int64_t *since;   /* seconds since 1970 UTC, rising; since[0] is the beginning that was asked for */
  int32_t *offsets; /* seconds east of UTC */
  int64_t until;    /* what is known */
};

/* Reads the offsets from `from` over so many days; ERROR_USAGE for an unknown zone. zone_release frees. */
bool zone_load(const char *zone, int64_t from, int days, struct zone_span *span, struct error *err) MUST_CHECK;
void zone_release(struct zone_span *span);

/* Seconds east of UTC at a moment; before the beginning the first one, after `until` the last one. */
int32_t zone_offset(const struct zone_span *span, int64_t epoch);

#endif
