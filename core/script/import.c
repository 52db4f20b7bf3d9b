/*
 * import.c - Alembic's revision files become Lua revisions; see import.h.
 *
 * Called by the command `import`. Reads all headers, lets the graph check the whole, makes a draft of each revision,
 * and hands the drafts to revision.c, which writes all or none. No Lua state, no database, no Python.
 */
#include "script/import.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/strbuf.h"
#include "script/files.h"
#include "script/header_python.h"
#include "script/offline_script.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One file of Alembic's. */
struct source {
  char *path; /* as messages show it: below the folder that was named */
  struct header header;
  const char *create_date;
  char *upgrade_body;
  char *downgrade_body;
  size_t statements;
  bool has_body;
};

struct import {
  const struct import_request *request;
  struct arena arena;
  struct vec sources; /* struct source * */
  struct offline_script script;
  struct error *err;
};

static void free_source(void *item) {
  struct source *s = item;
  header_release(&s->header);
  free(s->path);
  free(s->upgrade_body);
  free(s->downgrade_body);
  free(s);
}

static void free_imported(void *item) {
  struct imported *i = item;
  free(i->id);
  free(i->source);
  free(i->path);
  free(i);
}

void import_release(struct vec *imported) {
  vec_release_with(imported, free_imported);
}

/* ---- files ---- */

