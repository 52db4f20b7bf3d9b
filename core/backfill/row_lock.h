/*
 * row_lock.h - for how many batches rows are locked as they are read, after others have changed rows that were not, or
 * after one whose rows took several statements.
 *
 * A batch that meets a change is done twice; so where they are frequent, more and more batches lock, and after some
 * quiet ones fewer. Pure; the worker owns the struct.
 */
#ifndef BACKFILL_ROW_LOCK_H
#define BACKFILL_ROW_LOCK_H

struct row_lock {
  int left; /* batches that still lock; 0: rows are read without */
  int next; /* how many will, after the next conflict */
};

enum { ROW_LOCK_FIRST = 4, ROW_LOCK_MOST = 1024 };

#define ROW_LOCK_INIT                                                                                                  \
  { .left = 0, .next = ROW_LOCK_FIRST }

void row_lock_conflicted(struct row_lock *lock);
void row_lock_committed(struct row_lock *lock);

#endif
