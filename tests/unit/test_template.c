/*
 * test_template.c - new environments and new revision files: names, texts, and what is refused.
 */
#include "script_fixture.h"

#include "base/zone.h"
#include "script/filename.h"
#include "script/slug.h"
#include "script/template.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- slugs and file names ---- */

static void check_slug(const char *message, size_t longest, const char *expected) {
  char *slug = slug_of(message, longest);
  assert_string_equal(slug, expected);
  free(slug);
}

static void slugs(void **state) {
  (void)state;
  check_slug("Split full_name into two", 40, "split_full_name_into_two");
  check_slug("  a -- b!  ", 40, "a_b");
  check_slug("_x__y", 40, "_x__y");
  check_slug("", 40, "");
  check_slug(NULL, 40, "");
  check_slug("!!!", 40, "");
  check_slug("a/b\\c:d\n\"e\"", 40, "a_b_c_d_e");
  check_slug("Größe ÄNDERN", 40, "größe_ändern");
  check_slug("Gro\xCC\x88\xC3\x9F"
             "e",
             40, "größe"); /* o and a combining diaeresis */
  check_slug("Добавить ТАБЛИЦУ", 40, "добавить_таблицу");
  check_slug("表を追加 する🐦", 40, "表を追加_する");
  check_slug("हिन्दी तालिका", 40, "हिन्दी_तालिका");
}

/* Cut to the length, then back to the last "_", which stays. */
static void long_slugs(void **state) {
  (void)state;
  check_slug("one two three", 13, "one_two_three");
  check_slug("one two three", 12, "one_two_");
  check_slug("one two three", 8, "one_two_");
  check_slug("one two three", 7, "one_");
  check_slug("onetwothree", 5, "onetw_");
  check_slug("追加追加追加", 3, "追加追_");
}

static void check_name(const char *file_template, const char *expected) {
  struct filename_values values = {.rev = "ab12", .slug = "x_y", .epoch = 1795348805};
  struct strbuf name = STRBUF_INIT;
  struct error err = ERROR_INIT;
  assert_true(zone_time("UTC", values.epoch, &values.tm, &err));
  bool ok = filename_render(file_template, &values, &name, &err);
  if (ok && expected)
    assert_string_equal(name.buf, expected);
  else if (expected)
    fail_msg("%s: %s", file_template, err.message);
  else {
    assert_false(ok);
    assert_int_equal(err.class, ERROR_USAGE);
    assert_contains(err.message, "file_template");
  }
  strbuf_release(&name);
  error_release(&err);
}

static void file_templates(void **state) {
  (void)state;
  check_name("%(rev)s_%(slug)s", "ab12_x_y");
  check_name("%(year)d_%(month).2d_%(day).2d_%(hour).2d%(minute).2d%(second).2d", "2026_11_22_120005");
  check_name("%(year)d/%(month)02d-%(day)d", "2026/11-22");
  check_name("%(epoch)d%%%(month)s", "1795348805%11");
  check_name("%(second).2d|%(second)4d|%(second)-4d|%(rev)6s|%(slug).1s", "05|   5|5   |  ab12|x");
  check_name("plain", "plain");
  check_name("%(nothing)s", NULL);
  check_name("%(rev)d", NULL);
  check_name("%(rev", NULL);
  check_name("%s", NULL);
  check_name("%(month).2", NULL);
  check_name("x%", NULL);
}

static void check_zone(const char *zone, int hour, long offset) {
  struct error err = ERROR_INIT;
  struct tm tm;
  if (!zone_time(zone, 1795348805, &tm, &err))
    fail_msg("%s: %s", zone, err.message);
  assert_int_equal(tm.tm_hour, hour);
  assert_int_equal(tm.tm_gmtoff, offset);
  error_release(&err);
}

static void time_zones(void **state) {
  (void)state;
  setenv("TZ", "EST5", 1);
  check_zone("UTC", 12, 0);
  check_zone("utc", 12, 0);
  check_zone(NULL, 7, -5 * 3600L);
  if (access("/usr/share/zoneinfo/Asia/Kolkata", F_OK) == 0) {
    check_zone("Asia/Kolkata", 17, 19800);
    check_zone("Europe/Berlin", 13, 3600);
  }
  check_zone("", 7, -5 * 3600L);
  assert_string_equal(getenv("TZ"), "EST5");
  unsetenv("TZ");
  static const char *const unknown[] = {"Mars/Olympus", "../../../etc/passwd", "/etc/passwd", "EST5", "a b"};
  for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
    struct error err = ERROR_INIT;
    struct tm tm;
    char *expected = xasprintf("Can't locate timezone: %s", unknown[i]);
    assert_false(zone_time(unknown[i], 0, &tm, &err));
    assert_string_equal(err.message, expected);
    free(expected);
    error_release(&err);
  }
}

