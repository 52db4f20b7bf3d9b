/*
 * revision.c - writes one new revision file; see template.h.
 *
 * Called by the commands `revision`, `merge`, `squash` and `import`. The finished text is read back by the header
 * readers before it is written: a template that loses a parent or a label, or a message that changes the header, never
 * gets into a file.
 */
#include "base/clock.h"
#include "base/strbuf.h"
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

static bool check_label(struct writing *w) {
  const char *label = w->draft->label;
  const struct revision *by;
  if (!label)
    return true;
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

static bool choose_time(struct writing *w) {
  const char *zone = config_text(w->config, "timezone");
  w->name.epoch = clock_wall_us() / 1000000;
  if (!zone_time(zone, w->name.epoch, &w->name.tm, w->err))
    return false;
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
  struct vec labels = VEC_INIT;
  if (d->label)
    strvec_push(&labels, d->label);
  char *revises = strvec_join(&d->down, ", ");
  char *down = d->sql ? xstrdup(revises) : lua_literal(&d->down);
  char *label = d->sql ? strvec_join(&labels, ", ") : lua_literal(&labels);
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
  strvec_release(&labels);
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
  bool has_label =
      h->labels.len == (d->label ? 1 : 0) && (!d->label || strcmp(strvec_at(&h->labels, 0), d->label) == 0);
  return has_label ? NULL : "branch_labels";
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
  char *made = NULL;
  bool ok = true;
  if (!path_is_folder(folder)) {
    listener_creating(listener, "Creating directory", folder);
    ok = folder_make(folder, &made, w->err);
    if (ok)
      listener_created(listener);
  }
  if (ok) {
    listener_creating(listener, "Generating", w->path);
    ok = file_write_new(w->path, w->text.buf, w->text.len, w->err);
  }
  if (ok)
    listener_created(listener);
  else
    folder_unmake(folder, made);
  free(made);
  free(folder);
  return ok;
}

bool template_revision(const struct config *config, const struct environment *env, const struct revision_draft *draft,
                       const struct template_listener *listener, char **path, struct error *err) {
  struct writing w = {.config = config, .env = env, .draft = draft, .err = err, .text = STRBUF_INIT};
  bool ok = choose_id(&w) && check_label(&w) && clean_message(&w) && check_sql_message(&w) && choose_time(&w) &&
            choose_path(&w) && choose_text(&w) && write_revision(&w, listener);
  if (ok) {
    *path = w.path;
    w.path = NULL;
  }
  strbuf_release(&w.text);
  free(w.path);
  free(w.message);
  free(w.id);
  return ok;
}
