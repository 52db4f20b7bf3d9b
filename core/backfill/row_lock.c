/*
 * row_lock.c - see row_lock.h.
 */
#include "backfill/row_lock.h"

void row_lock_conflicted(struct row_lock *lock) {
  lock->left = lock->next;
  lock->next = lock->next < ROW_LOCK_MOST ? lock->next * 2 : ROW_LOCK_MOST;
}

/* Slower down than up: one quiet batch takes one off. */
void row_lock_committed(struct row_lock *lock) {
  if (lock->left > 0)
    lock->left--;
  else if (lock->next > ROW_LOCK_FIRST)
    lock->next--;
}
