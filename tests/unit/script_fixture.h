/*
 * script_fixture.h - a folder for one test with a configuration in it, and what the test wrote to stderr.
 *
 * Used by test_environment.c and test_template.c. The folder is removed at the end of the test.
 */
#ifndef TESTS_SCRIPT_FIXTURE_H
#define TESTS_SCRIPT_FIXTURE_H

#include "base/log.h"
#include "base/strbuf.h"
#include "script/environment.h"
#include "script/files.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
  char *folder;
  struct config *config;
  struct environment *env;
  struct error err;
};

static inline char *fixture_path(const struct fixture *f, const char *name) {
  return path_join(f->folder, name);
}

static inline void fixture_write_bytes(const struct fixture *f, const char *name, const char *text, size_t len) {
  char *path = fixture_path(f, name);
  char *folder = path_folder(path);
  struct error err = ERROR_INIT;
  remove(path);
  assert_true(folder_make(folder, NULL, &err));
  assert_true(file_write_new(path, text, len, &err));
  free(folder);
  free(path);
}

static inline void fixture_write(const struct fixture *f, const char *name, const char *text) {
  fixture_write_bytes(f, name, text, strlen(text));
}

static inline void fixture_read(const struct fixture *f, const char *name, struct strbuf *text) {
  char *path = fixture_path(f, name);
  strbuf_clear(text);
  if (!strbuf_read_file(text, path))
    fail_msg("can't read %s", path);
  free(path);
}

/* Writes a Lua revision; `down` is Lua text. */
static inline void fixture_revision(const struct fixture *f, const char *name, const char *id, const char *down) {
  char *text =
      xasprintf("-- doc of %s\nrevision = \"%s\"\ndown_revision = %s\n\nfunction upgrade() end\n", id, id, down);
  fixture_write(f, name, text);
  free(text);
}

/* Writes moonbird.ini and reads it anew. */
static inline void fixture_config_text(struct fixture *f, const char *text) {
  fixture_write(f, "moonbird.ini", text);
  char *path = fixture_path(f, "moonbird.ini");
  struct config_request request = {.file = path};
  config_free(f->config);
  f->config = NULL;
  error_clear(&f->err);
  if (!config_load(&f->config, &request, &f->err))
    fail_msg("config: %s", f->err.message);
  free(path);
}

/* The same with script_location and then `lines`. */
static inline void fixture_config(struct fixture *f, const char *lines) {
  char *text = xasprintf("[moonbird]\nscript_location = %%(here)s/env\n%s\n", lines);
  fixture_config_text(f, text);
  free(text);
}

/* Loads the environment; the caller looks at the result. */
static inline bool fixture_try_load(struct fixture *f) {
  environment_free(f->env);
  f->env = NULL;
  error_clear(&f->err);
  return environment_load(&f->env, f->config, &f->err);
}

static inline void fixture_load(struct fixture *f) {
  if (!fixture_try_load(f))
    fail_msg("load: %s", f->err.message);
}

/* The ids in the order of loading, with blanks between. */
static inline char *fixture_ids(const struct fixture *f) {
  struct strbuf sb = STRBUF_INIT;
  const struct graph *graph = environment_graph(f->env);
  for (size_t i = 0; i < graph_count(graph); i++)
    strbuf_addf(&sb, "%s%s", i ? " " : "", graph_at(graph, i)->id);
  return strbuf_detach(&sb);
}

/* From here on stderr goes into a file of the folder; fixture_unhush gives what was written. */
static int hushed_stderr = -1;

static inline void fixture_hush(const struct fixture *f) {
  char *path = fixture_path(f, "stderr.txt");
  remove(path);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  fflush(stderr);
  hushed_stderr = fcntl(2, F_DUPFD_CLOEXEC, 10);
  dup2(fd, 2);
  close(fd);
  free(path);
}

static inline char *fixture_unhush(const struct fixture *f) {
  struct strbuf text = STRBUF_INIT;
  fflush(stderr);
  dup2(hushed_stderr, 2);
  close(hushed_stderr);
  fixture_read(f, "stderr.txt", &text);
  return strbuf_detach(&text);
}

static inline void assert_contains(const char *text, const char *part) {
  if (!text || !strstr(text, part))
    fail_msg("no \"%s\" in \"%s\"", part, text ? text : "(nothing)");
}

static inline int fixture_setup(void **state) {
  struct fixture *f = xcalloc(1, sizeof(*f));
  char folder[] = "/tmp/moonbird-test-XXXXXX";
  f->err = (struct error)ERROR_INIT;
  if (!mkdtemp(folder))
    return -1;
  f->folder = xstrdup(folder);
  char *versions = fixture_path(f, "env/versions");
  if (!folder_make(versions, NULL, &f->err))
    return -1;
  free(versions);
  fixture_config(f, "");
  *state = f;
  return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
  (void)st;
  (void)kind;
  (void)ftw;
  return remove(path);
}

static inline int fixture_teardown(void **state) {
  struct fixture *f = *state;
  environment_free(f->env);
  config_free(f->config);
  error_release(&f->err);
  nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  free(f->folder);
  free(f);
  return 0;
}

#define FIXTURE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

#endif
