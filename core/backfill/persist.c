/*
 * persist.c - see persist.h. Called by runner.c, named.c and backfill.c.
 */
#include "backfill/persist.h"

#include "base/clock.h"
#include "base/log.h"

#include <math.h>
#include <string.h>

static const double default_s = 600, every_s = 1;

double persist_seconds(const struct session *session) {
  return config_backfill_number(session->request->config, "reconnect", default_s);
}

void persist_explain(const struct session *session, struct error *err) {
  err->class = ERROR_CONNECT;
  error_prefix(err, "nothing could be written for %.0f s: ", persist_seconds(session));
  error_hint(err, "when the database is there again, run the same command: it goes on from the last commit");
}

void persist_limit_opening(const struct session *session, struct conn *conn) {
  static const double longest_s = 10;
  conn_limit_opening(conn, (int)fmax(1, fmin(longest_s, persist_seconds(session) / 2)));
}

bool persist_is_lost(const struct error *err) {
  /* 08 connection exception, 57P operator intervention, 25006 read-only transaction */
  return err->class == ERROR_CONNECT || err->retry == RETRY_CONNECTION || strncmp(err->sqlstate, "08", 2) == 0 ||
         strncmp(err->sqlstate, "57P", 3) == 0 || strcmp(err->sqlstate, "25006") == 0;
}

/* A closed connection cannot tell; then the write that follows does. */
static void reopen(struct session *session) {
  struct error err = ERROR_INIT;
  persist_limit_opening(session, session->conn);
  if (!conn_open(session->conn, &session->url, "moonbird", &err))
    log_debug("%s", err.message);
  error_release(&err);
}

/* What is waited for, and how long at most. */
static void tell_waiting(const struct session *session, const struct error *why) {
  char time[CLOCK_TEXT_SIZE];
  clock_format_duration(persist_seconds(session), time);
  if (strcmp(why->sqlstate, "25006") == 0)
    log_warn("the database takes no writes (%s); waiting for one that does, for up to %s", why->message, time);
  else
    log_info("the connection is lost (%s); connecting again, for up to %s", why->message, time);
}

static bool stop_waiting(struct error *err, const char *limit) {
  err->class = ERROR_PENDING;
  error_prefix(err, "stopped while it waited for the database%s%s: ", limit ? ", " : "", limit ? limit : "");
  return error_hint(err, "what is committed stays: when the database is there again, run the same command");
}

bool persist(struct session *session, const struct runner_limits *limits, persist_fn write, void *data,
             struct error *err) {
  double begun_s = clock_monotonic_s();
  for (bool first = true;; first = false) {
    if (write(data, err))
      return true;
    session_rollback(session);
    bool goes_on = persist_is_lost(err) && clock_monotonic_s() - begun_s < persist_seconds(session);
    if (!goes_on)
      return false;
    const char *limit = limits ? limits_reached(limits, 0) : NULL;
    if (limit || host_is_interrupted(session->host) || (!first && !loop_sleep(session->loop, every_s)))
      return stop_waiting(err, limit);
    if (first)
      tell_waiting(session, err);
    error_clear(err);
    reopen(session);
  }
}
