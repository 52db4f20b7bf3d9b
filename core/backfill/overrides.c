/*
 * overrides.c - checks what operators set; see overrides.h.
 */
#include "backfill/overrides.h"

#include "config/settings.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* MILLISECONDS take a number of them or a duration; SETTING_SECONDS and SETTING_BYTES are as in moonbird.ini. */
enum { MILLISECONDS = 100 };

struct override {
  const char *name;
  int type; /* enum setting_type, or MILLISECONDS */
  double least;
  double most;
  bool may_be_off; /* a limit of the throttle */
};

static const struct override own_rows[] = {
    {"workers", SETTING_NUMBER, 1, 64, false},   {"nice", SETTING_REAL, 0, 1000, false},
    {"size", SETTING_NUMBER, 1, 1e9, false},     {"target_ms", MILLISECONDS, 1, 3600e3, false},
    {"min", SETTING_NUMBER, 1, 1e9, false},      {"max", SETTING_NUMBER, 1, 1e9, false},
    {"max_bad", SETTING_NUMBER, 0, 1e12, false},
};

/* What can be set, one after the other: the rows above, then the limits of [backfill]. False behind the last one. */
static bool next_override(size_t *at, struct override *row) {
  size_t own = ARRAY_LEN(own_rows);
  if (*at < own) {
    *row = own_rows[(*at)++];
    return true;
  }
  for (; *at - own < backfill_settings.len; ++*at) {
    const struct setting *s = &backfill_settings.rows[*at - own];
    if (!s->may_be_off)
      continue;
    *row = (struct override){s->name, (int)s->type, s->least, s->most, true};
    ++*at;
    return true;
  }
  return false;
}

static bool find(const char *name, size_t len, struct override *row) {
  for (size_t at = 0; next_override(&at, row);)
    if (strlen(row->name) == len && strncmp(row->name, name, len) == 0)
      return true;
  return false;
}

static const char *nearest(const char *name) {
  const char *best = NULL;
  size_t best_distance = strlen(name) / 3 + 2;
  struct override row;
  for (size_t at = 0; next_override(&at, &row);) {
    size_t distance = edit_distance(name, row.name);
    if (distance < best_distance) {
      best_distance = distance;
      best = row.name;
    }
  }
  return best;
}

static bool unknown(const char *word, size_t len, struct error *err) {
  char *name = xstrndup(word, len);
  struct strbuf names = STRBUF_INIT;
  struct override row;
  for (size_t at = 0; next_override(&at, &row);)
    strbuf_addf(&names, "%s%s", names.len ? ", " : "", row.name);
  const char *near = nearest(name);
  error_set(err, ERROR_USAGE, "'%s' cannot be set for a backfill", name);
  if (near)
    error_hint(err, "did you mean '%s'? What can be set: %s", near, names.buf);
  else
    error_hint(err, "what can be set: %s", names.buf);
  strbuf_release(&names);
  free(name);
  return false;
}

static bool parse_milliseconds(const char *text, double *number) {
  if (setting_parse_real(text, number))
    return true;
  if (!setting_parse_seconds(text, number))
    return false;
  *number *= 1000;
  return true;
}

static bool parse(const struct override *row, const char *text, double *number) {
  int64_t whole;
  switch (row->type) {
  case MILLISECONDS:
    return parse_milliseconds(text, number);
  case SETTING_REAL:
    return setting_parse_real(text, number);
  case SETTING_SECONDS:
    return setting_parse_seconds(text, number);
  case SETTING_BYTES:
    if (!setting_parse_bytes(text, &whole))
      return false;
    break;
  default:
    if (!setting_parse_number(text, &whole))
      return false;
  }
  *number = (double)whole;
  return true;
}

static const char *type_name(const struct override *row) {
  return row->type == MILLISECONDS ? "milliseconds or a duration" : setting_type_name((enum setting_type)row->type);
}

static const char *type_hint(const struct override *row) {
  return row->type == MILLISECONDS ? "write 200, 200ms or 1.5s" : setting_type_hint((enum setting_type)row->type);
}

/* Milliseconds as a plain number. */
static void show_number(const struct override *row, double number, struct strbuf *text) {
  setting_show(row->type == MILLISECONDS ? SETTING_REAL : (enum setting_type)row->type, number, text);
}

