/*
 * scan.h - walks version locations in a fixed order and tells which files may be revisions.
 *
 * Order: the files of a folder sorted by the bytes of their names, then its folders likewise. Ownership: the struct
 * (start with SCAN_INIT) owns what it remembers; what a visitor gets lives for that call. Reads no file.
 */
#ifndef SCRIPT_SCAN_H
#define SCRIPT_SCAN_H

#include "base/error.h"
#include "base/map.h"
#include "base/vec.h"

#include <stdbool.h>

struct scan_file {
  int folder_fd; /* `file` can be opened beside it */
  const char *file;
  const char *path; /* absolute */
  const char *name; /* within the version location: "ab12_x.lua" or "2026/ab12_x.lua" */
  bool is_sql;
};

struct scan_visitor {
  void *data;
  bool (*file)(void *data, const struct scan_file *file, struct error *err);
  /* A file that is no revision and that the user should hear of; `why` may be "". */
  void (*other)(void *data, const char *path, const char *why);
};

struct scan {
  bool recursive;
  struct map locations; /* identity of each version location's folder */
  struct map folders;   /* identity of each folder that was read */
  struct map links;     /* real path of each file that was taken through a symbolic link */
};

#define SCAN_INIT                                                                                                      \
  { .locations = MAP_INIT, .folders = MAP_INIT, .links = MAP_INIT }

void scan_release(struct scan *scan);

/* `locations`: const char *, absolute paths. Those that do not exist are passed over. */
bool scan_locations(struct scan *scan, const struct vec *locations, const struct scan_visitor *visitor,
                    struct error *err) MUST_CHECK;

#endif
