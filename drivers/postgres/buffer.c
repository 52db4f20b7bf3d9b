/*
 * buffer.c - growable bytes for everything that the driver builds: SQL texts, encoded parameters, decoded columns.
 * Called from all files of the driver; knows nothing of libpq.
 */
#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool buffer_reserve(struct buffer *buffer, size_t extra) {
  if (extra <= buffer->capacity - buffer->len) {
    return true;
  }
  if (extra > SIZE_MAX / 2 - buffer->len) {
    return false;
  }
  size_t wanted = buffer->len + extra;
  size_t capacity = buffer->capacity + buffer->capacity / 2;
  if (capacity < wanted) {
    capacity = wanted;
  }
  if (capacity < 64) {
    capacity = 64;
  }
  unsigned char *data = realloc(buffer->data, capacity);
  if (data == NULL) {
    return false;
  }
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

bool buffer_append(struct buffer *buffer, const void *bytes, size_t len) {
  if (!buffer_reserve(buffer, len)) {
    return false;
  }
  if (len > 0) {
    memcpy(buffer->data + buffer->len, bytes, len);
    buffer->len += len;
  }
  return true;
}

bool buffer_append_text(struct buffer *buffer, const char *text) {
  return buffer_append(buffer, text, strlen(text));
}

bool buffer_terminate(struct buffer *buffer) {
  if (!buffer_reserve(buffer, 1)) {
    return false;
  }
  buffer->data[buffer->len] = '\0';
  return true;
}

void buffer_release(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}
