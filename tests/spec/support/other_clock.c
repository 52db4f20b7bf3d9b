/*
 * other_clock.c - a machine whose clock is wrong: preloaded into a program, it moves the time of day by $OTHER_CLOCK_S
 * seconds. The clock that measures how long something takes stays as it is.
 *
 * Used by the specs (moonbird.other_clock), for programs that must go by the database's clock. It asks the kernel, not
 * the library, so that it does not matter who else stands in for these functions.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *t) {
  const char *off_s = getenv("OTHER_CLOCK_S");
  int result = (int)syscall(SYS_clock_gettime, clock, t);
  if (result == 0 && clock == CLOCK_REALTIME && off_s)
    t->tv_sec += strtol(off_s, NULL, 10);
  return result;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone) {
  (void)zone;
  struct timespec now;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  *t = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
  return result;
}

time_t time(time_t *seconds) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0)
    return -1;
  if (seconds)
    *seconds = now.tv_sec;
  return now.tv_sec;
}
