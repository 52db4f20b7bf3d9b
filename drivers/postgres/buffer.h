/*
 * buffer.h - growable bytes whose growth may fail. A buffer belongs to the struct that holds it; a zeroed one is empty
 * and ready. A false return means that memory ran out and that the content is as before.
 */
#ifndef MOONBIRD_POSTGRES_BUFFER_H
#define MOONBIRD_POSTGRES_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
  unsigned char *data;
  size_t len;
  size_t capacity;
};

/* Makes room for `extra` bytes after the content. */
bool buffer_reserve(struct buffer *buffer, size_t extra);

bool buffer_append(struct buffer *buffer, const void *bytes, size_t len);

/* Appends a NUL-terminated text without its NUL. */
bool buffer_append_text(struct buffer *buffer, const char *text);

/* Puts a NUL behind the content, outside of its length, so that it can be read as a C string. */
bool buffer_terminate(struct buffer *buffer);

void buffer_release(struct buffer *buffer);

#endif
