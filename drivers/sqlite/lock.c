/*
 * lock.c - the runner's lock as flock on `<database>.moonbird-lock`.
 *
 * Called by the host; knows nothing of SQLite but the file's name. flock belongs to the open file description, so two
 * connections of one process exclude each other too, and a killed process frees it. The file is removed while the lock
 * is still held; who got a lock on a file that has been removed meanwhile sees another inode at the path and starts
 * again.
 */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

#define ATTEMPTS_MAX 100 /* removals that may cross one call, before it gives up */
#define NO_FILE_MAX  3

enum attempt { ATTEMPT_TAKEN, ATTEMPT_AGAIN, ATTEMPT_NO_FILE, ATTEMPT_BUSY, ATTEMPT_FAILED };

/* SQLite's own name of the file: absolute, symbolic links resolved, so that all spellings meet at one lock. */
static int32_t lock_path_make(moonbird_conn *conn, moonbird_error *error) {
  const char *name = sqlite3_db_filename(conn->db, "main");
  if (asprintf(&conn->lock.path, "%s.moonbird-lock", name) < 0) {
    conn->lock.path = NULL;
    return error_no_memory(error);
  }
  return MOONBIRD_OK;
}

static int32_t lock_failed(const char *path, const char *what, moonbird_error *error) {
  int reason = errno;
  bool is_permission = reason == EACCES || reason == EPERM || reason == EROFS;
  error_set(error, is_permission ? "42501" : "58030", "cannot %s the lock file %s: %s", what, path,
            strerrordesc_np(reason));
  if (is_permission) {
    error_hint(error, "A command that writes needs write permission in the database's folder.");
  }
  error->native_code = reason;
  return MOONBIRD_ERROR;
}

static void user_name(char *name, size_t size) {
  char space[4096];
  struct passwd entry;
  struct passwd *found = NULL;
  if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found != NULL) {
    snprintf(name, size, "%s", found->pw_name);
  } else {
    snprintf(name, size, "%u", (unsigned)geteuid());
  }
}

static int32_t holder_write(const struct lock_file *lock, moonbird_error *error) {
  char host[256] = "";
  char user[128];
  char since[32];
  char text[512];
  if (gethostname(host, sizeof host - 1) != 0) {
    snprintf(host, sizeof host, "unknown");
  }
  user_name(user, sizeof user);
  time_t now = time(NULL);
  struct tm parts;
  gmtime_r(&now, &parts);
  strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", &parts);
  int len = snprintf(text, sizeof text, "host %s, pid %ld, user %s, since %s\n", host, (long)getpid(), user, since);
  if (ftruncate(lock->fd, 0) != 0 || pwrite(lock->fd, text, (size_t)len, 0) != (ssize_t)len) {
    return lock_failed(lock->path, "write", error);
  }
  return MOONBIRD_OK;
}

/* The first line that the holder wrote; empty when it has not come to that yet. */
static void holder_read(int fd, char *holder, uint32_t holder_size) {
  char text[512];
  ssize_t len = pread(fd, text, sizeof text, 0);
  if (holder_size == 0) {
    return;
  }
  size_t line_len = 0;
  while (len > 0 && line_len < (size_t)len && (unsigned char)text[line_len] >= ' ') {
    line_len++;
  }
  error_copy_text(holder, holder_size, text, line_len);
}

static bool file_is_at_path(int fd, const char *path) {
  struct stat held;
  struct stat named;
  return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* Another try makes sense. NO_FILE is a folder where no file can be made, or a file that was removed between two looks
 * at it; only the first of them lasts. */
static bool attempt_again(enum attempt outcome, int tries) {
  return (outcome == ATTEMPT_AGAIN && tries < ATTEMPTS_MAX) || (outcome == ATTEMPT_NO_FILE && tries < NO_FILE_MAX);
}

/* One try. A file that another user's killed run left behind can only be read: it can still be locked, which shows
 * whether it is free, and then it is removed. */
static enum attempt lock_attempt(const char *path, int *fd, char *holder, uint32_t holder_size) {
  bool is_writable = true;
  int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (opened < 0 && errno == EACCES) {
    is_writable = false;
    opened = open(path, O_RDONLY | O_CLOEXEC);
  }
  if (opened < 0 && errno == ENOENT && !is_writable) {
    errno = EACCES;
    return ATTEMPT_NO_FILE;
  }
  if (opened < 0) {
    return ATTEMPT_FAILED;
  }
  enum attempt outcome = ATTEMPT_FAILED;
  if (flock(opened, LOCK_EX | LOCK_NB) != 0) {
    outcome = errno == EWOULDBLOCK ? ATTEMPT_BUSY : errno == EINTR ? ATTEMPT_AGAIN : ATTEMPT_FAILED;
    if (outcome == ATTEMPT_BUSY) {
      holder_read(opened, holder, holder_size);
    }
  } else if (!file_is_at_path(opened, path)) {
    outcome = ATTEMPT_AGAIN;
  } else if (is_writable) {
    *fd = opened;
    return ATTEMPT_TAKEN;
  } else if (unlink(path) == 0) {
    outcome = ATTEMPT_AGAIN;
  }
  int reason = errno;
  close(opened);
  errno = reason;
  return outcome;
}

int32_t lock_take(moonbird_conn *conn, const char *key, char *holder, uint32_t holder_size, moonbird_error *error) {
  (void)key;
  struct lock_file *lock = &conn->lock;
  if (holder_size > 0) {
    holder[0] = '\0';
  }
  if (conn->is_in_memory || lock->depth > 0) { /* nobody else can see a database in memory */
    lock->depth++;
    return MOONBIRD_OK;
  }
  if (lock->path == NULL && lock_path_make(conn, error) != MOONBIRD_OK) {
    return MOONBIRD_ERROR;
  }
  enum attempt outcome = ATTEMPT_AGAIN;
  for (int tries = 0; attempt_again(outcome, tries); tries++) {
    outcome = lock_attempt(lock->path, &lock->fd, holder, holder_size);
  }
  if (outcome == ATTEMPT_FAILED || outcome == ATTEMPT_NO_FILE) {
    return lock_failed(lock->path, "open", error);
  }
  if (outcome != ATTEMPT_TAKEN) {
    return MOONBIRD_BUSY;
  }
  if (holder_write(lock, error) != MOONBIRD_OK) {
    lock_release(conn);
    return MOONBIRD_ERROR;
  }
  lock->depth = 1;
  return MOONBIRD_OK;
}

void lock_give(moonbird_conn *conn, const char *key) {
  (void)key;
  if (conn->lock.depth > 1) {
    conn->lock.depth--;
    return;
  }
  lock_release(conn);
}

void lock_release(moonbird_conn *conn) {
  struct lock_file *lock = &conn->lock;
  if (lock->fd >= 0) {
    if (file_is_at_path(lock->fd, lock->path)) {
      unlink(lock->path);
    }
    close(lock->fd);
    lock->fd = -1;
  }
  lock->depth = 0;
  free(lock->path);
  lock->path = NULL;
}
