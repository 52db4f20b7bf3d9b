/*
 * config.c - loads all settings of one run and answers for them; see config.h.
 *
 * The order: find the ini, load the .env beside it, read the ini, choose the section, interpolate, check types, warn.
 * What a setting is called and may hold stands in settings.c alone.
 */
#include "config/config.h"

#include "base/log.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "config/dotenv.h"
#include "config/ini.h"
#include "config/interpolate.h"
#include "config/locate.h"
#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

struct value {
  char *text; /* interpolated; as it is written where that was not possible and is not an error yet */
  int line;
  struct error late; /* why not: config_url says it when the value is needed */
};

struct config {
  struct location location;
  char *section;
  char *url_option;    /* --url, or NULL */
  char *url_place;     /* "url in moonbird.ini", for messages */
  struct ini ini;      /* without entries where there is no file */
  struct map sections; /* name -> struct map of key -> struct value; each with the keys of [DEFAULT] */
  struct vec locations;
};

static const char default_section[] = "moonbird";
static const char alembic_section[] = "alembic";
static const char *const our_sections[] = {"backfill", "post_write_hooks"};

static void free_value(void *item) {
  struct value *value = item;
  free(value->text);
  error_release(&value->late);
  free(value);
}

static void free_values(void *item) {
  struct map *values = item;
  map_release_with(values, free_value);
  free(values);
}

void config_free(struct config *config) {
  if (!config)
    return;
  location_release(&config->location);
  free(config->section);
  free(config->url_option);
  free(config->url_place);
  ini_release(&config->ini);
  map_release_with(&config->sections, free_values);
  strvec_release(&config->locations);
  free(config);
}

/* Sections. */

static bool fail_without_section(const struct config *config, const char *section, struct error *err) {
  struct vec names = VEC_INIT;
  for (size_t i = 0; i < config->ini.sections.len; i++)
    vec_push(&names, config->ini.sections.entries[i].key);
  char *list = strvec_join(&names, "], [");
  error_set(err, ERROR_USAGE, "No config file '%s' found, or file has no '[%s]' section", config->location.shown,
            section);
  if (names.len)
    error_hint(err, "the file has [%s]; -n NAME chooses another section", list);
  else
    error_hint(err, "the file has no section: begin it with a line [%s]", section);
  free(list);
  vec_release(&names);
  return false;
}

/* A file of Alembic's is taken as it is. */
static bool choose_section(struct config *config, const char *wanted, struct error *err) {
  const char *section = wanted;
  bool has_file = config->location.file != NULL;
  if (has_file && !ini_section_find(&config->ini, section) && strcmp(section, default_section) == 0 &&
      ini_section_find(&config->ini, alembic_section))
    section = alembic_section;
  if (has_file && !ini_section_find(&config->ini, section))
    return fail_without_section(config, section, err);
  config->section = xstrdup(section);
  return true;
}

static bool is_ours(const struct config *config, const char *section) {
  if (strcmp(section, config->section) == 0)
    return true;
  for (size_t i = 0; i < ARRAY_LEN(our_sections); i++)
    if (strcmp(section, our_sections[i]) == 0)
      return true;
  return false;
}

static const struct setting_table *table_of(const struct config *config, const char *section) {
  if (strcmp(section, config->section) == 0)
    return &main_settings;
  return strcmp(section, "backfill") == 0 ? &backfill_settings : NULL;
}

/* Interpolation. */

