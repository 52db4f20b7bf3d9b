/*
 * revision.c - writes one new revision file; see template.h.
 *
 * Called by the commands `revision`, `merge`, `squash` and `import`. The finished text is read back by the header
 * readers before it is written: a template that loses a parent or a label, or a message that changes the header, never
 * gets into a file.
 */
#include "base/clock.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "base/zone.h"
#include "script/embedded.h"
#include "script/filename.h"
#include "script/files.h"
#include "script/header.h"
#include "script/listener.h"
#include "script/render.h"
#include "script/slug.h"
#include "script/sql.h"
#include "script/template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { ID_BYTES = 6 };

/* Everything about the file that is being made. */
struct writing {
  const struct config *config;
  const struct environment *env;
  const struct revision_draft *draft;
  struct error *err;
  char *id;
  char *message; /* clean lines, no blank ones at the ends */
  char *path;
  struct filename_values name;
  char date[64];
  struct strbuf text;
  char *made;   /* the topmost folder that was made for it, or NULL */
  bool written; /* the file is there */
};

/* ---- the id ---- */

static bool id_is_taken(const struct environment *env, const char *id, const struct revision **by) {
  const struct graph *graph = environment_graph(env);
  for (size_t i = 0; i < graph_count(graph); i++) {
    *by = graph_at(graph, i);
    if (strcmp((*by)->id, id) == 0)
      return true;
    for (size_t k = 0; k < (*by)->labels.len; k++) {
      if (strcmp(strvec_at(&(*by)->labels, k), id) == 0)
        return true;
    }
  }
  return false;
}

static bool random_id(const struct environment *env, char **id, struct error *err) {
  const struct revision *by;
  for (;;) {
    unsigned char bytes[ID_BYTES];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
      return error_set(err, ERROR_FAILED, "Can't get random bytes for a revision id: %s", strerror(errno));
    char hex[2 * ID_BYTES + 1];
    for (size_t i = 0; i < sizeof(bytes); i++)
      snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    if (id_is_taken(env, hex, &by))
      continue;
    *id = xstrdup(hex);
    return true;
  }
}

static bool check_characters(const char *id, struct error *err) {
  static const char refused[] = "\"'*+,-/:<>?@[\\]{|}"; /* in the order in which they are reported */
  struct strbuf found = STRBUF_INIT;
  for (const char *c = refused; *c; c++) {
    if (strchr(id, *c))
      strbuf_addf(&found, "%s%c", found.len ? ", " : "", *c);
  }
  bool ok = !found.len;
  if (!ok)
    error_set(err, ERROR_USAGE, "Character(s) '%s' not allowed in revision identifier '%s'", found.buf, id);
  strbuf_release(&found);
  if (!ok)
    return false;
  for (const char *c = id; *c; c++) {
    if ((unsigned char)*c <= ' ' || *c == 0x7f)
      return error_set(err, ERROR_USAGE, "Blanks and control characters are not allowed in revision identifier '%s'",
                       id);
  }
  return text_is_clean(id, strlen(id)) ||
         error_set(err, ERROR_USAGE, "The revision identifier is not valid UTF-8 text");
}

static bool check_reserved(const char *name, struct error *err) {
  static const char *const reserved[] = {"head", "heads", "base", "current"};
  for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
    if (strcmp(name, reserved[i]) == 0)
      return error_set(err, ERROR_USAGE, "'%s' cannot name a revision or a branch: it is reserved", name);
  }
  return true;
}

static bool check_id(const struct environment *env, const char *id, struct error *err) {
  const struct revision *by;
  if (!*id)
    return error_set(err, ERROR_USAGE, "The revision identifier is empty");
  if (!check_characters(id, err) || !check_reserved(id, err))
    return false;
  if (!id_is_taken(env, id, &by))
    return true;
  error_set(err, ERROR_USAGE, "Revision identifier '%s' is taken already, by %s", id, by->path ? by->path : by->id);
  return error_hint(err, "Take another identifier, or leave it out to get a random one.");
}

static bool choose_id(struct writing *w) {
  if (!w->draft->id)
    return random_id(w->env, &w->id, w->err);
  if (!check_id(w->env, w->draft->id, w->err))
    return false;
  w->id = xstrdup(w->draft->id);
  return true;
}

