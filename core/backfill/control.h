/*
 * control.h - statements beside the batches: heartbeats, the look at the operator's wishes, notes of the throttle.
 *
 * Where several connections may write at once they have one of their own, and nobody waits for them; else they run on
 * the worker's, while it is quiet. A broken connection is opened anew; what it had in flight is tried again. A call
 * that takes too long is cut off: the server may be gone without a word.
 *
 * Ownership: the caller owns the struct (control_init, control_release); the connection is borrowed. Main thread only.
 */
#ifndef BACKFILL_CONTROL_H
#define BACKFILL_CONTROL_H

#include "run/session.h"

#include <uv.h>

typedef void (*control_rows_fn)(void *data, const moonbird_batch *rows);

struct control {
  struct session *session;
  struct conn *conn;
  struct vec queue; /* struct control_call * */
  bool called;      /* an answer is there */
  bool opening;
  bool broken;
  double lost_s;    /* since when nothing could be written; 0: it could */
  double cut_off_s; /* so long a call may take */
  double open_at_s; /* when a broken connection is opened */
  struct error why; /* of the last failure, while `lost_s` is set */
  uv_timer_t cut_off;
  bool cut_off_closed;
};

void control_init(struct control *control, struct session *session, struct conn *conn);
void control_release(struct control *control);

/* A named statement; its parameters are taken over. `on_rows` (may be NULL) gets what it gives. */
void control_post(struct control *control, const char *name, struct batch_builder *params, control_rows_fn on_rows,
                  void *data);

/* Takes an answer, starts the next statement; from the runner's loop. */
void control_go_on(struct control *control);

/* Waits until all is done, or the connection is broken. */
void control_drain(struct control *control);

/* From now on a call without an answer is cut off after so many seconds. */
void control_hurry(struct control *control, double seconds);

/* Cuts off what is in flight, and forgets what waits: of a database that is gone. Only control_release follows. */
void control_abandon(struct control *control);

/* For how long nothing could be written, and why; 0: the last call was well. */
double control_lost_for_s(const struct control *control);
const struct error *control_why(const struct control *control);

/* For how long the call in flight has had no answer. */
double control_silent_for_s(const struct control *control);

/* How many wait: a slow database must not let them pile up. */
size_t control_backlog(const struct control *control);

#endif
