/*
 * interpolate.h - replaces %(key)s, %(here)s, %%, ${NAME} and ${NAME:-default} in the values of an ini file.
 *
 * Ownership: the struct borrows all. The caller owns the output buffer. What comes from the environment is put in as it
 * is, never interpolated again.
 */
#ifndef CONFIG_INTERPOLATE_H
#define CONFIG_INTERPOLATE_H

#include "base/vec.h"
#include "config/ini.h"

struct interpolation {
  const struct ini *ini;
  const char *section; /* where %(key)s looks, then in [DEFAULT] */
  const char *here;    /* what %(here)s gives where no key has this name */
  struct vec used;     /* the entries that others referred to: const struct ini_entry *; the caller releases it */
};

/* Appends the value of the entry. With `is_url` a '%' with two hexadecimal digits is kept as it is, so that
 * percent-encoded passwords need no doubling. Errors are ERROR_USAGE with file and line; `missing_variable`, if not
 * NULL, is set where the only fault is a variable that the environment lacks. Values never stand in the messages. */
bool interpolate(struct interpolation *in, const struct ini_entry *entry, bool is_url, struct strbuf *out,
                 bool *missing_variable, struct error *err) MUST_CHECK;

#endif
