/*
 * lock_tries.c - the pauses between the tries of a revision; see lock_tries.h. Called by step.c, and by run.c where
 * revisions share a transaction.
 */
#include "run/lock_tries.h"

#include "base/log.h"

#include <stdlib.h>

#define FIRST_PAUSE_S   0.01
#define LONGEST_PAUSE_S 60.0

int64_t lock_tries_timeout_ms(const struct session *session) {
  double seconds = session->offline ? 0 : config_seconds(session->request->config, "ddl_lock_timeout");
  return seconds > 0 ? (int64_t)(seconds * 1000 + 0.5) : 0;
}

bool lock_tries_missed(const struct session *session, const struct step *step, const struct error *err) {
  return step->limited_transaction && step->limited_transaction == session->transaction_number &&
         strcmp(err->sqlstate, "55P03") == 0;
}

/* Doubled with each try; a random part, so that two who wait for each other do not meet again. */
static double pause_after(int64_t tries) {
  double pause_s = FIRST_PAUSE_S;
  for (int64_t i = 1; i < tries && pause_s < LONGEST_PAUSE_S; i++)
    pause_s *= 2;
  if (pause_s > LONGEST_PAUSE_S)
    pause_s = LONGEST_PAUSE_S;
  return pause_s * (0.75 + 0.5 * (double)random() / (double)RAND_MAX);
}

static bool give_up(const char *revision, int64_t tries, int64_t timeout_ms, struct error *err) {
  error_prefix(err, "the lock was not free within %g s, in %lld tries: ", (double)timeout_ms / 1000, (long long)tries);
  return error_hint(err,
                    "somebody else uses the table: end that, or raise ddl_lock_timeout and ddl_lock_tries, and run "
                    "revision %s again",
                    revision);
}

bool lock_tries_are_left(const struct session *session, const char *revision, int64_t tries, struct error *err) {
  return tries < config_number(session->request->config, "ddl_lock_tries") ||
         give_up(revision, tries, lock_tries_timeout_ms(session), err);
}

bool lock_tries_pause(struct session *session, const char *revision, int64_t tries, struct error *err) {
  double pause_s = pause_after(tries);
  log_info("revision %s: a lock was not free within %g s; try %lld of %lld in %.2g s", revision,
           (double)lock_tries_timeout_ms(session) / 1000, (long long)tries + 1,
           (long long)config_number(session->request->config, "ddl_lock_tries"), pause_s);
  error_clear(err);
  if (loop_sleep(session->loop, pause_s) && !host_is_interrupted(session->host))
    return true;
  return error_set(err, ERROR_INTERRUPTED, "interrupted while waiting for a lock of revision %s", revision);
}
