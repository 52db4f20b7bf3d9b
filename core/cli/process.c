/*
 * process.c - see process.h.
 */
#include "cli/process.h"

#include "base/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Appends one word; returns where it ends, or NULL where a quote is open. */
static const char *split_word(const char *at, struct strbuf *word) {
  char quote = '\0';
  for (; *at; at++) {
    if (quote && *at == quote) {
      quote = '\0';
    } else if (!quote && (*at == '\'' || *at == '"')) {
      quote = *at;
    } else if (*at == '\\' && quote != '\'' && at[1]) {
      strbuf_add_char(word, *++at);
    } else if (!quote && strchr(" \t\r\n", *at)) {
      break;
    } else {
      strbuf_add_char(word, *at);
    }
  }
  return quote ? NULL : at;
}

bool process_split(const char *text, struct vec *words, struct error *err) {
  struct strbuf word = STRBUF_INIT;
  const char *at = text + strspn(text, " \t\r\n");
  while (at && *at) {
    strbuf_clear(&word);
    at = split_word(at, &word);
    if (!at)
      break;
    strvec_push(words, word.buf);
    at += strspn(at, " \t\r\n");
  }
  strbuf_release(&word);
  if (at)
    return true;
  return error_set(err, ERROR_USAGE, "a quote is not closed: %s", text);
}

/* In the child: becomes the program; what fails is told to the parent through the pipe as errno. */
static _Noreturn void become(char **argv, const char *cwd, int report) {
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  if (!cwd || chdir(cwd) == 0)
    execvp(argv[0], argv);
  int reason = errno;
  ssize_t ignored = write(report, &reason, sizeof reason);
  (void)ignored;
  _exit(127);
}

static bool wait_for(pid_t pid, int *status) {
  while (waitpid(pid, status, 0) < 0)
    if (errno != EINTR)
      return false;
  return true;
}

static bool check_status(const char *name, int status, struct error *err) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
    return true;
  if (WIFSIGNALED(status))
    return error_set(err, ERROR_FAILED, "'%s' was killed by signal %d", name, WTERMSIG(status));
  return error_set(err, ERROR_FAILED, "'%s' ended with exit status %d", name, WEXITSTATUS(status));
}

bool process_run(const struct vec *words, const char *cwd, struct error *err) {
  const char *name = strvec_at(words, 0);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0)
    return error_set(err, ERROR_FAILED, "Can't start '%s': %s", name, strerror(errno));
  char **argv = xcalloc(words->len + 1, sizeof *argv);
  memcpy(argv, words->items, words->len * sizeof *argv);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0)
    become(argv, cwd, report[1]);
  int fork_errno = errno;
  free(argv);
  close(report[1]);
  int reason = 0;
  int status = 0;
  ssize_t got = pid < 0 ? 0 : read(report[0], &reason, sizeof reason);
  close(report[0]);
  if (pid < 0)
    return error_set(err, ERROR_FAILED, "Can't start '%s': %s", name, strerror(fork_errno));
  if (!wait_for(pid, &status))
    return error_set(err, ERROR_FAILED, "Can't wait for '%s': %s", name, strerror(errno));
  if (got == (ssize_t)sizeof reason)
    return error_set(err, ERROR_FAILED, "Can't start '%s': %s", name, strerror(reason));
  return check_status(name, status, err);
}

bool process_exists(const char *name) {
  const char *path = getenv("PATH");
  bool found = false;
  while (path && !found) {
    size_t len = strcspn(path, ":");
    char *file = xasprintf("%.*s/%s", (int)len, path, name);
    found = access(file, X_OK) == 0;
    free(file);
    path = path[len] ? path + len + 1 : NULL;
  }
  return found;
}
