/*
 * array.c - encodes parameter columns as binary arrays: the hot path of backfills, a million values at a time. Called
 * by statement.c; knows nothing of libpq.
 *
 * The format, from array_send() of the server: number of dimensions, whether there are NULLs, OID of the elements; for
 * each dimension its length and lower bound; for each element its length (-1 for NULL) and its bytes. All integers are
 * four bytes, big-endian.
 */
#include "array.h"

#include "value.h"

#include <endian.h>
#include <string.h>

#define HEADER_LEN 20
#define MAX_BYTES  ((size_t)1000 * 1000 * 1000) /* the server refuses a message of 1 GiB */

static unsigned char *put32(unsigned char *at, uint32_t number) {
  uint32_t wire = htobe32(number);
  memcpy(at, &wire, sizeof wire);
  return at + sizeof wire;
}

static unsigned char *put64(unsigned char *at, uint64_t number) {
  uint64_t wire = htobe64(number);
  memcpy(at, &wire, sizeof wire);
  return at + sizeof wire;
}

static unsigned char *put_header(unsigned char *at, uint64_t rows, bool has_nulls, uint32_t element_type) {
  at = put32(at, rows == 0 ? 0 : 1);
  at = put32(at, has_nulls ? 1 : 0);
  at = put32(at, element_type);
  if (rows > 0) {
    at = put32(at, (uint32_t)rows);
    at = put32(at, 1);
  }
  return at;
}

static bool is_null(const moonbird_column *column, uint64_t row) {
  return column->valid != NULL && column->valid[row] == 0;
}

static bool has_nulls(const moonbird_column *column, uint64_t rows) {
  return column->type == MOONBIRD_TYPE_NONE ||
         (column->valid != NULL && rows > 0 && memchr(column->valid, 0, rows) != NULL);
}

static unsigned char *put_bools(unsigned char *at, const moonbird_column *column, uint64_t rows) {
  const uint8_t *values = column->data;
  for (uint64_t row = 0; row < rows; row++) {
    if (is_null(column, row)) {
      at = put32(at, UINT32_MAX);
      continue;
    }
    at = put32(at, 1);
    *at++ = values[row] != 0;
  }
  return at;
}

/* int64_t and double: eight bytes each, whose order is turned round. */
static unsigned char *put_words(unsigned char *at, const moonbird_column *column, uint64_t rows) {
  const unsigned char *values = column->data;
  for (uint64_t row = 0; row < rows; row++) {
    if (is_null(column, row)) {
      at = put32(at, UINT32_MAX);
      continue;
    }
    uint64_t word;
    memcpy(&word, values + row * sizeof word, sizeof word);
    at = put32(at, sizeof word);
    at = put64(at, word);
  }
  return at;
}

static unsigned char *put_texts(unsigned char *at, const moonbird_column *column, uint64_t rows) {
  const unsigned char *data = column->data;
  for (uint64_t row = 0; row < rows; row++) {
    if (is_null(column, row)) {
      at = put32(at, UINT32_MAX);
      continue;
    }
    uint32_t len = column->offsets[row + 1] - column->offsets[row];
    at = put32(at, len);
    if (len > 0) {
      memcpy(at, data + column->offsets[row], len);
      at += len;
    }
  }
  return at;
}

static unsigned char *put_nulls(unsigned char *at, uint64_t rows) {
  memset(at, 0xFF, rows * sizeof(uint32_t));
  return at + rows * sizeof(uint32_t);
}

/* One value of a VARIANT column; numbers inside a text[] are spelled out. */
static unsigned char *put_value(unsigned char *at, const struct value *value, bool as_text) {
  char text[VALUE_TEXT_SIZE];
  uint64_t word = 0;
  size_t len = 0;
  if (value->type == MOONBIRD_TYPE_NONE) {
    return put32(at, UINT32_MAX);
  }
  if (value->type == MOONBIRD_TYPE_TEXT || value->type == MOONBIRD_TYPE_BYTES) {
    at = put32(at, (uint32_t)value->len);
    memcpy(at, value->bytes, value->len);
    return at + value->len;
  }
  if (as_text) {
    len = value_number_text(value, text);
    at = put32(at, (uint32_t)len);
    memcpy(at, text, len);
    return at + len;
  }
  if (value->type == MOONBIRD_TYPE_BOOL) {
    at = put32(at, 1);
    *at = value->boolean;
    return at + 1;
  }
  if (value->type == MOONBIRD_TYPE_INT64) {
    memcpy(&word, &value->integer, sizeof word);
  } else {
    memcpy(&word, &value->number, sizeof word);
  }
  return put64(put32(at, sizeof word), word);
}

