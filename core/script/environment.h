/*
 * environment.h - an environment's folder: finds the revision files, reads their headers, hands them to the graph.
 *
 * No user code runs here: headers are read by the lexer of header.h, however many revisions there are. Ownership: the
 * environment owns its scripts and the graph; they live until environment_free.
 */
#ifndef SCRIPT_ENVIRONMENT_H
#define SCRIPT_ENVIRONMENT_H

#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "config/config.h"
#include "graph/graph.h"

enum script_kind { SCRIPT_LUA, SCRIPT_SQL };

/* One revision file, as its header has it. `revision->data` of the graph points to this. */
struct script {
  enum script_kind kind;
  char *path; /* absolute */
  char *name; /* file name within its version location, for messages */
  char *id;
  struct vec down; /* owned strings, this and the next two */
  struct vec depends_on;
  struct vec labels;
  struct vec requires_backfill; /* names of backfills */
  bool transaction;             /* default true */
  char *comment;                /* the first comment block as it is; may be "" */
  char *message;                /* the first comment block without the header lines; may be "" */
  char *summary;                /* its first paragraph on one line; may be "" */
};

struct environment;

/* Reads the folders that the config names. ERROR_USAGE: no script_location, or a folder that does not exist ("Path
 * doesn't exist: X.  Please use the 'init' command to create a new scripts folder."); ERROR_HISTORY: a header that is
 * not a literal, with file:line, or a broken graph. Files that are not revisions are named in one warning. */
bool environment_load(struct environment **env, const struct config *config, struct error *err) MUST_CHECK;
void environment_free(struct environment *env);

const char *environment_location(const struct environment *env); /* script_location, absolute */
const struct graph *environment_graph(const struct environment *env);
size_t environment_count(const struct environment *env);

static inline const struct script *revision_script(const struct revision *r) {
  return r->data;
}

/* Reads the file's text as it is. */
bool script_read(const struct script *script, struct strbuf *text, struct error *err) MUST_CHECK;

/* SHA-256 over the text with line ends (CRLF, CR -> LF) and byte order mark normalised, as hexadecimal
 * (SHA256_HEX_SIZE). */
void script_checksum(const char *text, size_t len, char *hex);

#endif
