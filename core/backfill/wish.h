/*
 * wish.h - what operators ask of a backfill: pause, resume, cancel, other settings, a brake, another try, no more
 * state.
 *
 * A wish is written into the state tables; workers on any machine read it before their next batch. Each is logged with
 * who asked, from where and why. The functions wait, on session->conn, in the transaction that is open there.
 */
#ifndef BACKFILL_WISH_H
#define BACKFILL_WISH_H

#include "backfill/state.h"

/* `reason` is the operator's, and may be NULL. Where no worker lives, the wish is what is seen at once. */
bool wish_pause(struct session *session, const struct backfill_row *row, const char *reason,
                struct error *err) MUST_CHECK;
bool wish_resume(struct session *session, const struct backfill_row *row, const char *reason,
                 struct error *err) MUST_CHECK;
bool wish_cancel(struct session *session, const struct backfill_row *row, const char *reason,
                 struct error *err) MUST_CHECK;

/* Puts words such as "workers=2" (const char *) on top of the overrides. ERROR_USAGE names the wrong word. */
bool wish_set(struct session *session, const struct backfill_row *row, const struct vec *words, const char *reason,
              struct error *err) MUST_CHECK;

/* No batch begins for so many seconds, on the database's clock; 0 ends the brake. */
bool wish_brake(struct session *session, const char *name, double seconds, const char *reason,
                struct error *err) MUST_CHECK;

/* Failed ranges are pending again, with all their attempts; `ranges` gets their number. */
bool wish_retry(struct session *session, const struct backfill_row *row, const char *reason, int64_t *ranges,
                struct error *err) MUST_CHECK;

/* Drops all state but the log. ERROR_FAILED while a worker lives. */
bool wish_forget(struct session *session, const struct backfill_row *row, const char *reason,
                 struct error *err) MUST_CHECK;

#endif
