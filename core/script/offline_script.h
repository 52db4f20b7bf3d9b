/*
 * offline_script.h - cuts the script that `alembic upgrade head --sql` prints into the statements of each revision.
 *
 * Ownership: the struct (start with OFFLINE_SCRIPT_INIT) owns all that it holds. Knows where a statement of such a
 * script ends, and what Alembic adds of its own; nothing else of SQL.
 */
#ifndef SCRIPT_OFFLINE_SCRIPT_H
#define SCRIPT_OFFLINE_SCRIPT_H

#include "base/error.h"
#include "base/vec.h"

#include <stdbool.h>

struct offline_statement {
  char *text;      /* without the semicolon */
  bool autocommit; /* it stands outside of the script's transactions */
};

/* What stands behind one comment `-- Running upgrade A -> B` (id: B) or `-- Running downgrade B -> A` (id: B). */
struct offline_part {
  char *id;
  bool is_downgrade;
  char *place;           /* "FILE:LINE" of the comment */
  struct vec statements; /* struct offline_statement * */
};

struct offline_script {
  struct vec parts; /* struct offline_part * */
};

#define OFFLINE_SCRIPT_INIT                                                                                            \
  { .parts = VEC_INIT }

void offline_script_release(struct offline_script *script);

/* Reads one file and adds its parts. BEGIN, COMMIT and the statements on the version table are left out. Errors
 * (ERROR_USAGE): unreadable, no such script, a revision that is there already, statements before the first comment. */
bool offline_script_read(struct offline_script *script, const char *path, struct error *err) MUST_CHECK;

/* The part of a revision, or NULL. */
const struct offline_part *offline_script_find(const struct offline_script *script, const char *id, bool is_downgrade);

#endif
