/*
 * files.c - paths, and files and folders that appear whole or not at all; see files.h.
 *
 * Called by environment.c, init.c and revision.c.
 */
#include "script/files.h"
#include "config/locate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_from_here(const char *path) {
  char *here = getcwd(NULL, 0);
  char *absolute = path_absolute(here ? here : "/", path);
  free(here);
  return absolute;
}

char *path_as_written(const char *path) {
  char *here = getcwd(NULL, 0);
  size_t len = here ? strlen(here) : 0;
  bool is_below = len && strncmp(path, here, len) == 0 && path[len] == '/';
  free(here);
  return xstrdup(is_below ? path + len + 1 : path);
}

char *path_join(const char *folder, const char *name) {
  size_t len = strlen(folder);
  return xasprintf("%s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/", name);
}

const char *path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

char *path_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return xstrdup(".");
  return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

bool path_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool folder_make(const char *path, char **made, struct error *err) {
  if (path_is_folder(path))
    return true;
  char *parent = path_folder(path);
  bool ok = strcmp(parent, path) == 0 || folder_make(parent, made, err);
  free(parent);
  if (!ok)
    return false;
  if (mkdir(path, 0777) == 0) {
    if (made && !*made)
      *made = xstrdup(path);
    return true;
  }
  if (errno == EEXIST && path_is_folder(path))
    return true;
  return error_set(err, ERROR_USAGE, "Can't create folder %s: %s", path, strerror(errno));
}

void folder_unmake(const char *folder, const char *topmost) {
  char *path = xstrdup(folder);
  while (topmost && strlen(path) >= strlen(topmost) && rmdir(path) == 0) {
    char *above = path_folder(path);
    free(path);
    path = above;
  }
  free(path);
}

static bool write_all(int fd, const char *text, size_t len) {
  while (len) {
    ssize_t n = write(fd, text, len);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return false;
    text += n;
    len -= (size_t)n;
  }
  return true;
}

/* Gives the finished file its name without ever replacing another. Hard links are the second choice for kernels and
 * file systems that lack the first. */
static bool publish(const char *temporary, const char *path) {
  if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
    return true;
  if (errno != EINVAL && errno != ENOSYS)
    return false;
  if (link(temporary, path) != 0)
    return false;
  unlink(temporary);
  return true;
}

static bool replace(const char *temporary, const char *path) {
  return rename(temporary, path) == 0;
}

static bool write_as(const char *temporary, const char *path, const char *text, size_t len,
                     bool (*give_name)(const char *temporary, const char *path)) {
  int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return false;
  bool ok = write_all(fd, text, len);
  int saved = errno;
  if (close(fd) != 0 && ok) {
    ok = false;
    saved = errno;
  }
  if (ok && give_name(temporary, path))
    return true;
  if (ok)
    saved = errno;
  unlink(temporary);
  errno = saved;
  return false;
}

static bool write_whole(const char *path, const char *text, size_t len,
                        bool (*give_name)(const char *temporary, const char *path), struct error *err) {
  char *folder = path_folder(path);
  char *name = xasprintf(".moonbird-%ld.tmp", (long)getpid());
  char *temporary = path_join(folder, name);
  bool ok = write_as(temporary, path, text, len, give_name);
  if (!ok)
    error_set(err, ERROR_USAGE, "Can't write %s: %s", path, strerror(errno));
  free(temporary);
  free(name);
  free(folder);
  return ok;
}

bool file_write_new(const char *path, const char *text, size_t len, struct error *err) {
  struct stat st;
  if (lstat(path, &st) == 0)
    return error_set(err, ERROR_USAGE, "%s exists already", path);
  return write_whole(path, text, len, publish, err);
}

bool file_replace(const char *path, const char *text, size_t len, struct error *err) {
  return write_whole(path, text, len, replace, err);
}
