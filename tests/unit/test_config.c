/*
 * test_config.c - moonbird.ini, .env, interpolation, types and the order of URLs, through config.h.
 *
 * Each test works in a new folder, which is the current one while it runs.
 */
#include "base/log.h"
#include "base/strbuf.h"
#include "config/config.h"
#include "config/settings.h"

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

static const char *const variables[] = {
    "MOONBIRD_CONFIG", "MOONBIRD_DATABASE_URL", "DATABASE_URL", "T_NAME", "T_OTHER", "T_EMPTY", "T_UNSET"};

struct fixture {
  char folder[64];
  char *old_folder;
  struct config *config;
  struct error err;
};

static int setup(void **state) {
  struct fixture *f = calloc(1, sizeof(*f));
  assert_non_null(f);
  f->err = (struct error)ERROR_INIT;
  snprintf(f->folder, sizeof(f->folder), "/tmp/moonbird-config-XXXXXX");
  assert_non_null(mkdtemp(f->folder));
  f->old_folder = getcwd(NULL, 0);
  assert_int_equal(chdir(f->folder), 0);
  for (size_t i = 0; i < ARRAY_LEN(variables); i++)
    unsetenv(variables[i]);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  static const char *const files[] = {"moonbird.ini", "alembic.ini", ".env", "sub/moonbird.ini", "sub/.env", "stderr"};
  struct fixture *f = *state;
  config_free(f->config);
  error_release(&f->err);
  for (size_t i = 0; i < ARRAY_LEN(files); i++)
    unlink(files[i]);
  rmdir("sub");
  rmdir(".env");
  rmdir("moonbird.ini");
  assert_int_equal(chdir(f->old_folder), 0);
  assert_int_equal(rmdir(f->folder), 0);
  free(f->old_folder);
  free(f);
  return 0;
}

static void write_bytes(const char *path, const char *bytes, size_t len) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  assert_int_equal(fclose(file), 0);
}

static void write_file(const char *path, const char *text) {
  write_bytes(path, text, strlen(text));
}

static void write_ini(const char *text) {
  write_file("moonbird.ini", text);
}

static bool try_load(struct fixture *f, struct config_request request) {
  config_free(f->config);
  f->config = NULL;
  error_clear(&f->err);
  return config_load(&f->config, &request, &f->err);
}

static void load(struct fixture *f) {
  if (!try_load(f, (struct config_request){.file = NULL}))
    fail_msg("%s (%s)", f->err.message, f->err.where ? f->err.where : "");
}

static void load_ini(struct fixture *f, const char *text) {
  write_ini(text);
  load(f);
}

static void check_error(const struct fixture *f, const char *message, const char *where) {
  assert_int_equal(f->err.class, ERROR_USAGE);
  if (!strstr(f->err.message, message))
    fail_msg("'%s' does not hold '%s'", f->err.message, message);
  if (where)
    assert_string_equal(f->err.where, where);
}

static void refuse(struct fixture *f, const char *message, const char *where) {
  assert_false(try_load(f, (struct config_request){.file = NULL}));
  check_error(f, message, where);
}

static void refuse_ini(struct fixture *f, const char *text, const char *message, const char *where) {
  write_ini(text);
  refuse(f, message, where);
}

static const char *text_of(const struct fixture *f, const char *name) {
  return config_text(f->config, name);
}

static const char *other(const struct fixture *f, const char *key) {
  return config_other(f->config, "post_write_hooks", key);
}

/* Loads while stderr goes to a file; gives what was written there, to be freed. */
static char *load_and_listen(struct fixture *f) {
  fflush(stderr);
  int saved = dup(STDERR_FILENO);
  assert_non_null(freopen("stderr", "w", stderr));
  bool ok = try_load(f, (struct config_request){.file = NULL});
  fflush(stderr);
  assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
  close(saved);
  struct strbuf text = STRBUF_INIT;
  assert_true(strbuf_read_file(&text, "stderr"));
  if (!ok)
    fail_msg("%s", f->err.message);
  return strbuf_detach(&text);
}

/* Reading the file. */

static void test_defaults(void **state) {
  struct fixture *f = *state;
  load_ini(f, "[moonbird]\n");
  assert_null(text_of(f, "script_location"));
  assert_null(text_of(f, "url"));
  assert_null(text_of(f, "version_table_schema"));
  assert_string_equal(text_of(f, "version_table"), "moonbird_version");
  assert_string_equal(text_of(f, "file_template"), "%(rev)s_%(slug)s");
  assert_int_equal(config_number(f->config, "truncate_slug_length"), 40);
  assert_true(config_flag(f->config, "transaction_per_migration"));
  assert_false(config_flag(f->config, "recursive_version_locations"));
  assert_true(config_seconds(f->config, "lock_timeout") == -1);
  assert_string_equal(config_section(f->config), "moonbird");
}

