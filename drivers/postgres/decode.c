/*
 * decode.c - cells to columns, for both wire formats. Called by result.c and stream.c. What a value looks like must not
 * depend on the format that it came in: statement.c chooses the format by cost alone.
 */
#include "decode.h"

#include "oids.h"

#include <endian.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool decode_knows_binary(Oid type) {
  switch (type) {
  case OID_BOOL:
  case OID_BYTEA:
  case OID_CHAR:
  case OID_NAME:
  case OID_INT8:
  case OID_INT2:
  case OID_INT4:
  case OID_TEXT:
  case OID_OID:
  case OID_XID:
  case OID_JSON:
  case OID_FLOAT4:
  case OID_FLOAT8:
  case OID_UNKNOWN:
  case OID_BPCHAR:
  case OID_VARCHAR:
  case OID_DATE:
  case OID_TIMESTAMP:
  case OID_VOID:
  case OID_UUID:
  case OID_JSONB:
    return true;
  default:
    return false;
  }
}

/* --- Pure parts --- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0;
}

static bool is_octal(const char *text, size_t left) {
  return left >= 3 && text[0] >= '0' && text[0] <= '3' && text[1] >= '0' && text[1] <= '7' && text[2] >= '0' &&
         text[2] <= '7';
}

size_t decode_bytea_text(const char *text, size_t len, unsigned char *out) {
  size_t used = 0;
  if (len >= 2 && text[0] == '\\' && text[1] == 'x') {
    for (size_t i = 2; i + 1 < len; i += 2) {
      out[used++] = (unsigned char)(hex_digit(text[i]) * 16 + hex_digit(text[i + 1]));
    }
    return used;
  }
  for (size_t i = 0; i < len;) {
    if (text[i] == '\\' && is_octal(text + i + 1, len - i - 1)) {
      out[used++] = (unsigned char)((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 4;
      continue;
    }
    i += text[i] == '\\' && i + 1 < len ? 1 : 0;
    out[used++] = (unsigned char)text[i++];
  }
  return used;
}

size_t decode_uuid(const unsigned char *bytes, char out[DECODE_TEXT_SIZE]) {
  static const char digits[] = "0123456789abcdef";
  size_t used = 0;
  for (size_t i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) {
      out[used++] = '-';
    }
    out[used++] = digits[bytes[i] >> 4];
    out[used++] = digits[bytes[i] & 15];
  }
  return used;
}

struct civil {
  int64_t year; /* 0 is 1 BC */
  int month;
  int day;
};

/* Proleptic Gregorian calendar, counted in eras of 400 years that begin on 1 March. */
static struct civil civil_of_days(int64_t days) {
  int64_t shifted = days + 730425; /* from 0000-03-01 to 2000-01-01 */
  int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  int64_t day_of_era = shifted - era * 146097;
  int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  int64_t month_index = (5 * day_of_year + 2) / 153;
  struct civil civil;
  civil.day = (int)(day_of_year - (153 * month_index + 2) / 5 + 1);
  civil.month = (int)(month_index < 10 ? month_index + 3 : month_index - 9);
  civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
  return civil;
}

static int write_civil(struct civil civil, char *out, size_t size) {
  int64_t shown = civil.year > 0 ? civil.year : 1 - civil.year;
  return snprintf(out, size, "%04" PRId64 "-%02d-%02d", shown, civil.month, civil.day);
}

size_t decode_date(int32_t days, char out[DECODE_TEXT_SIZE]) {
  if (days == INT32_MAX || days == INT32_MIN) {
    return (size_t)snprintf(out, DECODE_TEXT_SIZE, "%s", days == INT32_MAX ? "infinity" : "-infinity");
  }
  struct civil civil = civil_of_days(days);
  int used = write_civil(civil, out, DECODE_TEXT_SIZE);
  if (civil.year <= 0) {
    used += snprintf(out + used, DECODE_TEXT_SIZE - (size_t)used, " BC");
  }
  return (size_t)used;
}

#define DAY_MICROSECONDS INT64_C(86400000000)

