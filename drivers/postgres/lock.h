/*
 * lock.h - the runner's lock: a PostgreSQL advisory lock of the session. Nothing is owned; the server frees the lock
 * when the connection ends.
 */
#ifndef MOONBIRD_POSTGRES_LOCK_H
#define MOONBIRD_POSTGRES_LOCK_H

#include "connection.h"

/* The advisory lock's key: FNV-1a, 64 bits, of the key's bytes. Never to be changed: two versions of the program must
 * agree on it. */
int64_t lock_key(const char *key);

int32_t lock_take(moonbird_conn *conn, const char *key, char *holder, uint32_t holder_size, moonbird_error *error);
void lock_release(moonbird_conn *conn, const char *key);

#endif
