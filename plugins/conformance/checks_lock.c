/*
 * checks_lock.c - the runner's lock between two connections. Where the driver says that it keeps no session (behind a
 * pooler) the lock excludes nobody, and only looking at it is checked.
 */
#include <string.h>
#include <time.h>

#include "conformance.h"

static const char key[] = "moonbird conformance";

static int32_t lock_try(struct run *run, moonbird_conn *conn, char *holder, uint32_t size) {
  run->error = (moonbird_error){.size = sizeof run->error};
  memset(holder, 'x', size);
  int32_t status = run->driver->lock(conn, key, holder, size, &run->error);
  if (status == MOONBIRD_ERROR) {
    check_fail(run, "lock: %s %s", run->error.sqlstate, run->error.message);
  }
  return status;
}

static bool lock_excludes_between(struct run *run, moonbird_conn *other) {
  char holder[256];
  char small[6];
  EXPECT(run, lock_try(run, run->conn, holder, sizeof holder) == MOONBIRD_OK, "the lock is not free: %s", run->why);
  EXPECT(run, lock_try(run, other, holder, sizeof holder) == MOONBIRD_BUSY, "the second connection gets it too");
  EXPECT(run, memchr(holder, '\0', sizeof holder) != NULL, "the holder's text does not end");
  EXPECT(run, holder[0] != '\0', "the holder is not named");
  EXPECT(run, strstr(holder, "pid ") != NULL, "the holder's text has no pid: %s", holder);
  EXPECT(run, lock_try(run, other, small, sizeof small) == MOONBIRD_BUSY, "the second connection gets it too");
  EXPECT(run, memchr(small, '\0', sizeof small) != NULL, "a short holder's text does not end");
  run->driver->unlock(run->conn, key);
  EXPECT(run, lock_try(run, other, holder, sizeof holder) == MOONBIRD_OK, "the lock is not free after unlock: %s",
         run->why);
  EXPECT(run, lock_try(run, run->conn, holder, sizeof holder) == MOONBIRD_BUSY, "the first connection gets it too");
  return client_still_works(run);
}

/* A server may need a moment to see that a connection is gone. */
static bool lock_becomes_free(struct run *run) {
  char holder[256];
  const struct timespec pause = {.tv_nsec = 20000000};
  int32_t status = MOONBIRD_BUSY;
  for (int i = 0; i < 250 && status == MOONBIRD_BUSY; i++) {
    status = lock_try(run, run->conn, holder, sizeof holder);
    nanosleep(&pause, NULL);
  }
  EXPECT(run, status == MOONBIRD_OK, "the lock of a closed connection is not free: %s", run->why);
  run->driver->unlock(run->conn, key);
  return true;
}

static bool has_lock(const struct run *run) {
  return run->driver->lock != NULL && client_keeps_session(run);
}

static bool lock_excludes(struct run *run) {
  if (!has_lock(run)) {
    return true;
  }
  moonbird_conn *other = client_open(run);
  STEP(other != NULL);
  bool is_ok = lock_excludes_between(run, other);
  run->driver->close(other);
  return is_ok && lock_becomes_free(run);
}

static bool lock_survives_transactions(struct run *run) {
  char holder[256];
  if (!has_lock(run)) {
    return true;
  }
  EXPECT(run, lock_try(run, run->conn, holder, sizeof holder) == MOONBIRD_OK, "the lock is not free: %s", run->why);
  STEP(client_run(run, "BEGIN"));
  STEP(client_run(run, "CREATE TEMP TABLE l (i INTEGER)"));
  STEP(client_run(run, "ROLLBACK"));
  moonbird_conn *other = client_open(run);
  STEP(other != NULL);
  int32_t status = lock_try(run, other, holder, sizeof holder);
  run->driver->close(other);
  EXPECT(run, status == MOONBIRD_BUSY, "the lock is lost with a transaction");
  run->driver->unlock(run->conn, key);
  return true;
}

/* Looking at a free lock leaves nothing behind. */
static bool lock_is_looked_at(struct run *run) {
  char holder[256];
  if (run->driver->lock == NULL || has_lock(run)) {
    return true;
  }
  for (int i = 0; i < 8; i++) {
    EXPECT(run, lock_try(run, run->conn, holder, sizeof holder) == MOONBIRD_OK, "the lock is not free: %s", run->why);
    STEP(client_run(run, "SELECT 1"));
  }
  return client_still_works(run);
}

static bool unlock_without_lock(struct run *run) {
  if (run->driver->lock == NULL) {
    return true;
  }
  run->driver->unlock(run->conn, key);
  return client_still_works(run);
}

const struct check checks_lock[] = {
    {"lock: two connections, holder, freed by unlock and close", lock_excludes},
    {"lock: transactions do not free it", lock_survives_transactions},
    {"lock: only looked at where no session is kept", lock_is_looked_at},
    {"lock: unlock without a lock", unlock_without_lock},
    {NULL, NULL},
};