size_t decode_timestamp(int64_t microseconds, char out[DECODE_TEXT_SIZE]) {
  if (microseconds == INT64_MAX || microseconds == INT64_MIN) {
    return (size_t)snprintf(out, DECODE_TEXT_SIZE, "%s", microseconds == INT64_MAX ? "infinity" : "-infinity");
  }
  int64_t days = microseconds / DAY_MICROSECONDS;
  int64_t rest = microseconds % DAY_MICROSECONDS;
  if (rest < 0) {
    rest += DAY_MICROSECONDS;
    days--;
  }
  struct civil civil = civil_of_days(days);
  int used = write_civil(civil, out, DECODE_TEXT_SIZE);
  int64_t seconds = rest / 1000000;
  int fraction = (int)(rest % 1000000);
  used += snprintf(out + used, DECODE_TEXT_SIZE - (size_t)used, " %02d:%02d:%02d", (int)(seconds / 3600),
                   (int)(seconds / 60 % 60), (int)(seconds % 60));
  if (fraction != 0) {
    used += snprintf(out + used, DECODE_TEXT_SIZE - (size_t)used, ".%06d", fraction);
    while (out[used - 1] == '0') {
      used--;
    }
  }
  if (civil.year <= 0) {
    used += snprintf(out + used, DECODE_TEXT_SIZE - (size_t)used, " BC");
  }
  return (size_t)used;
}

int64_t decode_integer_text(const char *text) {
  bool is_negative = *text == '-';
  uint64_t number = 0;
  for (text += is_negative; *text >= '0' && *text <= '9'; text++) {
    number = number * 10 + (uint64_t)(*text - '0');
  }
  return (int64_t)(is_negative ? 0 - number : number);
}

/* --- Appending rows --- */

static uint16_t get16(const char *wire) {
  uint16_t number;
  memcpy(&number, wire, sizeof number);
  return be16toh(number);
}

static uint32_t get32(const char *wire) {
  uint32_t number;
  memcpy(&number, wire, sizeof number);
  return be32toh(number);
}

static uint64_t get64(const char *wire) {
  uint64_t number;
  memcpy(&number, wire, sizeof number);
  return be64toh(number);
}

static bool mark(struct result_column *column, bool is_valid) {
  column->valid.data[column->valid.len++] = is_valid;
  column->has_nulls |= !is_valid;
  return is_valid;
}

/* Marks the row; true if it holds a value. A length above 0 spares the second question. */
static bool mark_cell(struct result_column *column, const PGresult *rows, int row, int field, int *len) {
  *len = PQgetlength(rows, row, field);
  return mark(column, *len > 0 || !PQgetisnull(rows, row, field));
}

static bool reserve_fixed(struct result_column *column, int count, size_t width) {
  return buffer_reserve(&column->valid, (size_t)count) && buffer_reserve(&column->data, (size_t)count * width);
}

static bool decode_bools(struct result_column *column, const PGresult *rows, int field, int first, int count) {
  if (!reserve_fixed(column, count, 1)) {
    return false;
  }
  for (int row = first, len; row < first + count; row++) {
    bool is_valid = mark_cell(column, rows, row, field, &len);
    char cell = is_valid ? *PQgetvalue(rows, row, field) : 0;
    column->data.data[column->data.len++] = cell == 't' || cell == 1;
  }
  return true;
}

static void put_word(struct result_column *column, const void *word) {
  memcpy(column->data.data + column->data.len, word, 8);
  column->data.len += 8;
}

typedef int64_t (*integer_reader)(const char *cell);

static inline bool decode_integers(struct result_column *column, const PGresult *rows, int field, int first, int count,
                                   integer_reader read) {
  if (!reserve_fixed(column, count, 8)) {
    return false;
  }
  for (int row = first, len; row < first + count; row++) {
    int64_t number = mark_cell(column, rows, row, field, &len) ? read(PQgetvalue(rows, row, field)) : 0;
    put_word(column, &number);
  }
  return true;
}

static int64_t read_int2(const char *cell) {
  return (int16_t)get16(cell);
}

static int64_t read_int4(const char *cell) {
  return (int32_t)get32(cell);
}

static int64_t read_int8(const char *cell) {
  return (int64_t)get64(cell);
}

static int64_t read_oid(const char *cell) {
  return get32(cell);
}

typedef double (*float_reader)(const char *cell);

static inline bool decode_floats(struct result_column *column, const PGresult *rows, int field, int first, int count,
                                 float_reader read) {
  if (!reserve_fixed(column, count, 8)) {
    return false;
  }
  for (int row = first, len; row < first + count; row++) {
    double number = mark_cell(column, rows, row, field, &len) ? read(PQgetvalue(rows, row, field)) : 0;
    put_word(column, &number);
  }
  return true;
}

static double read_float4(const char *cell) {
  uint32_t bits = get32(cell);
  float number;
  memcpy(&number, &bits, sizeof number);
  return (double)number;
}

