/*
 * loop.c - the event loop and its signals; see loop.h.
 *
 * Signals do not go through uv_signal: its callback runs only when the loop does, and a script may not come back to the
 * loop.
 */
#include "db/loop.h"

#include "base/mem.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

enum { TICK_MS = 250, INTERRUPTS_TO_LEAVE = 3, EXIT_INTERRUPTED = 130 };

struct loop {
  uv_loop_t uv;
  uv_async_t wake; /* sent by the signal handler */
  uv_timer_t tick;
  uv_timer_t sleep;
  bool sleeping;
  struct sigaction old_int;
  struct sigaction old_term;
  struct sigaction old_hup;
  int interrupts_seen;
  void (*on_interrupt)(void *data, int count);
  void *on_interrupt_data;
  void (*on_tick)(void *data);
  void *on_tick_data;
};

/* What the signal handler may touch. */
static volatile sig_atomic_t interrupt_count, last_signal;
static struct loop *volatile signalled_loop;
static void (*volatile handler_hook)(int count);

/* For what never comes back, such as a function of C that a script called. A kill loses nothing, and nor does this. */
static void leave_at_once(void) {
  static const char words[] = "\ninterrupted again: left at once; what was not committed is rolled back\n";
  ssize_t ignored = write(STDERR_FILENO, words, sizeof(words) - 1);
  (void)ignored;
  _exit(EXIT_INTERRUPTED);
}

static void handle_signal(int number) {
  last_signal = number;
  interrupt_count = interrupt_count + 1;
  if (interrupt_count >= INTERRUPTS_TO_LEAVE)
    leave_at_once();
  if (handler_hook)
    handler_hook(interrupt_count);
  if (signalled_loop)
    uv_async_send(&signalled_loop->wake);
}

static void handle_wake(uv_async_t *async) {
  struct loop *loop = async->data;
  while (loop->interrupts_seen < interrupt_count) {
    loop->interrupts_seen++;
    if (loop->on_interrupt)
      loop->on_interrupt(loop->on_interrupt_data, loop->interrupts_seen);
  }
}

static void handle_tick(uv_timer_t *timer) {
  struct loop *loop = timer->data;
  if (loop->on_tick)
    loop->on_tick(loop->on_tick_data);
}

static void handle_sleep(uv_timer_t *timer) {
  struct loop *loop = timer->data;
  loop->sleeping = false;
}

static void catch_signals(struct loop *loop) {
  struct sigaction action = {.sa_handler = handle_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &loop->old_int);
  sigaction(SIGTERM, &action, &loop->old_term);
  sigaction(SIGHUP, NULL, &loop->old_hup);
  if (loop->old_hup.sa_handler != SIG_IGN) /* nohup means that it goes on without its terminal */
    sigaction(SIGHUP, &action, NULL);
}

struct loop *loop_new(void) {
  if (signalled_loop)
    BUG("a second event loop");
  struct loop *loop = xcalloc(1, sizeof(*loop));
  if (uv_loop_init(&loop->uv) != 0 || uv_async_init(&loop->uv, &loop->wake, handle_wake) != 0)
    BUG("cannot make an event loop");
  uv_timer_init(&loop->uv, &loop->tick);
  uv_timer_init(&loop->uv, &loop->sleep);
  loop->wake.data = loop->tick.data = loop->sleep.data = loop;
  uv_unref((uv_handle_t *)&loop->wake);
  uv_unref((uv_handle_t *)&loop->tick);
  loop->interrupts_seen = interrupt_count = 0; /* those of a loop before are settled */
  signalled_loop = loop;
  catch_signals(loop);
  return loop;
}

void loop_free(struct loop *loop) {
  if (!loop)
    return;
  sigaction(SIGINT, &loop->old_int, NULL);
  sigaction(SIGTERM, &loop->old_term, NULL);
  sigaction(SIGHUP, &loop->old_hup, NULL);
  signalled_loop = NULL;
  handler_hook = NULL;
  uv_close((uv_handle_t *)&loop->wake, NULL);
  uv_close((uv_handle_t *)&loop->tick, NULL);
  uv_close((uv_handle_t *)&loop->sleep, NULL);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop->uv) != 0)
    BUG("the event loop is closed while something runs on it");
  free(loop);
}

struct uv_loop_s *loop_uv(struct loop *loop) {
  return &loop->uv;
}

void loop_run_once(struct loop *loop) {
  uv_run(&loop->uv, UV_RUN_ONCE);
}

bool loop_sleep(struct loop *loop, double seconds) {
  int before = interrupt_count;
  loop->sleeping = true;
  uv_timer_start(&loop->sleep, handle_sleep, (uint64_t)(seconds * 1000), 0);
  while (loop->sleeping && interrupt_count == before)
    loop_run_once(loop);
  uv_timer_stop(&loop->sleep);
  return interrupt_count == before;
}

const char *loop_interrupt_name(const struct loop *loop) {
  (void)loop;
  return last_signal == SIGTERM ? "SIGTERM" : last_signal == SIGHUP ? "SIGHUP" : "SIGINT";
}

int loop_interrupts(const struct loop *loop) {
  (void)loop;
  return interrupt_count;
}

void loop_on_interrupt(struct loop *loop, void (*on_interrupt)(void *data, int count), void *data) {
  loop->on_interrupt = on_interrupt;
  loop->on_interrupt_data = data;
}

void loop_on_signal(struct loop *loop, void (*in_handler)(int count)) {
  (void)loop;
  handler_hook = in_handler;
}

void loop_on_tick(struct loop *loop, void (*on_tick)(void *data), void *data) {
  loop->on_tick = on_tick;
  loop->on_tick_data = data;
  if (on_tick)
    uv_timer_start(&loop->tick, handle_tick, TICK_MS, TICK_MS);
  else
    uv_timer_stop(&loop->tick);
}
