/*
 * lock.c - takes, confirms and gives back the runner's lock; see lock.h. DESIGN.md, section 8.
 *
 * Who has a session of his own takes the driver's lock, and the lease too where its table exists. Who goes through a
 * pooler makes the table, takes the lease, and then looks whether the driver's lock is free. Whichever order two runs
 * come in, one of them meets the other's lock.
 */
#include "run/lock.h"

#include "base/clock.h"
#include "base/log.h"
#include "run/lease.h"

#include <stdlib.h>

enum { HOLDER_SIZE = 512 };

/* One lock for each version table of each database. */
static char *lock_name(const struct session *session) {
  const char *schema = config_text(session->request->config, "version_table_schema");
  return xasprintf("moonbird:%s:%s:%s", session->url.database ? session->url.database : "", schema ? schema : "",
                   config_text(session->request->config, "version_table"));
}

static struct conn *lock_conn(struct session *session) {
  return session->lock_conn ? session->lock_conn : session->conn;
}

/* --- one try --- */

static bool try_with_session(struct session *session, const char *key, bool *busy, char *holder, struct error *err) {
  struct conn *conn = lock_conn(session);
  bool needed = false;
  if (!conn_try_lock(conn, key, busy, holder, HOLDER_SIZE, err))
    return false;
  if (*busy || !session->lease)
    return true;
  bool ok = lease_try(session->lease, conn, false, &needed, busy, holder, HOLDER_SIZE, err);
  if (!ok || *busy)
    conn_unlock(conn, key);
  return ok;
}

static bool try_with_lease(struct session *session, const char *key, bool *busy, char *holder, struct error *err) {
  struct conn *conn = lock_conn(session);
  bool needed = false;
  if (!lease_try(session->lease, conn, true, &needed, busy, holder, HOLDER_SIZE, err))
    return false;
  if (*busy)
    return true;
  bool ok = conn_try_lock(conn, key, busy, holder, HOLDER_SIZE, err);
  if (!ok || *busy)
    lease_release(session->lease);
  return ok;
}

static bool try_lock(struct session *session, const char *key, bool *busy, char *holder, struct error *err) {
  holder[0] = '\0';
  bool ok = conn_keeps_session(lock_conn(session)) ? try_with_session(session, key, busy, holder, err)
                                                   : try_with_lease(session, key, busy, holder, err);
  if (ok && !*busy && session->lease)
    lease_keep(session->lease);
  return ok;
}

/* --- waiting --- */

static bool time_is_over(const char *holder, struct error *err) {
  error_set(err, ERROR_LOCK, "the lock of this database is held by somebody else (%s)",
            holder[0] ? holder : "holder unknown");
  return error_hint(err, "another moonbird is at work; wait for it, or give a longer --lock-timeout");
}

static bool wait_for_lock(struct session *session, const char *key, struct error *err) {
  char holder[HOLDER_SIZE];
  const struct run_listener *listener = session->request->listener;
  double timeout_s = session->request->lock_timeout_s;
  double begun = clock_monotonic_s();
  double next_report = 0;
  double pause_s = 0.02;
  for (;;) {
    bool busy = false;
    if (!try_lock(session, key, &busy, holder, err))
      return false;
    if (!busy)
      return true;
    double waited_s = clock_monotonic_s() - begun;
    if (timeout_s >= 0 && waited_s >= timeout_s)
      return time_is_over(holder, err);
    if (waited_s >= next_report && listener && listener->lock_waiting) {
      listener->lock_waiting(listener->data, holder, waited_s);
      next_report = waited_s + 10;
    }
    if (!loop_sleep(session->loop, pause_s) || host_is_interrupted(session->host))
      return error_set(err, ERROR_INTERRUPTED, "interrupted while waiting for the lock");
    pause_s = pause_s < 0.5 ? pause_s * 1.5 : 0.5;
  }
}

bool lock_take(struct session *session, struct error *err) {
  if (session->offline)
    return true;
  if (driver_can(session->driver, MOONBIRD_CAP_LOCK_NEEDS_CONNECTION) &&
      !session_connect(session, "moonbird:lock", &session->lock_conn, err))
    return false;
  char *key = lock_name(session);
  if (driver_may_be_pooled(session->driver))
    session->lease = lease_new(session, key);
  if (!wait_for_lock(session, key, err)) {
    free(key);
    return false;
  }
  session->lock_key = key;
  return true;
}

/* --- while it is held --- */

/* Takes the lock once more on a new connection; when somebody has it meanwhile, what is open must not commit. */
static bool regain(struct session *session, struct error *err) {
  char holder[HOLDER_SIZE] = "";
  bool busy = false;
  if (session->lease)
    lease_move(session->lease, NULL);
  conn_free(session->lock_conn);
  session->lock_conn = NULL;
  if (!session_connect(session, "moonbird:lock", &session->lock_conn, err))
    return error_prefix(err, "the connection that held the lock was lost: ");
  if (session->lease)
    lease_move(session->lease, session->lock_conn);
  if (conn_keeps_session(session->lock_conn) &&
      !conn_try_lock(session->lock_conn, session->lock_key, &busy, holder, sizeof(holder), err))
    return error_prefix(err, "the connection that held the lock was lost: ");
  if (!busy) {
    log_warn("the connection that held the lock was lost; the lock is taken again");
    return true;
  }
  error_set(err, ERROR_LOCK, "the connection that held the lock was lost, and somebody else has the lock now (%s)",
            holder[0] ? holder : "holder unknown");
  return error_hint(err, "nothing of the open transaction is kept; run the same command again");
}

/* The database frees the lock when the connection that holds it dies. */
static bool connection_lives(struct session *session) {
  struct error lost = ERROR_INIT;
  conn_wait(session->lock_conn); /* for a heartbeat */
  bool lives = conn_script(session->lock_conn, "SELECT 1", &lost);
  error_release(&lost);
  return lives;
}

bool lock_confirm(struct session *session, struct error *err) {
  if (!session->lock_conn || !session->lock_key)
    return true;
  bool lives = connection_lives(session);
  bool is_new = session->lease && lease_take_reopened(session->lease) && conn_keeps_session(session->lock_conn);
  if ((!lives || is_new) && !regain(session, err))
    return false;
  return !session->lease || lease_confirm(session->lease, err);
}

void lock_release(struct session *session) {
  lease_free(session->lease);
  session->lease = NULL;
  if (session->lock_key && session->conn)
    conn_unlock(lock_conn(session), session->lock_key);
  free(session->lock_key);
  session->lock_key = NULL;
}
