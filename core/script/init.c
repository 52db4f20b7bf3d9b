/*
 * init.c - makes a new environment from one of the templates in templates/; see template.h.
 *
 * Called by the commands `init` and `list_templates`. The templates are data: a row of `templates` below, and files.
 * When something fails half way, what was made is removed.
 */
#include "base/strbuf.h"
#include "script/embedded.h"
#include "script/files.h"
#include "script/listener.h"
#include "script/template.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FOLDERS = 3 };

/* The files are those of templates/NAME/, of which moonbird.ini stands beside the environment. */
struct template {
  const char *name;
  const char *summary; /* also the first line of README */
  const char *folders[MOST_FOLDERS];
};

static const struct template templates[] = {
    {"generic", "Generic environment for one database.", {"versions"}},
    {"multidb",
     "Several databases, each with its own history in one environment.",
     {"versions", "versions/first", "versions/second"}},
};

static const char *const ini_name = "moonbird.ini";

/* Files that all templates share. */
static const char *const shared_files[] = {"revision.lua.tmpl"};

void template_names(struct vec *names) {
  for (size_t i = 0; i < ARRAY_LEN(templates); i++)
    vec_push(names, (void *)(uintptr_t)templates[i].name);
}

static const struct template *find_template(const char *name, struct error *err) {
  for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
    if (strcmp(templates[i].name, name) == 0)
      return &templates[i];
  }
  error_set(err, ERROR_USAGE, "No such template %s", name);
  error_hint(err, "`moonbird list_templates` shows the templates.");
  return NULL;
}

const char *template_summary(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
    if (strcmp(templates[i].name, name) == 0)
      return templates[i].summary;
  }
  return NULL;
}

/* One environment while it is made. */
struct making {
  const struct template *template;
  char *folder;    /* absolute */
  char *ini;       /* absolute */
  char *location;  /* script_location as the ini has it */
  struct vec made; /* owned strings: files and folders, to undo */
  const struct template_listener *listener;
  struct error *err;
};

static bool is_clean_path(const char *path, struct error *err) {
  for (const char *p = path; *p; p++) {
    if ((unsigned char)*p < ' ' || *p == 0x7f)
      return error_set(err, ERROR_USAGE, "A path with control characters cannot be written into the configuration");
  }
  return *path || error_set(err, ERROR_USAGE, "The name of the new folder is empty");
}

static bool is_free(const char *folder, const char *shown, struct error *err) {
  DIR *dir = opendir(folder);
  if (!dir && errno == ENOENT)
    return true;
  if (!dir)
    return error_set(err, ERROR_USAGE, "Can't use %s as the new folder: %s", shown, strerror(errno));
  size_t entries = 0;
  while (readdir(dir))
    entries++;
  closedir(dir);
  return entries <= 2 || error_set(err, ERROR_USAGE, "Directory %s already exists and is not empty", shown);
}

static void add_escaped(struct strbuf *sb, const char *path) {
  for (; *path; path++) {
    strbuf_add_char(sb, *path);
    if (*path == '%')
      strbuf_add_char(sb, '%');
  }
}

/* %(here)s/PATH, with ../ where the folder does not lie below the ini's; absolute where they share nothing. */
static char *location_of(const char *folder, const char *ini) {
  struct strbuf sb = STRBUF_INIT;
  char *here = path_folder(ini);
  strbuf_add_str(&sb, "%(here)s/");
  size_t len = strlen(here);
  while (len > 1 && !(strncmp(folder, here, len) == 0 && folder[len] == '/')) {
    while (len > 1 && here[len - 1] != '/')
      len--;
    len -= len > 1;
    here[len] = '\0';
    strbuf_add_str(&sb, "../");
  }
  if (len > 1) {
    add_escaped(&sb, folder + len + 1);
  } else {
    strbuf_clear(&sb);
    add_escaped(&sb, folder);
  }
  free(here);
  return strbuf_detach(&sb);
}