/* Every default must be a value that its own row accepts. */
static void test_tables_are_sound(void **state) {
  (void)state;
  const struct setting_table *tables[] = {&main_settings, &backfill_settings};
  for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
    for (size_t i = 0; i < tables[t]->len; i++) {
      const struct setting *row = &tables[t]->rows[i];
      assert_ptr_equal(setting_find(tables[t], row->name), row);
      assert_true(!row->alias || setting_find(tables[t], row->alias) == row);
      assert_true(!row->fallback || setting_accepts(row, row->fallback));
      assert_true((row->type == SETTING_CHOICE) == (row->choices != NULL));
      assert_non_null(row->help);
    }
  }
}

static void test_file_and_here(void **state) {
  struct fixture *f = *state;
  char path[128];
  load_ini(f, "[moonbird]\n");
  snprintf(path, sizeof(path), "%s/moonbird.ini", f->folder);
  assert_string_equal(config_file(f->config), path);
  assert_string_equal(config_here(f->config), f->folder);

  assert_int_equal(mkdir("sub", 0777), 0);
  write_file("sub/moonbird.ini", "[moonbird]\nscript_location = %(here)s/m\n");
  assert_true(try_load(f, (struct config_request){.file = "./sub/../sub//moonbird.ini"}));
  snprintf(path, sizeof(path), "%s/sub/moonbird.ini", f->folder);
  assert_string_equal(config_file(f->config), path);
  snprintf(path, sizeof(path), "%s/sub/m", f->folder);
  assert_string_equal(text_of(f, "script_location"), path);
}

static void test_search_order(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir("sub", 0777), 0);
  write_ini("[moonbird]\nversion_table = here\n");
  write_file("sub/moonbird.ini", "[moonbird]\nversion_table = sub\n");
  write_file("alembic.ini", "[moonbird]\nversion_table = named\n");
  load(f);
  assert_string_equal(text_of(f, "version_table"), "here");
  setenv("MOONBIRD_CONFIG", "sub/moonbird.ini", 1);
  load(f);
  assert_string_equal(text_of(f, "version_table"), "sub");
  assert_true(try_load(f, (struct config_request){.file = "alembic.ini"}));
  assert_string_equal(text_of(f, "version_table"), "named");
  setenv("MOONBIRD_CONFIG", "", 1);
  load(f);
  assert_string_equal(text_of(f, "version_table"), "here");
}

static void test_missing_file(void **state) {
  struct fixture *f = *state;
  refuse(f, "No 'script_location' key found in configuration", NULL);
  assert_non_null(strstr(f->err.hint, "moonbird init migrations"));

  assert_true(try_load(f, (struct config_request){.file_optional = true}));
  assert_null(config_file(f->config));
  assert_string_equal(config_here(f->config), f->folder);
  assert_string_equal(text_of(f, "version_table"), "moonbird_version");

  assert_false(try_load(f, (struct config_request){.file = "gone.ini", .file_optional = true}));
  check_error(f, "No config file 'gone.ini' found, or file has no '[moonbird]' section", NULL);
  setenv("MOONBIRD_CONFIG", "gone.ini", 1);
  refuse(f, "No config file 'gone.ini' found", NULL);
}

static void test_sections(void **state) {
  struct fixture *f = *state;
  write_ini("[one]\nversion_table = a\n[ two ]  ; a comment\nversion_table = b\n");
  refuse(f, "No config file 'moonbird.ini' found, or file has no '[moonbird]' section", NULL);
  assert_non_null(strstr(f->err.hint, "[one], [two]"));
  assert_true(try_load(f, (struct config_request){.section = "two"}));
  assert_string_equal(text_of(f, "version_table"), "b");
  assert_string_equal(config_section(f->config), "two");
  assert_false(try_load(f, (struct config_request){.section = "three"}));
  check_error(f, "'[three]' section", NULL);
  refuse_ini(f, "", "file has no '[moonbird]' section", NULL);
}

static void test_alembic_section(void **state) {
  struct fixture *f = *state;
  load_ini(f, "[alembic]\nscript_location = a\nsqlalchemy.url = sqlite:///a.db\n"
              "version_path_separator = os  # Use os.pathsep.\nversion_locations = x:y\n"
              "[loggers]\nkeys = root\n[formatter_generic]\nformat = %(levelname)-5.5s [%(name)s] %(message)s\n");
  assert_string_equal(config_section(f->config), "alembic");
  assert_string_equal(text_of(f, "url"), "sqlite:///a.db");
  assert_string_equal(text_of(f, "path_separator"), "os");
  assert_string_equal(config_other(f->config, "formatter_generic", "format"),
                      "%(levelname)-5.5s [%(name)s] %(message)s");
  load_ini(f, "[alembic]\nversion_table = a\n[moonbird]\nversion_table = m\n");
  assert_string_equal(text_of(f, "version_table"), "m");
  write_ini("[alembic]\n");
  assert_false(try_load(f, (struct config_request){.section = "prod"}));
}

