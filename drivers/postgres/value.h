/*
 * value.h - reads single values out of a parameter batch. Values are views into the batch; nothing is owned.
 */
#ifndef MOONBIRD_POSTGRES_VALUE_H
#define MOONBIRD_POSTGRES_VALUE_H

#include "moonbird/driver.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `type` is MOONBIRD_TYPE_NONE for NULL. */
struct value {
  uint32_t type;
  bool boolean;
  int64_t integer;
  double number;
  const char *bytes; /* TEXT and BYTES */
  size_t len;
};

/* Columns may be larger than this driver knows them: their own size is the distance between them. */
const moonbird_column *batch_column(const moonbird_batch *batch, uint32_t index);

struct value column_value(const moonbird_column *column, uint64_t row);

/* The type that all values of a VARIANT column share (NONE if all are NULL), or VARIANT if they differ. For other
 * columns their own type. */
uint32_t column_common_type(const moonbird_column *column, uint64_t rows);

/* Longest text that value_number_text makes, with its NUL. */
#define VALUE_TEXT_SIZE 32

/* Text of a boolean, integer or float as PostgreSQL reads it back exactly; returns its length. */
size_t value_number_text(const struct value *value, char text[VALUE_TEXT_SIZE]);

#endif