static bool check_label(struct writing *w, const char *label) {
  const struct revision *by;
  if (!*label || label[strcspn(label, "@+:,\"\\ \t\r\n")] || !text_is_clean(label, strlen(label)))
    return error_set(w->err, ERROR_USAGE, "Branch label '%s' is empty or has a character of: @ + : , \" \\ blank",
                     label);
  if (!check_reserved(label, w->err))
    return false;
  if (strcmp(label, w->id) != 0 && !id_is_taken(w->env, label, &by))
    return true;
  if (strcmp(label, w->id) == 0)
    return error_set(w->err, ERROR_USAGE, "Branch label '%s' is the revision identifier itself", label);
  return error_set(w->err, ERROR_USAGE, "Branch name '%s' in revision %s already used by revision %s", label, w->id,
                   by->id);
}

static bool check_labels(struct writing *w) {
  for (size_t i = 0; i < w->draft->labels.len; i++) {
    if (!check_label(w, strvec_at(&w->draft->labels, i)))
      return false;
  }
  return true;
}

/* ---- the message ---- */

static void trim_blanks(struct strbuf *sb) {
  while (sb->len && sb->buf[sb->len - 1] == ' ')
    strbuf_truncate(sb, sb->len - 1);
}

/* Line ends become one kind, other control characters blanks; the message cannot leave its comment then. */
static bool clean_message(struct writing *w) {
  struct strbuf sb = STRBUF_INIT;
  for (const char *p = w->draft->message ? w->draft->message : ""; *p; p++) {
    bool is_break = *p == '\n' || *p == '\r';
    bool is_blank = !is_break && ((unsigned char)*p <= ' ' || *p == 0x7f);
    if (*p == '\r' && p[1] == '\n')
      p++;
    if (!sb.len && (is_break || is_blank))
      continue;
    if (is_break)
      trim_blanks(&sb);
    strbuf_add_char(&sb, (char)(is_break ? '\n' : is_blank ? ' ' : *p));
  }
  strbuf_rtrim(&sb);
  bool ok = text_is_clean(sb.buf, sb.len) || error_set(w->err, ERROR_USAGE, "The message is not valid UTF-8 text");
  if (!sb.len)
    strbuf_add_str(&sb, "empty message");
  w->message = strbuf_detach(&sb);
  return ok;
}

/* In a .sql file a comment line may be more than a comment. */
static bool check_sql_message(struct writing *w) {
  for (const char *p = w->message; w->draft->sql && *p;) {
    size_t len = strcspn(p, "\n");
    size_t start = strspn(p, " \t-");
    const char *colon = memchr(p, ':', len);
    size_t word = colon && p + start < colon ? (size_t)(colon - p) - start : 0;
    bool is_marker = word == strlen("migrate") && memcmp(p + start, "migrate", word) == 0;
    if (is_marker || header_name_of(p + start, word) != HEADER_NAME_COUNT)
      return error_set(w->err, ERROR_USAGE, "A line of the message must not start with \"%.*s:\" in a .sql revision",
                       (int)word, p + start);
    p += len + (p[len] == '\n');
  }
  return true;
}

/* ---- the place and the name ---- */

/* A date that is given: "2026-11-22 12:00:00.123456+01:00", all behind the day optional. False: it reads otherwise, and
 * the file is named by the present time. */
static bool read_date(const char *text, struct filename_values *name) {
  struct tm tm = {.tm_isdst = -1};
  const char *rest = strptime(text, "%Y-%m-%d", &tm);
  if (!rest || (*rest && *rest != ' ' && *rest != 'T'))
    return false;
  const char *time = *rest ? strptime(rest + 1, "%H:%M:%S", &tm) : rest;
  if (!time)
    return false;
  if (*time == '.')
    time += 1 + strspn(time + 1, "0123456789");
  struct tm zone = {0};
  bool has_zone = *time && strptime(time, "%z", &zone);
  struct tm copy = tm;
  name->epoch = has_zone ? timegm(&copy) - zone.tm_gmtoff : mktime(&copy);
  name->tm = tm;
  return true;
}

