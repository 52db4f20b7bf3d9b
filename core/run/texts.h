/*
 * texts.h - named SQL statements from files in the binary (sql/NAME.sql), with their words filled in.
 *
 * A file holds `-- name: NAME` lines, each followed by one statement. `{word}` is replaced when the file is added,
 * placeholders are translated to the driver's. Ownership: the struct owns the texts; they live until texts_release.
 */
#ifndef RUN_TEXTS_H
#define RUN_TEXTS_H

#include "base/embedded.h"
#include "base/map.h"

struct texts {
  struct map statements; /* name -> char * */
};

#define TEXTS_INIT                                                                                                     \
  { .statements = MAP_INIT }

/* Adds all statements of a file. A word that `words` (name -> const char *) lacks is a BUG. `style` as in
 * placeholder.h. */
void texts_add(struct texts *texts, const struct embedded_file *file, const struct map *words, const char *style);

/* The statement; an unknown name is a BUG. */
const char *texts_get(const struct texts *texts, const char *name);

void texts_release(struct texts *texts);

#endif