static bool ends_with(const char *text, const char *end) {
  size_t len = strlen(text), end_len = strlen(end);
  return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_url_key(const char *key) {
  return strcmp(key, "url") == 0 || ends_with(key, ".url") || ends_with(key, "_url");
}

/* The work on one section: its own entries, or those that it has from [DEFAULT]. */
struct pass {
  struct config *config;
  struct interpolation *in;
  struct map *values;
  const struct ini_section *section; /* where the entries stand; may be NULL */
  bool is_inherited;
  struct error *err;
};

static void put_value(struct pass *pass, const struct ini_entry *entry, char *text, struct error *late) {
  struct value *value = xcalloc(1, sizeof(*value));
  value->text = text;
  value->line = entry->line;
  value->late = (struct error)ERROR_INIT;
  error_move(&value->late, late);
  map_put(pass->values, entry->key, value);
}

/* Has the value to make sense? In our sections; but keys of [DEFAULT] are mere variables unless they are settings. */
static bool is_strict(const struct pass *pass, const struct ini_entry *entry) {
  if (!is_ours(pass->config, pass->in->section))
    return false;
  const struct setting_table *table = table_of(pass->config, pass->in->section);
  return !pass->is_inherited || (table && setting_find(table, entry->key));
}

static bool resolve_entry(struct pass *pass, const struct ini_entry *entry, bool is_url) {
  struct strbuf text = STRBUF_INIT;
  struct error err = ERROR_INIT;
  bool missing_variable = false;
  if (interpolate(pass->in, entry, is_url, &text, &missing_variable, &err)) {
    put_value(pass, entry, strbuf_detach(&text), &err);
    return true;
  }
  strbuf_release(&text);
  bool is_main = strcmp(pass->in->section, pass->config->section) == 0;
  bool is_late = is_url && is_main && missing_variable;
  if (is_late || !is_strict(pass, entry)) {
    put_value(pass, entry, xstrdup(entry->value.buf), &err);
    return true;
  }
  error_move(pass->err, &err);
  return false;
}

static bool resolve_urls(struct pass *pass) {
  for (size_t i = 0; pass->section && i < pass->section->entries.len; i++) {
    const struct ini_entry *entry = pass->section->entries.entries[i].value;
    if (is_url_key(entry->key) && !map_has(pass->values, entry->key) && !resolve_entry(pass, entry, true))
      return false;
  }
  return true;
}

/* What is left. Keys that a URL refers to follow its rules: '%' and two digits stay. */
static bool resolve_others(struct pass *pass, const struct vec *used_by_urls) {
  for (size_t i = 0; pass->section && i < pass->section->entries.len; i++) {
    const struct ini_entry *entry = pass->section->entries.entries[i].value;
    bool is_url = vec_find(used_by_urls, entry) < used_by_urls->len;
    if (!map_has(pass->values, entry->key) && !resolve_entry(pass, entry, is_url))
      return false;
  }
  return true;
}

/* URLs first: only then is it known which other keys they are made of. */
static bool resolve_section(struct config *config, const struct ini_section *section, struct interpolation *in,
                            struct error *err) {
  struct map *values = xcalloc(1, sizeof(*values));
  map_put(&config->sections, section->name, values);
  struct pass own = {config, in, values, section, false, err};
  struct pass inherited = {config, in, values, ini_section_find(&config->ini, "DEFAULT"), true, err};
  if (!resolve_urls(&own) || !resolve_urls(&inherited))
    return false;
  struct vec used_by_urls = VEC_INIT;
  for (size_t i = 0; i < in->used.len; i++)
    vec_push(&used_by_urls, in->used.items[i]);
  bool ok = resolve_others(&own, &used_by_urls) && resolve_others(&inherited, &used_by_urls);
  vec_release(&used_by_urls);
  return ok;
}

/* Types. */

/* "os  # the usual": an old template of Alembic has it so. Types that cannot hold these characters need no care. */
static void cut_comment(char *text) {
  for (char *p = text; *p; p++) {
    bool is_comment = (*p == '#' || *p == ';') && p > text && (p[-1] == ' ' || p[-1] == '\t' || p[-1] == '\n');
    if (!is_comment)
      continue;
    *p = '\0';
    break;
  }
  size_t len = strlen(text);
  while (len && strchr(" \t\n", text[len - 1]))
    text[--len] = '\0';
}

static bool is_free_text(enum setting_type type) {
  return type == SETTING_TEXT || type == SETTING_URL || type == SETTING_LIST || type == SETTING_NAMES ||
         type == SETTING_IGNORED;
}

static bool fail_type(const struct config *config, const struct setting *setting, const char *key,
                      const struct value *value, struct error *err) {
  if (setting->type == SETTING_CHOICE) {
    struct strbuf choices = STRBUF_INIT;
    for (size_t i = 0; setting->choices[i]; i++)
      strbuf_addf(&choices, "%s'%s'", i ? ", " : "", setting->choices[i]);
    error_set(err, ERROR_USAGE, "'%s' is not a valid value for %s; expected %s", value->text, key, choices.buf);
    strbuf_release(&choices);
  } else {
    error_set(err, ERROR_USAGE, "'%s' is not a valid value for %s: it must be %s", value->text, key,
              setting_type_name(setting->type));
    struct strbuf range = STRBUF_INIT;
    setting_show_range(setting, &range);
    error_hint(err, "%s%s%s", setting_type_hint(setting->type), range.len ? ", " : "", range.buf);
    strbuf_release(&range);
  }
  return error_where(err, "%s:%d", config->location.shown, value->line);
}

static bool check_types(const struct config *config, const char *section, struct error *err) {
  const struct setting_table *table = table_of(config, section);
  struct map *values = map_get(&config->sections, section);
  for (size_t i = 0; table && values && i < values->len; i++) {
    const char *key = values->entries[i].key;
    struct value *value = values->entries[i].value;
    const struct setting *setting = setting_find(table, key);
    if (!setting)
      continue;
    if (!is_free_text(setting->type))
      cut_comment(value->text);
    if (*value->text && !setting_accepts(setting, value->text))
      return fail_type(config, setting, key, value, err);
  }
  return true;
}

/* Keys that no table has and nothing refers to. */
static void warn_unknown(const struct config *config, const struct ini_section *section, const struct vec *used) {
  const struct setting_table *table = table_of(config, section->name);
  for (size_t i = 0; table && i < section->entries.len; i++) {
    const struct ini_entry *entry = section->entries.entries[i].value;
    if (setting_find(table, entry->key) || vec_find(used, entry) < used->len)
      continue;
    const char *nearest = setting_nearest(table, entry->key);
    log_warn("%s:%d: unknown key '%s' in [%s]%s%s%s", config->location.shown, entry->line, entry->key, section->name,
             nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
  }
}

static bool resolve_all(struct config *config, struct error *err) {
  bool ok = true;
  for (size_t i = 0; ok && i < config->ini.sections.len; i++) {
    const struct ini_section *section = config->ini.sections.entries[i].value;
    struct interpolation in = {.ini = &config->ini, .section = section->name, .here = config->location.here};
    ok = resolve_section(config, section, &in, err) && check_types(config, section->name, err);
    if (ok)
      warn_unknown(config, section, &in.used);
    vec_release(&in.used);
  }
  return ok;
}

/* Version locations. */

/* The bytes that separate, for the value of path_separator; without one, as old configurations: commas and blanks. */
static const char *separator_bytes(const char *choice) {
  static const struct {
    const char *choice;
    const char *bytes;
  } known[] = {{"space", " \t\n"}, {"newline", "\n"}, {"os", ":"}, {":", ":"}, {";", ";"}};
  for (size_t i = 0; choice && i < ARRAY_LEN(known); i++)
    if (strcmp(choice, known[i].choice) == 0)
      return known[i].bytes;
  return ", \t\n";
}

static void split_locations(struct config *config, const char *text, const char *separators) {
  while (*text) {
    size_t len = strcspn(text, separators);
    size_t first = strspn(text, " \t\n");
    size_t last = len;
    while (last > first && strchr(" \t\n", text[last - 1]))
      last--;
    if (last > first)
      strvec_push_len(&config->locations, text + first, last - first);
    text += len;
    text += *text != '\0';
  }
}

static void find_locations(struct config *config) {
  const char *list = config_text(config, "version_locations");
  const char *root = config_text(config, "script_location");
  if (list) {
    split_locations(config, list, separator_bytes(config_text(config, "path_separator")));
  } else if (root) {
    size_t len = strlen(root);
    while (len > 1 && root[len - 1] == '/')
      len--;
    vec_push(&config->locations, xasprintf("%.*s/versions", (int)len, root));
  }
}

bool config_version_locations(const struct config *config, struct vec *locations, struct error *err) {
  if (config->locations.len == 0) {
    error_set(err, ERROR_USAGE, "No 'script_location' key found in configuration");
    if (config->location.shown)
      return error_hint(err, "add a line script_location = FOLDER to [%s] in %s", config->section,
                        config->location.shown);
    return error_hint(err, "run `moonbird init migrations`, or give -c FILE");
  }
  for (size_t i = 0; i < config->locations.len; i++)
    vec_push(locations, config->locations.items[i]);
  return true;
}

/* Loading. */

/* The .env is called as the ini is: "dir/moonbird.ini" has "dir/.env". */
static bool load_dotenv(const struct config *config, struct error *err) {
  const char *slash = config->location.shown ? strrchr(config->location.shown, '/') : NULL;
  int folder_len = slash ? (int)(slash - config->location.shown + 1) : 0;
  char *name = xasprintf("%.*s.env", folder_len, slash ? config->location.shown : "");
  char *path = path_absolute(config->location.here, ".env");
  bool ok = dotenv_load(path, name, err);
  free(path);
  free(name);
  return ok;
}

static bool load(struct config *config, const struct config_request *request, struct error *err) {
  const char *section = request->section ? request->section : default_section;
  if (!location_find(&config->location, request->file, section, request->file_optional, err) ||
      !load_dotenv(config, err))
    return false;
  const struct location *location = &config->location;
  if (location->file && !ini_read(&config->ini, location->file, location->shown, err))
    return false;
  if (!choose_section(config, section, err) || !resolve_all(config, err))
    return false;
  find_locations(config);
  config->url_option = xstrdup_or_null(request->url);
  if (location->shown)
    config->url_place = xasprintf("url in %s", location->shown);
  return true;
}

bool config_load(struct config **config, const struct config_request *request, struct error *err) {
  struct config *loaded = xcalloc(1, sizeof(*loaded));
  if (!load(loaded, request, err)) {
    config_free(loaded);
    return false;
  }
  *config = loaded;
  return true;
}

/* Answers. */

const char *config_file(const struct config *config) {
  return config->location.file;
}

const char *config_here(const struct config *config) {
  return config->location.here;
}

const char *config_section(const struct config *config) {
  return config->section;
}

static const struct value *find_value(const struct config *config, const char *section, const char *key) {
  const struct map *values = map_get(&config->sections, section);
  return values && key ? map_get(values, key) : NULL;
}

/* What the file says about the setting, by its name or else its older one; an empty value counts as not set. */
static const struct value *setting_value(const struct config *config, const char *section,
                                         const struct setting *setting) {
  const char *const names[] = {setting->name, setting->alias};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    const struct value *value = find_value(config, section, names[i]);
    if (value && *value->text)
      return value;
  }
  return NULL;
}

static const struct setting *known_setting(const struct setting_table *table, const char *name) {
  const struct setting *setting = setting_find(table, name);
  if (!setting)
    BUG("no setting is called '%s'", name);
  return setting;
}

const char *config_text(const struct config *config, const char *name) {
  const struct setting *setting = known_setting(&main_settings, name);
  const struct value *value = setting_value(config, config->section, setting);
  return value ? value->text : setting->fallback;
}

bool config_flag(const struct config *config, const char *name) {
  bool flag = false;
  const char *text = config_text(config, name);
  if (!text || !setting_parse_flag(text, &flag))
    BUG("setting '%s' is not a flag", name);
  return flag;
}

int64_t config_number(const struct config *config, const char *name) {
  int64_t number = 0;
  const char *text = config_text(config, name);
  if (!text || !setting_parse_number(text, &number))
    BUG("setting '%s' is not a number", name);
  return number;
}

double config_seconds(const struct config *config, const char *name) {
  double seconds = -1;
  const char *text = config_text(config, name);
  if (text && !setting_parse_seconds(text, &seconds))
    BUG("setting '%s' is not a duration", name);
  return seconds;
}

const char *config_other(const struct config *config, const char *section, const char *key) {
  const struct value *value = find_value(config, section, key);
  return value ? value->text : NULL;
}

void config_other_keys(const struct config *config, const char *section, struct vec *keys) {
  const struct ini_section *found = ini_section_find(&config->ini, section);
  for (size_t i = 0; found && i < found->entries.len; i++)
    vec_push(keys, found->entries.entries[i].key);
}

double config_backfill_number(const struct config *config, const char *name, double fallback) {
  const struct setting *setting = known_setting(&backfill_settings, name);
  const struct value *value = setting_value(config, "backfill", setting);
  double number = fallback;
  int64_t whole = 0;
  if (!value)
    return fallback;
  bool is_whole = (setting->type == SETTING_NUMBER && setting_parse_number(value->text, &whole)) ||
                  (setting->type == SETTING_BYTES && setting_parse_bytes(value->text, &whole));
  if (is_whole)
    return (double)whole;
  bool is_decimal = (setting->type == SETTING_REAL && setting_parse_real(value->text, &number)) ||
                    (setting->type == SETTING_SECONDS && setting_parse_seconds(value->text, &number));
  if (!is_decimal)
    BUG("setting '%s' of [backfill] is not a number", name);
  return number;
}

/* The URL. */

static bool fail_without_url(const struct config *config, struct error *err) {
  error_set(err, ERROR_USAGE, "No database URL is given");
  return error_hint(err,
                    "give --url URL, set $MOONBIRD_DATABASE_URL, return url from env.lua, set url in %s, or set "
                    "$DATABASE_URL",
                    config->location.shown ? config->location.shown : "moonbird.ini");
}

bool config_url(const struct config *config, const char *env_lua_url, struct url *url, const char **source,
                struct error *err) {
  /* Most likely a variable that is not set: another database must not take the place of the one that was meant. */
  if (config->url_option && !*config->url_option) {
    error_set(err, ERROR_USAGE, "--url is empty");
    return error_hint(err, "give the URL of the database, or leave --url out to take the one of the settings");
  }
  const struct setting *setting = known_setting(&main_settings, "url");
  const struct value *value = setting_value(config, config->section, setting);
  const struct {
    const char *text;
    const char *place;
  } places[] = {
      {config->url_option, "--url"},
      {getenv("MOONBIRD_DATABASE_URL"), "$MOONBIRD_DATABASE_URL"},
      {env_lua_url, "url in env.lua"},
      {value ? value->text : NULL, config->url_place},
      {getenv("DATABASE_URL"), "$DATABASE_URL"},
  };
  size_t i = 0;
  while (i < ARRAY_LEN(places) && (!places[i].text || !*places[i].text))
    i++;
  if (i == ARRAY_LEN(places))
    return fail_without_url(config, err);
  bool is_from_ini = value && places[i].text == value->text;
  if (is_from_ini && error_is_set(&value->late)) {
    error_set(err, ERROR_USAGE, "%s", value->late.message);
    error_hint(err, "%s", value->late.hint);
    return error_where(err, "%s", value->late.where);
  }
  if (!url_parse(places[i].text, url, err))
    return is_from_ini ? error_where(err, "%s:%d", config->location.shown, value->line)
                       : error_where(err, "%s", places[i].place);
  if (source)
    *source = places[i].place;
  return true;
}