/* ---- new revisions ---- */

/* What a listener was told, one line each. */
static void told_creating(void *data, const char *what, const char *path) {
  strbuf_addf(data, "%s %s ...", what, path);
}

static void told_created(void *data, bool ok) {
  strbuf_add_str(data, ok ? " done\n" : " failed\n");
}

static void told_skipped(void *data, const char *path) {
  strbuf_addf(data, "skipped %s\n", path);
}

static struct template_listener listener_into(struct strbuf *sb) {
  return (struct template_listener){
      .data = sb, .creating = told_creating, .created = told_created, .skipped = told_skipped};
}

/* The new file's name within the test's folder and its text; loads the environment again. */
static char *draft_ok(struct fixture *f, const struct revision_draft *draft, struct strbuf *text) {
  char *path = NULL;
  if (!template_revision(f->config, f->env, draft, NULL, &path, &f->err))
    fail_msg("revision: %s", f->err.message);
  char *name = xstrdup(path + strlen(f->folder) + 1);
  free(path);
  if (text)
    fixture_read(f, name, text);
  fixture_load(f);
  return name;
}

static void draft_fails(struct fixture *f, const struct revision_draft *draft, const char *message) {
  char *path = NULL;
  error_clear(&f->err);
  if (template_revision(f->config, f->env, draft, NULL, &path, &f->err))
    fail_msg("%s was written, not refused with \"%s\"", path, message);
  assert_null(path);
  assert_int_equal(f->err.class, ERROR_USAGE);
  assert_contains(f->err.message, message);
}

static const struct script *script_of(const struct fixture *f, const char *id) {
  const struct revision *r = graph_find(environment_graph(f->env), id);
  if (!r)
    fail_msg("no revision %s", id);
  return revision_script(r);
}

static size_t files_in(const struct fixture *f, const char *name) {
  char *path = fixture_path(f, name);
  DIR *dir = opendir(path);
  size_t count = 0;
  while (dir && readdir(dir))
    count++;
  if (dir)
    closedir(dir);
  free(path);
  return count ? count - 2 : 0;
}

static void a_revision_looks_like_the_manual(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  fixture_revision(f, "env/versions/a.lua", "3b1d7c52a9e0", "nil");
  fixture_load(f);
  struct revision_draft draft = {.message = "Split full_name into first_name and last_name", .id = "8f2c1d0e4b7a"};
  vec_push(&draft.down, "3b1d7c52a9e0");
  char *name = draft_ok(f, &draft, &text);
  assert_string_equal(name, "env/versions/8f2c1d0e4b7a_split_full_name_into_first_name_and_.lua");
  char *date = strstr(text.buf, "Create Date: ");
  assert_non_null(date);
  assert_int_equal(strcspn(date, "\n"), strlen("Create Date: 2026-11-22 12:00:00"));
  memcpy(date, "Create Date: 2026-11-22 12:00:00", strlen("Create Date: 2026-11-22 12:00:00"));
  assert_string_equal(text.buf,
                      "--- Split full_name into first_name and last_name\n"
                      "--\n"
                      "-- Revision ID: 8f2c1d0e4b7a\n"
                      "-- Revises: 3b1d7c52a9e0\n"
                      "-- Create Date: 2026-11-22 12:00:00\n"
                      "\n"
                      "revision = \"8f2c1d0e4b7a\"\n"
                      "down_revision = \"3b1d7c52a9e0\"      -- a string, a list of strings (merge), or nil (base)\n"
                      "branch_labels = nil                 -- a string or a list\n"
                      "depends_on = nil                    -- a string or a list\n"
                      "\n"
                      "function upgrade()\n"
                      "end\n"
                      "\n"
                      "function downgrade()\n"
                      "end\n");
  assert_string_equal(script_of(f, "8f2c1d0e4b7a")->message, "Split full_name into first_name and last_name");
  vec_release(&draft.down);
  strbuf_release(&text);
  free(name);
}

