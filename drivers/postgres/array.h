/*
 * array.h - PostgreSQL's binary array format, for MOONBIRD_BIND_ARRAYS. Pure: no server is needed. The bytes are
 * appended to the caller's buffer.
 */
#ifndef MOONBIRD_POSTGRES_ARRAY_H
#define MOONBIRD_POSTGRES_ARRAY_H

#include "buffer.h"
#include "moonbird/driver.h"
#include "oids.h"

enum array_status { ARRAY_OK, ARRAY_NO_MEMORY, ARRAY_TOO_LARGE };

/* Encodes `rows` values of a column as one array with one dimension; `*type` gets the OID of the array's type:
 * bool[], int8[], float8[], text[] or bytea[]. A VARIANT column of one type is as a column of that type; mixed values
 * become text[]. ARRAY_TOO_LARGE: more than a message to the server may hold. */
enum array_status array_encode(struct buffer *out, const moonbird_column *column, uint64_t rows, uint32_t *type);

#endif