static bool make_folder(struct making *m, const char *path) {
  listener_creating(m->listener, "Creating directory", path);
  char *topmost = NULL;
  bool ok = folder_make(path, &topmost, m->err);
  /* All folders from the topmost new one down to this one, so that undoing takes away each. */
  for (size_t len = topmost ? strlen(topmost) : 0; len && len <= strlen(path);) {
    strvec_push_len(&m->made, path, len);
    len += path[len] ? 1 + strcspn(path + len + 1, "/") : 1;
  }
  free(topmost);
  listener_created(m->listener, ok);
  return ok;
}

/* The marks in the template's text are replaced. */
static void fill_text(const struct making *m, const struct embedded_file *file, struct strbuf *out) {
  const struct {
    const char *mark;
    const char *value;
  } marks[] = {{"@SCRIPT_LOCATION@", m->location}, {"@INI@", path_base(m->ini)}, {"@SUMMARY@", m->template->summary}};
  for (size_t i = 0; i < file->len;) {
    size_t used = 0;
    for (size_t k = 0; k < ARRAY_LEN(marks) && !used; k++) {
      size_t n = strlen(marks[k].mark);
      if (file->len - i < n || memcmp(file->text + i, marks[k].mark, n) != 0)
        continue;
      strbuf_add_str(out, marks[k].value);
      used = n;
    }
    if (!used)
      strbuf_add_char(out, file->text[i]);
    i += used ? used : 1;
  }
}

static bool make_file(struct making *m, const char *path, const struct embedded_file *file) {
  struct strbuf out = STRBUF_INIT;
  fill_text(m, file, &out);
  listener_creating(m->listener, "Generating", path);
  bool ok = file_write_new(path, out.buf, out.len, m->err);
  strbuf_release(&out);
  if (ok)
    strvec_push(&m->made, path);
  listener_created(m->listener, ok);
  return ok;
}

static bool make_in_folder(struct making *m, const char *name, const struct embedded_file *file) {
  if (!file)
    BUG("template %s has no %s", m->template->name, name);
  char *path = path_join(m->folder, name);
  bool ok = make_file(m, path, file);
  free(path);
  return ok;
}

static bool make_folders(struct making *m) {
  if (!path_is_folder(m->folder) && !make_folder(m, m->folder))
    return false;
  for (size_t i = 0; i < MOST_FOLDERS && m->template->folders[i]; i++) {
    char *path = path_join(m->folder, m->template->folders[i]);
    bool ok = make_folder(m, path);
    free(path);
    if (!ok)
      return false;
  }
  return true;
}

static bool make_ini(struct making *m, const struct embedded_file *file) {
  if (access(m->ini, F_OK) != 0)
    return make_file(m, m->ini, file);
  listener_skipped(m->listener, m->ini);
  return true;
}

static bool make_files(struct making *m) {
  const struct embedded_file *ini = NULL;
  size_t skip = strlen(m->template->name) + 1;
  for (const struct embedded_file *file = script_templates; file->name; file++) {
    if (strncmp(file->name, m->template->name, skip - 1) != 0 || file->name[skip - 1] != '/')
      continue;
    if (strcmp(file->name + skip, ini_name) == 0)
      ini = file;
    else if (!make_in_folder(m, file->name + skip, file))
      return false;
  }
  for (size_t i = 0; i < ARRAY_LEN(shared_files); i++) {
    if (!make_in_folder(m, shared_files[i], embedded_find(script_templates, shared_files[i])))
      return false;
  }
  if (!ini)
    BUG("template %s has no %s", m->template->name, ini_name);
  return make_ini(m, ini);
}

static void undo(const struct making *m) {
  for (size_t i = m->made.len; i-- > 0;)
    remove(strvec_at(&m->made, i));
}

bool template_init(const char *directory, const char *template_name, const char *ini_path,
                   const struct template_listener *listener, struct error *err) {
  struct making m = {.listener = listener, .err = err, .made = VEC_INIT};
  m.template = find_template(template_name, err);
  if (!m.template || !is_clean_path(directory, err))
    return false;
  m.folder = path_from_here(directory);
  m.ini = path_from_here(ini_path);
  m.location = location_of(m.folder, m.ini);
  bool ok = is_free(m.folder, directory, err);
  if (ok && !(make_folders(&m) && make_files(&m))) {
    undo(&m);
    ok = false;
  }
  strvec_release(&m.made);
  free(m.location);
  free(m.ini);
  free(m.folder);
  return ok;
}
