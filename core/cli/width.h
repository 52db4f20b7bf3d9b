/*
 * width.h - how many columns a text takes on a terminal, and texts cut to fit. UTF-8 in, UTF-8 out.
 *
 * Control characters and broken bytes count as one column and are written as '?', so that no text of a user's can move
 * the cursor. No state, no ownership: results are appended to the caller's buffer.
 */
#ifndef CLI_WIDTH_H
#define CLI_WIDTH_H

#include "base/strbuf.h"

/* Columns of the text. */
size_t width_of(const char *text);

/* Columns of its first `len` bytes. */
size_t width_of_len(const char *text, size_t len);

/* Appends the text cut to at most `columns`; where it was cut it ends in "...". Returns the columns that were used. */
size_t width_add_cut(struct strbuf *out, const char *text, size_t columns);

/* Bytes of the text that a line of `columns` takes: all, or up to a blank, or as many as fit. At least one of a text.
 */
size_t width_of_line(const char *text, size_t columns);

/* Appends the text as valid UTF-8: broken bytes become U+FFFD. For JSON. */
void width_add_valid(struct strbuf *out, const char *text, size_t len);

/* The columns of the terminal behind `fd`; 80 where it does not say. */
size_t width_of_terminal(int fd);

#endif
