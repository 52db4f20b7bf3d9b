/*
 * notice.h - notices of databases, from connection threads to the log of the main thread.
 *
 * A notice arrives on a connection's thread; it is queued in the box of that connection, and written when the loop gets
 * the result of the call. Ownership: the connection owns its box.
 */
#ifndef DB_NOTICE_H
#define DB_NOTICE_H

#include "base/vec.h"
#include "moonbird/driver.h"

#include <uv.h>

struct notice_box {
  uv_mutex_t mutex;
  struct vec lines; /* owned strings */
};

void notice_box_init(struct notice_box *box);
void notice_box_release(struct notice_box *box);

/* The function in the host table; `owner` is a struct notice_box. Any thread. */
void notice_from_driver(void *owner, const moonbird_error *notice);

/* Writes what has come to the log. Main thread. */
void notice_box_flush(struct notice_box *box);

#endif
