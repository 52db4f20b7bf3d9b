/*
 * scan.c - walks version locations; see scan.h.
 *
 * Called by environment.c. Ten thousand files must cost little: the kind of an entry comes from readdir, and only links
 * and entries of unknown kind are looked at one by one.
 */
#include "script/scan.h"
#include "base/log.h"
#include "script/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum entry_kind { ENTRY_FILE, ENTRY_LINK_TO_FILE, ENTRY_FOLDER, ENTRY_OTHER };

struct entry {
  enum entry_kind kind;
  const char *why; /* ENTRY_OTHER */
  char name[];
};

/* One folder while it is read. */
struct folder {
  struct scan *scan;
  const struct scan_visitor *visitor;
  const char *path;
  const char *prefix; /* of names within the location: "" or "2026/" */
  int fd;
  char *real_path; /* NULL until somebody asks */
};

enum { IDENTITY_SIZE = 48 };

static void identity_of(const struct stat *st, char text[IDENTITY_SIZE]) {
  snprintf(text, IDENTITY_SIZE, "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
}

static bool remember(struct map *map, const char *key) {
  if (map_has(map, key))
    return false;
  map_put(map, key, map);
  return true;
}

void scan_release(struct scan *scan) {
  map_release(&scan->locations);
  map_release(&scan->folders);
  map_release(&scan->links);
}

static bool ends_with(const char *name, const char *end) {
  size_t len = strlen(name);
  size_t n = strlen(end);
  return len > n && memcmp(name + len - n, end, n) == 0;
}

static bool is_script_name(const char *name) {
  return ends_with(name, ".lua") || ends_with(name, ".sql");
}

/* Hidden files, what editors leave behind, and what is in every folder. */
static bool is_silent(const char *name) {
  static const char *const known[] = {"__pycache__", "__init__.py", "Thumbs.db", "desktop.ini"};
  size_t len = strlen(name);
  if (name[0] == '.' || name[len - 1] == '~' || (name[0] == '#' && name[len - 1] == '#'))
    return true;
  if (strncmp(name, "README", strlen("README")) == 0)
    return true;
  for (size_t i = 0; i < ARRAY_LEN(known); i++) {
    if (strcmp(name, known[i]) == 0)
      return true;
  }
  return false;
}

static enum entry_kind kind_of(int fd, const struct dirent *d, const char **why) {
  struct stat st;
  *why = "";
  if (d->d_type == DT_REG)
    return ENTRY_FILE;
  if (d->d_type == DT_DIR)
    return ENTRY_FOLDER;
  bool is_link = d->d_type == DT_LNK;
  if (d->d_type == DT_UNKNOWN && fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
    is_link = S_ISLNK(st.st_mode);
  *why = is_link ? "a dangling link" : "not a regular file";
  if (fstatat(fd, d->d_name, &st, 0) != 0)
    return ENTRY_OTHER;
  if (S_ISDIR(st.st_mode))
    return ENTRY_FOLDER;
  *why = "not a regular file";
  if (!S_ISREG(st.st_mode))
    return ENTRY_OTHER;
  return is_link ? ENTRY_LINK_TO_FILE : ENTRY_FILE;
}

static int compare_entries(const void *a, const void *b) {
  const struct entry *const *left = a;
  const struct entry *const *right = b;
  return strcmp((*left)->name, (*right)->name);
}

static bool list_entries(const struct folder *f, struct vec *entries, struct error *err) {
  int fd = dup(f->fd);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (!dir) {
    error_set(err, ERROR_USAGE, "Can't read folder %s: %s", f->path, strerror(errno));
    if (fd >= 0)
      close(fd);
    return false;
  }
  const struct dirent *d;
  for (errno = 0; (d = readdir(dir)); errno = 0) {
    if (is_silent(d->d_name))
      continue;
    size_t size = strlen(d->d_name) + 1;
    struct entry *entry = xmalloc(sizeof(*entry) + size);
    memcpy(entry->name, d->d_name, size);
    entry->kind = kind_of(f->fd, d, &entry->why);
    vec_push(entries, entry);
  }
  bool ok = errno == 0 || error_set(err, ERROR_USAGE, "Can't read folder %s: %s", f->path, strerror(errno));
  closedir(dir);
  if (entries->len)
    qsort(entries->items, entries->len, sizeof(entries->items[0]), compare_entries);
  return ok;
}

/* True when the file that a link leads to is loaded through its own folder, or through another link. */
static bool link_is_double(struct scan *scan, const char *path) {
  char *real = realpath(path, NULL);
  if (!real)
    return false;
  char *folder = path_folder(real);
  char identity[IDENTITY_SIZE];
  struct stat st;
  bool is_double = false;
  if (stat(folder, &st) == 0 && !is_silent(path_base(real)) && is_script_name(real)) {
    identity_of(&st, identity);
    is_double = map_has(&scan->folders, identity);
  }
  is_double = is_double || !remember(&scan->links, real);
  free(folder);
  free(real);
  return is_double;
}

static bool file_is_double(struct folder *f, const char *name) {
  if (!f->scan->links.len)
    return false;
  if (!f->real_path)
    f->real_path = realpath(f->path, NULL);
  if (!f->real_path)
    return false;
  char *real = path_join(f->real_path, name);
  bool is_double = map_has(&f->scan->links, real);
  free(real);
  return is_double;
}

static bool visit_file(struct folder *f, const struct entry *entry, struct error *err) {
  char *path = path_join(f->path, entry->name);
  size_t skip = strlen(path) - strlen(entry->name) - strlen(f->prefix);
  bool ok = true;
  bool is_double = entry->kind == ENTRY_LINK_TO_FILE ? link_is_double(f->scan, path) : file_is_double(f, entry->name);
  if (!is_script_name(entry->name)) {
    f->visitor->other(f->visitor->data, path, "");
  } else if (is_double) {
    log_warn("File %s loaded twice! ignoring. Please ensure version_locations is unique.", path);
  } else {
    struct scan_file file = {.folder_fd = f->fd,
                             .file = entry->name,
                             .path = path,
                             .name = path + skip,
                             .is_sql = ends_with(entry->name, ".sql")};
    ok = f->visitor->file(f->visitor->data, &file, err);
  }
  free(path);
  return ok;
}

/* Does a folder that is not read hold what may be revisions? */
static bool holds_scripts(const char *path) {
  DIR *dir = opendir(path);
  bool found = false;
  const struct dirent *d;
  while (dir && !found && (d = readdir(dir)))
    found = !is_silent(d->d_name) && is_script_name(d->d_name);
  if (dir)
    closedir(dir);
  return found;
}

static void judge_unread_folder(struct folder *f, const struct entry *entry) {
  char *path = path_join(f->path, entry->name);
  char identity[IDENTITY_SIZE];
  struct stat st;
  if (stat(path, &st) == 0) {
    identity_of(&st, identity);
    if (!map_has(&f->scan->locations, identity) && (is_script_name(entry->name) || holds_scripts(path)))
      f->visitor->other(f->visitor->data, path, "a folder; recursive_version_locations is off");
  }
  free(path);
}

static bool read_folder(struct scan *scan, const struct scan_visitor *visitor, const char *path, const char *prefix,
                        struct error *err);

static bool visit_folder(struct folder *f, const struct entry *entry, struct error *err) {
  if (!f->scan->recursive) {
    judge_unread_folder(f, entry);
    return true;
  }
  char *path = path_join(f->path, entry->name);
  char *prefix = xasprintf("%s%s/", f->prefix, entry->name);
  bool ok = read_folder(f->scan, f->visitor, path, prefix, err);
  free(prefix);
  free(path);
  return ok;
}

static bool visit_entries(struct folder *f, const struct vec *entries, struct error *err) {
  bool ok = true;
  for (size_t i = 0; ok && i < entries->len; i++) {
    const struct entry *entry = entries->items[i];
    if (entry->kind == ENTRY_FILE || entry->kind == ENTRY_LINK_TO_FILE) {
      ok = visit_file(f, entry, err);
    } else if (entry->kind == ENTRY_OTHER) {
      char *path = path_join(f->path, entry->name);
      f->visitor->other(f->visitor->data, path, entry->why);
      free(path);
    }
  }
  for (size_t i = 0; ok && i < entries->len; i++) {
    const struct entry *entry = entries->items[i];
    if (entry->kind == ENTRY_FOLDER)
      ok = visit_folder(f, entry, err);
  }
  return ok;
}

static bool read_folder(struct scan *scan, const struct scan_visitor *visitor, const char *path, const char *prefix,
                        struct error *err) {
  struct folder f = {.scan = scan, .visitor = visitor, .path = path, .prefix = prefix};
  struct vec entries = VEC_INIT;
  char identity[IDENTITY_SIZE];
  struct stat st;
  bool ok = false;
  f.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (f.fd < 0 || fstat(f.fd, &st) != 0) {
    error_set(err, ERROR_USAGE, "Can't read folder %s: %s", path, strerror(errno));
    goto out;
  }
  identity_of(&st, identity);
  if (!remember(&scan->folders, identity)) {
    log_warn("Folder %s read twice! ignoring. Please ensure version_locations is unique.", path);
    ok = true;
    goto out;
  }
  ok = list_entries(&f, &entries, err) && visit_entries(&f, &entries, err);
out:
  vec_release_with(&entries, free);
  free(f.real_path);
  if (f.fd >= 0)
    close(f.fd);
  return ok;
}

bool scan_locations(struct scan *scan, const struct vec *locations, const struct scan_visitor *visitor,
                    struct error *err) {
  char identity[IDENTITY_SIZE];
  struct stat st;
  for (size_t i = 0; i < locations->len; i++) {
    if (stat(strvec_at(locations, i), &st) == 0) {
      identity_of(&st, identity);
      (void)remember(&scan->locations, identity);
    }
  }
  for (size_t i = 0; i < locations->len; i++) {
    const char *path = strvec_at(locations, i);
    if (stat(path, &st) != 0 && errno == ENOENT)
      continue;
    if (!read_folder(scan, visitor, path, "", err))
      return false;
  }
  return true;
}
