/*
 * settings.c - the tables of all settings and the parsers of their types; see settings.h.
 *
 * Read by config.c, and by whoever prints help about settings. Names and defaults are Alembic's where Alembic has them.
 */
#include "config/settings.h"

#include "base/mem.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>

static const char *const separators[] = {"space", "newline", "os", ":", ";", NULL};

static const char *const poolers[] = {"auto", "none", "session", "transaction", NULL};

static const struct setting main_rows[] = {
    {.name = "script_location", .help = "folder of env.lua, the revision template and versions/"},
    {.name = "url",
     .alias = "sqlalchemy.url",
     .type = SETTING_URL,
     .help = "the database: scheme://user:password@host:port/database"},
    {.name = "file_template",
     .fallback = "%(rev)s_%(slug)s",
     .help = "name of a new revision file; tokens rev, slug, epoch, year, month, day, hour, minute, second"},
    {.name = "truncate_slug_length",
     .type = SETTING_NUMBER,
     .fallback = "40",
     .least = 1,
     .help = "longest slug in a file name"},
    {.name = "timezone", .help = "time zone of creation dates, such as UTC or Europe/Berlin; default local time"},
    {.name = "version_locations",
     .type = SETTING_LIST,
     .help = "folders of revision files; default <script_location>/versions"},
    {.name = "path_separator",
     .alias = "version_path_separator",
     .type = SETTING_CHOICE,
     .choices = separators,
     .help = "what separates version_locations; default commas and blanks"},
    {.name = "recursive_version_locations",
     .type = SETTING_FLAG,
     .fallback = "false",
     .help = "look for revision files in subfolders too"},
    {.name = "version_table",
     .fallback = "moonbird_version",
     .help = "table of the current revisions; alembic_version takes over an Alembic database"},
    {.name = "version_table_schema", .help = "schema of the version table; default the connection's own"},
    {.name = "schemas",
     .type = SETTING_NAMES,
     .help = "schemas that autogenerate, check, diff and dump look at, or * for all; default the connection's own"},
    {.name = "transaction_per_migration",
     .type = SETTING_FLAG,
     .fallback = "true",
     .help = "one transaction for each revision; false: one for the whole run"},
    {.name = "lock_timeout",
     .type = SETTING_SECONDS,
     .help = "how long to wait for another run to end, such as 30s; default without end"},
    {.name = "statement_timeout",
     .type = SETTING_SECONDS,
     .help = "longest time for one statement of a revision; default without limit"},
    {.name = "ddl_lock_timeout",
     .type = SETTING_SECONDS,
     .fallback = "1s",
     .help = "how long a statement that changes the schema waits for its lock; 0s: without end"},
    {.name = "ddl_lock_tries",
     .type = SETTING_NUMBER,
     .fallback = "30",
     .least = 1,
     .help = "how often a revision is run that did not get its lock"},
    {.name = "pooler",
     .type = SETTING_CHOICE,
     .choices = poolers,
     .fallback = "auto",
     .help = "what stands between Moonbird and the server: auto (finds out), none, session, transaction"},
    {.name = "lock_lease",
     .type = SETTING_SECONDS,
     .fallback = "30s",
     .help = "behind a pooler: how long the lock of a run that has crashed stays taken"},
    {.name = "driver_path", .help = "folders of database drivers, separated by colons, looked at first"},
    {.name = "environment", .help = "protected: ask before a destructive command"},
    {.name = "revision_environment",
     .type = SETTING_FLAG,
     .fallback = "false",
     .help = "run env.lua, on the database, for 'revision' without --autogenerate too"},
    {.name = "prepend_sys_path", .type = SETTING_IGNORED, .help = "Alembic's; no meaning here"},
    {.name = "sourceless", .type = SETTING_IGNORED, .help = "Alembic's; no meaning here"},
    {.name = "output_encoding", .type = SETTING_IGNORED, .help = "Alembic's; files are UTF-8"},
};

#define LONGEST_S     86400
#define LARGEST_BYTES 1125899906842624.0 /* 1024 TiB */