static void a_random_id_and_no_message(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  fixture_load(f);
  struct revision_draft draft = {0};
  char *name = draft_ok(f, &draft, &text);
  const char *id = graph_at(environment_graph(f->env), 0)->id;
  assert_int_equal(strlen(id), 12);
  assert_int_equal(strspn(id, "0123456789abcdef"), 12);
  char *expected = xasprintf("env/versions/%s_.lua", id);
  assert_string_equal(name, expected);
  assert_contains(text.buf, "--- empty message\n");
  assert_contains(text.buf, "-- Revises:\n");
  assert_contains(text.buf, "\ndown_revision = nil                 -- a string");
  free(expected);
  free(name);
  strbuf_release(&text);
}

static void a_merge_with_labels_and_bodies(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  fixture_revision(f, "env/versions/a.lua", "a1", "nil");
  fixture_revision(f, "env/versions/b.lua", "b1", "nil");
  fixture_revision(f, "env/versions/c.lua", "c1", "nil");
  fixture_load(f);
  struct revision_draft draft = {.message = "Merge",
                                 .id = "m1",
                                 .upgrade_body = "  op.execute(\"SELECT 1\")\n\n  op.execute(\"${revision}\")\n",
                                 .downgrade_body = "  op.drop_table(\"x\")"};
  vec_push(&draft.down, "a1");
  vec_push(&draft.down, "b1");
  vec_push(&draft.depends_on, "c1");
  vec_push(&draft.labels, "team");
  free(draft_ok(f, &draft, &text));
  assert_contains(text.buf, "-- Revises: a1, b1\n");
  assert_contains(text.buf, "down_revision = { \"a1\", \"b1\" }    ");
  assert_contains(text.buf, "branch_labels = \"team\"  ");
  assert_contains(text.buf, "depends_on = \"c1\"  ");
  assert_contains(text.buf, "function upgrade()\n  op.execute(\"SELECT 1\")\n\n  op.execute(\"${revision}\")\nend\n");
  assert_contains(text.buf, "function downgrade()\n  op.drop_table(\"x\")\nend\n");
  assert_int_equal(script_of(f, "m1")->down.len, 2);
  assert_string_equal(strvec_at(&script_of(f, "m1")->labels, 0), "team");
  vec_release(&draft.down);
  vec_release(&draft.depends_on);
  vec_release(&draft.labels);
  strbuf_release(&text);
}

static void sql_revisions(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  fixture_revision(f, "env/versions/a.lua", "a1", "nil");
  fixture_load(f);
  struct revision_draft draft = {
      .message = "Add a table\n\nWith reasons", .id = "s1", .sql = true, .upgrade_body = "CREATE TABLE t (x int);"};
  vec_push(&draft.down, "a1");
  vec_push(&draft.labels, "team");
  char *name = draft_ok(f, &draft, &text);
  assert_string_equal(name, "env/versions/s1_add_a_table_with_reasons.sql");
  const struct script *script = script_of(f, "s1");
  assert_int_equal(script->kind, SCRIPT_SQL);
  assert_string_equal(script->message, "Add a table\n\nWith reasons");
  assert_string_equal(strvec_at(&script->labels, 0), "team");
  assert_contains(text.buf, "\n-- migrate:up\nCREATE TABLE t (x int);\n\n-- migrate:down\n");
  draft.id = "s2";
  vec_clear(&draft.labels);
  draft.message = "fine\n  migrate:down";
  draft_fails(f, &draft, "must not start with \"migrate:\"");
  draft.message = "revision: other";
  draft_fails(f, &draft, "must not start with \"revision:\"");
  vec_release(&draft.down);
  vec_release(&draft.labels);
  strbuf_release(&text);
  free(name);
}

