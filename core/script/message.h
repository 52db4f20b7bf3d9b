/*
 * message.h - from the lines of a comment block to the message of a revision.
 *
 * Ownership: the struct (start with MESSAGE_INIT) owns its text; the results belong to the arena. Knows nothing of Lua
 * and SQL: it is fed lines.
 */
#ifndef SCRIPT_MESSAGE_H
#define SCRIPT_MESSAGE_H

#include "base/arena.h"
#include "base/strbuf.h"

#include <stdbool.h>

struct message {
  struct strbuf whole; /* every line */
  struct strbuf text;  /* without the header's */
  bool skipped;        /* the line before was one of the header's */
};

#define MESSAGE_INIT                                                                                                   \
  { .whole = STRBUF_INIT, .text = STRBUF_INIT, .skipped = false }

void message_release(struct message *message);

/* Adds one line, without its line end. Lines such as "Revision ID: ..." are no part of the message. */
void message_add_line(struct message *message, const char *line, size_t len);

/* Adds the text behind the `--` of a comment: more dashes and one blank are taken off. */
void message_add_comment(struct message *message, const char *text, size_t len);

/* Each without blank lines at both ends: the block with all its lines, as `show` prints it; the message; and its first
 * paragraph on one line. */
void message_finish(const struct message *message, struct arena *arena, char **whole, char **text, char **summary);

#endif
