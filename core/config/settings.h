/*
 * settings.h - the tables of all settings: what may stand in moonbird.ini, of which type, with which default.
 *
 * Two tables: the main section's and [backfill]'s. Help, documentation and the checks of config_load come from here;
 * a new setting is one row in settings.c. All is constant: nothing to free.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/strbuf.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
  SETTING_TEXT,
  SETTING_URL,     /* a text in which '%' and two hexadecimal digits are kept as they are */
  SETTING_LIST,    /* a text that its reader splits */
  SETTING_NAMES,   /* names of a database: a, "B c", "with ""quotes""" */
  SETTING_CHOICE,  /* one of `choices` */
  SETTING_FLAG,    /* true/false, yes/no, on/off, 1/0 */
  SETTING_NUMBER,  /* a whole number */
  SETTING_REAL,    /* a decimal number */
  SETTING_SECONDS, /* a duration: "5", "1.5", "200ms", "2s", "2min", "1h" */
  SETTING_BYTES,   /* a size: "1000", "256MiB" */
  SETTING_IGNORED, /* Alembic's, without a meaning here: accepted in silence */
};

struct setting {
  const char *name;
  const char *alias; /* an older name, or NULL */
  enum setting_type type;
  const char *const *choices; /* of SETTING_CHOICE, ends with NULL */
  const char *fallback;       /* the default as it would be written, or NULL: not set */
  double least, most;         /* of numbers, durations in seconds, sizes in bytes; `most` 0: any */
  bool may_be_off;            /* "off" is a value too: a limit of the throttle */
  const char *help;           /* one line */
};

struct setting_table {
  const struct setting *rows;
  size_t len;
};

extern const struct setting_table main_settings;
extern const struct setting_table backfill_settings;

/* The row by its name or alias (lower case), or NULL. */
const struct setting *setting_find(const struct setting_table *table, const char *name);

/* The known name that is most like this one, or NULL where none is near. */
const char *setting_nearest(const struct setting_table *table, const char *name);

/* What a value of this row must be, in words: "a duration". And how to write one, for a hint. */
const char *setting_type_name(enum setting_type type);
const char *setting_type_hint(enum setting_type type);

/* One value. False where the text is not of the type; the output is untouched then. Negative numbers are refused. */
bool setting_parse_flag(const char *text, bool *flag);
bool setting_parse_number(const char *text, int64_t *number);
bool setting_parse_real(const char *text, double *number);
bool setting_parse_seconds(const char *text, double *seconds);
bool setting_parse_bytes(const char *text, int64_t *bytes);

/* Names between commas and blanks, appended to `names`, unless that is NULL. One in double quotes may hold anything; a
 * double quote in it is doubled. */
bool setting_parse_names(const char *text, struct vec *names);

/* Does the text suit the row: its type, its choices, its range? */
bool setting_accepts(const struct setting *setting, const char *text);

/* A number of a type in words: "256MiB", "0.5s", "40". And the range of a row: "1s or more", "0.001s to 86400s, or
 * off"; nothing where anything goes. */
void setting_show(enum setting_type type, double number, struct strbuf *text);
void setting_show_range(const struct setting *setting, struct strbuf *text);

/* Edit distance (insert, delete, replace, swap neighbours), for "did you mean". Long words count as far apart. */
size_t edit_distance(const char *a, const char *b);

#endif