/* Whatever the message is, it stays a comment and comes back as it was. */
static void messages_stay_in_the_comment(void **state) {
  struct fixture *f = *state;
  fixture_load(f);
  static const char *const messages[][2] = {
      {"one\nrevision = \"evil\"", "one\nrevision = \"evil\""},
      {"[[ long ]] ]==]", "[[ long ]] ]==]"},
      {"[==[ open", "[==[ open"},
      {"a\r\nb\rc\n\n\n", "a\nb\nc"},
      {"\n\n first", "first"},
      {"tab\there \x01 bell\x07", "tab here   bell"},
      {"${revision} %s %(rev)s", "${revision} %s %(rev)s"},
      {"é 鳥 \"quoted\" \\back", "é 鳥 \"quoted\" \\back"},
      {"   ", "empty message"},
  };
  for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
    char *id = xasprintf("r%zu", i);
    struct revision_draft draft = {.message = messages[i][0], .id = id};
    free(draft_ok(f, &draft, NULL));
    assert_string_equal(script_of(f, id)->message, messages[i][1]);
    free(id);
  }
  struct revision_draft draft = {.message = "bad \xff", .id = "x"};
  draft_fails(f, &draft, "not valid UTF-8");
}

static void ids_that_are_refused(void **state) {
  struct fixture *f = *state;
  fixture_write(f, "env/versions/a.lua", "revision = \"a1\"\ndown_revision = nil\nbranch_labels = \"team\"\n");
  fixture_load(f);
  static const char *const ids[][2] = {
      {"x-y", "Character(s) '-' not allowed in revision identifier 'x-y'"},
      {"+x@y", "Character(s) '+, @' not allowed in revision identifier '+x@y'"},
      {"a:b", "Character(s) ':' not allowed"},
      {"../x", "not allowed in revision identifier '../x'"},
      {"a b", "Blanks and control characters"},
      {"a\nb", "Blanks and control characters"},
      {"a\"b", "not allowed"},
      {"", "empty"},
      {"\xff", "not valid UTF-8"},
      {"head", "'head' cannot name"},
      {"heads", "'heads' cannot name"},
      {"base", "'base' cannot name"},
      {"current", "'current' cannot name"},
      {"a1", "taken already"},
      {"team", "taken already"},
      {".hidden", "no name for a revision file"},
  };
  for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
    struct revision_draft draft = {.message = "x", .id = ids[i][0]};
    draft_fails(f, &draft, ids[i][1]);
  }
  struct revision_draft draft = {.message = "x", .id = "b1"};
  vec_push(&draft.labels, "team");
  draft_fails(f, &draft, "Branch name 'team' in revision b1 already used by revision a1");
  draft.labels.items[0] = "a b";
  draft_fails(f, &draft, "Branch label 'a b'");
  draft.labels.items[0] = "base";
  draft_fails(f, &draft, "'base' cannot name");
  vec_release(&draft.labels);
  assert_int_equal(files_in(f, "env/versions"), 1);
}

static void file_template_with_folders(void **state) {
  struct fixture *f = *state;
  struct strbuf told = STRBUF_INIT;
  struct template_listener listener = listener_into(&told);
  fixture_config(f, "file_template = y%%(year)d/%%(rev)s_%%(slug)s");
  fixture_load(f);
  struct revision_draft draft = {.message = "x", .id = "a1"};
  draft_fails(f, &draft, "folders in version locations are not read");
  fixture_config(f, "file_template = %%(rev)s/%%(rev)s_%%(slug)s\nrecursive_version_locations = true");
  fixture_load(f);
  char *path = NULL;
  assert_true(template_revision(f->config, f->env, &draft, &listener, &path, &f->err));
  char *expected = xasprintf("Creating directory %s/env/versions/a1 ... done\n"
                             "Generating %s/env/versions/a1/a1_x.lua ... done\n",
                             f->folder, f->folder);
  assert_string_equal(told.buf, expected);
  free(expected);
  free(path);
  fixture_load(f);
  draft.id = "b1";
  vec_push(&draft.down, "a1");
  char *name = draft_ok(f, &draft, NULL);
  assert_string_equal(name, "env/versions/b1/b1_x.lua"); /* in the location, not below the parent's folder */
  free(name);
  vec_release(&draft.down);
  strbuf_release(&told);
}

static void file_templates_that_are_refused(void **state) {
  struct fixture *f = *state;
  static const char *const bad[] = {"../%%(rev)s", "/tmp/%%(rev)s", "a//b", "a/", ".%%(rev)s", "README_%%(rev)s"};
  struct revision_draft draft = {.message = "x", .id = "a1"};
  for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
    char *line = xasprintf("recursive_version_locations = true\nfile_template = %s", bad[i]);
    fixture_config(f, line);
    fixture_load(f);
    draft_fails(f, &draft, "no name for a revision file");
    free(line);
  }
  fixture_config(f, "file_template = same");
  fixture_load(f);
  free(draft_ok(f, &draft, NULL));
  draft.id = "b1";
  draft_fails(f, &draft, "same.lua exists already");
}

