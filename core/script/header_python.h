/*
 * header_python.h - what the top of one of Alembic's revision files says, read without Python.
 *
 * The docstring, and assignments of literals to revision, down_revision, branch_labels and depends_on; all else is
 * passed over. Ownership: as in header.h; the create date belongs to the arena too.
 */
#ifndef SCRIPT_HEADER_PYTHON_H
#define SCRIPT_HEADER_PYTHON_H

#include "script/header.h"

/* `file` is how messages call it; its last part gives the id of a file of Alembic's first version, which sets no
 * `revision`. The text is the whole file. Never HEADER_TRUNCATED; a file without a header is HEADER_BROKEN, as it is an
 * error of Alembic's. `create_date` gets what the docstring's line "Create Date:" says, or NULL. */
enum header_status header_read_python(const char *file, const char *text, size_t len, struct arena *arena,
                                      struct header *header, const char **create_date, struct error *err) MUST_CHECK;

#endif
