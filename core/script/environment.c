/*
 * environment.c - an environment's folder, its scripts and their graph; see environment.h.
 *
 * Called by every command that needs the history. One pass: scan.c finds files, the header readers read the first part
 * of each, graph_build checks the whole. No Lua state, no database.
 */
#include "script/environment.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/log.h"
#include "script/files.h"
#include "script/header.h"
#include "script/scan.h"
#include "script/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Most headers end within the first read; a file whose header is longer than the last is no revision. */
enum { FIRST_READ = 16 * 1024, LONGEST_HEADER = 32 * 1024 * 1024 };

/* The warning about other files names at most so many. */
enum { NAMED_OTHERS = 10 };

struct environment {
  char *location;
  struct arena arena; /* scripts and their texts */
  struct vec scripts; /* struct script *, in the order of loading */
  struct graph *graph;
};

/* What is only needed while loading. */
struct loader {
  struct environment *env;
  struct strbuf text; /* reused for every file */
  struct strbuf others;
  size_t other_count;
};

/* A path as messages show it: the version location's last part and what follows. */
static char *short_path(const char *path, const char *name) {
  const char *p = path + strlen(path) - strlen(name) - 1;
  while (p > path && p[-1] != '/')
    p--;
  return xstrdup(p);
}

/* Appends up to `more` bytes; *complete is set at the end of the file. */
static bool read_more(int fd, struct strbuf *text, size_t more, bool *complete) {
  strbuf_reserve(text, more);
  while (more) {
    ssize_t n = read(fd, text->buf + text->len, more);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    *complete = n == 0;
    if (n == 0)
      break;
    text->len += (size_t)n;
    more -= (size_t)n;
    if (text->len < FIRST_READ)
      break; /* nearly always the whole of a small file: do not ask again unless the header needs it */
  }
  text->buf[text->len] = '\0';
  return true;
}

static enum header_status read_header(const struct scan_file *file, const char *shown, int fd, struct loader *loader,
                                      struct header *header, struct error *err) {
  struct strbuf *text = &loader->text;
  struct arena *arena = &loader->env->arena;
  bool complete = false;
  strbuf_clear(text);
  for (size_t more = FIRST_READ;; more = text->len * 3 + FIRST_READ) {
    if (!read_more(fd, text, more, &complete)) {
      error_set(err, ERROR_HISTORY, "Can't read %s: %s", shown, strerror(errno));
      return HEADER_BROKEN;
    }
    header_release(header);
    enum header_status status = file->is_sql
                                    ? header_read_sql(shown, text->buf, text->len, complete, arena, header, err)
                                    : header_read_lua(shown, text->buf, text->len, complete, arena, header, err);
    if (status != HEADER_TRUNCATED)
      return status;
    if (text->len < LONGEST_HEADER)
      continue;
    if (!header->lines[HEADER_REVISION])
      return HEADER_NONE;
    error_set(err, ERROR_HISTORY, "%s: the header does not end within the first %d MiB", shown, LONGEST_HEADER >> 20);
    return HEADER_BROKEN;
  }
}

static void add_script(struct environment *env, const struct scan_file *file, struct header *header) {
  struct script *script = arena_alloc(&env->arena, sizeof(*script));
  script->kind = file->is_sql ? SCRIPT_SQL : SCRIPT_LUA;
  script->path = arena_strdup(&env->arena, file->path);
  script->name = script->path + (file->name - file->path);
  script->id = header->id;
  script->down = header->down;
  script->depends_on = header->depends_on;
  script->labels = header->labels;
  script->requires_backfill = header->requires_backfill;
  script->transaction = header->transaction;
  script->comment = header->comment;
  script->message = header->message;
  script->summary = header->summary;
  *header = (struct header)HEADER_INIT; /* the vectors are the script's now */
  vec_push(&env->scripts, script);
}

/* What some editors write; not even its header can be read. */
static bool is_utf16(const struct strbuf *text) {
  return text->len >= 2 && (memcmp(text->buf, "\xFF\xFE", 2) == 0 || memcmp(text->buf, "\xFE\xFF", 2) == 0);
}

static void take_other(void *data, const char *path, const char *why) {
  struct loader *loader = data;
  if (loader->other_count++ >= NAMED_OTHERS)
    return;
  strbuf_addf(&loader->others, "%s%s", loader->others.len ? ", " : "", path);
  if (*why)
    strbuf_addf(&loader->others, " (%s)", why);
}

static bool take_file(void *data, const struct scan_file *file, struct error *err) {
  struct loader *loader = data;
  struct header header = HEADER_INIT;
  int fd = openat(file->folder_fd, file->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    error_set(err, ERROR_HISTORY, "Can't read %s: %s", file->path, strerror(errno));
    return error_hint(err, "Make the file readable, or take it out of the version location.");
  }
  char *shown = short_path(file->path, file->name);
  enum header_status status = read_header(file, shown, fd, loader, &header, err);
  close(fd);
  free(shown);
  if (status == HEADER_FOUND)
    add_script(loader->env, file, &header);
  else if (status == HEADER_NONE)
    take_other(loader, file->path, is_utf16(&loader->text) ? "UTF-16, save it as UTF-8" : "no header");
  header_release(&header);
  return status != HEADER_BROKEN;
}

