/*
 * main.c - the program's entry; all else is in cli.c, where tests can call it.
 */
#include "cli/cli.h"

#include <locale.h>
#include <signal.h>

int main(int argc, char **argv) {
  /* Widths and arrows only: numbers are printed and read the same everywhere. */
  setlocale(LC_CTYPE, "");
  /* A reader that goes away is noticed by the write that fails. */
  signal(SIGPIPE, SIG_IGN);
  /* A file that may not grow (ulimit -f) is an error of the write, as a full disk is. */
  signal(SIGXFSZ, SIG_IGN);
  return cli_main(argc, argv);
}