static const struct setting backfill_rows[] = {
    {.name = "target_ms",
     .type = SETTING_NUMBER,
     .least = 1,
     .help = "duration that the batch size aims at; default 500, or what the dialect has"},
    {.name = "size", .type = SETTING_NUMBER, .least = 1, .help = "a fixed batch size, in rows"},
    {.name = "start", .type = SETTING_NUMBER, .fallback = "1000", .least = 1, .help = "rows in the first batch"},
    {.name = "min", .type = SETTING_NUMBER, .fallback = "10", .least = 1, .help = "smallest batch, in rows"},
    {.name = "max", .type = SETTING_NUMBER, .fallback = "50000", .least = 1, .help = "largest batch, in rows"},
    {.name = "max_bytes",
     .type = SETTING_BYTES,
     .fallback = "16MiB",
     .least = 1,
     .help = "largest batch, in bytes of its rows"},
    {.name = "workers",
     .type = SETTING_NUMBER,
     .fallback = "1",
     .least = 1,
     .help = "connections at once, where several may write"},
    {.name = "lease",
     .type = SETTING_SECONDS,
     .fallback = "30",
     .least = 1,
     .help = "how long a range stays with a worker of which nothing is heard"},
    {.name = "reconnect",
     .type = SETTING_SECONDS,
     .fallback = "10min",
     .least = 1,
     .help = "how long a lost connection is opened again, and a server that only reads is asked again"},
    {.name = "nice", .type = SETTING_REAL, .fallback = "0", .help = "pause after each batch, in batch durations"},
    {.name = "lock_timeout", .type = SETTING_SECONDS, .fallback = "2s", .help = "longest wait for a lock in a batch"},
    {.name = "statement_timeout",
     .type = SETTING_SECONDS,
     .help = "longest time for one statement of a batch; default 10 times the target, at least 10s"},
    {.name = "max_lag",
     .type = SETTING_SECONDS,
     .least = 0.001,
     .most = LONGEST_S,
     .may_be_off = true,
     .help = "throttle: how far a replica may be behind, such as 5s; off: any"},
    {.name = "max_lag_bytes",
     .type = SETTING_BYTES,
     .least = 1,
     .most = LARGEST_BYTES,
     .may_be_off = true,
     .help = "throttle: the same in bytes, such as 256MiB; off: any"},
    {.name = "replicas", .help = "throttle: URLs of replicas to ask, instead of those that the database knows"},
    {.name = "max_slot_wal",
     .type = SETTING_BYTES,
     .least = 1,
     .most = LARGEST_BYTES,
     .may_be_off = true,
     .help = "throttle: log that a replication slot may keep, such as 4GiB; off: any"},
    {.name = "max_archive_backlog",
     .type = SETTING_NUMBER,
     .least = 1,
     .most = 1e9,
     .may_be_off = true,
     .help = "throttle: segments of the log that may wait for the archive; off: any"},
    {.name = "max_wal",
     .type = SETTING_BYTES,
     .least = 1,
     .most = LARGEST_BYTES,
     .may_be_off = true,
     .help = "throttle: log that may wait to be written back into a file, such as 64MiB; off: any"},
    {.name = "lock_yield",
     .type = SETTING_SECONDS,
     .most = LONGEST_S,
     .may_be_off = true,
     .help = "throttle: pause when a session waits for a table lock of ours, such as 30s; off"},
    {.name = "max_blocked",
     .type = SETTING_SECONDS,
     .most = LONGEST_S,
     .may_be_off = true,
     .help = "throttle: halve the batches when a session waits longer for us: 250ms; off"},
    {.name = "probe", .help = "throttle: a query; NULL, false or 0 is go, a text is the reason to wait"},
    {.name = "flag_file", .help = "throttle: wait while this file is there"},
    {.name = "window", .help = "throttle: work at these times only: Mon-Fri 22:00-06:00 Europe/Berlin"},
};

const struct setting_table main_settings = {main_rows, ARRAY_LEN(main_rows)};
const struct setting_table backfill_settings = {backfill_rows, ARRAY_LEN(backfill_rows)};

/* Each type in words, and how to write one. */
static const struct {
  const char *name;
  const char *hint;
} types[] = {
    [SETTING_TEXT] = {"a text", ""},
    [SETTING_URL] = {"a database URL", "write scheme://user:password@host:port/database"},
    [SETTING_LIST] = {"a list", ""},
    [SETTING_NAMES] = {"a list of names", "write a, b; a name with blanks, commas or quotes as \"my schema\""},
    [SETTING_CHOICE] = {"one of its choices", ""},
    [SETTING_FLAG] = {"true or false", "write true or false"},
    [SETTING_NUMBER] = {"a whole number", "write digits only, such as 40"},
    [SETTING_REAL] = {"a number", "write a number such as 2 or 0.5"},
    [SETTING_SECONDS] = {"a duration", "write seconds, or a number with its unit: 5, 1.5, 200ms, 2s, 2min, 1h"},
    [SETTING_BYTES] = {"a size in bytes", "write bytes, or a number with its unit: 1000, 64kB, 256MiB, 4GiB"},
    [SETTING_IGNORED] = {"anything", ""},
};

