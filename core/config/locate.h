/*
 * locate.h - finds the ini: -c, $MOONBIRD_CONFIG, ./moonbird.ini.
 *
 * Ownership: the struct owns its texts (location_release). Only looks, reads nothing.
 */
#ifndef CONFIG_LOCATE_H
#define CONFIG_LOCATE_H

#include "base/error.h"

struct location {
  char *file;  /* absolute, or NULL: there is no ini */
  char *shown; /* as messages name it: as it was given; NULL with `file` */
  char *here;  /* absolute folder of the ini, else the current folder */
};

/* `file` is what -c said, or NULL. Errors (ERROR_USAGE): a file that was named and does not exist (`section` is for the
 * message), or no ./moonbird.ini unless `optional`. */
bool location_find(struct location *location, const char *file, const char *section, bool optional,
                   struct error *err) MUST_CHECK;
void location_release(struct location *location);

/* The path made absolute against `folder` (absolute), without "." and "..", as a text: links are not followed. The
 * caller frees. */
char *path_absolute(const char *folder, const char *path);

#endif
