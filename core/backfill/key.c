/*
 * key.c - keys as JSON; see key.h.
 */
#include "backfill/key.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *bytes_to_json(const char *name, const char *bytes, size_t len) {
  static const char digits[] = "0123456789abcdef";
  struct strbuf hex = STRBUF_INIT;
  for (size_t i = 0; i < len; i++) {
    strbuf_add_char(&hex, digits[(unsigned char)bytes[i] >> 4]);
    strbuf_add_char(&hex, digits[bytes[i] & 15]);
  }
  json_t *object = json_pack("{s:s}", name, hex.buf);
  strbuf_release(&hex);
  return object;
}

static json_t *number_to_json(double number) {
  if (isfinite(number))
    return json_real(number);
  return json_pack("{s:s}", "number", isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
}

static json_t *value_to_json(const struct value *v) {
  json_t *text;
  switch (v->type) {
  case MOONBIRD_TYPE_BOOL:
    return json_boolean(v->boolean);
  case MOONBIRD_TYPE_INT64:
    return json_integer(v->integer);
  case MOONBIRD_TYPE_FLOAT64:
    return number_to_json(v->number);
  case MOONBIRD_TYPE_TEXT:
    text = json_stringn(v->bytes, v->len);
    return text ? text : bytes_to_json("text", v->bytes, v->len);
  case MOONBIRD_TYPE_BYTES:
    return bytes_to_json("hex", v->bytes, v->len);
  default:
    return json_null();
  }
}

char *key_from_row(const moonbird_batch *batch, uint64_t row, uint32_t columns) {
  json_t *array = json_array();
  for (uint32_t c = 0; c < columns; c++) {
    struct value v = batch_value(&batch->columns[c], row);
    json_array_append_new(array, value_to_json(&v));
  }
  char *text = json_dumps(array, JSON_COMPACT | JSON_ENCODE_ANY);
  json_decref(array);
  return text;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

static bool add_hex(const char *hex, bool is_text, struct batch_builder *builder, uint32_t column) {
  struct strbuf bytes = STRBUF_INIT;
  for (; hex[0] && hex[1]; hex += 2)
    strbuf_add_char(&bytes, (char)(hex_digit(hex[0]) * 16 + hex_digit(hex[1])));
  bool ok = is_text ? batch_add_text(builder, column, bytes.buf, bytes.len)
                    : batch_add_bytes(builder, column, bytes.buf, bytes.len);
  strbuf_release(&bytes);
  return ok;
}

static bool add_object(const json_t *item, struct batch_builder *builder, uint32_t column) {
  const char *hex = json_string_value(json_object_get(item, "hex"));
  const char *text = json_string_value(json_object_get(item, "text"));
  const char *number = json_string_value(json_object_get(item, "number"));
  if (number)
    batch_add_float(builder, column, strtod(number, NULL));
  return number || (hex && add_hex(hex, false, builder, column)) || (text && add_hex(text, true, builder, column));
}

static bool add_json(const json_t *item, struct batch_builder *builder, uint32_t column) {
  switch (json_typeof(item)) {
  case JSON_TRUE:
  case JSON_FALSE:
    batch_add_bool(builder, column, json_is_true(item));
    return true;
  case JSON_INTEGER:
    batch_add_int(builder, column, json_integer_value(item));
    return true;
  case JSON_REAL:
    batch_add_float(builder, column, json_real_value(item));
    return true;
  case JSON_STRING:
    return batch_add_text(builder, column, json_string_value(item), json_string_length(item));
  case JSON_OBJECT:
    return add_object(item, builder, column);
  default:
    return false;
  }
}

bool key_add(const char *key, struct batch_builder *builder, uint32_t first_column, uint32_t columns,
             struct error *err) {
  json_t *array = json_loads(key, JSON_ALLOW_NUL, NULL);
  bool ok = json_is_array(array) && json_array_size(array) == columns;
  for (uint32_t c = 0; ok && c < columns; c++)
    ok = add_json(json_array_get(array, c), builder, first_column + c);
  json_decref(array);
  return ok || error_set(err, ERROR_HISTORY, "the key %s in the backfill's state is broken", key);
}

bool key_has_null(const char *key) {
  json_t *array = json_loads(key, JSON_ALLOW_NUL, NULL);
  bool found = false;
  for (size_t i = 0; i < json_array_size(array); i++)
    found = found || json_is_null(json_array_get(array, i));
  json_decref(array);
  return found;
}

/* The sixteen bytes of a UUID, or bytes, as hexadecimal digits without what stands between; owned. NULL: it is neither.
 * A UUID as text stands in the order of its digits in every collation. */
static char *hex_digits(const json_t *item) {
  static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  const char *bytes = json_string_value(json_object_get(item, "hex"));
  if (bytes)
    return xstrdup(bytes);
  const char *text = json_string_value(item);
  if (!text || json_string_length(item) != sizeof(shape) - 1)
    return NULL;
  struct strbuf digits = STRBUF_INIT;
  for (size_t i = 0; shape[i]; i++) {
    bool fits = shape[i] == '-' ? text[i] == '-' : strchr("0123456789abcdefABCDEF", text[i]) != NULL;
    if (!fits) {
      strbuf_release(&digits);
      return NULL;
    }
    if (shape[i] != '-')
      strbuf_add_char(&digits, text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i]);
  }
  return strbuf_detach(&digits);
}

/* Digits behind the first `skip` as a number below 1; what is not there is 0. */
static double hex_fraction(const char *digits, size_t skip) {
  enum { MOST_DIGITS = 13 }; /* a double has 52 bits */
  size_t len = strlen(digits);
  double sum = 0, weight = 1;
  for (size_t i = skip; i < len && i < skip + MOST_DIGITS; i++)
    sum += hex_digit(digits[i]) * (weight /= 16);
  return sum;
}

static double between(double low, double high, double value) {
  double position = high > low ? (value - low) / (high - low) : 1;
  return position < 0 ? 0 : position > 1 ? 1 : position;
}

static double hex_position(const char *low, const char *high, const char *key) {
  size_t same = 0;
  while (low[same] && low[same] == high[same])
    same++;
  int order = strncmp(key, low, same);
  if (order)
    return order < 0 ? 0 : 1;
  return between(hex_fraction(low, same), hex_fraction(high, same), hex_fraction(key, same));
}

static double column_position(const json_t *low, const json_t *high, const json_t *key) {
  if (json_is_number(low) && json_is_number(high) && json_is_number(key))
    return between(json_number_value(low), json_number_value(high), json_number_value(key));
  char *l = hex_digits(low), *h = hex_digits(high), *k = hex_digits(key);
  double position = l && h && k ? hex_position(l, h, k) : -1;
  free(l);
  free(h);
  free(k);
  return position;
}

/* The first column in which the ends differ is the one that the keys go along; it must be the last one, or so fine that
 * those behind it do not count, as a UUID is. */
static double array_position(const json_t *low, const json_t *high, const json_t *key) {
  size_t count = json_array_size(low), at = 0;
  if (!count || json_array_size(high) != count || json_array_size(key) != count)
    return -1;
  while (at + 1 < count && json_equal(json_array_get(low, at), json_array_get(high, at)))
    at++;
  if (at + 1 < count && json_is_number(json_array_get(low, at)))
    return -1;
  return column_position(json_array_get(low, at), json_array_get(high, at), json_array_get(key, at));
}

double key_position(const char *low, const char *high, const char *key) {
  json_t *l = low ? json_loads(low, JSON_ALLOW_NUL, NULL) : NULL;
  json_t *h = high ? json_loads(high, JSON_ALLOW_NUL, NULL) : NULL;
  json_t *k = key ? json_loads(key, JSON_ALLOW_NUL, NULL) : NULL;
  double position = array_position(l, h, k);
  json_decref(l);
  json_decref(h);
  json_decref(k);
  return position;
}
