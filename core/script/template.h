/*
 * template.h - writes new files: a whole environment (`init`) and one revision (`revision`, `merge`).
 *
 * Nothing that exists is overwritten. Ownership: results are the caller's to release.
 */
#ifndef SCRIPT_TEMPLATE_H
#define SCRIPT_TEMPLATE_H

#include "base/error.h"
#include "base/vec.h"
#include "config/config.h"
#include "script/environment.h"

/* Told of every folder and file that is made, so that the command can print it ("Creating directory ...", "Generating
 * ..."). */
struct template_listener {
  void *data;
  void (*creating)(void *data, const char *what, const char *path); /* what: "Creating directory", "Generating" */
  void (*created)(void *data, bool ok);                             /* the end of it: made, or an error comes */
  void (*skipped)(void *data, const char *path);                    /* exists already */
};

/* The templates that `init -t` knows: appends const char * names; `template_summary` gives one line each. */
void template_names(struct vec *names);
const char *template_summary(const char *name);

/* Makes the environment `directory` from a template, and `ini_path` beside it (script_location = %(here)s/DIR). */
bool template_init(const char *directory, const char *template_name, const char *ini_path,
                   const struct template_listener *listener, struct error *err) MUST_CHECK;

/* What goes into a new revision. */
struct revision_draft {
  const char *message;      /* NULL: "empty message" */
  const char *id;           /* NULL: a new random one, 12 hexadecimal digits */
  struct vec down;          /* const char *: full ids, none for a base */
  struct vec depends_on;    /* const char *: as they will stand in the file */
  struct vec labels;        /* const char * */
  const char *version_path; /* or NULL: the first version location, or that of the parent */
  const char *create_date;  /* NULL: now; "" leaves it open */
  const char *upgrade_body; /* Lua text, indented by two blanks, or NULL for an empty function */
  const char *downgrade_body;
  bool sql; /* a .sql revision */
};

/* Writes the file after file_template, slug, timezone; `path` gets its absolute path (the caller frees). Checks the id
 * (characters, not taken). Runs no post-write hooks. */
bool template_revision(const struct config *config, const struct environment *env, const struct revision_draft *draft,
                       const struct template_listener *listener, char **path, struct error *err) MUST_CHECK;

/* The same for several, which may be each other's parents: either all are written or none. Appends the paths (owned).
 */
bool template_revisions(const struct config *config, const struct environment *env, const struct revision_draft *drafts,
                        size_t count, const struct template_listener *listener, struct vec *paths,
                        struct error *err) MUST_CHECK;

#endif
