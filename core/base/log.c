/*
 * log.c - lines on stderr; see log.h.
 */
#include "base/log.h"

#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level threshold = LOG_INFO;
static bool use_color = false;
static void (*before_line_hook)(void *data) = NULL;
static void *before_line_data = NULL;

static const struct {
  const char *prefix;
  const char *color;
} styles[] = {
    [LOG_DEBUG] = {"debug: ", "\033[2m"},
    [LOG_INFO] = {"", ""},
    [LOG_WARN] = {"warning: ", "\033[33m"},
    [LOG_ERROR] = {"error: ", "\033[31m"},
};

void log_set_level(enum log_level level) {
  threshold = level;
}

enum log_level log_level(void) {
  return threshold;
}

void log_set_color(bool on) {
  use_color = on;
}

void log_set_before_line(void (*before_line)(void *data), void *data) {
  before_line_hook = before_line;
  before_line_data = data;
}

void log_write(enum log_level level, const char *fmt, ...) {
  if (level < threshold)
    return;
  struct strbuf line = STRBUF_INIT;
  bool colored = use_color && styles[level].color[0];
  if (colored)
    strbuf_add_str(&line, styles[level].color);
  strbuf_add_str(&line, styles[level].prefix);
  if (colored)
    strbuf_add_str(&line, "\033[0m");
  size_t from = line.len;
  va_list args;
  va_start(args, fmt);
  strbuf_add_vf(&line, fmt, args);
  va_end(args);
  strbuf_mask_controls(&line, from);
  strbuf_add_char(&line, '\n');
  if (before_line_hook)
    before_line_hook(before_line_data);
  fwrite(line.buf, 1, line.len, stderr);
  strbuf_release(&line);
}
