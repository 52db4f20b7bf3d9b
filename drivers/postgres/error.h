/*
 * error.h - fills a moonbird_error from libpq and from the driver itself. The error belongs to the caller and has its
 * full size (driver.c sees to that); each function overwrites it whole.
 */
#ifndef MOONBIRD_POSTGRES_ERROR_H
#define MOONBIRD_POSTGRES_ERROR_H

#include "moonbird/driver.h"

#include <libpq-fe.h>
#include <stddef.h>
#include <stdint.h>

/* An error of the driver's own. */
void error_set(moonbird_error *error, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void error_set_hint(moonbird_error *error, const char *hint);

/* Memory ran out on this side: 53200. */
void error_set_memory(moonbird_error *error);

/* From a failed result. `sql` is the text that the position is told in (NULL: none), `prefix_chars` the number of
 * characters that the driver put before it. A result without a SQLSTATE is read as error_from_connection does. */
void error_from_result(moonbird_error *error, PGconn *pg, const PGresult *result, const char *sql, size_t sql_len,
                       size_t prefix_chars);

/* From the connection: it was lost, or libpq refused the call. */
void error_from_connection(moonbird_error *error, PGconn *pg);

/* From libpq's text about a connection that could not be opened, in its verbose form. Pure. */
void error_from_connect_text(moonbird_error *error, const char *text);

/* A notice or warning. */
void error_from_notice(moonbird_error *notice, const PGresult *result);

/* MOONBIRD_RETRY_... for a SQLSTATE. Pure. */
uint8_t error_retry_of(const char *sqlstate);

#endif