static void version_paths(void **state) {
  struct fixture *f = *state;
  fixture_config(f, "version_locations = %(here)s/first:%(here)s/second\npath_separator = :");
  fixture_revision(f, "first/a.lua", "a1", "nil");
  fixture_revision(f, "second/b.lua", "b1", "nil");
  fixture_load(f);
  struct revision_draft draft = {.message = "x", .id = "c1"};
  draft_fails(f, &draft, "Multiple version locations present, please specify --version-path");
  vec_push(&draft.down, "b1");
  char *name = draft_ok(f, &draft, NULL);
  assert_string_equal(name, "second/c1_x.lua"); /* beside its parent */
  free(name);
  char *path = fixture_path(f, "first/");
  draft.id = "d1";
  draft.version_path = path;
  name = draft_ok(f, &draft, NULL);
  assert_string_equal(name, "first/d1_x.lua");
  free(name);
  draft.id = "e1";
  draft.version_path = "/elsewhere";
  draft_fails(f, &draft, "Path /elsewhere is not represented in current version locations");
  free(path);
  vec_release(&draft.down);
}

static void dates_follow_the_timezone(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  struct revision_draft draft = {.message = "x", .id = "a1"};
  fixture_config(f, "timezone = UTC");
  fixture_load(f);
  free(draft_ok(f, &draft, &text));
  char *date = strstr(text.buf, "Create Date: ");
  assert_int_equal(strcspn(date, "\n"), strlen("Create Date: 2026-11-22 12:00:00+00:00"));
  assert_contains(date, "+00:00\n");
  fixture_config(f, "timezone = Nowhere/Land");
  draft.id = "b1";
  draft_fails(f, &draft, "Can't locate timezone: Nowhere/Land");
  strbuf_release(&text);
}

static void the_environment_has_its_own_template(void **state) {
  struct fixture *f = *state;
  struct strbuf text = STRBUF_INIT;
  fixture_write(f, "env/revision.lua.tmpl",
                "# a remark\n-- ${message}\r\nrevision = '${revision}' down_revision = ${down_revision}\n"
                "depends_on = ${depends_on} branch_labels = ${branch_labels}\nprint \"$${x}\"\nfunction upgrade()\n  "
                "${upgrade}\nend\n");
  fixture_load(f);
  struct revision_draft draft = {.message = "One\n\ntwo", .id = "a1"};
  free(draft_ok(f, &draft, &text));
  assert_string_equal(text.buf, "-- One\n--\n-- two\nrevision = 'a1' down_revision = nil\n"
                                "depends_on = nil branch_labels = nil\nprint \"${x}\"\nfunction upgrade()\nend\n");
  strbuf_release(&text);
}

static void broken_templates_are_refused(void **state) {
  struct fixture *f = *state;
  static const char *const broken[][2] = {
      {"-- x\n${nonsense}\n", "revision.lua.tmpl:2: unknown placeholder ${nonsense}"},
      {"-- x\nrevision = \"${revision\"\n", "revision.lua.tmpl:2: no } behind ${revision\""},
      {"print(\"${message}\")\n", "revision.lua.tmpl:1: a line with this placeholder must start with `-- `"},
      {"--${message}\n", "must start with `-- `"},
      {"--[[ ${message}\n]]\n", "must start with `-- `"},
      {"", "gives a revision without the right revision"},
      {"revision = \"${revision}\"\n", "down_revision is missing"},
      {"revision = \"x\"\ndown_revision = ${down_revision}\n", "gives a revision without the right revision"},
      {"revision = \"${revision}\"\ndown_revision = nil\n", "gives a revision without the right down_revision"},
      {"revision = \"${revision}\"\ndown_revision = ${down_revision}\n",
       "gives a revision without the right branch_labels"},
      {"function upgrade() end\nrevision = \"${revision}\"\n", "gives a revision without the right revision"},
  };
  fixture_revision(f, "env/versions/a.lua", "a1", "nil");
  fixture_load(f);
  struct revision_draft draft = {.message = "x", .id = "b1"};
  vec_push(&draft.labels, "team");
  vec_push(&draft.down, "a1");
  for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
    fixture_write(f, "env/revision.lua.tmpl", broken[i][0]);
    draft_fails(f, &draft, broken[i][1]);
  }
  assert_int_equal(files_in(f, "env/versions"), 1);
  vec_release(&draft.down);
  vec_release(&draft.labels);
}

