/*
 * test_environment.c - loading an environment: which files are found, in which order, what is said about the others.
 */
#include "script_fixture.h"

#include "base/digest.h"

static void loads_in_file_name_order(void **state) {
  struct fixture *f = *state;
  fixture_revision(f, "env/versions/b_two.lua", "two", "\"one\"");
  fixture_revision(f, "env/versions/a_three.lua", "three", "\"two\"");
  fixture_revision(f, "env/versions/Z_one.lua", "one", "nil");
  fixture_write(f, "env/versions/c.sql",
                "-- In SQL\n-- revision: four\n-- down_revision: three\n-- migrate:up\nSELECT 1;\n");
  fixture_load(f);
  char *ids = fixture_ids(f);
  assert_string_equal(ids, "one three two four");
  free(ids);
  assert_int_equal(environment_count(f->env), 4);
  const struct script *script = revision_script(graph_find(environment_graph(f->env), "four"));
  assert_int_equal(script->kind, SCRIPT_SQL);
  assert_string_equal(script->summary, "In SQL");
  assert_string_equal(script->name, "c.sql");
  assert_true(script->transaction);
  char *path = fixture_path(f, "env/versions/c.sql");
  assert_string_equal(script->path, path);
  free(path);
  char *location = fixture_path(f, "env");
  assert_string_equal(environment_location(f->env), location);
  free(location);
}

static void reads_the_script_text(void **state) {
  struct fixture *f = *state;
  fixture_revision(f, "env/versions/a.lua", "one", "nil");
  fixture_load(f);
  const struct script *script = revision_script(graph_at(environment_graph(f->env), 0));
  struct strbuf text = STRBUF_INIT;
  assert_true(script_read(script, &text, &f->err));
  assert_contains(text.buf, "function upgrade() end\n");
  assert_int_equal(remove(script->path), 0);
  assert_false(script_read(script, &text, &f->err));
  assert_int_equal(f->err.class, ERROR_HISTORY);
  assert_contains(f->err.message, "a.lua");
  strbuf_release(&text);
}

static void empty_and_missing_folders(void **state) {
  struct fixture *f = *state;
  fixture_load(f);
  assert_int_equal(environment_count(f->env), 0);
  char *versions = fixture_path(f, "env/versions");
  assert_int_equal(rmdir(versions), 0);
  free(versions);
  fixture_load(f);
  assert_int_equal(environment_count(f->env), 0);
  char *env = fixture_path(f, "env");
  assert_int_equal(rmdir(env), 0);
  assert_false(fixture_try_load(f));
  assert_int_equal(f->err.class, ERROR_USAGE);
  char *expected =
      xasprintf("Path doesn't exist: %s.  Please use the 'init' command to create a new scripts folder.", env);
  assert_string_equal(f->err.message, expected);
  free(expected);
  free(env);
}

static void needs_a_script_location(void **state) {
  struct fixture *f = *state;
  fixture_config_text(f, "[moonbird]\nscript_location =\n");
  assert_false(fixture_try_load(f));
  assert_int_equal(f->err.class, ERROR_USAGE);
  assert_string_equal(f->err.message, "No 'script_location' key found in configuration.");
}

static void names_other_files_in_one_warning(void **state) {
  struct fixture *f = *state;
  fixture_revision(f, "env/versions/a.lua", "one", "nil");
  fixture_write(f, "env/versions/helper.lua", "return {}\n");
  fixture_write(f, "env/versions/notes.txt", "x");
  fixture_write(f, "env/versions/README.md", "x");
  fixture_write(f, "env/versions/.gitkeep", "");
  fixture_write(f, "env/versions/a.lua~", "x");
  fixture_write(f, "env/versions/#a.lua#", "x");
  fixture_write(f, "env/versions/.#a.lua", "x");
  fixture_write(f, "env/versions/folder.lua/x.txt", "x");
  char *path = fixture_path(f, "env/versions/pipe.lua");
  assert_int_equal(mkfifo(path, 0600), 0);
  free(path);
  path = fixture_path(f, "env/versions/dangling.lua");
  assert_int_equal(symlink("nowhere", path), 0);
  free(path);
  fixture_hush(f);
  bool ok = fixture_try_load(f);
  char *said = fixture_unhush(f);
  assert_true(ok);
  assert_int_equal(environment_count(f->env), 1);
  char *first_line_end = strchr(said, '\n');
  assert_non_null(first_line_end);
  assert_string_equal(first_line_end, "\n");
  assert_contains(said, "helper.lua (no header)");
  assert_contains(said, "notes.txt");
  assert_contains(said, "pipe.lua (not a regular file)");
  assert_contains(said, "dangling.lua (a dangling link)");
  assert_contains(said, "folder.lua (a folder");
  assert_null(strstr(said, "README"));
  assert_null(strstr(said, "gitkeep"));
  assert_null(strstr(said, "a.lua"));
  free(said);
}

