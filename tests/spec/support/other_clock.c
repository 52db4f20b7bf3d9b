/*
 * other_clock.c - a machine whose clock is wrong: preloaded into a program, it moves the time of day by $OTHER_CLOCK_S
 * seconds, or by what the file $OTHER_CLOCK_FILE says at the moment: a clock that jumps. The clock that measures how
 * long something takes stays as it is.
 *
 * Used by the specs (moonbird.other_clock) and by scripts/soak/clocks, for programs that must go by the database's
 * clock. It asks the kernel, not the library, so that it does not matter who else stands in for these functions.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long number_in(const char *path) {
  char text[32] = "";
  int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return 0;
  (void)syscall(SYS_read, file, text, sizeof(text) - 1);
  (void)syscall(SYS_close, file);
  return strtol(text, NULL, 10);
}

static long off_s(void) {
  const char *path = getenv("OTHER_CLOCK_FILE"), *seconds = getenv("OTHER_CLOCK_S");
  return path ? number_in(path) : seconds ? strtol(seconds, NULL, 10) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *t) {
  int result = (int)syscall(SYS_clock_gettime, clock, t);
  if (result == 0 && clock == CLOCK_REALTIME)
    t->tv_sec += off_s();
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
