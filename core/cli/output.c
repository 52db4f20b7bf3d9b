/*
 * output.c - see output.h.
 */
#include "cli/output.h"

#include "base/log.h"
#include "cli/width.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wants_color(const char *mode, int fd) {
  if (strcmp(mode, "always") == 0)
    return true;
  if (strcmp(mode, "never") == 0)
    return false;
  const char *no_color = getenv("NO_COLOR");
  const char *term = getenv("TERM");
  if ((no_color && no_color[0]) || (term && strcmp(term, "dumb") == 0))
    return false;
  return isatty(fd) == 1;
}

void output_init(struct output *out, const char *color, bool json, bool quiet, bool debug) {
  *out = (struct output){.json = json, .quiet = quiet};
  out->color = !json && wants_color(color, STDOUT_FILENO);
  out->color_stderr = wants_color(color, STDERR_FILENO);
  /* Events tell the same as step lines: both are wanted only where a person watches and a file gets the events. */
  out->live = !quiet && (!json || (isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO)));
  out->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  log_set_color(out->color_stderr);
  if (quiet)
    log_set_level(LOG_ERROR);
  else if (debug)
    log_set_level(LOG_DEBUG);
}

void output_write(struct output *out, const char *text, size_t len) {
  if (out->write_errno || len == 0)
    return;
  if (fwrite(text, 1, len, stdout) != len)
    out->write_errno = errno;
}

void output_flush(struct output *out) {
  if (!out->write_errno && fflush(stdout) != 0)
    out->write_errno = errno;
}

void output_text(struct output *out, const char *fmt, ...) {
  struct strbuf text = STRBUF_INIT;
  va_list args;
  va_start(args, fmt);
  strbuf_add_vf(&text, fmt, args);
  va_end(args);
  output_write(out, text.buf, text.len);
  strbuf_release(&text);
}

void output_note(struct output *out, const char *fmt, ...) {
  if (out->quiet || out->json)
    return;
  struct strbuf text = STRBUF_INIT;
  va_list args;
  va_start(args, fmt);
  strbuf_add_vf(&text, fmt, args);
  va_end(args);
  output_write(out, text.buf, text.len);
  strbuf_release(&text);
}

static void write_json(struct output *out, json_t *value, size_t flags) {
  /* Nine digits are more than a duration or a share has. */
  char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
  if (!text)
    BUG("a JSON value cannot be written");
  output_write(out, text, strlen(text));
  output_write(out, "\n", 1);
  free(text);
  json_decref(value);
}

void output_document(struct output *out, json_t *value) {
  write_json(out, value, JSON_INDENT(2));
  out->document = true;
}

void output_event(struct output *out, json_t *event) {
  write_json(out, event, JSON_COMPACT);
  output_flush(out);
}

json_t *output_json_text(const char *text) {
  if (!text)
    return json_null();
  struct strbuf valid = STRBUF_INIT;
  width_add_valid(&valid, text, strlen(text));
  json_t *value = json_stringn_nocheck(valid.buf, valid.len);
  strbuf_release(&valid);
  return value;
}

bool output_finish(struct output *out, struct error *err) {
  output_flush(out);
  if (!out->write_errno || out->write_errno == EPIPE)
    return true;
  error_set(err, ERROR_FAILED, "Can't write to standard output: %s", strerror(out->write_errno));
  return error_hint(err, "what was printed is incomplete");
}