/* Alembic's own rule: all but `.#x.py` and `__init__*`. */
static bool is_revision_file(const char *name) {
  size_t len = strlen(name);
  return len > 3 && strcmp(name + len - 3, ".py") == 0 && strncmp(name, ".#", 2) != 0 &&
         strncmp(name, "__init__", strlen("__init__")) != 0;
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends the names in the folder, sorted. */
static bool list_folder(const char *folder, struct vec *names, struct error *err) {
  DIR *dir = opendir(folder);
  if (!dir) {
    error_set(err, ERROR_USAGE, "Can't read folder %s: %s", folder, strerror(errno));
    return error_hint(err, "Name the script_location of the Alembic environment, or its folder of revisions.");
  }
  for (const struct dirent *d = readdir(dir); d; d = readdir(dir))
    strvec_push(names, d->d_name);
  closedir(dir);
  if (names->len)
    qsort(names->items, names->len, sizeof(names->items[0]), compare_names);
  return true;
}

static bool read_source(struct import *im, const char *path) {
  struct strbuf text = STRBUF_INIT;
  struct source *s = xcalloc(1, sizeof(*s));
  s->path = xstrdup(path);
  s->header = (struct header)HEADER_INIT;
  vec_push(&im->sources, s);
  bool ok = strbuf_read_file(&text, path) ? header_read_python(s->path, text.buf, text.len, &im->arena, &s->header,
                                                               &s->create_date, im->err) == HEADER_FOUND
                                          : error_set(im->err, ERROR_USAGE, "Can't read %s: %s", path, strerror(errno));
  strbuf_release(&text);
  return ok;
}

/* The files of a folder come before those of its folders, which are read where ours are. */
static bool read_folder(struct import *im, const char *folder) {
  bool recursive = config_flag(im->request->config, "recursive_version_locations");
  struct vec names = VEC_INIT;
  struct vec folders = VEC_INIT;
  bool ok = list_folder(folder, &names, im->err);
  for (size_t i = 0; ok && i < names.len; i++) {
    const char *name = strvec_at(&names, i);
    char *path = path_join(folder, name);
    if (path_is_folder(path)) {
      if (recursive && *name != '.' && strcmp(name, "__pycache__") != 0)
        strvec_push(&folders, path);
    } else if (is_revision_file(name)) {
      ok = read_source(im, path);
    }
    free(path);
  }
  for (size_t i = 0; ok && i < folders.len; i++)
    ok = read_folder(im, strvec_at(&folders, i));
  strvec_release(&folders);
  strvec_release(&names);
  return ok;
}

/* A script_location has its revisions in versions/. */
static bool read_environment(struct import *im, const char *folder) {
  size_t before = im->sources.len;
  char *versions = path_join(folder, "versions");
  const char *read = path_is_folder(versions) ? versions : folder;
  bool ok = read_folder(im, read);
  if (ok && im->sources.len == before) {
    ok = error_set(im->err, ERROR_USAGE, "No revision files (*.py) in %s", read);
    error_hint(im->err, "Name the script_location of the Alembic environment, or its folder of revisions.");
  }
  free(versions);
  return ok;
}

/* ---- the graph ---- */

static struct revision_source graph_source(const char *path, const struct header *h) {
  return (struct revision_source){
      .id = h->id,
      .path = path,
      .down = (const char *const *)h->down.items,
      .down_count = h->down.len,
      .depends_on = (const char *const *)h->depends_on.items,
      .depends_on_count = h->depends_on.len,
      .labels = (const char *const *)h->labels.items,
      .label_count = h->labels.len,
  };
}

static struct revision_source graph_source_here(const struct script *s) {
  return (struct revision_source){
      .id = s->id,
      .path = s->path,
      .down = (const char *const *)s->down.items,
      .down_count = s->down.len,
      .depends_on = (const char *const *)s->depends_on.items,
      .depends_on_count = s->depends_on.len,
      .labels = (const char *const *)s->labels.items,
      .label_count = s->labels.len,
  };
}

/* What is imported and what is there must be one sound graph; which id is there already is said in words of its own. */
static bool check_graph(const struct import *im) {
  const struct graph *here = environment_graph(im->request->env);
  size_t count = graph_count(here);
  struct revision_source *sources = xcalloc(count + im->sources.len + 1, sizeof(*sources));
  struct graph *graph = NULL;
  bool ok = true;
  for (size_t i = 0; i < count; i++)
    sources[i] = graph_source_here(revision_script(graph_at(here, i)));
  for (size_t i = 0; ok && i < im->sources.len; i++) {
    const struct source *s = im->sources.items[i];
    const struct revision *taken = graph_find(here, s->header.id);
    sources[count + i] = graph_source(s->path, &s->header);
    if (taken) {
      ok = error_set(im->err, ERROR_HISTORY, "Revision %s of %s is there already: %s", s->header.id, s->path,
                     taken->path);
      error_hint(im->err, "Nothing was written. Import into an environment that does not have these revisions.");
    }
  }
  ok = ok && graph_build(&graph, sources, count + im->sources.len, im->err);
  graph_free(graph);
  free(sources);
  return ok;
}

/* ---- bodies ---- */

/* The file and its last folder: "versions/ab12_x.py". */
static const char *short_name(const char *path) {
  const char *p = path_base(path);
  for (p -= p > path; p > path && p[-1] != '/';)
    p--;
  return p;
}

/* [==[ text ]==] of a level that the text does not close. */
static void add_lua_text(struct strbuf *body, const char *text) {
  struct strbuf close = STRBUF_INIT;
  strbuf_add_str(&close, "]==]");
  while (strstr(text, close.buf)) {
    strbuf_truncate(&close, close.len - 1);
    strbuf_add_str(&close, "=]");
  }
  size_t level = close.len - 2;
  strbuf_add_char(body, '[');
  strbuf_add_repeated(body, '=', level);
  strbuf_addf(body, "[\n%s\n%s", text, close.buf);
  strbuf_release(&close);
}

static char *body_of(const struct source *s, const struct offline_part *part, const char *function) {
  struct strbuf body = STRBUF_INIT;
  bool outside = false;
  if (!part)
    strbuf_addf(&body, "  -- %s() of %s", function, short_name(s->path));
  for (size_t i = 0; part && i < part->statements.len; i++) {
    const struct offline_statement *statement = part->statements.items[i];
    if (body.len)
      strbuf_add_str(&body, "\n");
    if (outside && !statement->autocommit)
      strbuf_add_str(&body, "  end)\n");
    if (!outside && statement->autocommit)
      strbuf_add_str(&body, "  op.autocommit_block(function()\n");
    outside = statement->autocommit;
    strbuf_add_str(&body, outside ? "    op.execute " : "  op.execute ");
    add_lua_text(&body, statement->text);
  }
  if (outside)
    strbuf_add_str(&body, "\n  end)");
  return strbuf_detach(&body);
}

static void make_bodies(struct import *im) {
  for (size_t i = 0; i < im->sources.len; i++) {
    struct source *s = im->sources.items[i];
    const struct offline_part *up = offline_script_find(&im->script, s->header.id, false);
    const struct offline_part *down = offline_script_find(&im->script, s->header.id, true);
    s->upgrade_body = body_of(s, up, "upgrade");
    s->downgrade_body = body_of(s, down, "downgrade");
    s->has_body = up != NULL;
    s->statements = (up ? up->statements.len : 0) + (down ? down->statements.len : 0);
  }
}

/* A part that no imported revision takes would be lost without a word. */
static bool check_parts(const struct import *im) {
  struct map ids = MAP_INIT;
  bool ok = true;
  for (size_t i = 0; i < im->sources.len; i++) {
    struct source *s = im->sources.items[i];
    map_put(&ids, s->header.id, s);
  }
  for (size_t i = 0; ok && i < im->script.parts.len; i++) {
    const struct offline_part *part = im->script.parts.items[i];
    if (!map_has(&ids, part->id))
      ok = error_set(im->err, ERROR_USAGE, "%s: no file of the import has revision %s", part->place, part->id);
  }
  map_release(&ids);
  return ok;
}

/* ---- the whole ---- */

static struct revision_draft draft_of(const struct import *im, const struct source *s) {
  return (struct revision_draft){
      .message = s->header.message,
      .id = s->header.id,
      .down = s->header.down,
      .depends_on = s->header.depends_on,
      .labels = s->header.labels,
      .version_path = im->request->version_path,
      .create_date = s->create_date ? s->create_date : "",
      .upgrade_body = s->upgrade_body,
      .downgrade_body = s->downgrade_body,
  };
}

static bool write_all(const struct import *im, const struct template_listener *listener, struct vec *imported) {
  size_t count = im->sources.len;
  struct revision_draft *drafts = xcalloc(count + 1, sizeof(*drafts));
  struct vec paths = VEC_INIT;
  for (size_t i = 0; i < count; i++)
    drafts[i] = draft_of(im, im->sources.items[i]);
  bool ok = template_revisions(im->request->config, im->request->env, drafts, count, listener, &paths, im->err);
  for (size_t i = 0; ok && i < count; i++) {
    const struct source *s = im->sources.items[i];
    struct imported *row = xcalloc(1, sizeof(*row));
    row->id = xstrdup(s->header.id);
    row->source = xstrdup(s->path);
    row->path = xstrdup(strvec_at(&paths, i));
    row->statements = s->statements;
    row->has_body = s->has_body;
    vec_push(imported, row);
  }
  strvec_release(&paths);
  free(drafts);
  return ok;
}

static bool read_all(struct import *im) {
  for (size_t i = 0; i < im->request->folders->len; i++) {
    if (!read_environment(im, strvec_at(im->request->folders, i)))
      return false;
  }
  for (size_t i = 0; i < im->request->sql_files->len; i++) {
    if (!offline_script_read(&im->script, strvec_at(im->request->sql_files, i), im->err))
      return false;
  }
  return true;
}

bool import_alembic(const struct import_request *request, const struct template_listener *listener,
                    struct vec *imported, struct error *err) {
  struct import im = {
      .request = request, .arena = ARENA_INIT, .sources = VEC_INIT, .script = OFFLINE_SCRIPT_INIT, .err = err};
  bool ok = read_all(&im) && check_graph(&im) && check_parts(&im);
  if (ok) {
    make_bodies(&im);
    ok = write_all(&im, listener, imported);
  }
  offline_script_release(&im.script);
  vec_release_with(&im.sources, free_source);
  arena_release(&im.arena);
  return ok;
}