/* As on a full disk: nothing may be left, neither file nor folder. */
static void a_full_disk_leaves_nothing(void **state) {
  struct fixture *f = *state;
  fixture_config(f, "file_template = new/%%(rev)s\nrecursive_version_locations = true");
  fixture_load(f);
  struct rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  struct rlimit small = {.rlim_cur = 10, .rlim_max = before.rlim_max};
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  struct revision_draft draft = {.message = "x", .id = "a1"};
  char *path = NULL;
  char *folder = fixture_path(f, "other");
  char *ini = fixture_path(f, "other.ini");
  setrlimit(RLIMIT_FSIZE, &small);
  bool revision_made = template_revision(f->config, f->env, &draft, NULL, &path, &f->err);
  struct error init_err = ERROR_INIT;
  bool init_made = template_init(folder, "multidb", ini, NULL, &init_err);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  assert_false(revision_made);
  assert_contains(f->err.message, "a1.lua: File too large");
  assert_int_equal(files_in(f, "env/versions"), 0);
  assert_false(init_made);
  assert_contains(init_err.message, "File too large");
  assert_int_not_equal(access(folder, F_OK), 0);
  assert_int_not_equal(access(ini, F_OK), 0);
  error_release(&init_err);
  free(ini);
  free(folder);
}

/* ---- new environments ---- */

static void templates_have_summaries(void **state) {
  (void)state;
  struct vec names = VEC_INIT;
  template_names(&names);
  assert_int_equal(names.len, 2);
  assert_string_equal(strvec_at(&names, 0), "generic");
  assert_string_equal(strvec_at(&names, 1), "multidb");
  for (size_t i = 0; i < names.len; i++)
    assert_non_null(template_summary(strvec_at(&names, i)));
  assert_null(template_summary("nope"));
  vec_release(&names);
}

static void init_generic(void **state) {
  struct fixture *f = *state;
  struct strbuf told = STRBUF_INIT;
  struct strbuf text = STRBUF_INIT;
  struct template_listener listener = listener_into(&told);
  char *folder = fixture_path(f, "app/100%/migrations/");
  char *ini = fixture_path(f, "app/moonbird.ini");
  if (!template_init(folder, "generic", ini, &listener, &f->err))
    fail_msg("init: %s", f->err.message);
  const char *root = f->folder;
  char *expected = xasprintf("Creating directory %s/app/100%%/migrations ... done\n"
                             "Creating directory %s/app/100%%/migrations/versions ... done\n"
                             "Generating %s/app/100%%/migrations/README ... done\n"
                             "Generating %s/app/100%%/migrations/env.lua ... done\n"
                             "Generating %s/app/100%%/migrations/revision.lua.tmpl ... done\n"
                             "Generating %s/app/moonbird.ini ... done\n",
                             root, root, root, root, root, root);
  assert_string_equal(told.buf, expected);
  free(expected);
  fixture_read(f, "app/moonbird.ini", &text);
  assert_contains(text.buf, "\nscript_location = %(here)s/100%%/migrations\n");
  assert_contains(text.buf, "\nurl = sqlite:///app.db\n");
  assert_null(strstr(text.buf, "@SCRIPT"));
  fixture_read(f, "app/100%/migrations/README", &text);
  char *first = xasprintf("%s\n", template_summary("generic"));
  assert_memory_equal(text.buf, first, strlen(first));
  assert_null(strchr(text.buf, '@'));
  free(first);
  /* What was written is a working environment, without a warning. */
  struct config_request request = {.file = ini};
  struct config *config = NULL;
  struct environment *env = NULL;
  fixture_hush(f);
  bool ok = config_load(&config, &request, &f->err) && environment_load(&env, config, &f->err);
  char *said = fixture_unhush(f);
  if (!ok)
    fail_msg("%s", f->err.message);
  assert_string_equal(said, "");
  free(said);
  struct revision_draft draft = {.message = "first", .id = "a1"};
  char *path = NULL;
  assert_true(template_revision(config, env, &draft, NULL, &path, &f->err));
  free(path);
  environment_free(env);
  config_free(config);
  strbuf_release(&text);
  strbuf_release(&told);
  free(ini);
  free(folder);
}

