/*
 * stream.h - streaming outside a transaction, and of statements that a cursor cannot be declared for: libpq's
 * single-row mode. A connection has at most one stream; whatever else wants to run first takes the rest of it into
 * memory.
 */
#ifndef MOONBIRD_POSTGRES_STREAM_H
#define MOONBIRD_POSTGRES_STREAM_H

#include "result.h"

/* To be called right after sending: waits for the first row (or the end, or a failure) and makes `result` read from
 * the connection. */
bool stream_open(moonbird_result *result, int32_t state_before, bool is_query, moonbird_error *error);

/* Appends at most `max_rows` rows to the result's columns: their number, or -1 and the error. */
int64_t stream_take(moonbird_result *result, uint64_t max_rows, moonbird_error *error);

/* Takes the rest of the connection's open stream into memory, if there is one. False: out of memory. */
bool stream_absorb(moonbird_conn *conn, moonbird_error *error);

/* Throws the rest away. */
void stream_end(moonbird_result *result);

/* The transaction state before the stream began; UNKNOWN for NULL. */
int32_t stream_transaction_state(const struct moonbird_result *stream);

#endif
