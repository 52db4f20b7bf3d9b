/*
 * driver.c - finds and loads driver plugins; see driver.h. The rules for loading are those of DESIGN.md, section 9.
 */
#include "db/driver.h"

#include "base/strbuf.h"
#include "base/vec.h"
#include "db/notice.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loaded {
  struct driver driver;
  dev_t device;
  ino_t inode;
};

static struct vec all_loaded = VEC_INIT;

static const moonbird_host host_table = {
    .size = sizeof(moonbird_host),
    .abi_major = MOONBIRD_ABI_MAJOR,
    .abi_minor = MOONBIRD_ABI_MINOR,
    .notice = notice_from_driver,
};

/* --- one file --- */

/* dlopen runs the library's constructors, so all that can be checked is checked before it. NULL when the file is fit.
 */
static const char *unfit(const char *path, struct stat *st) {
  if (stat(path, st) != 0)
    return strerror(errno);
  if (!S_ISREG(st->st_mode))
    return "not a regular file";
  if (st->st_uid != 0 && st->st_uid != geteuid())
    return "owned by another user";
  if (st->st_mode & (S_IWGRP | S_IWOTH))
    return "writable by others (chmod go-w)";
  return NULL;
}

static const char *unfit_folder(const char *folder) {
  struct stat st;
  if (stat(folder, &st) != 0)
    return strerror(errno);
  if (!S_ISDIR(st.st_mode))
    return "not a folder";
  if (st.st_uid != 0 && st.st_uid != geteuid())
    return "folder owned by another user";
  if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
    return "folder writable by others (chmod o-w)";
  return NULL;
}

/* Copies what both sides know; the rest of ours stays NULL. */
static void copy_table(moonbird_driver *to, const moonbird_driver *from) {
  memset(to, 0, sizeof(*to));
  memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
}

static const char *incomplete(const moonbird_driver *t) {
  if (!t->open || !t->close || !t->execute || !t->fetch || !t->result_free)
    return "one of the required functions open, close, execute, fetch, result_free is missing";
  if (!t->name || !t->schemes || !t->placeholder || !t->dialect)
    return "one of name, schemes, placeholder, dialect is missing";
  return NULL;
}

/* Asks a library for its table. NULL and a reason when it is not a driver for us. */
static const moonbird_driver *enter(void *library, struct strbuf *why) {
  moonbird_driver_entry entry;
  *(void **)&entry = dlsym(library, MOONBIRD_DRIVER_SYMBOL);
  if (!entry) {
    strbuf_add_str(why, "exports no " MOONBIRD_DRIVER_SYMBOL ": not a driver for this version of Moonbird");
    return NULL;
  }
  moonbird_error error = {.size = sizeof(error), .position = -1};
  const moonbird_driver *table = entry(&host_table, &error);
  if (!table) {
    strbuf_addf(why, "the driver refuses: %s", error.message);
    return NULL;
  }
  if (table->abi_major != MOONBIRD_ABI_MAJOR) {
    strbuf_addf(why, "built for driver ABI %u, this program has %u", table->abi_major, MOONBIRD_ABI_MAJOR);
    return NULL;
  }
  return table;
}

static struct loaded *find_loaded(const struct stat *st) {
  for (size_t i = 0; i < all_loaded.len; i++) {
    struct loaded *l = all_loaded.items[i];
    if (l->device == st->st_dev && l->inode == st->st_ino)
      return l;
  }
  return NULL;
}

/* Loads one file, or finds it among the loaded ones; NULL and a reason otherwise. */
static struct loaded *load(const char *path, struct strbuf *why) {
  struct stat st;
  const char *reason = unfit(path, &st);
  if (reason) {
    strbuf_add_str(why, reason);
    return NULL;
  }
  struct loaded *known = find_loaded(&st);
  if (known)
    return known;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    strbuf_add_str(why, dlerror());
    return NULL;
  }
  const moonbird_driver *table = enter(library, why);
  if (!table)
    return NULL;
  struct loaded *l = xcalloc(1, sizeof(*l));
  copy_table(&l->driver.table, table);
  reason = incomplete(&l->driver.table);
  if (reason) {
    strbuf_add_str(why, reason);
    free(l);
    return NULL;
  }
  l->driver.path = xstrdup(path);
  l->device = st.st_dev;
  l->inode = st.st_ino;
  vec_push(&all_loaded, l);
  return l;
}