static void warn_of_others(const struct loader *loader) {
  if (loader->other_count > NAMED_OTHERS)
    log_warn("Not revisions, ignored: %s and %zu more", loader->others.buf, loader->other_count - NAMED_OTHERS);
  else if (loader->other_count)
    log_warn("Not revisions, ignored: %s", loader->others.buf);
}

static bool absolute_locations(const struct config *config, struct vec *absolute, struct error *err) {
  struct vec given = VEC_INIT;
  bool ok = config_version_locations(config, &given, err);
  for (size_t i = 0; ok && i < given.len; i++)
    vec_push(absolute, path_from_here(strvec_at(&given, i)));
  vec_release(&given);
  return ok;
}

/* A location that the user named and that is not there is more likely misspelt than new. */
static void warn_of_missing(const struct config *config, const struct vec *locations) {
  const char *set = config_text(config, "version_locations");
  for (size_t i = 0; set && *set && i < locations->len; i++) {
    if (access(strvec_at(locations, i), F_OK) != 0)
      log_warn("Version location %s doesn't exist", strvec_at(locations, i));
  }
}

static bool load_scripts(struct environment *env, const struct config *config, struct error *err) {
  struct loader loader = {.env = env, .text = STRBUF_INIT, .others = STRBUF_INIT};
  struct scan scan = SCAN_INIT;
  struct scan_visitor visitor = {.data = &loader, .file = take_file, .other = take_other};
  struct vec locations = VEC_INIT;
  scan.recursive = config_flag(config, "recursive_version_locations");
  bool ok = absolute_locations(config, &locations, err);
  if (ok) {
    warn_of_missing(config, &locations);
    ok = scan_locations(&scan, &locations, &visitor, err);
  }
  if (ok)
    warn_of_others(&loader);
  strvec_release(&locations);
  scan_release(&scan);
  strbuf_release(&loader.others);
  strbuf_release(&loader.text);
  return ok;
}

static struct revision_source source_of(struct script *script) {
  return (struct revision_source){
      .id = script->id,
      .path = script->path,
      .summary = script->summary,
      .down = (const char *const *)script->down.items,
      .down_count = script->down.len,
      .depends_on = (const char *const *)script->depends_on.items,
      .depends_on_count = script->depends_on.len,
      .labels = (const char *const *)script->labels.items,
      .label_count = script->labels.len,
      .data = script,
  };
}

static bool build_graph(struct environment *env, struct error *err) {
  size_t count = env->scripts.len;
  struct revision_source *sources = xcalloc(count + 1, sizeof(*sources));
  for (size_t i = 0; i < count; i++)
    sources[i] = source_of(env->scripts.items[i]);
  bool ok = graph_build(&env->graph, sources, count, err);
  free(sources);
  return ok;
}

static bool find_location(struct environment *env, const struct config *config, struct error *err) {
  const char *location = config_text(config, "script_location");
  if (!location || !*location) {
    error_set(err, ERROR_USAGE, "No 'script_location' key found in configuration.");
    return error_hint(err, "Set script_location in moonbird.ini, or make an environment: moonbird init migrations");
  }
  env->location = path_from_here(location);
  if (!path_is_folder(env->location))
    return error_set(err, ERROR_USAGE,
                     "Path doesn't exist: %s.  Please use the 'init' command to create a new scripts folder.",
                     env->location);
  return true;
}

bool environment_load(struct environment **env, const struct config *config, struct error *err) {
  struct environment *e = xcalloc(1, sizeof(*e));
  if (find_location(e, config, err) && load_scripts(e, config, err) && build_graph(e, err)) {
    *env = e;
    return true;
  }
  environment_free(e);
  return false;
}

void environment_free(struct environment *env) {
  if (!env)
    return;
  graph_free(env->graph);
  for (size_t i = 0; i < env->scripts.len; i++) {
    struct script *script = env->scripts.items[i];
    vec_release(&script->down);
    vec_release(&script->depends_on);
    vec_release(&script->labels);
    vec_release(&script->requires_backfill);
  }
  vec_release(&env->scripts);
  arena_release(&env->arena);
  free(env->location);
  free(env);
}

const char *environment_location(const struct environment *env) {
  return env->location;
}

const struct graph *environment_graph(const struct environment *env) {
  return env->graph;
}

size_t environment_count(const struct environment *env) {
  return env->scripts.len;
}

bool script_read(const struct script *script, struct strbuf *text, struct error *err) {
  if (strbuf_read_file(text, script->path))
    return true;
  return error_set(err, ERROR_HISTORY, "Can't read revision %s from %s: %s", script->id, script->path, strerror(errno));
}

void script_checksum(const char *text, size_t len, char *hex) {
  struct strbuf plain = STRBUF_INIT;
  size_t i = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  if (!memchr(text + i, '\r', len - i)) {
    sha256_hex(text + i, len - i, hex);
    return;
  }
  strbuf_reserve(&plain, len);
  while (i < len) {
    const char *cr = memchr(text + i, '\r', len - i);
    size_t n = cr ? (size_t)(cr - text) - i : len - i;
    strbuf_add(&plain, text + i, n);
    i += n;
    if (!cr)
      break;
    strbuf_add_char(&plain, '\n');
    i += i + 1 < len && text[i + 1] == '\n' ? 2 : 1;
  }
  sha256_hex(plain.buf, plain.len, hex);
  strbuf_release(&plain);
}
