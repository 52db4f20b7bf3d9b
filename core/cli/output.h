/*
 * output.h - where a command's words go: data to stdout, step lines and progress to stderr, in text or JSON.
 *
 * One struct for the run of the program, owned by main. Nothing on stdout is written past it, so that a full disk or a
 * closed pipe is noticed once, at the end. Main thread only.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>

struct output {
  bool json;
  bool quiet;        /* no log, no progress; data all the same */
  bool color;        /* of data on stdout */
  bool color_stderr; /* of the rest */
  bool live;         /* step lines and progress are wanted on stderr */
  bool utf8;         /* the locale can show more than ASCII */
  bool document;     /* a whole JSON document is on stdout */
  int write_errno;   /* the first failure of a write to stdout, or 0 */
};

/* `color` is "auto", "always" or "never". Looks at the terminals, NO_COLOR, TERM and the locale; sets the log's level
 * and colour. */
void output_init(struct output *out, const char *color, bool json, bool quiet, bool debug);

/* Data. */
void output_write(struct output *out, const char *text, size_t len);
void output_text(struct output *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What a command tells on stdout beside its data ("Generating ... done"): silent with -q and --json. */
void output_note(struct output *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* One document for a listing; one line for an event, written at once. Both take the value over. */
void output_document(struct output *out, json_t *value);
void output_event(struct output *out, json_t *event);

/* A JSON string from bytes that may not be UTF-8; null for NULL. */
json_t *output_json_text(const char *text);

/* Brings stdout up to date before something is written to stderr. */
void output_flush(struct output *out);

/* Flushes stdout. False where it could not be written; a reader that went away is no error. */
bool output_finish(struct output *out, struct error *err) MUST_CHECK;

#endif
