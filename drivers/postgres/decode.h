/*
 * decode.h - turns the cells of a PGresult into the columns of a batch. A struct result_column belongs to its result
 * and keeps its buffers from one batch to the next; column_release frees them. Rows are appended, so that a batch can
 * be made of one large PGresult or of many small ones.
 */
#ifndef MOONBIRD_POSTGRES_DECODE_H
#define MOONBIRD_POSTGRES_DECODE_H

#include "buffer.h"
#include "moonbird/driver.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct result_column;

/* Appends `count` rows, from row `first`, of field `field`; false: out of memory. */
typedef bool (*column_decoder)(struct result_column *column, const PGresult *rows, int field, int first, int count);

struct result_column {
  char *name;
  uint32_t type; /* MOONBIRD_TYPE_... */
  column_decoder decode;
  struct buffer data;
  struct buffer offsets;
  struct buffer valid;
  bool has_nulls;
};

/* True if the driver decodes the binary format of this type to the same value and spelling as its text format. */
bool decode_knows_binary(Oid type);

/* Sets type, decoder and a copy of the name; false: out of memory. */
bool column_init(struct result_column *column, const char *name, Oid type, bool is_binary);

/* Forgets the rows, keeps the memory. */
void column_clear(struct result_column *column);

/* Describes what was appended since column_clear; the view lives until the next append or clear. */
bool column_view(struct result_column *column, moonbird_column *view);

void column_release(struct result_column *column);

/* The pure parts. Each writes at `out` and returns the length. */

/* A bytea in its text form, hex ("\x00ff") or escape ("a\\b\000"); `out` needs room for `len` bytes. */
size_t decode_bytea_text(const char *text, size_t len, unsigned char *out);

#define DECODE_TEXT_SIZE 64

size_t decode_uuid(const unsigned char *bytes, char out[DECODE_TEXT_SIZE]);

/* Days since 2000-01-01 in ISO spelling, as date_out() writes it. */
size_t decode_date(int32_t days, char out[DECODE_TEXT_SIZE]);

/* Microseconds since 2000-01-01 00:00, as timestamp_out() writes it. */
size_t decode_timestamp(int64_t microseconds, char out[DECODE_TEXT_SIZE]);

/* A decimal integer of the server's, with its sign. */
int64_t decode_integer_text(const char *text);

#endif