const char *setting_type_name(enum setting_type type) {
  return types[type].name;
}

const char *setting_type_hint(enum setting_type type) {
  return types[type].hint;
}

const struct setting *setting_find(const struct setting_table *table, const char *name) {
  for (size_t i = 0; i < table->len; i++) {
    const struct setting *row = &table->rows[i];
    if (strcmp(row->name, name) == 0 || (row->alias && strcmp(row->alias, name) == 0))
      return row;
  }
  return NULL;
}

enum { LONGEST_WORD = 63 };

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

size_t edit_distance(const char *a, const char *b) {
  size_t a_len = strlen(a), b_len = strlen(b);
  if (a_len > LONGEST_WORD || b_len > LONGEST_WORD)
    return a_len > b_len ? a_len : b_len;
  /* Rows of the usual matrix: d[i] is the row that is being filled, the two before it are needed for swaps. */
  size_t d[3][LONGEST_WORD + 1];
  for (size_t j = 0; j <= b_len; j++)
    d[0][j] = j;
  for (size_t i = 1; i <= a_len; i++) {
    size_t *row = d[i % 3], *above = d[(i + 2) % 3], *above2 = d[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b_len; j++) {
      row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = least(row[j], above2[j - 2] + 1);
    }
  }
  return d[a_len % 3][b_len];
}

/* A third of the word may be wrong: enough for a slip or two, too little for nonsense. */
const char *setting_nearest(const struct setting_table *table, const char *name) {
  const char *best = NULL;
  size_t best_distance = strlen(name) / 3 + 1;
  for (size_t i = 0; i < table->len; i++) {
    const char *candidates[] = {table->rows[i].name, table->rows[i].alias};
    for (size_t k = 0; k < ARRAY_LEN(candidates) && candidates[k]; k++) {
      size_t distance = edit_distance(name, candidates[k]);
      if (distance >= best_distance)
        continue;
      best = candidates[k];
      best_distance = distance;
    }
  }
  return best;
}

bool setting_parse_flag(const char *text, bool *flag) {
  static const char *const yes[] = {"true", "yes", "on", "1", "t", "y"};
  static const char *const no[] = {"false", "no", "off", "0", "f", "n"};
  for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
    bool is_yes = strcasecmp(text, yes[i]) == 0;
    if (!is_yes && strcasecmp(text, no[i]) != 0)
      continue;
    *flag = is_yes;
    return true;
  }
  return false;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool setting_parse_number(const char *text, int64_t *number) {
  int64_t value = 0;
  if (!*text)
    return false;
  for (const char *p = text; *p; p++) {
    if (!is_digit(*p) || value > (INT64_MAX - (*p - '0')) / 10)
      return false;
    value = value * 10 + (*p - '0');
  }
  *number = value;
  return true;
}

/* Reads digits with an optional fraction; `end` gets the first byte behind. strtod would follow the locale, and take
 * "inf" and hexadecimal. At most 15 digits before the point, so that sums stay exact and finite. */
static bool read_decimal(const char *text, const char **end, double *number) {
  const char *p = text;
  double value = 0;
  while (is_digit(*p))
    value = value * 10 + (*p++ - '0');
  ptrdiff_t digits = p - text;
  if (digits == 0 || digits > 15)
    return false;
  if (*p == '.') {
    double divisor = 1, fraction = 0;
    const char *first = ++p;
    for (; is_digit(*p); p++) {
      if (p - first >= 15)
        continue;
      fraction = fraction * 10 + (*p - '0');
      divisor *= 10;
    }
    if (p == first)
      return false;
    value += fraction / divisor;
  }
  *end = p;
  *number = value;
  return true;
}

bool setting_parse_real(const char *text, double *number) {
  const char *end;
  double value;
  if (!read_decimal(text, &end, &value) || *end)
    return false;
  *number = value;
  return true;
}

struct unit {
  const char *name;
  double factor;
};

/* A decimal number, blanks, and a unit of the table, whatever its case; "" is one of the units. */
static bool parse_with_unit(const char *text, const struct unit *units, size_t len, double *number) {
  const char *end;
  double value;
  if (!read_decimal(text, &end, &value))
    return false;
  while (isblank((unsigned char)*end))
    end++;
  for (size_t i = 0; i < len; i++) {
    if (strcasecmp(end, units[i].name) != 0)
      continue;
    *number = value * units[i].factor;
    return true;
  }
  return false;
}

