/*
 * worker.h - one connection that works through a range, batch by batch, as a state machine on the event loop.
 *
 * Ownership: the caller owns the struct (worker_init, worker_release) and the connection. `on_batch` and `on_end` run
 * on the loop.
 */
#ifndef BACKFILL_WORKER_H
#define BACKFILL_WORKER_H

#include "backfill/chunk.h"
#include "backfill/definition.h"
#include "backfill/range.h"

#include <uv.h>

/*
 * What a worker waits for. Every state but IDLE and ENDED has one call of the connection, or a timer, in flight;
 * worker.c has the table of what follows what.
 */
enum worker_state {
  WORKER_IDLE,
  WORKER_BEGIN,      /* BEGIN and the settings of a batch's session */
  WORKER_CLAIM,      /* locks the range row; are worker and epoch still ours? */
  WORKER_HOP,        /* finds the key that ends the batch (set and batch forms, filtered rows) */
  WORKER_PAGE,       /* reads rows */
  WORKER_WRITE,      /* writes a chunk, while Lua works on the next one */
  WORKER_MORE,       /* asks whether the page has further rows */
  WORKER_COUNT,      /* FORM_BATCH, last batch: how many rows are left */
  WORKER_FUNCTION,   /* FORM_BATCH: the script's function is to be called (worker_call_function) */
  WORKER_UPDATE,     /* FORM_SET: the one UPDATE */
  WORKER_SYNC,       /* the commit that ends a range waits for the disk */
  WORKER_CHECKPOINT, /* moves the cursor */
  WORKER_COMMIT,
  WORKER_ROLLBACK,
  WORKER_PAUSE, /* between batches, or before a repeated one */
  WORKER_ENDED,
};

struct worker {
  struct session *session;
  struct conn *conn;
  const struct definition *definition;
  const char *style;
  struct range *range;
  struct sizer sizer;
  enum worker_state state;

  /* the batch */
  int64_t limit;    /* rows asked for */
  double row_bytes; /* of an average row of the last page, 0 before the first one */
  char *end_key;    /* last key of the batch; becomes the cursor */
  bool finishes_range;
  int64_t rows; /* rows that the batch covers, as far as it is known */
  double begun_s;
  struct statement statement;
  struct batch_builder params;
  moonbird_result *result;
  moonbird_batch page; /* the rows fetched last; views that live until the next fetch on `result` */
  bool page_done;      /* the result has no further rows */
  uint64_t page_row;   /* rows of the fetched page that have been given to Lua */
  uint64_t page_total; /* rows fetched in this batch */
  struct chunk chunks[2];
  int filling;         /* chunk that Lua fills; the other one is written */
  bool filled;         /* the chunk that Lua fills has something */
  int64_t narrow;      /* limit while a row with an error of the data is looked for; 0: none is */
  int64_t narrow_rows; /* rows to go through so before it is given up */
  bool again;          /* the batch is to be repeated at once, with fewer rows */
  bool fill_failed;    /* Lua failed (`err` says why) while the other chunk was being written */

  /* the run */
  int attempts;     /* of this batch, without progress */
  bool stop;        /* asked to end after the batch */
  bool stopped;     /* ended because it was asked to */
  struct error err; /* why it ended, or nothing */
  uv_timer_t timer;
  bool timer_closed;
  void (*on_batch)(void *data, int64_t rows, double seconds);
  void *on_batch_data;
};

void worker_init(struct worker *worker, struct session *session, struct conn *conn, const struct definition *definition,
                 struct range *range);
void worker_release(struct worker *worker);

/* Starts; the worker has ended when its state is WORKER_ENDED. `err` is then set, or the range is done, or `stopped` is
 * set. */
void worker_start(struct worker *worker);

/* In WORKER_FUNCTION: calls the script's function, which runs the loop by itself; so never from a callback of the loop.
 */
void worker_call_function(struct worker *worker);

/* Lets it end after the batch. */
void worker_stop(struct worker *worker);

#endif
