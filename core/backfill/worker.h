/*
 * worker.h - one connection that takes ranges and works through them, batch by batch: a state machine.
 *
 * Callbacks of the loop only note that a worker can go on (`called`); worker_go_on, from the runner's own loop, does
 * it. So nothing here runs inside a callback, and whatever waits may run the loop.
 *
 * Ownership: the caller owns the struct (worker_init, worker_release) and the connection. The files: worker.c (life,
 * table of states, pauses), seek.c (from no range to a range), attempt.c (a batch), rows.c (its rows),
 * quarantine.c (those that cannot be done), recover.c (after an error); worker_states.h is between them.
 */
#ifndef BACKFILL_WORKER_H
#define BACKFILL_WORKER_H

#include "backfill/chunk.h"
#include "backfill/definition.h"
#include "backfill/job.h"
#include "backfill/range.h"
#include "backfill/row_lock.h"

#include <uv.h>

/*
 * What a worker waits for. Every state but IDLE and ENDED has one call of the connection, or a timer, in flight;
 * worker.c has the table of what follows what.
 */
enum worker_state {
  WORKER_IDLE,

  /* to a range: seek.c */
  WORKER_SEEK,          /* BEGIN */
  WORKER_NEXT,          /* a pending range, or one whose worker is gone */
  WORKER_TAKE,          /* makes it ours */
  WORKER_FRONTIER,      /* no range waits: locks the backfill's row, to plan one */
  WORKER_PLAN,          /* finds the key that ends the new range */
  WORKER_INSERT,        /* makes the range, ours from its birth */
  WORKER_MOVE_FRONTIER, /* up to its end */
  WORKER_LEFT,          /* all is planned: is any range unfinished? */
  WORKER_SEEK_COMMIT,

  /* a batch: attempt.c, rows.c, quarantine.c */
  WORKER_BEGIN,           /* BEGIN and the settings of a batch's session */
  WORKER_CLAIM,           /* locks the range row; is it still ours, and what does the operator want? */
  WORKER_HOP,             /* finds the key that ends the batch (set and batch forms, bounded pages) */
  WORKER_ANNOUNCE,        /* effects outside: the batch's end is written down before it is done */
  WORKER_ANNOUNCE_COMMIT, /* and committed */
  WORKER_PAGE,            /* reads rows */
  WORKER_WRITE,           /* writes a chunk, while Lua works on the next one */
  WORKER_MORE,            /* asks whether the page has further rows */
  WORKER_COUNT,           /* FORM_BATCH, last batch: how many rows are left */
  WORKER_FUNCTION,        /* FORM_BATCH: the script's function waits for the database */
  WORKER_UPDATE,          /* FORM_SET: the one UPDATE */
  WORKER_BAD_REOPEN,      /* rows to put aside: those that counted as settled */
  WORKER_BAD_AGAIN,       /* all that were put aside before */
  WORKER_BAD_INSERT,      /* and the new ones */
  WORKER_BAD_ADD,         /* adds them to the backfill's number */
  WORKER_BAD_COUNT,       /* which must not go beyond max_bad */
  WORKER_MENDED,          /* a range of one key, after `bad retry`: the row is no bad one any more */
  WORKER_MENDED_ADD,
  WORKER_SYNC,       /* the commit that ends a range waits for the disk */
  WORKER_CHECKPOINT, /* moves the cursor */
  WORKER_COMMIT,

  WORKER_ROLLBACK,
  WORKER_CONNECT, /* after a lost connection */
  WORKER_PAUSE,   /* between batches, before a repeated one, before another look for a range */
  WORKER_HELD,    /* by the throttle */
  WORKER_ENDED,
};

struct worker {
  struct job *job;
  struct conn *conn;
  int number;  /* in its process, from 0 */
  char *id;    /* in moonbird_backfill_worker */
  char *begin; /* the definition's, with this id */
  struct range range;
  bool has_range;
  bool retired; /* has ended because the settings want fewer; others do not see it */
  struct sizer sizer;
  int settings; /* of the job, as the sizer knows them */
  enum worker_state state;
  bool called; /* what it waited for is there */

  /* the batch */
  int64_t limit;    /* rows asked for */
  double row_bytes; /* of an average row of the last batch, 0 before the first one */
  char *end_key;    /* last key of the batch; becomes the cursor */
  bool locks_rows;  /* they are locked as they are read, else looked at again as they are written */
  bool is_mixed;    /* several statements write one piece of its rows */
  bool announced;   /* end_key was written down before: the batch must be just this one */
  bool finishes_range;
  int64_t rows; /* rows that the batch covers, as far as it is known */
  double begun_s;
  double statement_begun_s;
  struct statement statement;
  struct batch_builder params;
  moonbird_result *result;
  moonbird_batch page; /* the rows fetched last; views that live until the next fetch on `result` */
  bool page_done;      /* the result has no further rows */
  uint64_t page_row;   /* rows of the fetched page that have been given to Lua */
  uint64_t page_total; /* rows fetched in this batch */
  bool by_pieces;      /* pages come in pieces: from the first wide value on that was met */
  bool is_guarded;     /* the page on its way is one that ends before such a value */
  uint64_t piece_rows; /* of the batch's rows, those of the last piece */
  char *read_key;      /* and its last key */
  double page_bytes;   /* of those rows */
  struct chunk chunks[2];
  int filling;                /* chunk that Lua fills; the other one is written */
  bool filled;                /* the chunk that Lua fills has something */
  bool fill_failed;           /* Lua failed (`err` says why) while the other chunk was being written */
  struct outcome put_away;    /* an answer, while the connection is lent to a writer that reads the catalog */
  struct host_task task;      /* FORM_BATCH: the script's function */
  int connection_ref;         /* the connection as that function sees it */
  int64_t fitting;            /* the batch again, with so many rows: more cannot be in memory at once; 0: no */
  struct vec bad;             /* struct bad_row *: to be put aside with this batch */
  int64_t bad_reopened;       /* of them, those that counted as settled */
  int64_t narrow;             /* limit while a row with an error of the data is looked for; 0: none is */
  int64_t narrow_rows;        /* rows to go through so before it is given up */
  char *condemned;            /* the key of the row that was found, which is put aside instead of being done */
  struct error condemned_for; /* what it did */

  /* the run */
  struct row_lock row_lock;
  double stood_back_s;    /* when a pause last let other writers in, where they need one */
  int attempts;           /* of this batch, without progress */
  double retry_s;         /* pause after the ROLLBACK */
  bool failed;            /* the job's error came from this range */
  int losses;             /* of the connection, since the last commit */
  int refusals;           /* of a server that only reads for now, since the last commit */
  double refused_s;       /* waited because of them */
  double lost_s;          /* when the connection was lost; 0: it was not */
  char *waits_for;        /* whose range it waits for, for people; or NULL */
  const char *held_for;   /* the throttle's reason */
  struct error err;       /* of the batch that has just failed */
  enum worker_state then; /* after a pause */
  uv_timer_t timer;
  bool timer_closed;
};

/* `conn` is opened already. */
void worker_init(struct worker *worker, struct job *job, struct conn *conn, int number);
void worker_release(struct worker *worker);

/* Starts; the worker has ended when its state is WORKER_ENDED: `job->end` then says why. */
void worker_start(struct worker *worker);

/* Goes on, if what it waited for is there. */
void worker_go_on(struct worker *worker);

/* It waits for no call of its connection: pauses, is held, has ended. */
bool worker_is_quiet(const struct worker *worker);

/* Ends pauses at once: the job ends, or is not held any more. */
void worker_wake(struct worker *worker);

#endif