static double read_float8(const char *cell) {
  uint64_t bits = get64(cell);
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/* strtod follows the program's locale, which may have a decimal comma; PostgreSQL always writes a point. */
static const char *localized(const char *cell, char copy[DECODE_TEXT_SIZE]) {
  char *end = NULL;
  strtod(cell, &end);
  if (*end != '.') {
    return cell;
  }
  snprintf(copy, DECODE_TEXT_SIZE, "%s", cell);
  copy[strcspn(copy, ".")] = ',';
  return copy;
}

static double read_float8_text(const char *cell) {
  char copy[DECODE_TEXT_SIZE];
  return strtod(localized(cell, copy), NULL);
}

/* As a float first: the binary format gives the float's exact value, so must this. */
static double read_float4_text(const char *cell) {
  char copy[DECODE_TEXT_SIZE];
  return (double)strtof(localized(cell, copy), NULL);
}

#define INTEGER_DECODER(name, read)                                                                                    \
  static bool name(struct result_column *column, const PGresult *rows, int field, int first, int count) {              \
    return decode_integers(column, rows, field, first, count, read);                                                   \
  }
#define FLOAT_DECODER(name, read)                                                                                      \
  static bool name(struct result_column *column, const PGresult *rows, int field, int first, int count) {              \
    return decode_floats(column, rows, field, first, count, read);                                                     \
  }

INTEGER_DECODER(decode_int2, read_int2)
INTEGER_DECODER(decode_int4, read_int4)
INTEGER_DECODER(decode_int8, read_int8)
INTEGER_DECODER(decode_oid, read_oid)
INTEGER_DECODER(decode_int_text, decode_integer_text)
FLOAT_DECODER(decode_float4, read_float4)
FLOAT_DECODER(decode_float8, read_float8)
FLOAT_DECODER(decode_float4_text, read_float4_text)
FLOAT_DECODER(decode_float8_text, read_float8_text)

/* Texts and bytes: `offsets` holds the end of each row; column_view puts the first 0 before them. */
static void put_offset(struct result_column *column) {
  uint32_t end = (uint32_t)column->data.len;
  memcpy(column->offsets.data + column->offsets.len, &end, sizeof end);
  column->offsets.len += sizeof end;
}

static bool reserve_rows(struct result_column *column, int count) {
  if (!buffer_reserve(&column->valid, (size_t)count) ||
      !buffer_reserve(&column->offsets, ((size_t)count + 1) * sizeof(uint32_t))) {
    return false;
  }
  if (column->offsets.len == 0) {
    put_offset(column);
  }
  return true;
}

/* Appends one value's bytes; `cell` is never NULL. */
typedef bool (*text_writer)(struct buffer *out, const char *cell, size_t len);

static inline bool decode_texts(struct result_column *column, const PGresult *rows, int field, int first, int count,
                                text_writer write) {
  if (!reserve_rows(column, count)) {
    return false;
  }
  for (int row = first, len; row < first + count; row++) {
    if (mark_cell(column, rows, row, field, &len) && !write(&column->data, PQgetvalue(rows, row, field), (size_t)len)) {
      return false;
    }
    put_offset(column);
  }
  return true;
}

static inline bool write_as_is(struct buffer *out, const char *cell, size_t len) {
  if (len > out->capacity - out->len && !buffer_reserve(out, len)) {
    return false;
  }
  if (len > 0) {
    memcpy(out->data + out->len, cell, len);
    out->len += len;
  }
  return true;
}

/* jsonb_send() puts a version byte before the text. */
static bool write_jsonb(struct buffer *out, const char *cell, size_t len) {
  return len == 0 || write_as_is(out, cell + 1, len - 1);
}

static bool write_uuid(struct buffer *out, const char *cell, size_t len) {
  char text[DECODE_TEXT_SIZE];
  (void)len;
  return buffer_append(out, text, decode_uuid((const unsigned char *)cell, text));
}

static bool write_date(struct buffer *out, const char *cell, size_t len) {
  char text[DECODE_TEXT_SIZE];
  (void)len;
  return buffer_append(out, text, decode_date((int32_t)get32(cell), text));
}

static bool write_timestamp(struct buffer *out, const char *cell, size_t len) {
  char text[DECODE_TEXT_SIZE];
  (void)len;
  return buffer_append(out, text, decode_timestamp((int64_t)get64(cell), text));
}

/* "char": a byte above 127 is not text; newer servers spell it in octal, which is done here for all. */
static bool write_char(struct buffer *out, const char *cell, size_t len) {
  unsigned char byte = len == 0 ? 0 : (unsigned char)cell[0];
  char text[8];
  if (byte == 0) {
    return true;
  }
  if (byte < 0x80) {
    return buffer_append(out, cell, len);
  }
  return buffer_append(out, text, (size_t)snprintf(text, sizeof text, "\\%03o", byte));
}

static bool write_bytea_text(struct buffer *out, const char *cell, size_t len) {
  if (!buffer_reserve(out, len)) {
    return false;
  }
  out->len += decode_bytea_text(cell, len, out->data + out->len);
  return true;
}

#define TEXT_DECODER(name, write)                                                                                      \
  static bool name(struct result_column *column, const PGresult *rows, int field, int first, int count) {              \
    return decode_texts(column, rows, field, first, count, write);                                                     \
  }

TEXT_DECODER(decode_as_is, write_as_is)
TEXT_DECODER(decode_jsonb, write_jsonb)
TEXT_DECODER(decode_uuids, write_uuid)
TEXT_DECODER(decode_dates, write_date)
TEXT_DECODER(decode_timestamps, write_timestamp)
TEXT_DECODER(decode_chars, write_char)
TEXT_DECODER(decode_byteas_text, write_bytea_text)

/* --- Columns --- */

static const struct {
  Oid oid;
  uint32_t type;
  column_decoder binary;
  column_decoder text;
} kinds[] = {
    {OID_BOOL, MOONBIRD_TYPE_BOOL, decode_bools, decode_bools},
    {OID_INT2, MOONBIRD_TYPE_INT64, decode_int2, decode_int_text},
    {OID_INT4, MOONBIRD_TYPE_INT64, decode_int4, decode_int_text},
    {OID_INT8, MOONBIRD_TYPE_INT64, decode_int8, decode_int_text},
    {OID_OID, MOONBIRD_TYPE_INT64, decode_oid, decode_int_text},
    {OID_XID, MOONBIRD_TYPE_INT64, decode_oid, decode_int_text},
    {OID_FLOAT4, MOONBIRD_TYPE_FLOAT64, decode_float4, decode_float4_text},
    {OID_FLOAT8, MOONBIRD_TYPE_FLOAT64, decode_float8, decode_float8_text},
    {OID_BYTEA, MOONBIRD_TYPE_BYTES, decode_as_is, decode_byteas_text},
    {OID_CHAR, MOONBIRD_TYPE_TEXT, decode_chars, decode_chars},
    {OID_JSONB, MOONBIRD_TYPE_TEXT, decode_jsonb, decode_as_is},
    {OID_UUID, MOONBIRD_TYPE_TEXT, decode_uuids, decode_as_is},
    {OID_DATE, MOONBIRD_TYPE_TEXT, decode_dates, decode_as_is},
    {OID_TIMESTAMP, MOONBIRD_TYPE_TEXT, decode_timestamps, decode_as_is},
};

bool column_init(struct result_column *column, const char *name, Oid type, bool is_binary) {
  *column = (struct result_column){.type = MOONBIRD_TYPE_TEXT, .decode = decode_as_is};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (kinds[i].oid == type) {
      column->type = kinds[i].type;
      column->decode = is_binary ? kinds[i].binary : kinds[i].text;
    }
  }
  column->name = strdup(name);
  return column->name != NULL;
}

void column_clear(struct result_column *column) {
  column->data.len = 0;
  column->offsets.len = 0;
  column->valid.len = 0;
  column->has_nulls = false;
}

bool column_view(struct result_column *column, moonbird_column *view) {
  bool is_variable = column->type == MOONBIRD_TYPE_TEXT || column->type == MOONBIRD_TYPE_BYTES;
  /* Neither pointer may be NULL, not even for no rows or for empty texts only. */
  if (!buffer_reserve(&column->data, 1) || (is_variable && !reserve_rows(column, 0))) {
    return false;
  }
  *view = (moonbird_column){.size = sizeof *view, .type = column->type, .name = column->name};
  view->data = column->data.data;
  view->valid = column->has_nulls ? column->valid.data : NULL;
  view->offsets = is_variable ? (const uint32_t *)(const void *)column->offsets.data : NULL;
  return true;
}

void column_release(struct result_column *column) {
  free(column->name);
  buffer_release(&column->data);
  buffer_release(&column->offsets);
  buffer_release(&column->valid);
}
