/*
 * format.h - how a revision is shown: the one-line form, the entry of `-v` and `show`, and JSON.
 *
 * The texts are Alembic's, character for character (tests/unit/test_format.c has every form). Pure: appends to the
 * caller's buffer; reads revisions and their scripts, never a file or a database.
 */
#ifndef CLI_FORMAT_H
#define CLI_FORMAT_H

#include "base/strbuf.h"
#include "base/vec.h"
#include "graph/graph.h"

#include <jansson.h>

struct format_options {
  bool parents;              /* "<base> -> " before the id */
  bool labels;               /* " (label, label)" */
  bool points;               /* " (branchpoint)", " (mergepoint)" */
  bool summary;              /* ", first paragraph" */
  bool color;                /* ANSI colours on id and marks */
  const struct vec *current; /* const char *: ids that get " (current)", or NULL */
};

/* One line, without its end. */
void format_line(struct strbuf *text, const struct revision *r, const struct format_options *options);

/* The long entry with the blank line behind it. Only `color` and `current` of the options count. */
void format_entry(struct strbuf *text, const struct revision *r, const struct format_options *options);

/* A branch point: its line (or its entry when verbose), one line per child, a blank line. */
void format_branch_point(struct strbuf *text, const struct revision *r, bool verbose, bool color);

/* All that the listings know about a revision, as an object. `current` as in the options: NULL leaves the key out. */
json_t *format_json(const struct revision *r, const struct vec *current);

#endif
