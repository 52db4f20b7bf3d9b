/*
 * textfile.h - whole text files for the readers of this folder: size limit, byte order mark, line ends, UTF-8.
 *
 * Ownership: the caller owns the buffer. Knows nothing of what the text means.
 */
#ifndef CONFIG_TEXTFILE_H
#define CONFIG_TEXTFILE_H

#include "base/error.h"
#include "base/strbuf.h"

/* Reads the file and cleans it. `name` is how messages call it. Errors (ERROR_USAGE): a folder, unreadable, larger than
 * 16 MiB, or not text. The buffer is empty then. */
bool textfile_read(const char *path, const char *name, struct strbuf *text, struct error *err) MUST_CHECK;

/* Takes a byte order mark away and makes CRLF and CR into LF. Errors (ERROR_USAGE, with `name`:line): NUL bytes, bytes
 * that are not UTF-8. */
bool textfile_clean(struct strbuf *text, const char *name, struct error *err) MUST_CHECK;

/* Index of the first byte that is not part of valid UTF-8, or `len`. */
size_t textfile_utf8_prefix(const char *text, size_t len);

#endif