static bool choose_time(struct writing *w) {
  const char *zone = config_text(w->config, "timezone");
  const char *given = w->draft->create_date;
  if (given && (size_t)snprintf(w->date, sizeof(w->date), "%s", given) < sizeof(w->date) && read_date(given, &w->name))
    return true;
  w->name.epoch = clock_wall_us() / 1000000;
  if (!zone_time(zone, w->name.epoch, &w->name.tm, w->err))
    return false;
  if (given)
    return true;
  const struct tm *tm = &w->name.tm;
  int n = snprintf(w->date, sizeof(w->date), "%04d-%02d-%02d %02d:%02d:%02d", tm->tm_year + 1900, tm->tm_mon + 1,
                   tm->tm_mday, tm->tm_hour, tm->tm_min, tm->tm_sec);
  if (zone && *zone) {
    long minutes = labs(tm->tm_gmtoff) / 60;
    snprintf(w->date + n, sizeof(w->date) - (size_t)n, "%c%02ld:%02ld", tm->tm_gmtoff < 0 ? '-' : '+', minutes / 60,
             minutes % 60);
  }
  return true;
}

/* The folder named by --version-path, which must be read when the environment is loaded. */
static bool named_folder(struct writing *w, const struct vec *locations, char **folder) {
  char *wanted = path_from_here(w->draft->version_path);
  bool recursive = config_flag(w->config, "recursive_version_locations");
  bool found = false;
  for (size_t i = 0; !found && i < locations->len; i++) {
    char *location = path_from_here(strvec_at(locations, i));
    size_t len = strlen(location);
    found = strcmp(location, wanted) == 0 || (recursive && strncmp(location, wanted, len) == 0 && wanted[len] == '/');
    free(location);
  }
  if (found) {
    *folder = wanted;
    return true;
  }
  error_set(w->err, ERROR_USAGE, "Path %s is not represented in current version locations", w->draft->version_path);
  error_hint(w->err, "Add it to version_locations in moonbird.ini.");
  free(wanted);
  return false;
}

/* Where the parent lies: beside it, or, when file_template makes folders, in its version location. */
static char *parent_folder(const struct writing *w, bool has_folders) {
  const struct graph *graph = environment_graph(w->env);
  for (size_t i = 0; i < w->draft->down.len; i++) {
    const struct revision *parent = graph_find(graph, strvec_at(&w->draft->down, i));
    if (!parent)
      continue;
    const struct script *script = revision_script(parent);
    if (!has_folders)
      return path_folder(script->path);
    return xstrndup(script->path, strlen(script->path) - strlen(script->name) - 1);
  }
  return NULL;
}

static bool choose_folder(struct writing *w, bool has_folders, char **folder) {
  struct vec locations = VEC_INIT;
  bool ok = config_version_locations(w->config, &locations, w->err);
  if (!ok)
    goto out;
  if (w->draft->version_path) {
    ok = named_folder(w, &locations, folder);
    goto out;
  }
  *folder = parent_folder(w, has_folders);
  if (*folder)
    goto out;
  ok = locations.len == 1;
  if (ok)
    *folder = path_from_here(strvec_at(&locations, 0));
  else
    error_set(w->err, ERROR_USAGE, "Multiple version locations present, please specify --version-path");
out:
  vec_release(&locations);
  return ok;
}

/* Names that would be written but never read again, or that lead out of the folder. */
static bool check_name(struct writing *w, const char *name) {
  bool has_folders = strchr(name, '/') != NULL;
  bool ok = *name && *name != '/';
  for (const char *part = name; ok && part; part = strchr(part, '/')) {
    part += *part == '/';
    ok = *part && *part != '.' && *part != '/' && *part != '#' && strncmp(part, "README", strlen("README")) != 0;
  }
  if (!ok)
    return error_set(w->err, ERROR_USAGE, "file_template gives \"%s\", which is no name for a revision file", name);
  if (!has_folders || config_flag(w->config, "recursive_version_locations"))
    return true;
  error_set(w->err, ERROR_USAGE, "file_template gives \"%s\", but folders in version locations are not read", name);
  return error_hint(w->err, "Set recursive_version_locations = true.");
}

