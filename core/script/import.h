/*
 * import.h - takes over the revision files of other tools: writes Lua revisions with the same graph.
 *
 * Nothing that exists is overwritten; either all revisions are written or none. Ownership: results are the caller's.
 */
#ifndef SCRIPT_IMPORT_H
#define SCRIPT_IMPORT_H

#include "base/error.h"
#include "base/vec.h"
#include "config/config.h"
#include "script/environment.h"
#include "script/template.h"

struct import_request {
  const struct config *config;
  const struct environment *env; /* where the revisions go; its revisions may be parents of theirs */
  const struct vec *folders;     /* const char *: each an Alembic environment or its versions folder */
  const struct vec *sql_files;   /* const char *: offline scripts, whose statements become the bodies; may be empty */
  const char *version_path;      /* as in struct revision_draft */
};

struct imported {
  char *id;
  char *source;      /* the file it was read from */
  char *path;        /* the file that was written */
  size_t statements; /* taken from offline scripts */
  bool has_body;     /* an offline script has its upgrade */
};

void import_release(struct vec *imported); /* struct imported * */

/* Reads the headers of Alembic's files without Python and writes a revision for each; `imported` gets them in the order
 * of their files. Errors: a header that cannot be read (ERROR_HISTORY, file and line), a broken graph (ERROR_HISTORY),
 * an id that is there already, an offline script that does not fit (ERROR_USAGE). */
bool import_alembic(const struct import_request *request, const struct template_listener *listener,
                    struct vec *imported, struct error *err) MUST_CHECK;

#endif
