/*
 * throttle.h - what may hold all workers of a runner before their next batch.
 *
 * The runner (runner.c) calls these functions on the main thread, between events of the loop; none may wait. Whoever
 * looks at signals does so on a connection and timers of its own (session_connect, loop_uv) and keeps the last answer.
 */
#ifndef THROTTLE_THROTTLE_H
#define THROTTLE_THROTTLE_H

#include <jansson.h>
#include <stdint.h>

struct throttle {
  void *data;

  /* Why no batch may start now ("replica lag 12 s, above 5 s"), or NULL. Asked before each batch, and once a second
   * while a reason holds. The text lives until the next call. */
  const char *(*reason)(void *data);

  /* The operator's overrides (README.md) have changed: the whole object, or NULL for none. May be NULL. */
  void (*override)(void *data, const json_t *overrides);

  /* A batch of a worker has been committed. May be NULL. */
  void (*batch_done)(void *data, int64_t rows, double seconds);

  /* Seconds that the slowest replica is behind; below 0: not known. May be NULL. */
  double (*lag_s)(void *data);

  /* Divides the next batches of all workers: 1, or 2 and more while others are blocked by us. NULL is 1. */
  int (*divisor)(void *data);
};

#endif