static void test_syntax(void **state) {
  struct fixture *f = *state;
  load_ini(f, "\xEF\xBB\xBF# a comment\r\n; another\r\n[moonbird]\r\n"
              "  Script_Location: a b ; kept # too  \r\n"
              "  version_table=t=1\r\n"
              "  timezone = UTC\r\n"
              "  environment =\r\n");
  assert_string_equal(text_of(f, "script_location"), "a b ; kept # too");
  assert_string_equal(text_of(f, "version_table"), "t=1");
  assert_string_equal(text_of(f, "timezone"), "UTC");
  assert_null(text_of(f, "environment"));
}

static void test_multi_line_values(void **state) {
  struct fixture *f = *state;
  load_ini(f, "[moonbird]\n[post_write_hooks]\na =\n  one\n\n   # no part of it\n\ttwo = 2\n   [three]\n\n\nb = x\n"
              "  c = still b\nd = end\n");
  assert_string_equal(other(f, "a"), "\none\n\ntwo = 2\n[three]");
  assert_string_equal(other(f, "b"), "x\nc = still b");
  assert_string_equal(other(f, "d"), "end");
}

static void test_long_values(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  strbuf_add_str(&text, "[moonbird]\nscript_location = ");
  strbuf_add_repeated(&text, 'x', 100000);
  strbuf_add_str(&text, ";y z\nversion_locations =\n  ");
  strbuf_add_repeated(&text, 'y', 100000);
  strbuf_add_str(&text, "\n# ");
  strbuf_add_repeated(&text, '#', 100000);
  strbuf_add_str(&text, "\ntimezone = UTC\n");
  load_ini(f, text.buf);
  assert_int_equal(strlen(text_of(f, "script_location")), 100004);
  assert_int_equal(strlen(text_of(f, "version_locations")), 100001);
  assert_string_equal(text_of(f, "timezone"), "UTC");

  strbuf_clear(&text);
  strbuf_add_str(&text, "[moonbird]\n\n");
  strbuf_add_repeated(&text, 'k', 100000);
  strbuf_add_str(&text, " = v\n");
  refuse_ini(f, text.buf, "a key is too long", "moonbird.ini:3");
  strbuf_clear(&text);
  strbuf_add_str(&text, "[");
  strbuf_add_repeated(&text, 's', 50);
  strbuf_add_str(&text, "]\n");
  refuse_ini(f, text.buf, "name is longer than 49 bytes", "moonbird.ini:1");
  strbuf_release(&text);
}

static void test_broken_lines(void **state) {
  struct fixture *f = *state;
  refuse_ini(f, "[moonbird]\n# c\n\nno separator\n", "neither 'key = value'", "moonbird.ini:4");
  refuse_ini(f, "\nurl = x\n", "key 'url' stands before any section", "moonbird.ini:2");
  refuse_ini(f, "[moonbird\n", "no ']'", "moonbird.ini:1");
  refuse_ini(f, "[]\n", "no name", "moonbird.ini:1");
  refuse_ini(f, "[moonbird] url = x\n", "text behind the section header", "moonbird.ini:1");
  refuse_ini(f, "[moonbird]\n= x\n", "a value but no key", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\na ;b = c\n", "neither 'key = value'", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\nurl = a\n\nURL = b\n", "key 'url' is set twice in [moonbird]: lines 2 and 4",
             "moonbird.ini:4");
  refuse_ini(f, "[moonbird]\n[a]\n[moonbird]\n", "[moonbird] is there twice: lines 1 and 3", "moonbird.ini:3");
  refuse_ini(f, "[moonbird]\r\nurl = \xC3\x28\r\n", "not valid UTF-8", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\r\nurl = \xED\xA0\x80\r\n", "not valid UTF-8", "moonbird.ini:2");
  write_bytes("moonbird.ini", "[moonbird]\n\0\n", 13);
  refuse(f, "NUL byte", "moonbird.ini:2");
}

static void test_unreadable(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir("moonbird.ini", 0777), 0);
  refuse(f, "Can't read 'moonbird.ini': Is a directory", NULL);
  rmdir("moonbird.ini");
  if (geteuid() == 0) /* root reads everything */
    return;
  write_ini("[moonbird]\n");
  assert_int_equal(chmod("moonbird.ini", 0), 0);
  refuse(f, "Can't read 'moonbird.ini': Permission denied", NULL);
}

