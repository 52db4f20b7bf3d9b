/*
 * header.h - what the top of a revision file says, read without running it.
 *
 * A header is: comments, then assignments of literals to the names below, before the first function (Lua), or comment
 * lines `-- name: value` (SQL, see sql.h). Ownership: the texts belong to the arena that was given; the vectors' arrays
 * belong to the struct (header_release).
 */
#ifndef SCRIPT_HEADER_H
#define SCRIPT_HEADER_H

#include "base/arena.h"
#include "base/error.h"
#include "base/vec.h"

#include <stdbool.h>
#include <stddef.h>

enum header_name {
  HEADER_REVISION,
  HEADER_DOWN_REVISION,
  HEADER_BRANCH_LABELS,
  HEADER_DEPENDS_ON,
  HEADER_REQUIRES_BACKFILL,
  HEADER_TRANSACTION,
  HEADER_NAME_COUNT,
};

struct header {
  char *id;
  struct vec down;
  struct vec depends_on;
  struct vec labels;
  struct vec requires_backfill;
  bool transaction;
  char *comment; /* the comment block with all its lines; "" where there is none, as the next two */
  char *message;
  char *summary;
  size_t lines[HEADER_NAME_COUNT]; /* where each name was set, 0: nowhere */
};

#define HEADER_INIT                                                                                                    \
  { .transaction = true }

enum header_status {
  HEADER_FOUND,
  HEADER_NONE,      /* not a revision: it sets neither revision nor down_revision */
  HEADER_TRUNCATED, /* the header is not over yet: come again with more of the file */
  HEADER_BROKEN,    /* the error is set: ERROR_HISTORY, message "FILE:LINE: ..." */
};

void header_release(struct header *header);

/* `file` is the name for messages. `complete`: the text is the whole file. The struct must be fresh (HEADER_INIT); only
 * after HEADER_FOUND does it mean anything, it must be released always. */
enum header_status header_read_lua(const char *file, const char *text, size_t len, bool complete, struct arena *arena,
                                   struct header *header, struct error *err) MUST_CHECK;

/* For the two readers. The name behind a word, HEADER_NAME_COUNT for none; its word; what it may be set to. */
enum header_name header_name_of(const char *word, size_t len);
const char *header_word(enum header_name name);
bool header_is_list(enum header_name name);

/* Each sets the error "FILE:LINE: ..." and returns false. */
bool header_fail(struct error *err, const char *file, size_t line, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Takes one text for a name: sets it or adds it to the list. False: the text cannot stand there. */
bool header_take(struct header *header, enum header_name name, const char *value, size_t len, struct arena *arena,
                 const char *file, size_t line, struct error *err) MUST_CHECK;

/* Notes that a name is set here; false: it was set before. */
bool header_note(struct header *header, enum header_name name, const char *file, size_t line,
                 struct error *err) MUST_CHECK;

/* At the end of the header: is anything missing? */
enum header_status header_judge(const struct header *header, const char *file, const char *how_to_write_base,
                                struct error *err) MUST_CHECK;

/* True for well-formed UTF-8 without NUL and other control characters (but line ends and tabs). */
bool text_is_clean(const char *text, size_t len);

#endif
