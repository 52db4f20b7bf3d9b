/*
 * options.h - from the host's options to libpq's keywords. A struct keywords belongs to the call that opens the
 * connection; its strings are views into the options.
 */
#ifndef MOONBIRD_POSTGRES_OPTIONS_H
#define MOONBIRD_POSTGRES_OPTIONS_H

#include "moonbird/driver.h"

#include <stdbool.h>
#include <stdint.h>

/* The driver's own option: what stands between it and the server. */
enum pooler {
  POOLER_DETECT,     /* "auto" */
  POOLER_NONE,       /* "none", "session": the session is ours until the end */
  POOLER_TRANSACTION /* "transaction": it may be another one in each transaction */
};

struct keywords {
  const char **keys; /* both end with NULL */
  const char **values;
  int connect_timeout; /* seconds, 0: none */
  enum pooler pooler;
};

/* Checks and translates; an unknown key is an error that lists the known ones. */
bool keywords_init(struct keywords *keywords, const moonbird_option *options, uint32_t count, moonbird_error *error);

void keywords_release(struct keywords *keywords);

#endif
