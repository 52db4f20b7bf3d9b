/*
 * presence.h - rows of moonbird_backfill_worker: by them other processes and operators know who is at work.
 *
 * Main thread only; nothing is kept. A row that is not written again before its lease is over is of somebody dead, and
 * others delete it. He may have been stopped only, or cut off: so each sign of life makes the row again where it is
 * gone.
 */
#ifndef BACKFILL_PRESENCE_H
#define BACKFILL_PRESENCE_H

#include "run/session.h"

/* What is told of one connection with each sign of life; below 0: not known. */
struct presence_news {
  int64_t batch_size;
  int64_t rate_1m; /* rows a second */
  int64_t rate_10m;
  double lag_s; /* of the slowest replica */
};

/* A name of this process that no other one has; the caller frees. */
char *presence_runner_id(void);

/* `lease` of [backfill], seconds. */
double presence_lease_s(const struct session *session);

/* After so many seconds the next sign of life is due: some may be lost before the lease is over. */
double presence_beat_every_s(double lease_s);

/* The row, unless it is there; none when the backfill is finished or forgotten. */
bool presence_insert(struct session *session, const char *id, const char *runner, const char *backfill,
                     int64_t batch_size, struct error *err) MUST_CHECK;

/* Parameters of the statements of a sign of life, "worker_insert" and "worker_beat", for who cannot wait. */
void presence_insert_params(struct batch_builder *params, const char *id, const char *runner, const char *backfill,
                            int64_t batch_size, double lease_s);
void presence_beat_params(struct batch_builder *params, const char *id, double lease_s,
                          const struct presence_news *news);

/* All rows of the process. */
bool presence_delete(struct session *session, const char *runner, struct error *err) MUST_CHECK;

/* Rows of the dead, and what the dead have left as the reason of a pause. */
bool presence_sweep(struct session *session, const char *backfill, struct error *err) MUST_CHECK;

/* Is nobody at work on it? Else ERROR_FAILED, with who is; `then` ends the advice. */
bool presence_check_none(struct session *session, const char *backfill, const char *then, struct error *err) MUST_CHECK;

#endif
