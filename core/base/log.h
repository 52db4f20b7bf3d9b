/*
 * log.h - lines on stderr for people: warnings, notices, what a script prints. Data goes to stdout and never through
 * here.
 *
 * Process-wide state: the level, and one hook by which a progress bar clears itself before a line is written. Main
 * thread only.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/mem.h"

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below the level are not written; LOG_INFO at the start. */
void log_set_level(enum log_level level);
enum log_level log_level(void);
void log_set_color(bool on);

/* Called before each line is written, to take a progress bar off the screen; NULL for none. */
void log_set_before_line(void (*before_line)(void *data), void *data);

void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

#endif
