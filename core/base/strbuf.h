/*
 * strbuf.h - text that grows. `buf` always ends with a NUL that `len` does not count, so it can be used as a C string
 * at any time; it may hold NUL bytes of its own.
 *
 * Ownership: the caller owns the struct, the struct owns its bytes. Never NULL arguments.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include "base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
  char *buf;
  size_t len;
  size_t cap;
};

/* The buffer of every empty strbuf; never written to. */
extern char strbuf_empty[1];

#define STRBUF_INIT                                                                                                    \
  { .buf = strbuf_empty, .len = 0, .cap = 0 }

/* Life: init (no allocation), clear (empty, keeps the memory), release (frees), detach (gives the bytes to the caller
 * to free). */
void strbuf_init(struct strbuf *sb);
void strbuf_clear(struct strbuf *sb);
void strbuf_release(struct strbuf *sb);
char *strbuf_detach(struct strbuf *sb);

/* Makes room for `more` bytes behind the end. */
void strbuf_reserve(struct strbuf *sb, size_t more);

void strbuf_add(struct strbuf *sb, const void *data, size_t len);
void strbuf_add_str(struct strbuf *sb, const char *s);
void strbuf_add_char(struct strbuf *sb, char c);
void strbuf_add_repeated(struct strbuf *sb, char c, size_t count);
/* Appends text as UTF-8 without NULs: each byte that does not belong becomes a question mark. */
void strbuf_add_utf8(struct strbuf *sb, const char *text, size_t len);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_add_vf(struct strbuf *sb, const char *fmt, va_list args) PRINTF_LIKE(2, 0);

/* Appends the shortest text that reads back as the same number, which is finite. */
void strbuf_add_number(struct strbuf *sb, double number);

/* From the byte `from` on, what could move a terminal's cursor or colour it becomes question marks: all control
 * characters but line feeds and tabs. */
void strbuf_mask_controls(struct strbuf *sb, size_t from);

/* Cuts to at most `len` bytes. */
void strbuf_truncate(struct strbuf *sb, size_t len);

/* Cuts trailing blanks and line ends. */
void strbuf_rtrim(struct strbuf *sb);

/* Appends a whole file; false leaves errno and the buffer as it was. */
bool strbuf_read_file(struct strbuf *sb, const char *path) MUST_CHECK;

#endif