static bool choose_path(struct writing *w) {
  struct strbuf name = STRBUF_INIT;
  char *folder = NULL;
  char *slug = slug_of(w->draft->message, (size_t)config_number(w->config, "truncate_slug_length"));
  w->name.rev = w->id;
  w->name.slug = slug;
  bool ok = filename_render(config_text(w->config, "file_template"), &w->name, &name, w->err) &&
            check_name(w, name.buf) && choose_folder(w, strchr(name.buf, '/') != NULL, &folder);
  if (ok) {
    strbuf_add_str(&name, w->draft->sql ? ".sql" : ".lua");
    w->path = path_join(folder, name.buf);
  }
  w->name.slug = NULL;
  free(slug);
  free(folder);
  strbuf_release(&name);
  return ok;
}

/* ---- the text ---- */

static void add_lua_string(struct strbuf *sb, const char *text) {
  strbuf_add_char(sb, '"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      strbuf_add_char(sb, '\\');
    if ((unsigned char)*text < ' ')
      strbuf_addf(sb, "\\%03d", *text);
    else
      strbuf_add_char(sb, *text);
  }
  strbuf_add_char(sb, '"');
}

/* nil, a string, or a list. The caller frees. */
static char *lua_literal(const struct vec *texts) {
  struct strbuf sb = STRBUF_INIT;
  if (!texts->len)
    strbuf_add_str(&sb, "nil");
  if (texts->len > 1)
    strbuf_add_str(&sb, "{ ");
  for (size_t i = 0; i < texts->len; i++) {
    strbuf_add_str(&sb, i ? ", " : "");
    add_lua_string(&sb, strvec_at(texts, i));
  }
  if (texts->len > 1)
    strbuf_add_str(&sb, " }");
  return strbuf_detach(&sb);
}

/* The environment's own template, else the built-in one. */
static bool read_template(const struct writing *w, const char *path, struct strbuf *text) {
  if (strbuf_read_file(text, path))
    return true;
  if (errno != ENOENT)
    return error_set(w->err, ERROR_USAGE, "Can't read the revision template %s: %s", path, strerror(errno));
  const struct embedded_file *file = embedded_find(script_templates, path_base(path));
  if (!file)
    BUG("no built-in template %s", path);
  strbuf_add(text, file->text, file->len);
  return true;
}

static bool make_text(struct writing *w, const char *file, const char *text, size_t len) {
  const struct revision_draft *d = w->draft;
  char *revises = strvec_join(&d->down, ", ");
  char *down = d->sql ? xstrdup(revises) : lua_literal(&d->down);
  char *label = d->sql ? strvec_join(&d->labels, ", ") : lua_literal(&d->labels);
  char *depends = d->sql ? strvec_join(&d->depends_on, ", ") : lua_literal(&d->depends_on);
  const struct render_value values[] = {
      {"message", w->message, true},
      {"revision", w->id, false},
      {"revises", revises, false},
      {"create_date", w->date, false},
      {"down_revision", down, false},
      {"branch_labels", label, false},
      {"depends_on", depends, false},
      {"upgrade", d->upgrade_body ? d->upgrade_body : "", false},
      {"downgrade", d->downgrade_body ? d->downgrade_body : "", false},
  };
  bool ok = render(file, text, len, values, ARRAY_LEN(values), &w->text, w->err);
  free(depends);
  free(label);
  free(down);
  free(revises);
  return ok;
}

static bool same_texts(const struct vec *a, const struct vec *b) {
  bool same = a->len == b->len;
  for (size_t i = 0; same && i < a->len; i++)
    same = strcmp(strvec_at(a, i), strvec_at(b, i)) == 0;
  return same;
}

static const char *lost_name(const struct writing *w, const struct header *h) {
  const struct revision_draft *d = w->draft;
  if (strcmp(h->id, w->id) != 0)
    return "revision";
  if (!same_texts(&h->down, &d->down))
    return "down_revision";
  if (!same_texts(&h->depends_on, &d->depends_on))
    return "depends_on";
  return same_texts(&h->labels, &d->labels) ? NULL : "branch_labels";
}

