/*
 * batch.h - builds columnar batches (parameters) value by value, and reads single values out of batches (results).
 *
 * Ownership: the builder owns its memory; the batch that it shows lives until the next call on the builder.
 */
#ifndef DB_BATCH_H
#define DB_BATCH_H

#include "base/strbuf.h"
#include "moonbird/driver.h"

#include <stdbool.h>
#include <stdint.h>

/* One column under construction. Its type is that of the first value; a value of another type makes it a VARIANT. */
struct column_builder {
  uint32_t type;
  bool has_null;
  size_t rows;
  size_t cap; /* rows for which there is room in the arrays below */
  uint8_t *valid;
  uint8_t *bools;      /* BOOL */
  int64_t *ints;       /* INT64; FLOAT64 uses the same memory */
  uint32_t *offsets;   /* TEXT, BYTES, VARIANT */
  uint8_t *row_types;  /* VARIANT */
  struct strbuf bytes; /* TEXT, BYTES, VARIANT */
};

struct batch_builder {
  struct column_builder *columns;
  uint32_t column_count;
  moonbird_column *views;
  moonbird_batch batch;
};

/* Life: init makes `column_count` empty columns; clear takes all rows out and forgets the types; release frees. */
void batch_init(struct batch_builder *b, uint32_t column_count);
void batch_clear(struct batch_builder *b);
void batch_release(struct batch_builder *b);

/* Appends one value to a column. A row is complete when every column got its value. Text and bytes of more than 4 GiB
 * in one column return false (so do they alone). */
void batch_add_null(struct batch_builder *b, uint32_t column);
void batch_add_bool(struct batch_builder *b, uint32_t column, bool value);
void batch_add_int(struct batch_builder *b, uint32_t column, int64_t value);
void batch_add_float(struct batch_builder *b, uint32_t column, double value);
bool batch_add_text(struct batch_builder *b, uint32_t column, const char *text, size_t len) MUST_CHECK;
bool batch_add_bytes(struct batch_builder *b, uint32_t column, const void *data, size_t len) MUST_CHECK;

/* A text that cannot be that long, NULL for SQL NULL. */
void batch_add_str(struct batch_builder *b, uint32_t column, const char *text);

/* A text for people: what is no UTF-8 is replaced, so that no database refuses it. NULL for SQL NULL. */
void batch_add_clean(struct batch_builder *b, uint32_t column, const char *text);

/* Takes the values after row `rows` of one column off again, after a row that came to nothing. */
void batch_cut(struct batch_builder *b, uint32_t column, size_t rows);

/* Bytes that the values take, for limits. */
size_t batch_size_bytes(const struct batch_builder *b);

/* The batch as drivers want it. All columns must have the same number of rows. */
const moonbird_batch *batch_view(struct batch_builder *b);

/* --- reading --- */

/* One value of a batch; text and bytes point into it. `type` is MOONBIRD_TYPE_NONE for NULL, never VARIANT. */
struct value {
  uint32_t type;
  bool boolean;
  int64_t integer;
  double number;
  const char *bytes;
  size_t len;
};

struct value batch_value(const moonbird_column *column, uint64_t row);

/* Bytes that the values of a row take, for limits. */
size_t batch_row_bytes(const moonbird_batch *batch, uint64_t row);

/* Appends a value to a builder's column. */
bool batch_add_value(struct batch_builder *b, uint32_t column, const struct value *value) MUST_CHECK;

#endif
