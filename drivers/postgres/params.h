/*
 * params.h - one row of a parameter batch in the form that libpq takes. A struct params belongs to its connection and
 * is reused; params_release frees it. What it points to lives until the next params_... call or until the batch goes.
 */
#ifndef MOONBIRD_POSTGRES_PARAMS_H
#define MOONBIRD_POSTGRES_PARAMS_H

#include "buffer.h"
#include "moonbird/driver.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct params {
  int count;
  Oid *types; /* as declared to the server; 0: the server infers it */
  const char **values;
  int *lengths;
  int *formats;
  struct buffer table;   /* the memory of the four arrays */
  struct buffer bytes;   /* encoded numbers, texts with their NUL */
  struct buffer *arrays; /* one for each parameter, for BIND_ARRAYS */
  int array_count;
};

/* Chooses the declared types for the first row (`rows` 1) or for all rows of the batch. NULL batch: no parameters. */
bool params_declare(struct params *params, const moonbird_batch *batch, uint64_t rows, moonbird_error *error);

/* True if the row cannot be sent before the server has told the types that it infers. */
bool params_need_description(const struct params *params, const moonbird_batch *batch, bool server_is_utf8);

/* Encodes one row. `inferred` has the types that the server told, or is NULL. */
bool params_encode(struct params *params, const moonbird_batch *batch, uint64_t row, const Oid *inferred,
                   moonbird_error *error);

/* Declares and encodes all columns as arrays. */
bool params_encode_arrays(struct params *params, const moonbird_batch *batch, moonbird_error *error);

/* Bytes that the encoded row takes in a message, roughly. */
size_t params_size(const struct params *params);

void params_release(struct params *params);

#endif
