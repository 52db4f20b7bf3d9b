/*
 * clock.h - time, in units that the names say. No state.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since some fixed moment; never goes back. For durations. */
int64_t clock_monotonic_ns(void);
double clock_monotonic_s(void);

/* Microseconds since 1970-01-01 00:00:00 UTC. */
int64_t clock_wall_us(void);

/* Room for any text that the functions below make. */
enum { CLOCK_TEXT_SIZE = 48 };

/* "2026-11-22 12:00:00.123456+00:00", in UTC. */
void clock_format_utc(int64_t wall_us, char text[CLOCK_TEXT_SIZE]);

/* Microseconds since 1970 of a moment as databases write it: "2026-11-22 12:00:00.5+01", also with a T, a Z or without
 * a zone (then UTC). False, `wall_us` untouched, for another text. */
bool clock_parse(const char *text, int64_t *wall_us);

/* Seconds from the one moment to the other; `none` where either is NULL or unreadable. */
double clock_seconds_between(const char *from, const char *to, double none);

/* A duration for people: "3 ms", "1.24 s", "2 min 05 s", "3 h 07 min". */
void clock_format_duration(double seconds, char text[CLOCK_TEXT_SIZE]);

#endif