static void warns_of_many_files_shortly(void **state) {
  struct fixture *f = *state;
  for (int i = 0; i < 25; i++) {
    char *name = xasprintf("env/versions/n%02d.txt", i);
    fixture_write(f, name, "");
    free(name);
  }
  fixture_hush(f);
  fixture_load(f);
  char *said = fixture_unhush(f);
  assert_contains(said, "n09.txt and 15 more\n");
  free(said);
}

static void folders_only_when_recursive(void **state) {
  struct fixture *f = *state;
  fixture_revision(f, "env/versions/z.lua", "one", "nil");
  fixture_revision(f, "env/versions/2026/b.lua", "three", "\"two\"");
  fixture_revision(f, "env/versions/2026/01/a.lua", "four", "\"three\"");
  fixture_revision(f, "env/versions/2025/c.lua", "two", "\"one\"");
  fixture_hush(f);
  fixture_load(f);
  char *said = fixture_unhush(f);
  assert_int_equal(environment_count(f->env), 1);
  assert_contains(said, "2025 (a folder; recursive_version_locations is off)");
  free(said);
  fixture_config(f, "recursive_version_locations = true");
  fixture_hush(f);
  fixture_load(f);
  said = fixture_unhush(f);
  assert_string_equal(said, "");
  free(said);
  char *ids = fixture_ids(f);
  assert_string_equal(ids, "one two three four");
  free(ids);
  const struct script *script = revision_script(graph_find(environment_graph(f->env), "four"));
  assert_string_equal(script->name, "2026/01/a.lua");
}

static void several_locations_in_their_order(void **state) {
  struct fixture *f = *state;
  fixture_config(f, "version_locations = %(here)s/second:%(here)s/first:%(here)s/misspelt\npath_separator = :");
  fixture_revision(f, "first/a.lua", "two", "\"one\"");
  fixture_revision(f, "second/b.lua", "one", "nil");
  fixture_hush(f);
  fixture_load(f);
  char *said = fixture_unhush(f);
  assert_contains(said, "misspelt doesn't exist");
  free(said);
  char *ids = fixture_ids(f);
  assert_string_equal(ids, "one two");
  free(ids);
}

static void one_file_by_two_ways_is_loaded_once(void **state) {
  struct fixture *f = *state;
  fixture_config(f,
                 "version_locations = %(here)s/env/versions;%(here)s/env/../env/versions;%(here)s/links;%(here)s/late\n"
                 "path_separator = ;");
  fixture_revision(f, "env/versions/a.lua", "one", "nil");
  fixture_revision(f, "outside/b.lua", "two", "\"one\"");
  fixture_write(f, "links/.keep", "");
  static const char *const links[][2] = {{"../env/versions/a.lua", "links/copy.lua"},
                                         {"../outside/b.lua", "links/in.lua"},
                                         {"../outside/b.lua", "links/in2.lua"}};
  for (size_t i = 0; i < ARRAY_LEN(links); i++) {
    char *path = fixture_path(f, links[i][1]);
    assert_int_equal(symlink(links[i][0], path), 0);
    free(path);
  }
  char *late = fixture_path(f, "late");
  assert_int_equal(symlink("outside", late), 0);
  free(late);
  fixture_hush(f);
  bool ok = fixture_try_load(f);
  char *said = fixture_unhush(f);
  assert_true(ok);
  char *ids = fixture_ids(f);
  assert_string_equal(ids, "one two");
  free(ids);
  assert_contains(said, "/env/versions read twice! ignoring.");
  assert_contains(said, "/links/copy.lua loaded twice! ignoring. Please ensure version_locations is unique.");
  assert_contains(said, "/links/in2.lua loaded twice! ignoring.");
  assert_contains(said, "/late/b.lua loaded twice! ignoring.");
  assert_null(strstr(said, "/in.lua"));
  free(said);
}

static void links_into_a_circle_end(void **state) {
  struct fixture *f = *state;
  fixture_config(f, "recursive_version_locations = true");
  fixture_revision(f, "env/versions/a.lua", "one", "nil");
  char *path = fixture_path(f, "env/versions/again");
  assert_int_equal(symlink(".", path), 0);
  free(path);
  fixture_hush(f);
  fixture_load(f);
  free(fixture_unhush(f));
  assert_int_equal(environment_count(f->env), 1);
}

static void broken_header_names_file_and_line(void **state) {
  struct fixture *f = *state;
  fixture_write(f, "env/versions/ab_x.lua", "-- x\n\nrevision = \"ab\"\ndown_revision = parent()\n");
  assert_false(fixture_try_load(f));
  assert_int_equal(f->err.class, ERROR_HISTORY);
  assert_string_equal(f->err.message,
                      "versions/ab_x.lua:4: down_revision must be a literal: a string, a list of strings or nil");
}

