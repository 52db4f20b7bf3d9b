/*
 * main.c - the program's entry; all else is in cli.c, where tests can call it.
 */
#include "cli/cli.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

/* Where a caller has closed one of the first three descriptors, the next file that is opened would get its number, and
 * take what is printed. Only reading is opened in its place: what is written to it fails, as it should. */
static void fill_standard_streams(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDONLY);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0)
    close(fd);
}

int main(int argc, char **argv) {
  fill_standard_streams();
  /* Widths and arrows only: numbers are printed and read the same everywhere. */
  setlocale(LC_CTYPE, "");
  /* A reader that goes away is noticed by the write that fails. */
  signal(SIGPIPE, SIG_IGN);
  /* A file that may not grow (ulimit -f) is an error of the write, as a full disk is. */
  signal(SIGXFSZ, SIG_IGN);
  return cli_main(argc, argv);
}
