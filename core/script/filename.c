/*
 * filename.c - names of new revision files after `file_template`; see filename.h.
 *
 * Called by revision.c.
 */
#include "script/filename.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

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