static void init_multidb(void **state) {
  struct fixture *f = *state;
  char *folder = fixture_path(f, "m");
  char *ini = fixture_path(f, "conf/multi.ini");
  char *conf = fixture_path(f, "conf");
  assert_int_equal(mkdir(conf, 0700), 0);
  if (!template_init(folder, "multidb", ini, NULL, &f->err))
    fail_msg("init: %s", f->err.message);
  static const char *const sections[] = {"first", "second"};
  for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
    struct config_request request = {.file = ini, .section = sections[i]};
    struct config *config = NULL;
    struct environment *env = NULL;
    if (!config_load(&config, &request, &f->err) || !environment_load(&env, config, &f->err))
      fail_msg("%s: %s", sections[i], f->err.message);
    assert_string_equal(environment_location(env), folder); /* the ini stands elsewhere */
    struct revision_draft draft = {.message = "first", .id = "a1"};
    char *path = NULL;
    assert_true(template_revision(config, env, &draft, NULL, &path, &f->err));
    char *expected = xasprintf("%s/versions/%s/a1_first.lua", folder, sections[i]);
    assert_string_equal(path, expected);
    free(expected);
    free(path);
    environment_free(env);
    config_free(config);
  }
  free(conf);
  free(ini);
  free(folder);
}

static void init_fails(struct fixture *f, const char *folder, const char *name, const char *message) {
  char *ini = fixture_path(f, "new.ini");
  error_clear(&f->err);
  assert_false(template_init(folder, name, ini, NULL, &f->err));
  assert_int_equal(f->err.class, ERROR_USAGE);
  assert_contains(f->err.message, message);
  assert_int_not_equal(access(ini, F_OK), 0);
  free(ini);
}

static void init_overwrites_nothing(void **state) {
  struct fixture *f = *state;
  struct strbuf told = STRBUF_INIT;
  struct strbuf text = STRBUF_INIT;
  struct template_listener listener = listener_into(&told);
  char *folder = fixture_path(f, "env");
  char *message = xasprintf("Directory %s already exists and is not empty", folder);
  init_fails(f, folder, "generic", message);
  free(message);
  char *versions = fixture_path(f, "env/versions");
  char *ini = fixture_path(f, "moonbird.ini");
  rmdir(versions);
  fixture_write(f, "moonbird.ini", "mine");
  assert_true(template_init(folder, "generic", ini, &listener, &f->err)); /* the folder exists, but is empty */
  fixture_read(f, "moonbird.ini", &text);
  assert_string_equal(text.buf, "mine");
  message = xasprintf("skipped %s\n", ini);
  assert_contains(told.buf, message);
  free(message);
  char *file = fixture_path(f, "moonbird.ini/x");
  init_fails(f, ini, "generic", "Not a directory");
  init_fails(f, file, "generic", "Not a directory");
  init_fails(f, "/proc/nope/x", "generic", "Can't create folder /proc/nope");
  init_fails(f, "", "generic", "empty");
  init_fails(f, "a\nb", "generic", "control characters");
  init_fails(f, versions, "nope", "No such template nope");
  free(file);
  free(ini);
  free(versions);
  free(folder);
  strbuf_release(&text);
  strbuf_release(&told);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(slugs),
      cmocka_unit_test(long_slugs),
      cmocka_unit_test(file_templates),
      cmocka_unit_test(time_zones),
      FIXTURE_TEST(a_revision_looks_like_the_manual),
      FIXTURE_TEST(a_random_id_and_no_message),
      FIXTURE_TEST(a_merge_with_labels_and_bodies),
      FIXTURE_TEST(sql_revisions),
      FIXTURE_TEST(messages_stay_in_the_comment),
      FIXTURE_TEST(ids_that_are_refused),
      FIXTURE_TEST(file_template_with_folders),
      FIXTURE_TEST(file_templates_that_are_refused),
      FIXTURE_TEST(version_paths),
      FIXTURE_TEST(dates_follow_the_timezone),
      FIXTURE_TEST(the_environment_has_its_own_template),
      FIXTURE_TEST(broken_templates_are_refused),
      FIXTURE_TEST(a_full_disk_leaves_nothing),
      cmocka_unit_test(templates_have_summaries),
      FIXTURE_TEST(init_generic),
      FIXTURE_TEST(init_multidb),
      FIXTURE_TEST(init_overwrites_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
