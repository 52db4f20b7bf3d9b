/*
 * notice.c - notices of databases; see notice.h.
 */
#include "db/notice.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>

void notice_box_init(struct notice_box *box) {
  box->lines = (struct vec)VEC_INIT;
  uv_mutex_init(&box->mutex);
}

void notice_box_release(struct notice_box *box) {
  strvec_release(&box->lines);
  uv_mutex_destroy(&box->mutex);
}

void notice_from_driver(void *owner, const moonbird_error *notice) {
  struct notice_box *box = owner;
  if (!box || notice->severity == MOONBIRD_SEVERITY_DEBUG)
    return;
  uv_mutex_lock(&box->mutex);
  /* The first character keeps the severity until the line is written. */
  char mark = notice->severity == MOONBIRD_SEVERITY_WARNING ? 'W' : 'N';
  vec_push(&box->lines, xasprintf("%c%s%s%s", mark, notice->message, notice->detail[0] ? ": " : "", notice->detail));
  uv_mutex_unlock(&box->mutex);
}

void notice_box_flush(struct notice_box *box) {
  uv_mutex_lock(&box->mutex);
  struct vec lines = box->lines;
  box->lines = (struct vec)VEC_INIT;
  uv_mutex_unlock(&box->mutex);
  for (size_t i = 0; i < lines.len; i++) {
    const char *line = lines.items[i];
    log_write(line[0] == 'W' ? LOG_WARN : LOG_DEBUG, "database: %s", line + 1);
  }
  strvec_release(&lines);
}
