/*
 * loop.h - the event loop of the main thread, with the two signals that end a run.
 *
 * One loop per process (signals belong to the process). Main thread only, but for what signal handlers do inside.
 * Ownership: the caller of loop_new owns it.
 *
 * Interrupts: SIGINT, SIGTERM and SIGHUP (the terminal is gone) are counted. The count can be asked at any time; a
 * callback runs on the loop at each, and a second one inside the signal handler itself, for code that does not come
 * back to the loop (a Lua script that computes for ever). The third one ends the process inside the handler, with exit
 * code 130: what neither comes back to the loop nor to Lua cannot be stopped otherwise.
 */
#ifndef DB_LOOP_H
#define DB_LOOP_H

#include <stdbool.h>

struct loop;
struct uv_loop_s;

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* restores the signal handlers; NULL is allowed */
struct uv_loop_s *loop_uv(struct loop *loop);

/* Waits for the next events and runs their callbacks. */
void loop_run_once(struct loop *loop);

/* Waits for so long; returns early, with false, when an interrupt comes. */
bool loop_sleep(struct loop *loop, double seconds);

/* Number of interrupts so far. */
int loop_interrupts(const struct loop *loop);

/* Which signal the last one was, for people: "SIGTERM". */
const char *loop_interrupt_name(const struct loop *loop);

/* `on_interrupt` runs on the loop (not in the handler) after each interrupt, with the count. One at a time; NULL for
 * none. */
void loop_on_interrupt(struct loop *loop, void (*on_interrupt)(void *data, int count), void *data);

/* `in_handler` runs inside the signal handler: only what is async-signal-safe. */
void loop_on_signal(struct loop *loop, void (*in_handler)(int count));

/* `on_tick` runs about four times a second while the loop runs. NULL for none. */
void loop_on_tick(struct loop *loop, void (*on_tick)(void *data), void *data);

#endif
