/*
 * filename.c - names of new revision files after `file_template`; see filename.h.
 *
 * Called by revision.c.
 */
#include "script/filename.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* The C library knows one zone at a time, from the variable TZ: lend it ours, and put back what was there. */
static void time_in_zone(const char *zone, time_t when, struct tm *tm) {
  const char *before = getenv("TZ");
  char *saved = before ? xstrdup(before) : NULL;
  char *name = strcmp(zone, "UTC") == 0 ? xstrdup("UTC0") : xasprintf(":%s", zone);
  setenv("TZ", name, 1);
  tzset();
  localtime_r(&when, tm);
  tm->tm_zone = NULL; /* would point into the zone that is put away now */
  if (saved)
    setenv("TZ", saved, 1);
  else
    unsetenv("TZ");
  tzset();
  free(name);
  free(saved);
}

bool zone_time(const char *zone, int64_t epoch, struct tm *tm, struct error *err) {
  time_t when = (time_t)epoch;
  if (!zone || !*zone) {
    tzset();
    localtime_r(&when, tm);
    return true;
  }
  if (zone_exists(zone)) {
    time_in_zone(zone, when, tm);
    return true;
  }
  char *upper = xstrdup(zone);
  for (char *p = upper; *p; p++)
    *p = (char)toupper((unsigned char)*p);
  bool found = zone_exists(upper);
  if (found)
    time_in_zone(upper, when, tm);
  free(upper);
  if (found)
    return true;
  error_set(err, ERROR_USAGE, "Can't locate timezone: %s", zone);
  return error_hint(err, "timezone takes names such as UTC or Europe/Berlin; they come with the package tzdata.");
}

/* One conversion `%(name)flags.precisionX`, taken apart. */
struct conversion {
  const char *name;
  size_t name_len;
  bool zero;
  bool left;
  int width;
  int precision; /* -1: none */
  char type;
};

static const char *read_number(const char *p, int *number) {
  for (*number = 0; isdigit((unsigned char)*p); p++) {
    if (*number < 100)
      *number = *number * 10 + (*p - '0');
  }
  return p;
}

/* At "%(": returns the place behind the conversion, or NULL when it is malformed. */
static const char *parse_conversion(const char *p, struct conversion *c) {
  const char *close = strchr(p, ')');
  if (!close)
    return NULL;
  *c = (struct conversion){.name = p + 2, .name_len = (size_t)(close - p) - 2, .precision = -1};
  for (p = close + 1; *p == '0' || *p == '-'; p++) {
    c->zero = c->zero || *p == '0';
    c->left = c->left || *p == '-';
  }
  p = read_number(p, &c->width);
  if (*p == '.')
    p = read_number(p + 1, &c->precision);
  c->type = *p;
  return *p == 's' || *p == 'd' || *p == 'i' ? p + 1 : NULL;
}

static bool find_number(const struct conversion *c, const struct filename_values *v, long long *number) {
  const struct {
    const char *name;
    long long value;
  } rows[] = {
      {"epoch", v->epoch},     {"year", 1900LL + v->tm.tm_year}, {"month", 1LL + v->tm.tm_mon}, {"day", v->tm.tm_mday},
      {"hour", v->tm.tm_hour}, {"minute", v->tm.tm_min},         {"second", v->tm.tm_sec},
  };
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    if (strlen(rows[i].name) == c->name_len && memcmp(rows[i].name, c->name, c->name_len) == 0) {
      *number = rows[i].value;
      return true;
    }
  }
  return false;
}

static const char *find_text(const struct conversion *c, const struct filename_values *v) {
  if (c->name_len == 3 && memcmp(c->name, "rev", 3) == 0)
    return v->rev;
  if (c->name_len == 4 && memcmp(c->name, "slug", 4) == 0)
    return v->slug;
  return NULL;
}

/* A width with zeros is a precision for numbers that are never negative. */
static void add_number(const struct conversion *c, long long number, struct strbuf *name) {
  int digits = c->precision;
  if (c->type == 's')
    digits = -1;
  else if (c->zero && !c->left && c->width > digits)
    digits = c->width;
  int width = c->left ? -c->width : c->width;
  if (digits >= 0)
    strbuf_addf(name, "%*.*lld", width, digits, number);
  else
    strbuf_addf(name, "%*lld", width, number);
}

static void add_text(const struct conversion *c, const char *text, struct strbuf *name) {
  int width = c->left ? -c->width : c->width;
  if (c->precision >= 0)
    strbuf_addf(name, "%*.*s", width, c->precision, text);
  else
    strbuf_addf(name, "%*s", width, text);
}

static bool add_conversion(const struct conversion *c, const struct filename_values *v, struct strbuf *name,
                           struct error *err) {
  long long number;
  const char *text = find_text(c, v);
  if (text && c->type == 's') {
    add_text(c, text, name);
    return true;
  }
  if (text) {
    error_set(err, ERROR_USAGE, "file_template: %%(%.*s)%c: this is text, not a number", (int)c->name_len, c->name,
              c->type);
    return error_hint(err, "Write %%(%.*s)s.", (int)c->name_len, c->name);
  }
  if (find_number(c, v, &number)) {
    add_number(c, number, name);
    return true;
  }
  error_set(err, ERROR_USAGE, "file_template: unknown token %%(%.*s)", (int)(c->name_len < 60 ? c->name_len : 60),
            c->name);
  return error_hint(err, "Known are rev, slug, epoch, year, month, day, hour, minute and second.");
}

bool filename_render(const char *file_template, const struct filename_values *values, struct strbuf *name,
                     struct error *err) {
  for (const char *p = file_template; *p;) {
    if (*p != '%' || p[1] == '%') {
      strbuf_add_char(name, *p);
      p += *p == '%' ? 2 : 1;
      continue;
    }
    struct conversion c;
    const char *end = p[1] == '(' ? parse_conversion(p, &c) : NULL;
    if (!end) {
      error_set(err, ERROR_USAGE, "file_template: can't read \"%.20s\"", p);
      return error_hint(err, "Tokens look like %%(rev)s or %%(month).2d (in the ini with two percent signs).");
    }
    if (!add_conversion(&c, values, name, err))
      return false;
    p = end;
  }
  return true;
}
