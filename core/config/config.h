/*
 * config.h - all settings of one run: moonbird.ini with its section, .env, the environment, the command line.
 *
 * One table (settings.h) declares every setting with its type, default and help. Ownership: the config owns every text
 * that it returns; they live until config_free. Knows nothing of Lua and databases.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/error.h"
#include "base/vec.h"
#include "config/url.h"

#include <stdint.h>

struct config;

/* What the command line said; NULL where it did not. Borrowed during config_load. */
struct config_request {
  const char *file;    /* -c */
  const char *section; /* -n, default "moonbird" */
  const char *url;     /* --url */
  bool file_optional;  /* no ini is fine: all defaults (commands that only need a URL) */
};

/* Finds and reads the ini (-c, $MOONBIRD_CONFIG, ./moonbird.ini) and the .env beside it. A section "alembic" in a file
 * without "moonbird" is accepted. Unknown keys are warnings with the nearest known name; broken lines, bad
 * interpolation and values of the wrong type are errors (ERROR_USAGE) with file and line. */
bool config_load(struct config **config, const struct config_request *request, struct error *err) MUST_CHECK;
void config_free(struct config *config);

/* The ini's path, absolute, or NULL where there is none; the folder that %(here)s means. */
const char *config_file(const struct config *config);
const char *config_here(const struct config *config);
const char *config_section(const struct config *config);

/* Values by the name in the settings table, interpolated, or the default (which may be NULL for texts). A name that is
 * not in the table is a BUG. Types were checked by config_load. */
const char *config_text(const struct config *config, const char *name);
bool config_flag(const struct config *config, const char *name);
int64_t config_number(const struct config *config, const char *name);
double config_seconds(const struct config *config,
                      const char *name); /* "5", "1.5", "200ms", "2min"; -1 where not set */

/* A key of another section ([backfill], [post_write_hooks]), or of the main section (keys that the table does not
 * have), or NULL. [DEFAULT] counts. In sections that are not ours (Python's [formatter_generic]) a value that cannot be
 * interpolated comes as it is written. */
const char *config_other(const struct config *config, const char *section, const char *key);

/* All keys of another section, for hooks: appends const char *. */
void config_other_keys(const struct config *config, const char *section, struct vec *keys);

/* A number, size (bytes) or duration (seconds) of [backfill], or `fallback` where it is not set. A name that is not in
 * the table of [backfill] is a BUG. */
double config_backfill_number(const struct config *config, const char *name, double fallback);

/* The version locations, split by path_separator, absolute or as given; appends const char *. Default:
 * <script_location>/versions. */
bool config_version_locations(const struct config *config, struct vec *locations, struct error *err) MUST_CHECK;

/*
 * The database URL, first that is set: --url, $MOONBIRD_DATABASE_URL, `env_lua_url` (NULL: env.lua gave none), `url` in
 * the ini (or sqlalchemy.url), $DATABASE_URL. Empty texts count as not set. None: an error that names these places.
 * `source` gets the place in words, if not NULL. A ${NAME} in the ini's url that the environment lacks is an error here
 * and not of config_load: commands without a database need no secrets.
 */
bool config_url(const struct config *config, const char *env_lua_url, struct url *url, const char **source,
                struct error *err) MUST_CHECK;

#endif