static void unreadable_file_is_an_error(void **state) {
  struct fixture *f = *state;
  if (geteuid() == 0)
    skip(); /* root reads everything */
  fixture_revision(f, "env/versions/a.lua", "one", "nil");
  char *path = fixture_path(f, "env/versions/a.lua");
  assert_int_equal(chmod(path, 0), 0);
  free(path);
  assert_false(fixture_try_load(f));
  assert_int_equal(f->err.class, ERROR_HISTORY);
  assert_contains(f->err.message, "a.lua: Permission denied");
}

static void graph_errors_come_through(void **state) {
  struct fixture *f = *state;
  fixture_revision(f, "env/versions/a.lua", "one", "\"nowhere\"");
  assert_false(fixture_try_load(f));
  assert_int_equal(f->err.class, ERROR_HISTORY);
  assert_contains(f->err.message, "nowhere");
}

/* Longer than the first read, and longer than the second. */
static void long_headers(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  for (int i = 0; i < 5000; i++)
    strbuf_addf(&text, "-- line %d of a long story about this one revision\n", i);
  strbuf_add_str(&text, "revision = \"one\"\ndown_revision = nil\nfunction upgrade() end\n");
  fixture_write_bytes(f, "env/versions/a.lua", text.buf, text.len);
  strbuf_clear(&text);
  strbuf_add_str(&text, "revision = \"two\"\ndown_revision = \"one\"\nlocal data = {\n");
  for (int i = 0; i < 20000; i++)
    strbuf_addf(&text, "  \"value %d\",\n", i);
  strbuf_add_str(&text, "}\ndepends_on = data[1]\nfunction upgrade() end\n");
  fixture_write_bytes(f, "env/versions/b.lua", text.buf, text.len);
  strbuf_release(&text);
  assert_false(fixture_try_load(f));
  assert_contains(f->err.message, "versions/b.lua:20005: depends_on must be a literal");
  fixture_revision(f, "env/versions/b.lua", "two", "\"one\"");
  fixture_load(f);
  const struct script *script = revision_script(graph_find(environment_graph(f->env), "one"));
  assert_true(strlen(script->message) > 100000);
}

/* 100 MB without a function, sparse on the disk. */
static void huge_file(void **state) {
  struct fixture *f = *state;
  fixture_revision(f, "env/versions/a.lua", "one", "nil");
  fixture_write(f, "env/versions/huge.lua", "");
  fixture_write(f, "env/versions/huge.sql", "--");
  char *path = fixture_path(f, "env/versions/huge.lua");
  assert_int_equal(truncate(path, 100 << 20), 0);
  free(path);
  path = fixture_path(f, "env/versions/huge.sql");
  assert_int_equal(truncate(path, 100 << 20), 0);
  free(path);
  fixture_hush(f);
  fixture_load(f);
  char *said = fixture_unhush(f);
  assert_contains(said, "huge.lua (no header)");
  assert_contains(said, "huge.sql (no header)");
  free(said);
  assert_int_equal(environment_count(f->env), 1);
}

static void checksum_passes_over_line_ends(void **state) {
  (void)state;
  static const char *const same[] = {"a\nb\n\nc\n", "a\r\nb\r\n\r\nc\r\n", "a\rb\r\rc\r", "\357\273\277a\nb\r\n\nc\r"};
  char first[SHA256_HEX_SIZE];
  char hex[SHA256_HEX_SIZE];
  sha256_hex("a\nb\n\nc\n", strlen("a\nb\n\nc\n"), first);
  for (size_t i = 0; i < ARRAY_LEN(same); i++) {
    script_checksum(same[i], strlen(same[i]), hex);
    assert_string_equal(hex, first);
  }
  script_checksum("a\nb\nc\n", 6, hex);
  assert_string_not_equal(hex, first);
  script_checksum("", 0, hex);
  assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      FIXTURE_TEST(loads_in_file_name_order),
      FIXTURE_TEST(reads_the_script_text),
      FIXTURE_TEST(empty_and_missing_folders),
      FIXTURE_TEST(needs_a_script_location),
      FIXTURE_TEST(names_other_files_in_one_warning),
      FIXTURE_TEST(warns_of_many_files_shortly),
      FIXTURE_TEST(folders_only_when_recursive),
      FIXTURE_TEST(several_locations_in_their_order),
      FIXTURE_TEST(one_file_by_two_ways_is_loaded_once),
      FIXTURE_TEST(links_into_a_circle_end),
      FIXTURE_TEST(broken_header_names_file_and_line),
      FIXTURE_TEST(unreadable_file_is_an_error),
      FIXTURE_TEST(graph_errors_come_through),
      FIXTURE_TEST(long_headers),
      FIXTURE_TEST(huge_file),
      FIXTURE_TEST(checksum_passes_over_line_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