static void test_default_section(void **state) {
  struct fixture *f = *state;
  load_ini(f, "[DEFAULT]\nname = x\nversion_table = from_default\ntimezone = UTC\n"
              "[moonbird]\nversion_table_schema = %(name)s_s\ntimezone = CET\n"
              "[post_write_hooks]\nhooks = %(name)s\n");
  assert_string_equal(text_of(f, "version_table"), "from_default");
  assert_string_equal(text_of(f, "timezone"), "CET");
  assert_string_equal(text_of(f, "version_table_schema"), "x_s");
  assert_string_equal(other(f, "hooks"), "x");
  assert_string_equal(other(f, "name"), "x");
  assert_null(config_other(f->config, "gone", "name"));
  struct vec keys = VEC_INIT;
  config_other_keys(f->config, "post_write_hooks", &keys);
  assert_int_equal(keys.len, 1);
  assert_string_equal(strvec_at(&keys, 0), "hooks");
  vec_release(&keys);
}

/* Interpolation. */

static void test_interpolation(void **state) {
  struct fixture *f = *state;
  setenv("T_NAME", "100%(here)s ${T_OTHER}", 1);
  setenv("T_EMPTY", "", 1);
  load_ini(f, "[moonbird]\nversion_table = v\n"
              "version_table_schema = %(Version_Table)s-%%-%(timezone)s\ntimezone = %(version_table)s/z\n"
              "file_template = %%(year)d_%%(rev)s\n"
              "[post_write_hooks]\nplain = $HOME $ {x} $$ $\nescaped = $${T_NAME}\n"
              "env = <${T_NAME}>\nunset = ${T_UNSET:-d:-e}\nempty = [${T_EMPTY}] ${T_EMPTY:-x} ${T_UNSET:-}\n"
              "nested = ${T_UNSET:-${T_UNSET:-%(plain)s}}!\n");
  assert_string_equal(text_of(f, "version_table_schema"), "v-%-v/z");
  assert_string_equal(text_of(f, "file_template"), "%(year)d_%(rev)s");
  assert_string_equal(other(f, "plain"), "$HOME $ {x} $$ $");
  assert_string_equal(other(f, "escaped"), "${T_NAME}");
  assert_string_equal(other(f, "env"), "<100%(here)s ${T_OTHER}>");
  assert_string_equal(other(f, "unset"), "d:-e");
  assert_string_equal(other(f, "empty"), "[] x ");
  assert_string_equal(other(f, "nested"), "$HOME $ {x} $$ $!");
}

static void test_bad_interpolation(void **state) {
  struct fixture *f = *state;
  refuse_ini(f, "[moonbird]\n\nversion_table = %(nope)s\n", "there is no key 'nope'", "moonbird.ini:3");
  refuse_ini(f, "[moonbird]\nunknown = %(nope)s\n", "there is no key 'nope'", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntimezone = ${T_UNSET}\n", "environment variable 'T_UNSET' is not set", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\nversion_table = %(timezone)s\ntimezone = x%(version_table)s\n", "refers back to itself",
             "moonbird.ini:3");
  refuse_ini(f, "[moonbird]\ntimezone = %(timezone)s\n", "refers back to itself", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntimezone = 5%\n", "followed by neither", "moonbird.ini:2");
  assert_string_equal(f->err.hint, "write %% for a percent sign");
  refuse_ini(f, "[moonbird]\ntimezone = a%41\n", "followed by neither", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntimezone = %(here\n", "without a name and ')s'", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntimezone = %(here)d\n", "without a name and ')s'", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntimezone = ${}\n", "not followed by NAME}", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntimezone = ${T_NAME\n", "not followed by NAME}", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntimezone = ${T-NAME}\n", "not followed by NAME}", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\n[backfill]\nnice = %(nope)s\n", "there is no key 'nope'", "moonbird.ini:3");
  refuse_ini(f, "[DEFAULT]\ntimezone = %(nope)s\n[moonbird]\n", "there is no key 'nope'", "moonbird.ini:2");
  /* Another database's section may need what this one does not have. */
  load_ini(f, "[moonbird]\n[prod]\nurl = ${T_UNSET}\ntimezone = %(nope)s\n[DEFAULT]\nvariable = %(nope)s\n");
}

