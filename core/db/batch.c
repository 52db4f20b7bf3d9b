/*
 * batch.c - columnar batches; see batch.h. The layouts are those of moonbird/driver.h.
 *
 * add_row is on the hot path of backfills: one growth check for all arrays of a column.
 */
#include "db/batch.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static bool has_bytes(uint32_t type) {
  return type == MOONBIRD_TYPE_TEXT || type == MOONBIRD_TYPE_BYTES || type == MOONBIRD_TYPE_VARIANT;
}

void batch_init(struct batch_builder *b, uint32_t column_count) {
  *b = (struct batch_builder){.column_count = column_count};
  b->columns = xcalloc(column_count, sizeof(*b->columns));
  b->views = xcalloc(column_count, sizeof(*b->views));
  for (uint32_t i = 0; i < column_count; i++)
    strbuf_init(&b->columns[i].bytes);
}

void batch_clear(struct batch_builder *b) {
  for (uint32_t i = 0; i < b->column_count; i++) {
    struct column_builder *c = &b->columns[i];
    c->type = MOONBIRD_TYPE_NONE;
    c->has_null = false;
    c->rows = 0;
    strbuf_clear(&c->bytes);
  }
}

void batch_release(struct batch_builder *b) {
  for (uint32_t i = 0; i < b->column_count; i++) {
    struct column_builder *c = &b->columns[i];
    free(c->valid);
    free(c->bools);
    free(c->ints);
    free(c->offsets);
    free(c->row_types);
    strbuf_release(&c->bytes);
  }
  free(b->columns);
  free(b->views);
  *b = (struct batch_builder){.column_count = 0};
}

/* Makes room for one more row in every array that a column may need. */
static void grow(struct column_builder *c) {
  if (c->rows + 1 < c->cap)
    return;
  c->cap = c->cap ? c->cap * 2 : 16;
  c->valid = xrealloc(c->valid, c->cap);
  c->bools = xrealloc(c->bools, c->cap);
  c->row_types = xrealloc(c->row_types, c->cap);
  c->ints = xrealloc(c->ints, c->cap * sizeof(*c->ints));
  c->offsets = xrealloc(c->offsets, (c->cap + 1) * sizeof(*c->offsets));
}

/* The bytes of a fixed-size value as VARIANT columns hold them. */
static size_t fixed_bytes(const struct column_builder *c, size_t row, const void **bytes) {
  switch (c->valid[row] ? c->type : MOONBIRD_TYPE_NONE) {
  case MOONBIRD_TYPE_BOOL:
    *bytes = &c->bools[row];
    return 1;
  case MOONBIRD_TYPE_INT64:
  case MOONBIRD_TYPE_FLOAT64:
    *bytes = &c->ints[row];
    return 8;
  default:
    *bytes = "";
    return 0;
  }
}

static void become_variant(struct column_builder *c) {
  uint32_t old = c->type;
  memset(c->row_types, (int)old, c->rows);
  if (!has_bytes(old)) {
    strbuf_clear(&c->bytes);
    for (size_t row = 0; row < c->rows; row++) {
      const void *bytes;
      size_t len = fixed_bytes(c, row, &bytes);
      c->offsets[row] = (uint32_t)c->bytes.len;
      strbuf_add(&c->bytes, bytes, len);
    }
    c->offsets[c->rows] = (uint32_t)c->bytes.len;
  }
  c->type = MOONBIRD_TYPE_VARIANT;
}

/* The first value of a column, behind NULLs that had no type. */
static void take_type(struct column_builder *c, uint32_t type) {
  c->type = type;
  if (!has_bytes(type))
    return;
  memset(c->offsets, 0, (c->rows + 1) * sizeof(*c->offsets));
}

