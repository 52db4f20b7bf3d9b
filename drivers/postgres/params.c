/*
 * params.c - encodes parameters. Called by statement.c and pipeline.c; sends nothing.
 *
 * Booleans, integers, floats and bytes go in binary under their own type. A text goes as type 0 ("unknown") in text
 * format, so that the server reads it as whatever the statement needs: date, numeric, jsonb, an enum. Where the server
 * infers bytea, the bytes go in binary as they are.
 */
#include "params.h"

#include "array.h"
#include "error.h"
#include "oids.h"
#include "sqltext.h"
#include "value.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 65535u /* the protocol counts them in 16 bits */
#define MAX_BYTES  ((size_t)1000 * 1000 * 1000)

static bool params_resize(struct params *params, uint32_t count, moonbird_error *error) {
  if (count > MAX_PARAMS) {
    error_set(error, "54000", "the statement has %u parameters; PostgreSQL takes at most %u", count, MAX_PARAMS);
    return false;
  }
  size_t each = sizeof *params->values + sizeof *params->types + sizeof *params->lengths + sizeof *params->formats;
  params->table.len = 0;
  if (!buffer_reserve(&params->table, each * count + 1)) {
    error_set_memory(error);
    return false;
  }
  unsigned char *at = params->table.data;
  params->count = (int)count;
  params->values = (const char **)(void *)at;
  at += count * sizeof *params->values;
  params->types = (Oid *)(void *)at;
  at += count * sizeof *params->types;
  params->lengths = (int *)(void *)at;
  at += count * sizeof *params->lengths;
  params->formats = (int *)(void *)at;
  return true;
}

static bool fits_int4(const moonbird_column *column, uint64_t rows) {
  for (uint64_t row = 0; row < rows; row++) {
    struct value value = column_value(column, row);
    if (value.type == MOONBIRD_TYPE_INT64 && (value.integer < INT32_MIN || value.integer > INT32_MAX)) {
      return false;
    }
  }
  return true;
}

static Oid declared_type(const moonbird_column *column, uint64_t rows) {
  switch (column_common_type(column, rows)) {
  case MOONBIRD_TYPE_BOOL:
    return OID_BOOL;
  case MOONBIRD_TYPE_INT64:
    return fits_int4(column, rows) ? OID_INT4 : OID_INT8;
  case MOONBIRD_TYPE_FLOAT64:
    return OID_FLOAT8;
  case MOONBIRD_TYPE_BYTES:
    return OID_BYTEA;
  default:
    return OID_UNKNOWN_PARAM;
  }
}

static bool is_all_null(const moonbird_column *column, uint64_t rows) {
  return rows == 1 && column_value(column, 0).type == MOONBIRD_TYPE_NONE;
}

bool params_declare(struct params *params, const moonbird_batch *batch, uint64_t rows, moonbird_error *error) {
  if (!params_resize(params, batch == NULL ? 0 : batch->column_count, error)) {
    return false;
  }
  for (int i = 0; i < params->count; i++) {
    const moonbird_column *column = batch_column(batch, (uint32_t)i);
    params->types[i] = is_all_null(column, rows) ? OID_UNKNOWN_PARAM : declared_type(column, rows);
  }
  return true;
}

/* A plain text is the same in text format whatever its type is, if the server does not convert it to an encoding of
 * its own; else the type must be known first, because bytea has an escape syntax. */
bool params_need_description(const struct params *params, const moonbird_batch *batch, bool server_is_utf8) {
  for (int i = 0; i < params->count; i++) {
    struct value value = column_value(batch_column(batch, (uint32_t)i), 0);
    if (value.type == MOONBIRD_TYPE_TEXT && (!server_is_utf8 || !text_is_plain(value.bytes, value.len))) {
      return true;
    }
  }
  return false;
}

static bool params_reserve(struct params *params, const moonbird_batch *batch, uint64_t row, moonbird_error *error) {
  size_t bound = 1;
  for (int i = 0; i < params->count; i++) {
    struct value value = column_value(batch_column(batch, (uint32_t)i), row);
    bound += value.len + VALUE_TEXT_SIZE;
  }
  if (bound > MAX_BYTES) {
    error_set(error, "54000", "the parameters of the statement take %zu bytes; PostgreSQL takes at most 1 GB", bound);
    return false;
  }
  params->bytes.len = 0;
  if (!buffer_reserve(&params->bytes, bound)) {
    error_set_memory(error);
    return false;
  }
  return true;
}

/* Points parameter i at bytes that are already where they stay. */
static void set_param(struct params *params, int i, const char *bytes, size_t len, bool is_binary) {
  params->values[i] = bytes;
  params->lengths[i] = (int)len;
  params->formats[i] = is_binary;
}

/* params_reserve has made the room. */
static void add_param(struct params *params, int i, const void *bytes, size_t len, bool is_binary) {
  unsigned char *at = params->bytes.data + params->bytes.len;
  memcpy(at, bytes, len);
  at[len] = '\0';
  params->bytes.len += len + 1;
  set_param(params, i, (const char *)at, len, is_binary);
}

