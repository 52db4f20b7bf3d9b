/*
 * watch.c - the alternate screen of stdout; see watch.h.
 */
#include "cli/watch.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* No cursor, and no line that wraps: while the window is made smaller, a line may be wider than it. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

/* What is to be put back. */
static struct {
  bool active;
  bool has_modes;
  struct termios modes;
} saved;

/* Between two connections nobody else catches signals. */
static volatile sig_atomic_t wants_end;
static struct sigaction old_int, old_term;

static void handle_signal(int number) {
  (void)number;
  wants_end = 1;
}

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = handle_signal};
  sigemptyset(&action.sa_mask);
  wants_end = 0;
  sigaction(SIGINT, &action, &old_int);
  sigaction(SIGTERM, &action, &old_term);
}

static void restore(void) {
  if (!saved.active)
    return;
  saved.active = false;
  fputs(LEAVE, stdout);
  fflush(stdout);
  if (saved.has_modes)
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved.modes);
}

/* Keys come at once and are not shown. Ctrl-C stays a signal; Ctrl-Z would leave a shell on the wrong screen. */
static void quiet_keys(void) {
  saved.has_modes = tcgetattr(STDIN_FILENO, &saved.modes) == 0;
  if (!saved.has_modes)
    return;
  struct termios modes = saved.modes;
  modes.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
  modes.c_cc[VMIN] = 0;
  modes.c_cc[VTIME] = 0;
  modes.c_cc[VSUSP] = _POSIX_VDISABLE;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
}

void watch_start(struct watch *watch) {
  static bool registered;
  if (!registered)
    atexit(restore);
  registered = true;
  saved.active = true;
  *watch = (struct watch){.columns = 80, .rows = 24};
  watch_resize(watch);
  catch_signals();
  quiet_keys();
  fputs(ENTER, stdout);
  fflush(stdout);
}

void watch_stop(struct watch *watch) {
  (void)watch;
  restore();
  sigaction(SIGINT, &old_int, NULL);
  sigaction(SIGTERM, &old_term, NULL);
}

bool watch_resize(struct watch *watch) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return false;
  if (size.ws_col == watch->columns && size.ws_row == watch->rows)
    return false;
  watch->columns = size.ws_col;
  watch->rows = size.ws_row;
  return true;
}

void watch_draw(struct watch *watch, const struct strbuf *frame) {
  struct strbuf text = STRBUF_INIT;
  strbuf_add_str(&text, "\033[H");
  const char *line = frame->buf;
  for (size_t row = 0; row < watch->rows && *line; row++) {
    size_t len = strcspn(line, "\n");
    /* A line end behind the last row would scroll. */
    if (row)
      strbuf_add_str(&text, "\r\n");
    /* First, for behind a line as wide as the screen it would take off its last character. */
    strbuf_add_str(&text, "\033[K");
    strbuf_add(&text, line, len);
    line += len + (line[len] == '\n');
  }
  strbuf_add_str(&text, "\033[J");
  fwrite(text.buf, 1, text.len, stdout);
  fflush(stdout);
  strbuf_release(&text);
}

bool watch_wants_end(void) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  char keys[64];
  if (wants_end)
    return true;
  if (!saved.has_modes || poll(&input, 1, 0) != 1)
    return false;
  ssize_t len = read(STDIN_FILENO, keys, sizeof keys);
  return len > 0 && memchr(keys, 'q', (size_t)len) != NULL;
}