/* Opens row `c->rows` for a value of `type`; returns the column. */
static struct column_builder *open_row(struct batch_builder *b, uint32_t column, uint32_t type) {
  struct column_builder *c = &b->columns[column];
  grow(c);
  if (c->type != type) {
    if (c->type == MOONBIRD_TYPE_NONE)
      take_type(c, type);
    else if (c->type != MOONBIRD_TYPE_VARIANT)
      become_variant(c);
  }
  c->valid[c->rows] = 1;
  c->row_types[c->rows] = (uint8_t)type;
  return c;
}

static bool close_bytes(struct column_builder *c, const void *data, size_t len) {
  if (len > UINT32_MAX - c->bytes.len)
    return false;
  strbuf_add(&c->bytes, data, len);
  c->offsets[++c->rows] = (uint32_t)c->bytes.len;
  return true;
}

static void close_fixed(struct column_builder *c, const void *data, size_t len) {
  if (c->type == MOONBIRD_TYPE_VARIANT) {
    strbuf_add(&c->bytes, data, len);
    c->offsets[++c->rows] = (uint32_t)c->bytes.len;
    return;
  }
  if (c->type == MOONBIRD_TYPE_BOOL)
    memcpy(&c->bools[c->rows], data, len);
  else
    memcpy(&c->ints[c->rows], data, len);
  c->rows++;
}

void batch_add_null(struct batch_builder *b, uint32_t column) {
  struct column_builder *c = &b->columns[column];
  grow(c);
  c->valid[c->rows] = 0;
  c->bools[c->rows] = 0;
  c->ints[c->rows] = 0;
  c->row_types[c->rows] = MOONBIRD_TYPE_NONE;
  c->has_null = true;
  c->rows++;
  if (has_bytes(c->type))
    c->offsets[c->rows] = (uint32_t)c->bytes.len;
}

void batch_add_bool(struct batch_builder *b, uint32_t column, bool value) {
  uint8_t byte = value;
  close_fixed(open_row(b, column, MOONBIRD_TYPE_BOOL), &byte, 1);
}

void batch_add_int(struct batch_builder *b, uint32_t column, int64_t value) {
  close_fixed(open_row(b, column, MOONBIRD_TYPE_INT64), &value, sizeof(value));
}

void batch_add_float(struct batch_builder *b, uint32_t column, double value) {
  close_fixed(open_row(b, column, MOONBIRD_TYPE_FLOAT64), &value, sizeof(value));
}

bool batch_add_text(struct batch_builder *b, uint32_t column, const char *text, size_t len) {
  return close_bytes(open_row(b, column, MOONBIRD_TYPE_TEXT), text, len);
}

bool batch_add_bytes(struct batch_builder *b, uint32_t column, const void *data, size_t len) {
  return close_bytes(open_row(b, column, MOONBIRD_TYPE_BYTES), data, len);
}

void batch_add_str(struct batch_builder *b, uint32_t column, const char *text) {
  if (!text)
    batch_add_null(b, column);
  else if (!batch_add_text(b, column, text, strlen(text)))
    BUG("a text of more than 4 GiB");
}

void batch_add_clean(struct batch_builder *b, uint32_t column, const char *text) {
  struct strbuf clean = STRBUF_INIT;
  if (text)
    strbuf_add_utf8(&clean, text, strlen(text));
  batch_add_str(b, column, text ? clean.buf : NULL);
  strbuf_release(&clean);
}

void batch_cut(struct batch_builder *b, uint32_t column, size_t rows) {
  struct column_builder *c = &b->columns[column];
  if (c->rows <= rows)
    return;
  c->rows = rows;
  if (has_bytes(c->type))
    strbuf_truncate(&c->bytes, c->offsets[rows]);
  if (!rows) {
    c->type = MOONBIRD_TYPE_NONE; /* the next value decides anew */
    c->has_null = false;
  }
}

size_t batch_size_bytes(const struct batch_builder *b) {
  size_t total = 0;
  for (uint32_t i = 0; i < b->column_count; i++)
    total += b->columns[i].bytes.len + b->columns[i].rows * 8;
  return total;
}

