/*
 * value.c - single values of parameter batches, and numbers as text. Called by params.c and array.c; knows nothing of
 * libpq.
 */
#include "value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const moonbird_column *batch_column(const moonbird_batch *batch, uint32_t index) {
  const unsigned char *base = (const unsigned char *)batch->columns;
  return (const moonbird_column *)(const void *)(base + (size_t)index * batch->columns[0].size);
}

static void set_bytes(struct value *value, const moonbird_column *column, uint64_t row) {
  value->bytes = (const char *)column->data + column->offsets[row];
  value->len = column->offsets[row + 1] - column->offsets[row];
  if (value->len == 0) {
    value->bytes = "";
  }
}

static void set_variant(struct value *value, const moonbird_column *column, uint64_t row) {
  value->type = column->row_types[row];
  set_bytes(value, column, row);
  switch (value->type) {
  case MOONBIRD_TYPE_BOOL:
    value->boolean = value->bytes[0] != 0;
    break;
  case MOONBIRD_TYPE_INT64:
    memcpy(&value->integer, value->bytes, sizeof value->integer);
    break;
  case MOONBIRD_TYPE_FLOAT64:
    memcpy(&value->number, value->bytes, sizeof value->number);
    break;
  default:
    break;
  }
}

struct value column_value(const moonbird_column *column, uint64_t row) {
  struct value value = {.type = column->type};
  if (column->type == MOONBIRD_TYPE_NONE || (column->valid != NULL && column->valid[row] == 0)) {
    value.type = MOONBIRD_TYPE_NONE;
    return value;
  }
  switch (column->type) {
  case MOONBIRD_TYPE_BOOL:
    value.boolean = ((const uint8_t *)column->data)[row] != 0;
    break;
  case MOONBIRD_TYPE_INT64:
    value.integer = ((const int64_t *)column->data)[row];
    break;
  case MOONBIRD_TYPE_FLOAT64:
    value.number = ((const double *)column->data)[row];
    break;
  case MOONBIRD_TYPE_VARIANT:
    set_variant(&value, column, row);
    break;
  default:
    set_bytes(&value, column, row);
    break;
  }
  return value;
}

uint32_t column_common_type(const moonbird_column *column, uint64_t rows) {
  if (column->type != MOONBIRD_TYPE_VARIANT) {
    return column->type;
  }
  uint32_t common = MOONBIRD_TYPE_NONE;
  for (uint64_t row = 0; row < rows; row++) {
    uint32_t type = column->valid != NULL && column->valid[row] == 0 ? MOONBIRD_TYPE_NONE : column->row_types[row];
    if (type == MOONBIRD_TYPE_NONE || type == common) {
      continue;
    }
    if (common != MOONBIRD_TYPE_NONE) {
      return MOONBIRD_TYPE_VARIANT;
    }
    common = type;
  }
  return common;
}

/* Shortest of the precisions that reads back as the same number. The program's locale may have a decimal comma. */
static size_t number_text(double number, char text[VALUE_TEXT_SIZE]) {
  if (isnan(number)) {
    return (size_t)snprintf(text, VALUE_TEXT_SIZE, "NaN");
  }
  if (isinf(number)) {
    return (size_t)snprintf(text, VALUE_TEXT_SIZE, "%s", number < 0 ? "-Infinity" : "Infinity");
  }
  for (int precision = 15; precision <= 17; precision++) {
    snprintf(text, VALUE_TEXT_SIZE, "%.*g", precision, number);
    double again = strtod(text, NULL);
    if (memcmp(&again, &number, sizeof number) == 0) {
      break;
    }
  }
  char *comma = strchr(text, ',');
  if (comma != NULL) {
    *comma = '.';
  }
  return strlen(text);
}

size_t value_number_text(const struct value *value, char text[VALUE_TEXT_SIZE]) {
  switch (value->type) {
  case MOONBIRD_TYPE_BOOL:
    return (size_t)snprintf(text, VALUE_TEXT_SIZE, "%s", value->boolean ? "true" : "false");
  case MOONBIRD_TYPE_INT64:
    return (size_t)snprintf(text, VALUE_TEXT_SIZE, "%" PRId64, value->integer);
  default:
    return number_text(value->number, text);
  }
}