static bool answers_to(const struct driver *driver, const char *scheme) {
  size_t len = strlen(scheme);
  for (const char *p = driver->table.schemes; *p;) {
    size_t word = strcspn(p, " ");
    if (word == len && strncmp(p, scheme, len) == 0)
      return true;
    p += word;
    p += strspn(p, " ");
  }
  return false;
}

/* --- all places --- */

static void add_places(struct vec *places, const char *list) {
  for (const char *p = list; p && *p;) {
    size_t len = strcspn(p, ":");
    if (len)
      strvec_push_len(places, p, len);
    p += len;
    p += *p == ':';
  }
}

/* The folder `drivers` beside the program's own file. */
static void add_program_place(struct vec *places) {
  char path[PATH_MAX];
  ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (len <= 0)
    return;
  path[len] = '\0';
  char *slash = strrchr(path, '/');
  if (!slash)
    return;
  char *folder = xasprintf("%.*s/drivers", (int)(slash - path), path);
  strvec_push(places, folder);
  free(folder);
}

static bool is_library_name(const char *name) {
  size_t len = strlen(name);
  return len > 3 && name[0] != '.' && strcmp(name + len - 3, ".so") == 0;
}

/* File names of a folder, sorted, the one that is named like the scheme first. */
static void list_folder(const char *folder, const char *scheme, struct vec *names) {
  char *first = xasprintf("%s.so", scheme);
  struct dirent **entries = NULL;
  int count = scandir(folder, &entries, NULL, alphasort);
  for (int i = 0; i < count; i++)
    if (strcmp(entries[i]->d_name, first) == 0)
      strvec_push(names, first);
  for (int i = 0; i < count; i++) {
    if (is_library_name(entries[i]->d_name) && strcmp(entries[i]->d_name, first) != 0)
      strvec_push(names, entries[i]->d_name);
    free(entries[i]);
  }
  free(entries);
  free(first);
}

/* Looks through one folder; each failure adds a line to `tried`. */
static struct loaded *search_folder(const char *folder, const char *scheme, struct strbuf *tried) {
  const char *reason = unfit_folder(folder);
  if (reason) {
    strbuf_addf(tried, "\n  %s: %s", folder, reason);
    return NULL;
  }
  struct vec names = VEC_INIT;
  list_folder(folder, scheme, &names);
  struct loaded *found = NULL;
  for (size_t i = 0; i < names.len && !found; i++) {
    struct strbuf why = STRBUF_INIT;
    char *path = xasprintf("%s/%s", folder, strvec_at(&names, i));
    struct loaded *l = load(path, &why);
    if (l && answers_to(&l->driver, scheme))
      found = l;
    else
      strbuf_addf(tried, "\n  %s: %s%s", path, l ? "is for " : why.buf, l ? l->driver.table.schemes : "");
    free(path);
    strbuf_release(&why);
  }
  if (!names.len)
    strbuf_addf(tried, "\n  %s: no .so file in it", folder);
  strvec_release(&names);
  return found;
}

bool driver_for_scheme(const char *scheme, const char *driver_path, const struct driver **driver, struct error *err) {
  for (size_t i = 0; i < all_loaded.len; i++) {
    struct loaded *l = all_loaded.items[i];
    if (answers_to(&l->driver, scheme)) {
      *driver = &l->driver;
      return true;
    }
  }
  struct vec places = VEC_INIT;
  add_places(&places, driver_path);
  add_places(&places, secure_getenv("MOONBIRD_DRIVER_PATH"));
  add_program_place(&places);
  strvec_push(&places, MOONBIRD_SYSTEM_DRIVERS);
  struct strbuf tried = STRBUF_INIT;
  struct loaded *found = NULL;
  for (size_t i = 0; i < places.len && !found; i++)
    found = search_folder(strvec_at(&places, i), scheme, &tried);
  if (found) {
    *driver = &found->driver;
  } else {
    error_set(err, ERROR_CONNECT, "no driver for \"%s\" URLs was found. Places tried:%s", scheme, tried.buf);
    error_hint(err, "check the URL's scheme, or set driver_path (or MOONBIRD_DRIVER_PATH) to the driver's folder");
  }
  strbuf_release(&tried);
  strvec_release(&places);
  return found != NULL;
}

static void free_loaded(void *item) {
  struct loaded *l = item;
  free(l->driver.path);
  free(l);
}

void driver_forget_all(void) {
  vec_release_with(&all_loaded, free_loaded);
}
