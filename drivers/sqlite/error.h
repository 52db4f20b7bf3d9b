/*
 * error.h - filling the host's error struct.
 *
 * The struct belongs to the host, which has zeroed it; nothing here allocates. Every function returns MOONBIRD_ERROR,
 * so that a caller can write `return error_set(...)`.
 */
#ifndef SQLITE_DRIVER_ERROR_H
#define SQLITE_DRIVER_ERROR_H

#include "connection.h"

int32_t error_set(moonbird_error *error, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the hint to an error that is already set. */
int32_t error_hint(moonbird_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds the detail likewise. */
int32_t error_detail(moonbird_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

int32_t error_no_memory(moonbird_error *error);

/* Takes code and message from the connection right after the call that returned `code`. */
int32_t error_from_sqlite(moonbird_error *error, moonbird_conn *conn, int code);

/* Copies into a field of `size` bytes: cut at a character's boundary, bytes that are not UTF-8 replaced by "?". */
void error_copy_text(char *field, size_t size, const char *text, size_t len);

#endif