/* "workers must be a whole number from 1 to 64, not 'many'" */
static bool refuse(const struct override *row, const char *given, struct error *err) {
  struct strbuf range = STRBUF_INIT;
  show_number(row, row->least, &range);
  strbuf_add_str(&range, " to ");
  show_number(row, row->most, &range);
  error_set(err, ERROR_USAGE, "%s must be %s from %s%s, not '%s'", row->name, type_name(row), range.buf,
            row->may_be_off ? ", or off" : "", given);
  strbuf_release(&range);
  return error_hint(err, "%s", type_hint(row));
}

/* Whole numbers stay whole in the JSON. */
static json_t *number_json(double number) {
  return number == floor(number) && fabs(number) < 1e15 ? json_integer((json_int_t)number) : json_real(number);
}

static bool assign(json_t *object, const char *word, struct error *err) {
  const char *equals = strchr(word, '=');
  size_t len = equals ? (size_t)(equals - word) : strlen(word);
  struct override row;
  double number = 0;
  if (!find(word, len, &row))
    return unknown(word, len, err);
  if (!equals) {
    error_set(err, ERROR_USAGE, "'%s' needs a value", word);
    return error_hint(err, "write %s=VALUE; '%s=' takes it back", word, word);
  }
  if (!equals[1]) {
    json_object_del(object, row.name);
    return true;
  }
  if (row.may_be_off && strcmp(equals + 1, "off") == 0) {
    json_object_set_new(object, row.name, json_false());
    return true;
  }
  if (!parse(&row, equals + 1, &number) || number < row.least || number > row.most)
    return refuse(&row, equals + 1, err);
  json_object_set_new(object, row.name, number_json(number));
  return true;
}

static bool check_together(const json_t *object, struct error *err) {
  const json_t *min = json_object_get(object, "min");
  const json_t *max = json_object_get(object, "max");
  if (min && max && json_number_value(min) > json_number_value(max))
    return error_set(err, ERROR_USAGE, "min=%.0f is above max=%.0f", json_number_value(min), json_number_value(max));
  return true;
}

/* The same setting in two words would leave it to their order which of them counts. */
static bool check_twice(const struct vec *words, struct error *err) {
  for (size_t i = 0; i < words->len; i++)
    for (size_t k = 0; k < i; k++) {
      const char *a = strvec_at(words, i), *b = strvec_at(words, k);
      size_t len = strcspn(a, "=");
      if (len == strcspn(b, "=") && strncmp(a, b, len) == 0)
        return error_set(err, ERROR_USAGE, "%.*s stands twice: '%s' and '%s'", (int)len, a, b, a);
    }
  return true;
}

const char *overrides_limit(const char *word) {
  size_t len = strcspn(word, "=");
  struct override row;
  return find(word, len, &row) && row.may_be_off && word[len] && word[len + 1] ? row.name : NULL;
}

bool overrides_change(const char *json, const struct vec *assignments, char **changed, struct error *err) {
  json_t *object = json ? json_loads(json, 0, NULL) : NULL;
  if (!json_is_object(object)) {
    json_decref(object);
    object = json_object();
  }
  bool ok = check_twice(assignments, err);
  for (size_t i = 0; ok && i < assignments->len; i++)
    ok = assign(object, strvec_at(assignments, i), err);
  ok = ok && check_together(object, err);
  if (ok)
    *changed = json_object_size(object) ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
  json_decref(object);
  return ok;
}

void overrides_show(const char *json, struct strbuf *text) {
  json_t *object = json ? json_loads(json, 0, NULL) : NULL;
  const char *name;
  json_t *value;
  const char *between = "";
  json_object_foreach(object, name, value) {
    if (!json_is_number(value) && !json_is_false(value))
      continue;
    strbuf_addf(text, "%s%s=", between, name);
    struct override row;
    if (json_is_false(value))
      strbuf_add_str(text, "off");
    else if (find(name, strlen(name), &row))
      show_number(&row, json_number_value(value), text);
    else
      setting_show(SETTING_REAL, json_number_value(value), text);
    between = " ";
  }
  json_decref(object);
}
