/*
 * locate.c - finds the ini; see locate.h. Called by config_load.
 */
#include "config/locate.h"

#include "base/strbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char default_file[] = "moonbird.ini";

/* Appends the parts of `path` to `out`, which holds an absolute path without a slash at its end ("" is the root). */
static void add_parts(struct strbuf *out, const char *path) {
  while (*path) {
    size_t len = strcspn(path, "/");
    if (len == 2 && memcmp(path, "..", 2) == 0) {
      const char *slash = strrchr(out->buf, '/');
      strbuf_truncate(out, slash ? (size_t)(slash - out->buf) : 0);
    } else if (len > 0 && !(len == 1 && *path == '.')) {
      strbuf_add_char(out, '/');
      strbuf_add(out, path, len);
    }
    path += len;
    path += *path == '/';
  }
}

char *path_absolute(const char *folder, const char *path) {
  struct strbuf out = STRBUF_INIT;
  if (*path != '/')
    add_parts(&out, folder);
  add_parts(&out, path);
  if (out.len == 0)
    strbuf_add_char(&out, '/');
  return strbuf_detach(&out);
}

static char *folder_of(const char *absolute_path) {
  const char *slash = strrchr(absolute_path, '/');
  return slash == absolute_path ? xstrdup("/") : xstrndup(absolute_path, (size_t)(slash - absolute_path));
}

static bool exists(const char *path) {
  return access(path, F_OK) == 0 || errno != ENOENT;
}

static bool fail_without_file(struct error *err) {
  error_set(err, ERROR_USAGE, "No 'script_location' key found in configuration: there is no %s here", default_file);
  if (exists("alembic.ini"))
    return error_hint(err, "give -c alembic.ini, or run `moonbird init migrations` for a new environment");
  return error_hint(err, "run `moonbird init migrations` to make one, go to the folder that has it, or give -c FILE");
}

/* The ini's path as it was given, or NULL where none was and the default does not exist. */
static const char *choose(const char *file) {
  const char *from_environment = getenv("MOONBIRD_CONFIG");
  if (file)
    return file;
  if (from_environment && *from_environment)
    return from_environment;
  return exists(default_file) ? default_file : NULL;
}

bool location_find(struct location *location, const char *file, const char *section, bool optional, struct error *err) {
  const char *chosen = choose(file);
  if (!chosen && !optional)
    return fail_without_file(err);
  if (chosen && !exists(chosen)) {
    error_set(err, ERROR_USAGE, "No config file '%s' found, or file has no '[%s]' section", chosen, section);
    return error_hint(err, "%s names this file", file ? "-c" : "$MOONBIRD_CONFIG");
  }
  char *current = getcwd(NULL, 0);
  if (!current)
    return error_set(err, ERROR_USAGE, "Can't find out the current folder: %s", strerror(errno));
  location->file = chosen ? path_absolute(current, chosen) : NULL;
  location->shown = xstrdup_or_null(chosen);
  location->here = chosen ? folder_of(location->file) : xstrdup(current);
  free(current);
  return true;
}

void location_release(struct location *location) {
  free(location->file);
  free(location->shown);
  free(location->here);
  *location = (struct location){.file = NULL};
}
