/*
 * cmd_import.c - the command import: another tool's revision files become Lua revisions of this environment.
 */
#include "cli/commands.h"
#include "cli/hooks.h"
#include "script/import.h"

#include <stdlib.h>
#include <string.h>

static struct {
  struct vec sql_files;
  const char *version_path;
} given;

const struct option_spec import_options[] = {
    {.name = "sql-file",
     .type = OPTION_LIST,
     .argument = "FILE",
     .help = "what 'alembic upgrade head --sql' printed: its statements become the bodies (repeatable)",
     .target = &given.sql_files},
    {.name = "version-path",
     .type = OPTION_TEXT,
     .argument = "DIR",
     .help = "which of the version_locations gets the files",
     .target = &given.version_path},
    OPTION_END,
};

static void on_creating(void *data, const char *what, const char *path) {
  output_note(data, "%s %s ...", what, path);
}

static void on_created(void *data, bool ok) {
  output_note(data, ok ? "  done\n" : "  FAILED\n");
}

/* What the user does now, as a text without a full stop. The caller frees. */
static char *next_step(const struct cli *cli) {
  static const char table[] = "alembic_version";
  const char *file = config_file(cli->config);
  if (strcmp(config_text(cli->config, "version_table"), table) == 0)
    return xasprintf("version_table is %s: 'moonbird current' shows what Alembic has applied", table);
  return xasprintf("set 'version_table = %s' in %s to go on with the database where Alembic left it, or record what it "
                   "is at with 'moonbird stamp REV'",
                   table, file ? file : "moonbird.ini");
}

static size_t count_empty(const struct vec *imported) {
  size_t count = 0;
  for (size_t i = 0; i < imported->len; i++)
    count += !((const struct imported *)imported->items[i])->has_body;
  return count;
}

static json_t *json_revisions(const struct vec *imported) {
  json_t *list = json_array();
  for (size_t i = 0; i < imported->len; i++) {
    const struct imported *row = imported->items[i];
    json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:I}", "id", output_json_text(row->id), "source",
                                          output_json_text(row->source), "path", output_json_text(row->path),
                                          "statements", (json_int_t)row->statements));
  }
  return list;
}

static void tell(struct cli *cli, const struct vec *imported) {
  char *next = next_step(cli);
  size_t empty = count_empty(imported);
  if (cli->out.json)
    output_document(&cli->out,
                    json_pack("{s:o, s:o}", "revisions", json_revisions(imported), "next", output_json_text(next)));
  output_note(&cli->out, "%zu revision%s imported", imported->len, imported->len == 1 ? "" : "s");
  if (empty)
    output_note(&cli->out, ", %zu with empty functions: what %s upgrade() and downgrade() do is to be written", empty,
                empty == 1 ? "its" : "their");
  output_note(&cli->out, ".\nNext: %s.\n", next);
  free(next);
}

static bool run_hooks(struct cli *cli, const struct vec *imported, struct error *err) {
  for (size_t i = 0; i < imported->len; i++) {
    if (!hooks_run(cli->config, &cli->out, ((const struct imported *)imported->items[i])->path, err))
      return false;
  }
  return true;
}

bool cmd_import(struct cli *cli, struct error *err) {
  const char *kind = cli_argument(cli, 0, "");
  if (strcmp(kind, "alembic") != 0) {
    error_set(err, ERROR_USAGE, "import: '%s' is no tool whose files can be read", kind);
    return error_hint(err, "usage: moonbird import alembic DIR");
  }
  struct vec folders = VEC_INIT;
  struct vec imported = VEC_INIT;
  for (size_t i = 1; i < cli->arguments.len; i++)
    vec_push(&folders, cli->arguments.items[i]);
  struct import_request request = {.config = cli->config,
                                   .env = cli->env,
                                   .folders = &folders,
                                   .sql_files = &given.sql_files,
                                   .version_path = given.version_path};
  struct template_listener listener = {.data = &cli->out, .creating = on_creating, .created = on_created};
  bool ok = import_alembic(&request, &listener, &imported, err) && run_hooks(cli, &imported, err);
  if (ok)
    tell(cli, &imported);
  import_release(&imported);
  vec_release(&folders);
  return ok;
}
