/*
 * render.h - fills the `${name}` places of a revision template.
 *
 * Rules: lines at the top that start with "#" are the template's own remarks and are left out. `$${` stands for `${`. A
 * line that holds only a place whose value is empty is left out. Blanks before a `--` remark at the end of a line grow
 * and shrink with the values, so that the remark keeps its column. No ownership: texts in, texts out.
 */
#ifndef SCRIPT_RENDER_H
#define SCRIPT_RENDER_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct render_value {
  const char *name;
  const char *value;
  bool is_comment; /* free text: allowed only behind `-- ` on a line of its own; each of its lines becomes a comment
                      line */
};

/* `file` is the template's name for messages (ERROR_USAGE, "FILE:LINE: ..."). */
bool render(const char *file, const char *text, size_t len, const struct render_value *values, size_t count,
            struct strbuf *out, struct error *err) MUST_CHECK;

#endif
