/*
 * outcome.c - see outcome.h.
 */
#include "backfill/outcome.h"

#include "backfill/status.h"
#include "base/log.h"
#include "db/loop.h"

#include <stdlib.h>

void outcome_release(struct runner_outcome *outcome) {
  free(outcome->reason);
  free(outcome->lost);
  *outcome = (struct runner_outcome){.end = JOB_GOES_ON};
}

bool outcome_check_bad(const char *name, int64_t bad, struct error *err) {
  if (!bad)
    return true;
  error_set(err, ERROR_FINDINGS, "backfill %s is done, but for %lld bad %s", name, (long long)bad,
            bad == 1 ? "row" : "rows");
  return error_hint(err, "`moonbird backfill bad list %s` shows %s, `bad retry` and `bad ignore` settle %s", name,
                    bad == 1 ? "it" : "them", bad == 1 ? "it" : "them");
}

/* The end itself is what counts; that it could not be written is a warning. */
static void observe_failure(struct session *session, const char *name, const char *why) {
  struct error err = ERROR_INIT;
  if (!state_observe(session, name, OBSERVED_FAILED, why, &err))
    log_warn("the state of backfill %s was not written: %s", name, err.message);
  error_release(&err);
}

/* The run of this process has ended; while others go on, the backfill runs. */
static void observe_stop(struct session *session, const char *name, const char *observed, const char *why) {
  const char *params[] = {observed, NULL, name};
  struct error err = ERROR_INIT;
  if (!session_execute(session, "backfill_stop", params, 3, NULL, &err) ||
      !state_log(session, name, "stopped", why, NULL, &err))
    log_warn("the state of backfill %s was not written: %s", name, err.message);
  error_release(&err);
}

static bool stopped(struct session *session, const struct definition *d, const struct runner_outcome *outcome,
                    struct error *err) {
  const char *reason = outcome->reason;
  observe_stop(session, d->name, OBSERVED_PAUSED, reason ? reason : loop_interrupt_name(session->loop));
  error_set(err, ERROR_PENDING, "the backfill of %s was stopped at a safe point, after %lld rows%s%s", d->table,
            (long long)outcome->rows_done, reason ? ": " : "", reason ? reason : "");
  return error_hint(err, "run the same command again: it goes on from there");
}

/* ": by ann@db1: load test until two", or "": whoever reads the end of this run has not typed the pause. Owned. */
static char *asked_by(struct session *session, const char *name) {
  struct vec list = VEC_INIT;
  struct error ignored = ERROR_INIT;
  bool ok = status_read(session, name, &list, &ignored);
  const struct status_event *held = ok && list.len ? &((struct backfill_status *)list.items[0])->held : NULL;
  bool known = held && held->at;
  char *text = xasprintf("%s%s%s%s", known ? ": by " : "", known ? held->by : "", known && held->why ? ": " : "",
                         known && held->why ? held->why : "");
  status_free_all(&list);
  error_release(&ignored);
  return text;
}

static bool paused(struct session *session, const struct definition *d, const struct runner_outcome *outcome,
                   struct error *err) {
  observe_stop(session, d->name, OBSERVED_PAUSED, "paused");
  char *why = outcome->reason ? xasprintf(": %s", outcome->reason) : asked_by(session, d->name);
  error_set(err, ERROR_PENDING, "the backfill of %s is paused, after %lld rows%s", d->table,
            (long long)outcome->rows_done, why);
  free(why);
  char *command = state_command(d->name, true);
  error_hint(err, "`%s` goes on", command);
  free(command);
  return false;
}

static bool cancelled(struct session *session, const struct definition *d, const struct runner_outcome *outcome,
                      struct error *err) {
  observe_stop(session, d->name, OBSERVED_CANCELLED, "cancelled");
  char *why = asked_by(session, d->name);
  error_set(err, ERROR_PENDING, "the backfill of %s is cancelled, after %lld rows%s", d->table,
            (long long)outcome->rows_done, why);
  free(why);
  return error_hint(err,
                    "what is committed stays; `moonbird backfill resume %s` takes it up again, `moonbird backfill "
                    "forget %s` drops its state",
                    d->name, d->name);
}

/* Nothing can be written: that nobody is at work any more the leases tell. */
static bool left(const struct definition *d, const struct runner_outcome *outcome, struct error *err) {
  bool rolled_back = outcome->end == JOB_INTERRUPTED;
  error_set(err, rolled_back ? ERROR_INTERRUPTED : ERROR_PENDING,
            "the backfill of %s was stopped without its database, after %lld rows that are known of%s%s: %s", d->table,
            (long long)outcome->rows_done, outcome->reason ? ": " : "", outcome->reason ? outcome->reason : "",
            outcome->lost);
  return error_hint(err, "what is committed stays, what was not is rolled back: when the database is there again, run "
                         "the same command");
}

bool outcome_settle(struct session *session, const struct definition *d, const struct runner_outcome *outcome, bool run,
                    struct error *err) {
  if (!run && err->class == ERROR_PENDING) /* while it waited for the database (persist.h) */
    return false;
  if (run && outcome->lost)
    return left(d, outcome, err);
  if (!run && err->class == ERROR_INTERRUPTED) { /* before its first batch */
    observe_stop(session, d->name, OBSERVED_PAUSED, loop_interrupt_name(session->loop));
    return false;
  }
  if (!run && err->class == ERROR_HISTORY) { /* others go on */
    observe_stop(session, d->name, OBSERVED_PAUSED, err->message);
    return false;
  }
  if (!run) {
    observe_failure(session, d->name, err->message);
    return false;
  }
  switch (outcome->end) {
  case JOB_FINISHED:
    return true;
  case JOB_STOPPED:
    return stopped(session, d, outcome, err);
  case JOB_INTERRUPTED:
    observe_stop(session, d->name, OBSERVED_PAUSED, "interrupted twice, the open batch was rolled back");
    error_set(err, ERROR_INTERRUPTED, "the backfill of %s was interrupted, and the batch was rolled back", d->table);
    return error_hint(err, "run the same command again: it goes on from the last commit");
  case JOB_PAUSED:
    return paused(session, d, outcome, err);
  case JOB_CANCELLED:
    return cancelled(session, d, outcome, err);
  case JOB_GOES_ON:
  case JOB_FAILED:
    break;
  }
  BUG("a backfill has ended with %d", (int)outcome->end);
}
