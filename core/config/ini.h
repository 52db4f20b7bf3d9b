/*
 * ini.h - one ini file as it is written, in the form of Python's ConfigParser: sections, keys, raw values, line
 * numbers.
 *
 * Ownership: the struct owns all (ini_release). Values are not interpolated here (interpolate.h), and nothing here
 * knows which sections and keys have a meaning.
 */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include "base/error.h"
#include "base/map.h"
#include "base/strbuf.h"

struct ini_entry {
  char *key; /* lower case */
  struct strbuf value;
  int line;
};

struct ini_section {
  char *name;
  int line;
  struct map entries; /* key -> struct ini_entry */
};

struct ini {
  char *name;          /* of the file, for messages */
  struct map sections; /* name -> struct ini_section, in the order of the file */
};

#define INI_INIT                                                                                                       \
  { .name = NULL, .sections = MAP_INIT }

/* Reads a file; `name` is how messages call it. Errors are ERROR_USAGE with "name:line" where there is a line: the file
 * cannot be read, is not text, has lines that are no entry, a key or section twice, a key outside of any section. */
bool ini_read(struct ini *ini, const char *path, const char *name, struct error *err) MUST_CHECK;

/* The same for a text; it is cleaned in place (textfile_clean). */
bool ini_read_text(struct ini *ini, struct strbuf *text, const char *name, struct error *err) MUST_CHECK;
void ini_release(struct ini *ini);

/* NULL where there is none. ini_find looks into [DEFAULT] as well, as ConfigParser does. */
const struct ini_section *ini_section_find(const struct ini *ini, const char *name);
const struct ini_entry *ini_find(const struct ini *ini, const char *section, const char *key);

#endif