bool setting_parse_seconds(const char *text, double *seconds) {
  static const struct unit units[] = {
      {"", 1},   {"s", 1},        {"sec", 1},     {"second", 1}, {"seconds", 1}, {"ms", 0.001},   {"min", 60},
      {"m", 60}, {"minutes", 60}, {"minute", 60}, {"h", 3600},   {"hour", 3600}, {"hours", 3600}, {"d", 86400},
  };
  return parse_with_unit(text, units, ARRAY_LEN(units), seconds);
}

bool setting_parse_bytes(const char *text, int64_t *bytes) {
  static const struct unit units[] = {
      {"", 1},
      {"B", 1},
      {"kB", 1e3},
      {"MB", 1e6},
      {"GB", 1e9},
      {"TB", 1e12},
      {"KiB", 1024},
      {"MiB", 1024 * 1024},
      {"GiB", 1024.0 * 1024 * 1024},
      {"TiB", 1024.0 * 1024 * 1024 * 1024},
  };
  double value;
  if (!parse_with_unit(text, units, ARRAY_LEN(units), &value) || value > 9e18)
    return false;
  *bytes = (int64_t)value;
  return true;
}

static const char between_names[] = ", \t\r\n";

/* Reads the quoted name that begins at *text, and moves *text behind it. False where the quote has no end, or where
 * nothing is in it. */
static bool read_quoted(const char **text, struct strbuf *name) {
  const char *at = *text + 1;
  for (; *at; at++) {
    if (*at == '"' && *++at != '"') {
      *text = at;
      return name->len > 0;
    }
    strbuf_add_char(name, *at);
  }
  return false;
}

static bool read_name(const char **text, struct strbuf *name) {
  if (**text == '"')
    return read_quoted(text, name) && (!**text || strchr(between_names, **text));
  size_t len = strcspn(*text, ", \t\r\n\"");
  strbuf_add(name, *text, len);
  *text += len;
  return **text != '"';
}

bool setting_parse_names(const char *text, struct vec *names) {
  struct strbuf name = STRBUF_INIT;
  bool ok = true;
  while (ok && *(text += strspn(text, between_names))) {
    strbuf_clear(&name);
    ok = read_name(&text, &name);
    if (ok && names)
      strvec_push_len(names, name.buf, name.len);
  }
  strbuf_release(&name);
  return ok;
}

static bool is_choice(const char *const *choices, const char *text) {
  for (; *choices; choices++)
    if (strcmp(*choices, text) == 0)
      return true;
  return false;
}

static bool is_within(const struct setting *setting, double number) {
  return number >= setting->least && (setting->most <= 0 || number <= setting->most);
}

bool setting_accepts(const struct setting *setting, const char *text) {
  bool flag;
  int64_t number;
  double real;
  if (setting->may_be_off && strcmp(text, "off") == 0)
    return true;
  switch (setting->type) {
  case SETTING_CHOICE:
    return is_choice(setting->choices, text);
  case SETTING_FLAG:
    return setting_parse_flag(text, &flag);
  case SETTING_NUMBER:
    return setting_parse_number(text, &number) && is_within(setting, (double)number);
  case SETTING_REAL:
    return setting_parse_real(text, &real) && is_within(setting, real);
  case SETTING_SECONDS:
    return setting_parse_seconds(text, &real) && is_within(setting, real);
  case SETTING_BYTES:
    return setting_parse_bytes(text, &number) && is_within(setting, (double)number);
  case SETTING_NAMES:
    return setting_parse_names(text, NULL);
  case SETTING_TEXT:
  case SETTING_URL:
  case SETTING_LIST:
  case SETTING_IGNORED:
    return true;
  }
  BUG("setting '%s' has no type", setting->name);
}

static void show_bytes(double number, struct strbuf *text) {
  static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; unit + 1 < ARRAY_LEN(units) && number >= 1024 && fmod(number, 1024) == 0; unit++)
    number /= 1024;
  strbuf_addf(text, "%.0f%s", number, units[unit]);
}

void setting_show(enum setting_type type, double number, struct strbuf *text) {
  if (type == SETTING_BYTES)
    show_bytes(number, text);
  else
    strbuf_addf(text, "%.13g%s", number, type == SETTING_SECONDS ? "s" : "");
}

void setting_show_range(const struct setting *setting, struct strbuf *text) {
  size_t before = text->len;
  if (setting->most > 0 || setting->least > 0)
    setting_show(setting->type, setting->least, text);
  if (setting->most > 0) {
    strbuf_add_str(text, " to ");
    setting_show(setting->type, setting->most, text);
  } else if (setting->least > 0) {
    strbuf_add_str(text, " or more");
  }
  if (setting->may_be_off)
    strbuf_addf(text, "%sor off", text->len > before ? ", " : "");
}