/* References that would double a thousand times, or go a thousand deep, end in an error. */
static void test_interpolation_bombs(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  strbuf_add_str(&text, "[moonbird]\ntimezone = %(k0)s\n");
  for (int i = 0; i < 1000; i++)
    strbuf_addf(&text, "k%d = %%(k%d)s\n", i, i + 1);
  strbuf_add_str(&text, "k1000 = x\n");
  refuse_ini(f, text.buf, "nested more than 20 deep", NULL);
  strbuf_clear(&text);
  strbuf_add_str(&text, "[moonbird]\ntimezone = %(k0)s\n");
  for (int i = 0; i < 15; i++) {
    strbuf_addf(&text, "k%d = ", i);
    for (int j = 0; j < 9; j++)
      strbuf_addf(&text, "%%(k%d)s", i + 1);
    strbuf_add_char(&text, '\n');
  }
  strbuf_add_str(&text, "k15 = x\n");
  refuse_ini(f, text.buf, "references in one value", NULL);
  strbuf_clear(&text);
  strbuf_add_str(&text, "[moonbird]\ntimezone = ");
  for (int i = 0; i < 100000; i++)
    strbuf_add_str(&text, "${T_UNSET:-");
  strbuf_add_repeated(&text, '}', 100000);
  refuse_ini(f, text.buf, "nested more than 20 deep", "moonbird.ini:2");
  strbuf_release(&text);
}

/* Types and unknown keys. */

static void test_types(void **state) {
  struct fixture *f = *state;
  load_ini(f, "[moonbird]\ntransaction_per_migration = OFF ; no\nrecursive_version_locations = yes\n"
              "truncate_slug_length = 007\t# bond\nlock_timeout = 200ms\nstatement_timeout = 1.5 min\n");
  assert_false(config_flag(f->config, "transaction_per_migration"));
  assert_true(config_flag(f->config, "recursive_version_locations"));
  assert_int_equal(config_number(f->config, "truncate_slug_length"), 7);
  assert_true(config_seconds(f->config, "lock_timeout") == 0.2);
  assert_true(config_seconds(f->config, "statement_timeout") == 90);
  refuse_ini(f, "[moonbird]\n\nlock_timeout = soon\n", "'soon' is not a valid value for lock_timeout",
             "moonbird.ini:3");
  assert_non_null(strstr(f->err.hint, "200ms"));
  refuse_ini(f, "[moonbird]\ntruncate_slug_length = 0\n", "truncate_slug_length", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntruncate_slug_length = -4\n", "truncate_slug_length", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\ntruncate_slug_length = 99999999999999999999\n", "truncate_slug_length", NULL);
  refuse_ini(f, "[moonbird]\ntransaction_per_migration = maybe\n", "it must be true or false", "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\npath_separator = tab\n",
             "'tab' is not a valid value for path_separator; expected 'space', 'newline', 'os', ':', ';'",
             "moonbird.ini:2");
  refuse_ini(f, "[moonbird]\nversion_path_separator = tab\n", "for version_path_separator", "moonbird.ini:2");
  load_ini(f, "[moonbird]\nversion_path_separator = :\npath_separator = ;\n");
  assert_string_equal(text_of(f, "path_separator"), ";");
}

static void test_durations(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double seconds;
  } good[] = {{"5", 5},      {"1.5", 1.5}, {"200ms", 0.2}, {"2s", 2},     {"2 sec", 2},
              {"2min", 120}, {"1h", 3600}, {"0", 0},       {"1d", 86400}, {"0.25MIN", 15}};
  static const char *const bad[] = {
      "", "-1", "+1", "s", "5x", "1e3", "inf", "nan", "0x10", "1,5", ".5", "5.", "1 h 5", "1..2", "9999999999999999"};
  double seconds = 7;
  for (size_t i = 0; i < ARRAY_LEN(good); i++) {
    assert_true(setting_parse_seconds(good[i].text, &seconds));
    assert_true(seconds > good[i].seconds - 1e-9 && seconds < good[i].seconds + 1e-9);
  }
  seconds = 7;
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    assert_false(setting_parse_seconds(bad[i], &seconds));
  assert_true(seconds == 7);
}

static void test_names(void **state) {
  (void)state;
  static const char *const bad[] = {"\"", "\"a", "\"\"", "\"a\"b", "a\"b\"", "\"a\"\"", "a, \"b"};
  static const char *const wanted[] = {"a", "my schema", "b.c", "say \"x\", y", "*", "\xd0\xb8"};
  struct vec names = VEC_INIT;
  assert_true(setting_parse_names(" a,\"my schema\" b.c\n\"say \"\"x\"\", y\" ,, * \xd0\xb8 ", &names));
  assert_int_equal(names.len, ARRAY_LEN(wanted));
  for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
    assert_string_equal(strvec_at(&names, i), wanted[i]);
  strvec_release(&names);
  for (size_t i = 0; i < ARRAY_LEN(bad); i++)
    assert_false(setting_parse_names(bad[i], NULL));
}

