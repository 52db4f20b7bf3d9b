/*
 * lock.h - the runner's lock: flock on a file beside the database.
 *
 * The lock belongs to the connection; the operating system frees it when the process dies. One file serves a database,
 * whatever the key is.
 */
#ifndef SQLITE_DRIVER_LOCK_H
#define SQLITE_DRIVER_LOCK_H

#include "connection.h"

int32_t lock_take(moonbird_conn *conn, const char *key, char *holder, uint32_t holder_size, moonbird_error *error);
void lock_give(moonbird_conn *conn, const char *key);

/* Gives the lock back, however often it was taken, and frees what it needed. */
void lock_release(moonbird_conn *conn);

#endif