const moonbird_batch *batch_view(struct batch_builder *b) {
  size_t rows = b->column_count ? b->columns[0].rows : 0;
  for (uint32_t i = 0; i < b->column_count; i++) {
    const struct column_builder *c = &b->columns[i];
    if (c->rows != rows)
      BUG("column %u of a batch has %zu rows, not %zu", i, c->rows, rows);
    const void *data = c->type == MOONBIRD_TYPE_BOOL ? (const void *)c->bools : (const void *)c->ints;
    if (has_bytes(c->type))
      data = c->bytes.buf;
    b->views[i] = (moonbird_column){
        .size = sizeof(moonbird_column),
        .type = c->type,
        .valid = c->has_null ? c->valid : NULL,
        .data = data,
        .offsets = has_bytes(c->type) ? c->offsets : NULL,
        .row_types = c->type == MOONBIRD_TYPE_VARIANT ? c->row_types : NULL,
    };
  }
  b->batch = (moonbird_batch){
      .size = sizeof(moonbird_batch), .column_count = b->column_count, .row_count = rows, .columns = b->views};
  return &b->batch;
}

/* --- reading --- */

static struct value variant_value(const moonbird_column *column, uint64_t row) {
  const char *bytes = (const char *)column->data + column->offsets[row];
  struct value v = {
      .type = column->row_types[row], .bytes = bytes, .len = column->offsets[row + 1] - column->offsets[row]};
  if (v.type == MOONBIRD_TYPE_BOOL)
    v.boolean = bytes[0] != 0;
  else if (v.type == MOONBIRD_TYPE_INT64)
    memcpy(&v.integer, bytes, sizeof(v.integer));
  else if (v.type == MOONBIRD_TYPE_FLOAT64)
    memcpy(&v.number, bytes, sizeof(v.number));
  return v;
}

struct value batch_value(const moonbird_column *column, uint64_t row) {
  struct value v = {.type = column->type};
  if (column->type == MOONBIRD_TYPE_NONE || (column->valid && !column->valid[row]))
    return (struct value){.type = MOONBIRD_TYPE_NONE};
  switch (column->type) {
  case MOONBIRD_TYPE_BOOL:
    v.boolean = ((const uint8_t *)column->data)[row] != 0;
    return v;
  case MOONBIRD_TYPE_INT64:
    v.integer = ((const int64_t *)column->data)[row];
    return v;
  case MOONBIRD_TYPE_FLOAT64:
    v.number = ((const double *)column->data)[row];
    return v;
  case MOONBIRD_TYPE_VARIANT:
    return variant_value(column, row);
  default:
    v.bytes = (const char *)column->data + column->offsets[row];
    v.len = column->offsets[row + 1] - column->offsets[row];
    return v;
  }
}

size_t batch_row_bytes(const moonbird_batch *batch, uint64_t row) {
  size_t bytes = 0;
  for (uint32_t c = 0; c < batch->column_count; c++) {
    const uint32_t *offsets = batch->columns[c].offsets;
    bytes += offsets ? offsets[row + 1] - offsets[row] : sizeof(int64_t);
  }
  return bytes;
}

bool batch_add_value(struct batch_builder *b, uint32_t column, const struct value *value) {
  switch (value->type) {
  case MOONBIRD_TYPE_BOOL:
    batch_add_bool(b, column, value->boolean);
    return true;
  case MOONBIRD_TYPE_INT64:
    batch_add_int(b, column, value->integer);
    return true;
  case MOONBIRD_TYPE_FLOAT64:
    batch_add_float(b, column, value->number);
    return true;
  case MOONBIRD_TYPE_TEXT:
    return batch_add_text(b, column, value->bytes, value->len);
  case MOONBIRD_TYPE_BYTES:
    return batch_add_bytes(b, column, value->bytes, value->len);
  default:
    batch_add_null(b, column);
    return true;
  }
}