static unsigned char *put_variants(unsigned char *at, const moonbird_column *column, uint64_t rows, bool as_text) {
  for (uint64_t row = 0; row < rows; row++) {
    struct value value = column_value(column, row);
    at = put_value(at, &value, as_text);
  }
  return at;
}

/* A row marked as NULL inside `row_types` only is a NULL too. */
static bool variant_has_nulls(const moonbird_column *column, uint64_t rows) {
  return rows > 0 && memchr(column->row_types, MOONBIRD_TYPE_NONE, rows) != NULL;
}

/* Upper bound of the encoded length. */
static size_t encoded_bound(const moonbird_column *column, uint64_t rows) {
  size_t bound = HEADER_LEN + (size_t)rows * 4;
  switch (column->type) {
  case MOONBIRD_TYPE_NONE:
    return bound;
  case MOONBIRD_TYPE_BOOL:
    return bound + (size_t)rows;
  case MOONBIRD_TYPE_INT64:
  case MOONBIRD_TYPE_FLOAT64:
    return bound + (size_t)rows * 8;
  case MOONBIRD_TYPE_VARIANT:
    bound += (size_t)rows * VALUE_TEXT_SIZE;
    break;
  default:
    break;
  }
  return rows == 0 ? bound : bound + (column->offsets[rows] - column->offsets[0]);
}

static uint32_t element_type_of(uint32_t type) {
  switch (type) {
  case MOONBIRD_TYPE_BOOL:
    return OID_BOOL;
  case MOONBIRD_TYPE_INT64:
    return OID_INT8;
  case MOONBIRD_TYPE_FLOAT64:
    return OID_FLOAT8;
  case MOONBIRD_TYPE_BYTES:
    return OID_BYTEA;
  default:
    return OID_TEXT;
  }
}

static uint32_t array_type_of(uint32_t element_type) {
  switch (element_type) {
  case OID_BOOL:
    return OID_BOOL_ARRAY;
  case OID_INT8:
    return OID_INT8_ARRAY;
  case OID_FLOAT8:
    return OID_FLOAT8_ARRAY;
  case OID_BYTEA:
    return OID_BYTEA_ARRAY;
  default:
    return OID_TEXT_ARRAY;
  }
}

static unsigned char *put_elements(unsigned char *at, const moonbird_column *column, uint64_t rows, uint32_t common) {
  switch (column->type) {
  case MOONBIRD_TYPE_NONE:
    return put_nulls(at, rows);
  case MOONBIRD_TYPE_BOOL:
    return put_bools(at, column, rows);
  case MOONBIRD_TYPE_INT64:
  case MOONBIRD_TYPE_FLOAT64:
    return put_words(at, column, rows);
  case MOONBIRD_TYPE_VARIANT:
    return put_variants(at, column, rows, common == MOONBIRD_TYPE_VARIANT);
  default:
    return put_texts(at, column, rows);
  }
}

enum array_status array_encode(struct buffer *out, const moonbird_column *column, uint64_t rows, uint32_t *type) {
  if (rows > MAX_BYTES / 4) {
    return ARRAY_TOO_LARGE;
  }
  size_t bound = encoded_bound(column, rows);
  bool is_variant = column->type == MOONBIRD_TYPE_VARIANT;
  if (bound > MAX_BYTES + (is_variant ? (size_t)rows * VALUE_TEXT_SIZE : 0)) {
    return ARRAY_TOO_LARGE;
  }
  if (!buffer_reserve(out, bound)) {
    return ARRAY_NO_MEMORY;
  }
  uint32_t common = column_common_type(column, rows);
  uint32_t element_type = element_type_of(common);
  bool nulls = has_nulls(column, rows) || (is_variant && variant_has_nulls(column, rows));
  unsigned char *at = put_header(out->data + out->len, rows, nulls, element_type);
  at = put_elements(at, column, rows, common);
  out->len = (size_t)(at - out->data);
  *type = array_type_of(element_type);
  return out->len > MAX_BYTES ? ARRAY_TOO_LARGE : ARRAY_OK;
}
