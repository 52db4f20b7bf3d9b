/*
 * clock.c - time; see clock.h.
 */
#include "base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
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

/* So many digits, exactly; moves on behind them. */
static bool read_digits(const char **at, int count, int *number) {
  int value = 0;
  for (int i = 0; i < count; i++, ++*at) {
    if (**at < '0' || **at > '9')
      return false;
    value = value * 10 + (**at - '0');
  }
  *number = value;
  return true;
}

static bool read_mark(const char **at, const char *marks) {
  if (!**at || !strchr(marks, **at))
    return false;
  ++*at;
  return true;
}

/* "12:30:59", into seconds; the parts from `least` on may be missing. */
static bool read_time(const char **at, int least, int *seconds) {
  int part = 0, sum = 0;
  for (int i = 0; i < 3; i++) {
    if (i > 0 && !read_mark(at, ":")) {
      if (i < least)
        return false;
      break;
    }
    if (!read_digits(at, 2, &part))
      return false;
    sum += part * (i == 0 ? 3600 : i == 1 ? 60 : 1);
  }
  *seconds = sum;
  return true;
}

/* Digits behind the point, of which six count. */
static int64_t read_fraction(const char **at) {
  int64_t fraction = 0;
  int digits = 0;
  for (; **at >= '0' && **at <= '9'; ++*at)
    if (digits < 6) {
      fraction = fraction * 10 + (**at - '0');
      digits++;
    }
  for (; digits < 6; digits++)
    fraction *= 10;
  return fraction;
}

/* Seconds east of UTC. */
static bool read_zone(const char **at, int *seconds) {
  *seconds = 0;
  if (!**at || read_mark(at, "Z"))
    return true;
  bool west = **at == '-';
  if (!read_mark(at, "+-") || !read_time(at, 1, seconds))
    return false;
  *seconds = west ? -*seconds : *seconds;
  return true;
}

bool clock_parse(const char *text, int64_t *wall_us) {
  struct tm tm = {.tm_isdst = 0};
  int seconds = 0, zone = 0;
  int64_t fraction = 0;
  if (!read_digits(&text, 4, &tm.tm_year) || !read_mark(&text, "-") || !read_digits(&text, 2, &tm.tm_mon) ||
      !read_mark(&text, "-") || !read_digits(&text, 2, &tm.tm_mday) || !read_mark(&text, " T") ||
      !read_time(&text, 3, &seconds))
    return false;
  if (read_mark(&text, "."))
    fraction = read_fraction(&text);
  if (!read_zone(&text, &zone) || *text)
    return false;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  *wall_us = ((int64_t)timegm(&tm) + seconds - zone) * 1000000 + fraction;
  return true;
}

double clock_seconds_between(const char *from, const char *to, double none) {
  int64_t a, b;
  if (!from || !to || !clock_parse(from, &a) || !clock_parse(to, &b))
    return none;
  return (double)(b - a) / 1e6;
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