static void test_backfill_section(void **state) {
  struct fixture *f = *state;
  load_ini(f, "[moonbird]\n[backfill]\nmax = 9007199254740993\nmax_bytes = 2MiB\nlock_timeout = 10s\nnice = 0.5\n");
  assert_true(config_backfill_number(f->config, "target_ms", 500) == 500);
  assert_true(config_backfill_number(f->config, "max", 1) > 9e15);
  assert_true(config_backfill_number(f->config, "max_bytes", 1) == 2097152);
  assert_true(config_backfill_number(f->config, "lock_timeout", 1) == 10);
  assert_true(config_backfill_number(f->config, "nice", 1) == 0.5);
  assert_string_equal(config_other(f->config, "backfill", "max_bytes"), "2MiB");
  refuse_ini(f, "[moonbird]\n[backfill]\ntarget_ms = fast\n", "for target_ms: it must be a whole number",
             "moonbird.ini:3");
  refuse_ini(f, "[moonbird]\n[backfill]\nstart = 0\n", "for start", "moonbird.ini:3");
  refuse_ini(f, "[moonbird]\n[backfill]\nmax_bytes = 1XB\n", "for max_bytes", "moonbird.ini:3");
}

static void test_unknown_keys(void **state) {
  struct fixture *f = *state;
  write_ini("[DEFAULT]\nvariable = 1\n[moonbird]\nversion_tabel = x\nxyzzy = 1\nprepend_sys_path = .\n"
            "sourceless = perhaps\npart = p\ntimezone = %(part)s\n[backfill]\ntarget = 5\n[loggers]\nkeys = root\n");
  char *lines = load_and_listen(f);
  assert_non_null(strstr(lines, "moonbird.ini:4: unknown key 'version_tabel' in [moonbird]; did you mean "
                                "'version_table'?\n"));
  assert_non_null(strstr(lines, "moonbird.ini:5: unknown key 'xyzzy' in [moonbird]\n"));
  assert_non_null(strstr(lines, "unknown key 'target' in [backfill]"));
  size_t count = 0;
  for (const char *p = lines; *p; p++)
    count += *p == '\n';
  assert_int_equal(count, 3);
  free(lines);
  assert_string_equal(config_other(f->config, "moonbird", "xyzzy"), "1");
}

static void test_edit_distance(void **state) {
  (void)state;
  assert_int_equal(edit_distance("", ""), 0);
  assert_int_equal(edit_distance("abc", ""), 3);
  assert_int_equal(edit_distance("kitten", "sitting"), 3);
  assert_int_equal(edit_distance("tabel", "table"), 1);
  assert_int_equal(edit_distance("abcdef", "badcfe"), 3);
  assert_string_equal(setting_nearest(&main_settings, "ulr"), "url");
  assert_string_equal(setting_nearest(&main_settings, "sqlachemy.url"), "sqlalchemy.url");
  assert_null(setting_nearest(&main_settings, "q"));
}

/* Version locations. */

static void check_locations(struct fixture *f, const char *ini, const char *expected) {
  load_ini(f, ini);
  struct vec locations = VEC_INIT;
  assert_true(config_version_locations(f->config, &locations, &f->err));
  char *joined = strvec_join(&locations, "|");
  assert_string_equal(joined, expected);
  free(joined);
  vec_release(&locations);
}

static void test_version_locations(void **state) {
  struct fixture *f = *state;
  check_locations(f, "[moonbird]\nscript_location = m\n", "m/versions");
  check_locations(f, "[moonbird]\nscript_location = m/\n", "m/versions");
  check_locations(f, "[moonbird]\nscript_location = m\nversion_locations = a, b c\n  d\n", "a|b|c|d");
  check_locations(f, "[moonbird]\nversion_locations = a b:c:: d\npath_separator = os\n", "a b|c|d");
  check_locations(f, "[moonbird]\nversion_locations = a b;c;\npath_separator = ;\n", "a b|c");
  check_locations(f, "[moonbird]\nversion_locations = a,b  c\npath_separator = space\n", "a,b|c");
  check_locations(f, "[moonbird]\nversion_locations =\n  a b\n\n  c:d\npath_separator = newline\n", "a b|c:d");
  struct vec locations = VEC_INIT;
  load_ini(f, "[moonbird]\n");
  assert_false(config_version_locations(f->config, &locations, &f->err));
  check_error(f, "No 'script_location' key found in configuration", NULL);
  assert_int_equal(locations.len, 0);
}

/* .env */

