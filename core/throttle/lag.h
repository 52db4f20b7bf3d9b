/*
 * lag.h - how far a replica is behind, in seconds, from positions in the log of changes alone.
 *
 * The writer's position is noted at every look. A replica that has come to position p is as far behind as the moment at
 * which the writer passed p is ago: right at any load, without comparing clocks of two machines, and it grows while a
 * replica stands still. Pure but for the clock that the caller passes in; the structs own nothing.
 */
#ifndef THROTTLE_LAG_H
#define THROTTLE_LAG_H

#include <stddef.h>
#include <stdint.h>

enum { LAG_NOTES = 512 };

struct lag_note {
  double at_s; /* the writer was here at this moment, monotonic */
  int64_t position;
};

struct lag_history {
  struct lag_note notes[LAG_NOTES]; /* the oldest first */
  size_t len;
};

/* The writer is here now. A full history loses every other of its notes: long ago it need not be exact. */
void lag_note(struct lag_history *history, double at_s, int64_t position);

/* Seconds behind of who has come to `position`. What the database itself says (`told_s`, below 0: nothing) counts for a
 * replica that is farther behind than the history goes. */
double lag_seconds(const struct lag_history *history, double now_s, int64_t position, double told_s);

/* Bytes behind. */
int64_t lag_bytes(const struct lag_history *history, int64_t position);

#endif