static bool encode_unknown(struct params *params, int i, const struct value *value, Oid inferred,
                           moonbird_error *error) {
  char text[VALUE_TEXT_SIZE];
  if (value->type != MOONBIRD_TYPE_TEXT && value->type != MOONBIRD_TYPE_BYTES) {
    add_param(params, i, text, value_number_text(value, text), false);
    return true;
  }
  if (inferred == OID_BYTEA) {
    set_param(params, i, value->bytes, value->len, true);
    return true;
  }
  if (memchr(value->bytes, '\0', value->len) != NULL) {
    error_set(error, "22021", "parameter $%d holds a NUL byte, which PostgreSQL text cannot hold", i + 1);
    error_set_hint(error, "use a bytea column for binary data");
    return false;
  }
  add_param(params, i, value->bytes, value->len, false);
  return true;
}

static void encode_integer(struct params *params, int i, int64_t integer) {
  if (params->types[i] == OID_INT4) {
    uint32_t wire = htobe32((uint32_t)(int32_t)integer);
    add_param(params, i, &wire, sizeof wire, true);
    return;
  }
  uint64_t wire = htobe64((uint64_t)integer);
  add_param(params, i, &wire, sizeof wire, true);
}

static void encode_float(struct params *params, int i, double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  bits = htobe64(bits);
  add_param(params, i, &bits, sizeof bits, true);
}

static bool encode_value(struct params *params, int i, const struct value *value, Oid inferred, moonbird_error *error) {
  if (value->type == MOONBIRD_TYPE_NONE) {
    set_param(params, i, NULL, 0, false);
    return true;
  }
  switch (params->types[i]) {
  case OID_BOOL:
    add_param(params, i, value->boolean ? "\1" : "\0", 1, true);
    return true;
  case OID_INT4:
  case OID_INT8:
    encode_integer(params, i, value->integer);
    return true;
  case OID_FLOAT8:
    encode_float(params, i, value->number);
    return true;
  case OID_BYTEA:
    set_param(params, i, value->bytes, value->len, true);
    return true;
  default:
    return encode_unknown(params, i, value, inferred, error);
  }
}

bool params_encode(struct params *params, const moonbird_batch *batch, uint64_t row, const Oid *inferred,
                   moonbird_error *error) {
  if (params->count > 0 && !params_reserve(params, batch, row, error)) {
    return false;
  }
  for (int i = 0; i < params->count; i++) {
    struct value value = column_value(batch_column(batch, (uint32_t)i), row);
    if (!encode_value(params, i, &value, inferred == NULL ? OID_UNKNOWN_PARAM : inferred[i], error)) {
      return false;
    }
  }
  return true;
}

static bool grow_arrays(struct params *params, int count) {
  if (count <= params->array_count) {
    return true;
  }
  struct buffer *arrays = realloc(params->arrays, (size_t)count * sizeof *arrays);
  if (arrays == NULL) {
    return false;
  }
  memset(arrays + params->array_count, 0, (size_t)(count - params->array_count) * sizeof *arrays);
  params->arrays = arrays;
  params->array_count = count;
  return true;
}

static bool encode_column(struct params *params, int i, const moonbird_batch *batch, moonbird_error *error) {
  struct buffer *array = &params->arrays[i];
  array->len = 0;
  switch (array_encode(array, batch_column(batch, (uint32_t)i), batch->row_count, &params->types[i])) {
  case ARRAY_NO_MEMORY:
    error_set_memory(error);
    return false;
  case ARRAY_TOO_LARGE:
    error_set(error, "54000", "parameter $%d: an array of more than 1 GB cannot be sent; use smaller batches", i + 1);
    return false;
  case ARRAY_OK:
    break;
  }
  set_param(params, i, (const char *)array->data, array->len, true);
  return true;
}

bool params_encode_arrays(struct params *params, const moonbird_batch *batch, moonbird_error *error) {
  if (!params_resize(params, batch == NULL ? 0 : batch->column_count, error)) {
    return false;
  }
  if (!grow_arrays(params, params->count)) {
    error_set_memory(error);
    return false;
  }
  for (int i = 0; i < params->count; i++) {
    if (!encode_column(params, i, batch, error)) {
      return false;
    }
  }
  if (params_size(params) > MAX_BYTES) {
    error_set(error, "54000", "the arrays of the statement take %zu bytes; PostgreSQL takes at most 1 GB",
              params_size(params));
    error_set_hint(error, "use smaller batches");
    return false;
  }
  return true;
}

size_t params_size(const struct params *params) {
  size_t size = 64;
  for (int i = 0; i < params->count; i++) {
    size += 12 + (size_t)params->lengths[i];
  }
  return size;
}

void params_release(struct params *params) {
  for (int i = 0; i < params->array_count; i++) {
    buffer_release(&params->arrays[i]);
  }
  free(params->arrays);
  buffer_release(&params->table);
  buffer_release(&params->bytes);
}
