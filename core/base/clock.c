/*
 * clock.c - time; see clock.h.
 */
#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

int64_t clock_monotonic_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

double clock_monotonic_s(void) {
  return (double)clock_monotonic_ns() / 1e9;
}

int64_t clock_wall_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void clock_format_utc(int64_t wall_us, char text[CLOCK_TEXT_SIZE]) {
  time_t seconds = (time_t)(wall_us / 1000000);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  size_t len = strftime(text, CLOCK_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &tm);
  snprintf(text + len, CLOCK_TEXT_SIZE - len, ".%06d+00:00", (int)(wall_us % 1000000));
}

void clock_format_duration(double seconds, char text[CLOCK_TEXT_SIZE]) {
  if (seconds < 0.9995) {
    snprintf(text, CLOCK_TEXT_SIZE, "%.0f ms", seconds * 1000);
    return;
  }
  if (seconds < 59.995) {
    snprintf(text, CLOCK_TEXT_SIZE, "%.2f s", seconds);
    return;
  }
  long whole = lround(seconds);
  if (whole < 3600)
    snprintf(text, CLOCK_TEXT_SIZE, "%ld min %02ld s", whole / 60, whole % 60);
  else
    snprintf(text, CLOCK_TEXT_SIZE, "%ld h %02ld min", whole / 3600, whole % 3600 / 60);
}