static void test_dotenv(void **state) {
  struct fixture *f = *state;
  setenv("T_OTHER", "real", 1);
  write_file(".env",
             "\xEF\xBB\xBF# comment\r\n\r\nexport T_NAME = first\r\nT_OTHER=file\r\n"
             "T_NAME=\"a\\n\\\"b\\\" \\$c \\q\nd\" # done\r\nT_EMPTY='it is \\n ${T_OTHER} #x'\nT_UNSET=x#w #y#z \n");
  load_ini(f, "[moonbird]\n[post_write_hooks]\na = ${T_NAME}\nb = ${T_OTHER}\nc = ${T_EMPTY}\nd = ${T_UNSET}\n");
  assert_string_equal(other(f, "a"), "a\n\"b\" $c \\q\nd");
  assert_string_equal(other(f, "b"), "real");
  assert_string_equal(other(f, "c"), "it is \\n ${T_OTHER} #x");
  assert_string_equal(other(f, "d"), "x#w");
}

static void test_dotenv_is_beside_the_ini(void **state) {
  struct fixture *f = *state;
  assert_int_equal(mkdir("sub", 0777), 0);
  write_file(".env", "T_NAME=current\nT_OTHER=current\n");
  write_file("sub/.env", "T_NAME=sub\n");
  write_file("sub/moonbird.ini", "[moonbird]\ntimezone = ${T_NAME}\nversion_table = ${T_OTHER:-none}\n");
  assert_true(try_load(f, (struct config_request){.file = "sub/moonbird.ini"}));
  assert_string_equal(text_of(f, "timezone"), "sub");
  assert_string_equal(text_of(f, "version_table"), "none");
  unsetenv("T_NAME");
  assert_true(try_load(f, (struct config_request){.file_optional = true}));
  assert_string_equal(getenv("T_NAME"), "current");
}

static void test_bad_dotenv(void **state) {
  struct fixture *f = *state;
  static const struct {
    const char *text;
    const char *message;
    const char *where;
  } cases[] = {
      {"T_NAME=1\n\nhidden\n", "not followed by '='", ".env:3"},
      {"1X=hidden\n", "does not begin with the name", ".env:1"},
      {"=hidden\n", "does not begin with the name", ".env:1"},
      {"export T_NAME\n", "not followed by '='", ".env:1"},
      {"T_NAME=a\nT_OTHER=\"hidden\n\n", "a quoted value has no end", ".env:2"},
      {"T_NAME='a\nb' hidden\n", "text behind the closing quote", ".env:2"},
      {"T_NAME=\xFF\n", "not valid UTF-8", ".env:1"},
  };
  write_ini("[moonbird]\n");
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    write_file(".env", cases[i].text);
    refuse(f, cases[i].message, cases[i].where);
    assert_null(strstr(f->err.message, "hidden"));
    assert_null(getenv("T_NAME"));
  }
  unlink(".env");
  assert_int_equal(mkdir(".env", 0777), 0);
  load(f);
}

/* The URL. */

static void check_url(struct fixture *f, const char *env_lua_url, const char *database, const char *source) {
  struct url url = URL_INIT;
  const char *place = NULL;
  if (!config_url(f->config, env_lua_url, &url, &place, &f->err))
    fail_msg("%s", f->err.message);
  assert_string_equal(url.database, database);
  assert_string_equal(place, source);
  url_release(&url);
  assert_true(config_url(f->config, env_lua_url, &url, NULL, &f->err));
  url_release(&url);
}

static void test_url_order(void **state) {
  struct fixture *f = *state;
  struct url url = URL_INIT;
  load_ini(f, "[moonbird]\nurl =\n");
  assert_false(config_url(f->config, "", &url, NULL, &f->err));
  check_error(f, "No database URL is given", NULL);
  assert_non_null(strstr(f->err.hint, "$MOONBIRD_DATABASE_URL"));

  setenv("DATABASE_URL", "sqlite:///5", 1);
  check_url(f, NULL, "5", "$DATABASE_URL");
  load_ini(f, "[moonbird]\nurl = sqlite:///4\n");
  check_url(f, NULL, "4", "url in moonbird.ini");
  check_url(f, "sqlite:///3", "3", "url in env.lua");
  setenv("MOONBIRD_DATABASE_URL", "sqlite:///2", 1);
  check_url(f, "sqlite:///3", "2", "$MOONBIRD_DATABASE_URL");
  assert_true(try_load(f, (struct config_request){.url = "sqlite:///1"}));
  check_url(f, "sqlite:///3", "1", "--url");
  setenv("MOONBIRD_DATABASE_URL", "", 1);
  assert_true(try_load(f, (struct config_request){0}));
  check_url(f, "", "4", "url in moonbird.ini");
  assert_true(try_load(f, (struct config_request){.url = ""}));
  assert_false(config_url(f->config, "sqlite:///3", &url, NULL, &f->err));
  check_error(f, "--url is empty", NULL);
}

