/*
 * watch.h - a live screen on a terminal: frames that replace each other on the alternate screen.
 *
 * The terminal is as it was before as soon as watch_stop returns, also when the program ends by exit(). Keys are not
 * echoed; `q` asks to end. Ownership: the struct owns nothing. One at a time; main thread only.
 */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "base/strbuf.h"

#include <stdbool.h>

struct watch {
  size_t columns; /* of the last frame */
  size_t rows;
};

void watch_start(struct watch *watch);
void watch_stop(struct watch *watch);

/* Shows a frame, cut to the rows that the terminal has. Its lines are not wider than watch->columns. */
void watch_draw(struct watch *watch, const struct strbuf *frame);

/* Takes the terminal's size; true where it is another one than before. */
bool watch_resize(struct watch *watch);

/* Has somebody typed `q`, or has SIGINT or SIGTERM come while no event loop caught it? */
bool watch_wants_end(void);

#endif
