/*
 * main.c - driver_conformance: loads a driver and runs every check against a real database.
 *
 * driver_conformance FILE.so key=value ...   (the keys as `open` takes them: scheme, host, database, ...)
 *
 * One line for each check, `ok NAME` or `not ok NAME: why`; the last line is `N passed, N failed`. Exit status: 0 all
 * passed, 1 a check failed, 2 the program could not start. It makes one table, mbc_kept, and drops it again; for SQLite
 * give a file, since a database in memory has no second connection.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conformance.h"

#define CHECK_SECONDS_MAX 180

static const char *running_name = "";

/* A driver that hangs must not hang the test run. */
static void on_alarm(int number) {
  (void)number;
  static const char text[] = "\nthe check did not end in time: ";
  ssize_t written = write(STDOUT_FILENO, text, sizeof text - 1);
  written += write(STDOUT_FILENO, running_name, strlen(running_name));
  written += write(STDOUT_FILENO, "\n", 1);
  _exit(written > 0 ? 1 : 2);
}

static void on_notice(void *owner, const moonbird_error *notice) {
  struct run *run = owner;
  if (notice->size >= sizeof *notice && notice->message[0] != '\0' && notice->severity != MOONBIRD_SEVERITY_ERROR) {
    run->notice_count++;
  }
}

static const moonbird_host host = {
    .size = sizeof host,
    .abi_major = MOONBIRD_ABI_MAJOR,
    .abi_minor = MOONBIRD_ABI_MINOR,
    .notice = on_notice,
};

static bool driver_load(struct run *run) {
  void *library = dlopen(run->file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == NULL) {
    fprintf(stderr, "driver_conformance: %s\n", dlerror());
    return false;
  }
  void *symbol = dlsym(library, MOONBIRD_DRIVER_SYMBOL);
  if (symbol == NULL) {
    fprintf(stderr, "driver_conformance: %s: %s\n", run->file, dlerror());
    return false;
  }
  memcpy(&run->entry, &symbol, sizeof run->entry);
  run->driver = run->entry(&host, &run->error);
  if (run->driver == NULL) {
    fprintf(stderr, "driver_conformance: %s: %s %s\n", run->file, run->error.sqlstate, run->error.message);
    return false;
  }
  run->texts = texts_find(run->driver->name);
  if (run->texts == NULL) {
    fprintf(stderr, "driver_conformance: no texts for the driver \"%s\": add them to texts.c\n", run->driver->name);
    return false;
  }
  return true;
}

static bool options_read(struct run *run, char **arguments, int count) {
  for (int i = 0; i < count; i++) {
    char *equals = strchr(arguments[i], '=');
    if (equals == NULL || run->option_count + 2 >= OPTIONS_MAX) {
      fprintf(stderr, "driver_conformance: \"%s\" is not key=value\n", arguments[i]);
      return false;
    }
    *equals = '\0';
    run->options[run->option_count++] = (moonbird_option){.key = arguments[i], .value = equals + 1};
  }
  run->options[run->option_count++] = (moonbird_option){.key = "application_name", .value = "driver_conformance"};
  return true;
}

static bool check_run(struct run *run, const struct check *check) {
  run->why[0] = '\0';
  run->notice_count = 0;
  running_name = check->name;
  alarm(CHECK_SECONDS_MAX);
  run->conn = client_open(run);
  bool is_ok = run->conn != NULL && check->run(run);
  for (unsigned i = 0; run->conn != NULL && i < OPEN_RESULTS_MAX; i++) {
    client_free(run, i);
  }
  run->driver->close(run->conn);
  run->conn = NULL;
  client_drop_tables(run);
  alarm(0);
  if (is_ok) {
    printf("ok %s\n", check->name);
  } else {
    printf("not ok %s: %s\n", check->name, run->why);
  }
  fflush(stdout);
  return is_ok;
}

int main(int argc, char **argv) {
  static const struct check *const lists[] = {
      checks_library, checks_results, checks_values, checks_binding,
      checks_errors,  checks_state,   checks_cancel, checks_lock,
  };
  static struct run run;
  if (argc < 2) {
    fprintf(stderr, "usage: driver_conformance FILE.so key=value ...\n");
    return 2;
  }
  run.file = argv[1];
  run.error.size = sizeof run.error;
  if (!options_read(&run, argv + 2, argc - 2) || !driver_load(&run)) {
    return 2;
  }
  signal(SIGALRM, on_alarm);
  unsigned passed = 0;
  unsigned failed = 0;
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    for (const struct check *check = lists[i]; check->name != NULL; check++) {
      if (check_run(&run, check)) {
        passed++;
      } else {
        failed++;
      }
    }
  }
  printf("%u passed, %u failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
