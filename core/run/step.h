/*
 * step.h - one step of a plan: loads the revision's script, runs it in its transaction, and commits it together with
 * its version rows and its log row.
 *
 * While a step runs it is session->step; the functions that scripts reach through moonbird.host (statement.c,
 * backfill/) use it.
 */
#ifndef RUN_STEP_H
#define RUN_STEP_H

#include "base/digest.h"
#include "graph/plan.h"
#include "run/journal.h"
#include "run/session.h"

struct step {
  const struct plan_step *plan;
  const struct script *script;
  struct strbuf text;
  char checksum[SHA256_HEX_SIZE];
  struct journal journal;
  bool transactional;      /* the script's header did not opt out */
  bool shares_transaction; /* transaction_per_migration = false: the caller begins and commits */
  int64_t started_us;
  double started_s;            /* monotonic */
  int64_t limited_transaction; /* the one in which our limit for locks is set now; 0: none */
  char *unrecorded; /* SQL that changed something through db:query and the like, which the journal cannot repeat; or
                       NULL */
};

/* Reads and compiles the script of a step, without running it: broken files are found before anything is done. */
bool step_check(struct session *session, const struct plan_step *plan, struct error *err) MUST_CHECK;

/* Runs the step. On failure everything since its last commit point is rolled back; when it has committed something
 * before, the error's class becomes ERROR_PARTIAL. session->repeats then says that nothing was wrong but a lock that
 * was not free, and the caller is to begin the shared transaction again. */
bool step_run(struct session *session, const struct plan_step *plan, bool shares_transaction,
              struct error *err) MUST_CHECK;

/* A commit point inside a revision: writes the journal and commits what came before. The backfill that asked for it
 * then works in transactions of its own. */
bool step_commit_point(struct session *session, struct error *err) MUST_CHECK;

/* After a backfill: goes on in a new transaction where the revision has one. */
bool step_resume_transaction(struct session *session, struct error *err) MUST_CHECK;

const char *direction_name(enum direction direction); /* "upgrade", "downgrade", "stamp" */

#endif
