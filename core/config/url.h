/*
 * url.h - database URLs in SQLAlchemy's form: scheme[+driver]://user:password@host:port/database?key=value.
 *
 * Ownership: the struct owns its texts (url_release). A password never comes out of here but by the field itself.
 */
#ifndef CONFIG_URL_H
#define CONFIG_URL_H

#include "base/error.h"
#include "base/vec.h"

struct url {
  char *scheme; /* lower case, without the +driver suffix: "postgresql" */
  char *user;   /* this and the next five: percent-decoded, NULL where absent */
  char *password;
  char *host;
  char *port;
  char *database;    /* sqlite: the path ("rel.db", "/abs.db"), NULL for a database in memory */
  struct vec keys;   /* owned strings: the query's keys, in order */
  struct vec values; /* owned strings: their values */
};

#define URL_INIT                                                                                                       \
  { .scheme = NULL }

/* Errors (ERROR_USAGE) say what is wrong and never repeat the password. */
bool url_parse(const char *text, struct url *url, struct error *err) MUST_CHECK;
void url_release(struct url *url);

/* The URL with the password, if there is one, as "***"; passwords in the query (password=, sslpassword=, ...) likewise.
 * The caller frees. */
char *url_redacted(const struct url *url);

/* The same for a text that may not even be a valid URL. The caller frees. */
char *url_redact_text(const char *text);

#endif