/* Reads the text back as the next command will. */
static bool check_text(struct writing *w, const char *file) {
  struct arena arena = ARENA_INIT;
  struct header header = HEADER_INIT;
  const char *name = path_base(w->path);
  enum header_status status = w->draft->sql
                                  ? header_read_sql(name, w->text.buf, w->text.len, true, &arena, &header, w->err)
                                  : header_read_lua(name, w->text.buf, w->text.len, true, &arena, &header, w->err);
  bool ok = status == HEADER_FOUND;
  const char *lost = ok ? lost_name(w, &header) : NULL;
  if (status == HEADER_NONE)
    lost = "revision";
  if (status == HEADER_BROKEN) {
    w->err->class = ERROR_USAGE;
    error_prefix(w->err, "Template %s gives a broken revision: ", file);
  } else if (lost) {
    ok = error_set(w->err, ERROR_USAGE, "Template %s gives a revision without the right %s", file, lost);
    error_hint(w->err, "It needs the header lines of a revision, such as `down_revision = ${down_revision}`.");
  }
  header_release(&header);
  arena_release(&arena);
  return ok;
}

static bool choose_text(struct writing *w) {
  const char *file = w->draft->sql ? "revision.sql.tmpl" : "revision.lua.tmpl";
  char *path = path_join(environment_location(w->env), file);
  struct strbuf text = STRBUF_INIT;
  bool ok = read_template(w, path, &text) && make_text(w, path, text.buf, text.len) && check_text(w, path);
  strbuf_release(&text);
  free(path);
  return ok;
}

/* ---- the file ---- */

static bool write_revision(struct writing *w, const struct template_listener *listener) {
  char *folder = path_folder(w->path);
  bool ok = true;
  if (!path_is_folder(folder)) {
    listener_creating(listener, "Creating directory", folder);
    ok = folder_make(folder, &w->made, w->err);
    listener_created(listener, ok);
  }
  if (ok) {
    listener_creating(listener, "Generating", w->path);
    ok = file_write_new(w->path, w->text.buf, w->text.len, w->err);
    w->written = ok;
    listener_created(listener, ok);
  }
  free(folder);
  return ok;
}

static void undo(const struct writing *w) {
  char *folder = path_folder(w->path);
  if (w->written)
    unlink(w->path);
  folder_unmake(folder, w->made);
  free(folder);
}

static bool prepare(struct writing *w) {
  return choose_id(w) && check_labels(w) && clean_message(w) && check_sql_message(w) && choose_time(w) &&
         choose_path(w) && choose_text(w);
}

/* Before the first of several files is written: is the place of each free? */
static bool check_places(const struct writing *all, size_t count, struct error *err) {
  struct map places = MAP_INIT;
  bool ok = true;
  for (size_t i = 0; ok && i < count; i++) {
    if (access(all[i].path, F_OK) == 0)
      ok = error_set(err, ERROR_USAGE, "%s exists already", all[i].path);
    const char *other = ok ? map_put(&places, all[i].path, all[i].id) : NULL;
    if (other) {
      ok =
          error_set(err, ERROR_USAGE, "Revisions %s and %s would both be written to %s", other, all[i].id, all[i].path);
      error_hint(err, "Put %%(rev)s into file_template.");
    }
  }
  map_release(&places);
  return ok;
}

static void release(struct writing *w) {
  strbuf_release(&w->text);
  free(w->made);
  free(w->path);
  free(w->message);
  free(w->id);
}

bool template_revisions(const struct config *config, const struct environment *env, const struct revision_draft *drafts,
                        size_t count, const struct template_listener *listener, struct vec *paths, struct error *err) {
  struct writing *all = xcalloc(count + 1, sizeof(*all));
  bool ok = true;
  for (size_t i = 0; i < count; i++) {
    all[i] = (struct writing){.config = config, .env = env, .draft = &drafts[i], .err = err, .text = STRBUF_INIT};
    ok = ok && prepare(&all[i]);
  }
  ok = ok && (count == 1 || check_places(all, count, err));
  size_t begun = 0;
  while (ok && begun < count)
    ok = write_revision(&all[begun++], listener);
  while (!ok && begun)
    undo(&all[--begun]);
  for (size_t i = 0; i < count; i++) {
    if (ok)
      strvec_push(paths, all[i].path);
    release(&all[i]);
  }
  free(all);
  return ok;
}

bool template_revision(const struct config *config, const struct environment *env, const struct revision_draft *draft,
                       const struct template_listener *listener, char **path, struct error *err) {
  struct vec paths = VEC_INIT;
  bool ok = template_revisions(config, env, draft, 1, listener, &paths, err);
  if (ok)
    *path = vec_pop(&paths);
  strvec_release(&paths);
  return ok;
}
