/*
 * brake.h - the brake for all backfills of a database, also for those that are registered while it lasts.
 *
 * A row of its own (moonbird_backfill_brake), made when it is first wanted. Each backfill takes it over into its own
 * `braked_until` when a run of it begins, unless an operator has braked or released that one by name.
 * Ownership: the caller owns the struct (brake_release).
 */
#ifndef BACKFILL_BRAKE_H
#define BACKFILL_BRAKE_H

#include "run/session.h"

struct brake {
  bool is_on;
  char *until; /* moments as the database writes them; NULL where it is off, and the next three */
  char *set_at;
  char *by;  /* "ann@db1" */
  char *why; /* or NULL */
  double left_s;
};

/* All but brake_follow outside of a transaction. A database without the table has no brake. */
bool brake_read(struct session *session, struct brake *brake, struct error *err) MUST_CHECK;
void brake_release(struct brake *brake);

/* No batch of any backfill begins for so many seconds, on the database's clock; 0 ends it. `reason` may be NULL. */
bool brake_set(struct session *session, double seconds, const char *reason, struct error *err) MUST_CHECK;

/* Before a run of this backfill begins its first batch. */
bool brake_follow(struct session *session, const char *name, struct error *err) MUST_CHECK;

#endif