static void test_url_older_name(void **state) {
  struct fixture *f = *state;
  load_ini(f, "[moonbird]\nsqlalchemy.url = sqlite:///old\n");
  check_url(f, NULL, "old", "url in moonbird.ini");
  load_ini(f, "[moonbird]\nsqlalchemy.url = ${T_UNSET}\nurl = sqlite:///new\n");
  check_url(f, NULL, "new", "url in moonbird.ini");
}

static void check_password(struct fixture *f, const char *ini, const char *password) {
  struct url url = URL_INIT;
  load_ini(f, ini);
  assert_true(config_url(f->config, NULL, &url, NULL, &f->err));
  assert_string_equal(url.password, password);
  url_release(&url);
}

static void test_percent_in_urls(void **state) {
  struct fixture *f = *state;
  check_password(f, "[moonbird]\nurl = postgresql://u:p%40s%2Fs@h/d\n", "p@s/s");
  check_password(f, "[moonbird]\nurl = postgresql://u:p%%40s@h/d\n", "p@s");
  check_password(f, "[moonbird]\nsqlalchemy.url = postgresql://u:p%40s@h/d\n", "p@s");
  check_password(f, "[moonbird]\npw = p%40s\nurl = postgresql://u:%(pw)s@h/d\n", "p@s");
  check_password(f, "[DEFAULT]\npw = p%40s\n[moonbird]\nurl = postgresql://u:%(pw)s@h/d\n", "p@s");
  setenv("T_NAME", "p%40s", 1);
  check_password(f, "[moonbird]\nurl = postgresql://u:${T_NAME}@h/d\n", "p@s");
  refuse_ini(f, "[moonbird]\nurl = postgresql://u:hidden%zz@h/d\n", "followed by neither", "moonbird.ini:2");
  assert_null(strstr(f->err.message, "hidden"));
}

static void test_url_errors(void **state) {
  struct fixture *f = *state;
  struct url url = URL_INIT;
  load_ini(f, "[moonbird]\n\nurl = postgresql:/u:hidden@h/d\n");
  assert_false(config_url(f->config, NULL, &url, NULL, &f->err));
  check_error(f, "Could not parse database URL from string '***@h/d'", "moonbird.ini:3");
  setenv("MOONBIRD_DATABASE_URL", "nonsense", 1);
  assert_false(config_url(f->config, NULL, &url, NULL, &f->err));
  check_error(f, "from string 'nonsense'", "$MOONBIRD_DATABASE_URL");
}

/* Commands that need no database need no secrets: only config_url complains. */
static void test_missing_secret(void **state) {
  struct fixture *f = *state;
  struct url url = URL_INIT;
  load_ini(f, "[moonbird]\npw = ${T_UNSET}\nurl = postgresql://u:%(pw)s@h/d\n");
  assert_false(config_url(f->config, NULL, &url, NULL, &f->err));
  check_error(f, "the environment variable 'T_UNSET' is not set", "moonbird.ini:2");
  check_url(f, "sqlite:///x", "x", "url in env.lua");
}

#define CONFIG_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CONFIG_TEST(test_defaults),
      CONFIG_TEST(test_tables_are_sound),
      CONFIG_TEST(test_file_and_here),
      CONFIG_TEST(test_search_order),
      CONFIG_TEST(test_missing_file),
      CONFIG_TEST(test_sections),
      CONFIG_TEST(test_alembic_section),
      CONFIG_TEST(test_syntax),
      CONFIG_TEST(test_multi_line_values),
      CONFIG_TEST(test_long_values),
      CONFIG_TEST(test_broken_lines),
      CONFIG_TEST(test_unreadable),
      CONFIG_TEST(test_default_section),
      CONFIG_TEST(test_interpolation),
      CONFIG_TEST(test_bad_interpolation),
      CONFIG_TEST(test_interpolation_bombs),
      CONFIG_TEST(test_types),
      CONFIG_TEST(test_durations),
      CONFIG_TEST(test_names),
      CONFIG_TEST(test_backfill_section),
      CONFIG_TEST(test_unknown_keys),
      CONFIG_TEST(test_edit_distance),
      CONFIG_TEST(test_version_locations),
      CONFIG_TEST(test_dotenv),
      CONFIG_TEST(test_dotenv_is_beside_the_ini),
      CONFIG_TEST(test_bad_dotenv),
      CONFIG_TEST(test_url_order),
      CONFIG_TEST(test_url_older_name),
      CONFIG_TEST(test_percent_in_urls),
      CONFIG_TEST(test_url_errors),
      CONFIG_TEST(test_missing_secret),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
