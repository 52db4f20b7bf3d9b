/*
 * cmd_write.c - the commands that write files: init, list_templates, revision, new, merge, edit.
 */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/hooks.h"
#include "cli/process.h"
#include "run/run.h"
#include "run/schema.h"
#include "script/template.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct {
  const char *template_name;
  const char *message;
  const char *head;
  const char *branch_label;
  const char *version_path;
  const char *rev_id;
  struct vec depends_on;
  struct vec renames;
  bool splice;
  bool autogenerate;
  bool empty;
  bool sql;
} given = {.template_name = "generic", .head = "head"};

#define HEAD_OPTION                                                                                                    \
  {                                                                                                                    \
    .name = "head", .type = OPTION_TEXT, .argument = "REV",                                                            \
    .help = "revision that the new one follows: 'label@head', 'base' for a new line", .target = &given.head            \
  }
#define SPLICE_OPTION                                                                                                  \
  {                                                                                                                    \
    .name = "splice", .type = OPTION_FLAG, .help = "allow a revision that is no head to be followed: a new branch",    \
    .target = &given.splice                                                                                            \
  }
#define LABEL_OPTION                                                                                                   \
  {                                                                                                                    \
    .name = "branch-label", .type = OPTION_TEXT, .argument = "LABEL", .help = "name of the branch that begins here",   \
    .target = &given.branch_label                                                                                      \
  }
#define PATH_OPTION                                                                                                    \
  {                                                                                                                    \
    .name = "version-path", .type = OPTION_TEXT, .argument = "DIR",                                                    \
    .help = "which of the version_locations gets the file", .target = &given.version_path                              \
  }
#define ID_OPTION                                                                                                      \
  {                                                                                                                    \
    .name = "rev-id", .type = OPTION_TEXT, .argument = "ID", .help = "revision id instead of a random one",            \
    .target = &given.rev_id                                                                                            \
  }
#define DEPENDS_OPTION                                                                                                 \
  {                                                                                                                    \
    .name = "depends-on", .type = OPTION_LIST, .argument = "REV",                                                      \
    .help = "another revision that must be applied first (repeatable)", .target = &given.depends_on                    \
  }
#define MESSAGE_OPTION                                                                                                 \
  {                                                                                                                    \
    .name = "message", .letter = 'm', .type = OPTION_TEXT, .argument = "MSG", .help = "what the revision does",        \
    .target = &given.message                                                                                           \
  }

const struct option_spec init_options[] = {
    {.name = "template",
     .letter = 't',
     .type = OPTION_TEXT,
     .argument = "TEMPLATE",
     .help = "one of 'moonbird list_templates' (default generic)",
     .target = &given.template_name},
    OPTION_END,
};

const struct option_spec revision_options[] = {
    MESSAGE_OPTION,
    {.name = "autogenerate",
     .type = OPTION_FLAG,
     .help = "fill it with what makes the database what the models say",
     .target = &given.autogenerate},
    CLI_RENAME_OPTION(&given.renames),
    {.name = "empty",
     .type = OPTION_FLAG,
     .help = "with --autogenerate: write the file even where nothing differs",
     .target = &given.empty},
    {.name = "sql",
     .type = OPTION_FLAG,
     .help = "where revision_environment is set: run env.lua without a connection",
     .target = &given.sql},
    HEAD_OPTION,
    SPLICE_OPTION,
    LABEL_OPTION,
    PATH_OPTION,
    ID_OPTION,
    DEPENDS_OPTION,
    OPTION_END,
};
const struct option_spec new_options[] = {HEAD_OPTION, SPLICE_OPTION,  LABEL_OPTION, PATH_OPTION,
                                          ID_OPTION,   DEPENDS_OPTION, OPTION_END};
const struct option_spec merge_options[] = {MESSAGE_OPTION, SPLICE_OPTION, LABEL_OPTION, ID_OPTION, OPTION_END};

/* What the template writer tells: printed as it happens, or collected for JSON. */
struct written {
  struct output *out;
  json_t *created;
  json_t *skipped;
};

static void on_creating(void *data, const char *what, const char *path) {
  struct written *w = data;
  output_note(w->out, "%s %s ...", what, path);
  json_array_append_new(w->created, output_json_text(path));
}

static void on_created(void *data, bool ok) {
  struct written *w = data;
  output_note(w->out, ok ? "  done\n" : "  FAILED\n");
}

static void on_skipped(void *data, const char *path) {
  struct written *w = data;
  output_note(w->out, "File %s already exists, skipping\n", path);
  json_array_append_new(w->skipped, output_json_text(path));
}

static struct template_listener written_begin(struct written *w, struct output *out) {
  *w = (struct written){.out = out, .created = json_array(), .skipped = json_array()};
  return (struct template_listener){.data = w, .creating = on_creating, .created = on_created, .skipped = on_skipped};
}

static void written_release(struct written *w) {
  json_decref(w->created);
  json_decref(w->skipped);
}

bool cmd_init(struct cli *cli, struct error *err) {
  const char *from_environment = getenv("MOONBIRD_CONFIG");
  const char *ini = cli_globals.config_file ? cli_globals.config_file : from_environment;
  if (!ini || !ini[0])
    ini = "moonbird.ini";
  struct written w;
  struct template_listener listener = written_begin(&w, &cli->out);
  bool ok = template_init(cli_argument(cli, 0, NULL), given.template_name, ini, &listener, err);
  char *absolute = ok ? realpath(ini, NULL) : NULL;
  const char *shown = absolute ? absolute : ini;
  if (ok && cli->out.json)
    output_document(&cli->out, json_pack("{s:O, s:O, s:o}", "created", w.created, "skipped", w.skipped, "config",
                                         output_json_text(shown)));
  else if (ok)
    output_note(&cli->out, "Please edit the url and the other settings in %s before proceeding.\n", shown);
  free(absolute);
  written_release(&w);
  return ok;
}

bool cmd_list_templates(struct cli *cli, struct error *err) {
  (void)err;
  struct vec names = VEC_INIT;
  template_names(&names);
  if (cli->out.json) {
    json_t *list = json_array();
    for (size_t i = 0; i < names.len; i++)
      json_array_append_new(list, json_pack("{s:o, s:o}", "name", output_json_text(strvec_at(&names, i)), "summary",
                                            output_json_text(template_summary(strvec_at(&names, i)))));
    output_document(&cli->out, list);
  } else {
    output_text(&cli->out, "Available templates:\n\n");
    for (size_t i = 0; i < names.len; i++)
      output_text(&cli->out, "%s - %s\n", strvec_at(&names, i), template_summary(strvec_at(&names, i)));
    output_text(&cli->out, "\nTemplates are used via the 'init' command, e.g.:\n\n"
                           "  moonbird init --template generic ./migrations\n");
  }
  vec_release(&names);
  return true;
}

/* `revision` on `head` while there are several is so frequent that its message says what to do about it. */
static bool fail_several_heads(const struct graph *graph, struct error *err) {
  struct vec heads = VEC_INIT;
  struct vec ids = VEC_INIT;
  graph_heads(graph, &heads);
  for (size_t i = 0; i < heads.len; i++)
    strvec_push(&ids, ((const struct revision *)heads.items[i])->id);
  char *list = strvec_join(&ids, ", ");
  error_set(err, ERROR_HISTORY,
            "Multiple heads are present; please specify the head revision on which the new revision should be based, "
            "or perform a merge.");
  char *words = graph_merge_words(&heads);
  error_hint(err, "the heads are %s: add --head with one of them, or type 'moonbird merge %s'", list, words);
  free(words);
  free(list);
  strvec_release(&ids);
  vec_release(&heads);
  return false;
}

/* Appends what one identifier means as the new revision's parents (const struct revision *). */
static bool add_parents(const struct graph *graph, const char *identifier, struct vec *parents, struct error *err) {
  if (strcmp(identifier, "head") == 0) {
    struct vec heads = VEC_INIT;
    graph_heads(graph, &heads);
    bool several = heads.len > 1;
    vec_release(&heads);
    if (several)
      return fail_several_heads(graph, err);
  }
  return graph_resolve(graph, identifier, parents, err);
}

static bool check_parents(const struct vec *parents, struct error *err) {
  for (size_t i = 0; i < parents->len; i++) {
    const struct revision *r = parents->items[i];
    for (size_t j = 0; j < i; j++)
      if (parents->items[j] == r) {
        error_set(err, ERROR_USAGE, "Duplicate head revisions specified");
        return error_hint(err, "revision %s is named more than once", r->id);
      }
    if (!given.splice && !revision_is_head(r))
      return error_set(err, ERROR_USAGE,
                       "Revision %s is not a head revision; please specify --splice to create a new branch from this "
                       "revision",
                       r->id);
  }
  return true;
}

/* Ids become full ids; a branch label stays a label, as it will follow the branch. */
static bool resolve_dependencies(const struct graph *graph, struct vec *texts, struct error *err) {
  for (size_t i = 0; i < given.depends_on.len; i++) {
    const char *identifier = strvec_at(&given.depends_on, i);
    const struct revision *r;
    if (!graph_resolve_one(graph, identifier, &r, err))
      return false;
    if (!r)
      return error_set(err, ERROR_USAGE, "--depends-on: '%s' is no revision", identifier);
    strvec_push(texts, strvec_contains(&r->labels, identifier) ? identifier : r->id);
  }
  return true;
}

/* The file, its hooks, and what is told about it. */
static bool write_revision(struct cli *cli, const struct revision_draft *draft, struct error *err) {
  char *path = NULL;
  struct written w;
  struct template_listener listener = written_begin(&w, &cli->out);
  bool ok = template_revision(cli->config, cli->env, draft, &listener, &path, err) &&
            hooks_run(cli->config, &cli->out, path, err);
  if (ok && cli->out.json) {
    json_t *document = json_pack("{s:o}", "path", output_json_text(path));
    json_t *parents = json_array();
    for (size_t i = 0; i < draft->down.len; i++)
      json_array_append_new(parents, output_json_text(strvec_at(&draft->down, i)));
    json_object_set_new(document, "parents", parents);
    output_document(&cli->out, document);
  }
  written_release(&w);
  free(path);
  return ok;
}

/* `parents` are const struct revision *; `bodies` may be NULL. */
static bool make_revision(struct cli *cli, const char *message, const struct vec *parents,
                          const struct schema_result *bodies, struct error *err) {
  bool ok = false;
  struct revision_draft draft = {.message = message,
                                 .id = given.rev_id,
                                 .down = VEC_INIT,
                                 .depends_on = VEC_INIT,
                                 .labels = VEC_INIT,
                                 .version_path = given.version_path};
  if (bodies && bodies->count) {
    draft.upgrade_body = bodies->upgrade.buf;
    draft.downgrade_body = bodies->downgrade.buf;
  }
  if (given.branch_label)
    strvec_push(&draft.labels, given.branch_label);
  if (!check_parents(parents, err))
    goto out;
  if (!resolve_dependencies(environment_graph(cli->env), &draft.depends_on, err))
    goto out;
  for (size_t i = 0; i < parents->len; i++)
    strvec_push(&draft.down, ((const struct revision *)parents->items[i])->id);
  ok = write_revision(cli, &draft, err);
out:
  strvec_release(&draft.down);
  strvec_release(&draft.depends_on);
  strvec_release(&draft.labels);
  return ok;
}

static bool revision_on_head(struct cli *cli, const char *message, const struct schema_result *bodies,
                             struct error *err) {
  struct vec parents = VEC_INIT;
  bool ok = add_parents(environment_graph(cli->env), given.head, &parents, err) &&
            make_revision(cli, message, &parents, bodies, err);
  vec_release(&parents);
  return ok;
}

/* Where nothing differs no file is written: a revision that does nothing helps nobody. */
static bool autogenerate(struct cli *cli, struct error *err) {
  struct schema_result bodies = SCHEMA_RESULT_INIT;
  bool ok = cli_autogenerate(cli, &given.renames, &bodies, err);
  if (ok && !bodies.count && !given.empty) {
    log_info("nothing differs between the models and the database: no revision is written (--empty writes one)");
    if (cli->out.json)
      output_document(&cli->out, json_pack("{s:n, s:[]}", "path", "parents"));
  } else if (ok) {
    ok = revision_on_head(cli, given.message, &bodies, err);
  }
  schema_result_release(&bodies);
  return ok;
}

/* Without --autogenerate no database is needed, unless the settings want env.lua to be run. */
static bool empty_revision(struct cli *cli, const char *message, struct error *err) {
  struct run_request run = cli_run_request(cli, NULL);
  if (config_flag(cli->config, "revision_environment") && !run_environment(&run, given.sql, err))
    return false;
  return revision_on_head(cli, message, NULL, err);
}

/* Alembic's words for what --sql does not go with. */
static bool check_sql(const struct cli *cli, struct error *err) {
  if (given.autogenerate) {
    error_set(err, ERROR_USAGE, "Using --sql with --autogenerate does not make any sense");
    return error_hint(err, "'moonbird upgrade FROM:TO --sql' prints the SQL of revisions");
  }
  if (config_flag(cli->config, "revision_environment"))
    return true;
  error_set(err, ERROR_USAGE,
            "Using --sql with the revision command when revision_environment is not configured does not make any "
            "sense");
  return error_hint(err, "a new revision file needs no database: leave --sql out");
}

bool cmd_revision(struct cli *cli, struct error *err) {
  if (given.sql && !check_sql(cli, err))
    return false;
  if (given.autogenerate)
    return autogenerate(cli, err);
  if (given.renames.len || given.empty)
    return error_set(err, ERROR_USAGE, "revision: --rename and --empty go with --autogenerate");
  return empty_revision(cli, given.message, err);
}

bool cmd_new(struct cli *cli, struct error *err) {
  return empty_revision(cli, cli_argument(cli, 0, NULL), err);
}

/* `heads` passes over a head on which another one depends. */
static void tell_nothing_to_merge(const struct graph *graph, const struct revision *head) {
  struct vec heads = VEC_INIT;
  graph_heads(graph, &heads);
  char *words = graph_merge_words(&heads);
  if (!head)
    log_info("nothing to do: there are no revisions");
  else if (heads.len < 2)
    log_info("nothing to do: the only head is %s", head->id);
  else
    log_info(
        "nothing to do: all other heads are applied with %s, which depends on them; 'moonbird merge %s' joins them "
        "all the same",
        head->id, words);
  free(words);
  vec_release(&heads);
}

bool cmd_merge(struct cli *cli, struct error *err) {
  bool ok = false;
  struct vec parents = VEC_INIT;
  for (size_t i = 0; i < cli->arguments.len; i++)
    if (!add_parents(environment_graph(cli->env), strvec_at(&cli->arguments, i), &parents, err))
      goto out;
  if (parents.len < 2 && strcmp(strvec_at(&cli->arguments, 0), "heads") == 0) {
    tell_nothing_to_merge(environment_graph(cli->env), parents.len ? parents.items[0] : NULL);
    ok = true;
    goto out;
  }
  if (parents.len < 2) {
    error_set(err, ERROR_USAGE, "merge: two or more revisions are needed");
    error_hint(err, "'moonbird merge heads' joins all heads");
    goto out;
  }
  ok = make_revision(cli, given.message, &parents, NULL, err);
out:
  vec_release(&parents);
  return ok;
}

/* The words of the editor's command. */
static bool find_editor(struct vec *words, struct error *err) {
  static const char *const usual[] = {"sensible-editor", "editor", "nano", "vim", "vi"};
  const char *editor = getenv("EDITOR");
  if (!editor || !editor[0])
    editor = getenv("VISUAL");
  if (editor && editor[0] && !process_split(editor, words, err))
    return false;
  if (words->len)
    return true;
  for (size_t i = 0; i < ARRAY_LEN(usual); i++) {
    if (process_exists(usual[i])) {
      strvec_push(words, usual[i]);
      return true;
    }
  }
  error_set(err, ERROR_USAGE, "No editor is found");
  return error_hint(err, "set EDITOR to the command that opens a file");
}

static bool edit_file(const char *path, struct error *err) {
  struct vec words = VEC_INIT;
  bool ok = find_editor(&words, err);
  if (ok) {
    strvec_push(&words, path);
    ok = process_run(&words, NULL, err);
    if (!ok)
      error_prefix(err, "Error executing editor: ");
  }
  strvec_release(&words);
  return ok;
}

bool cmd_edit(struct cli *cli, struct error *err) {
  const char *identifier = cli_argument(cli, 0, NULL);
  struct vec revisions = VEC_INIT;
  bool ok = cli_resolve_files(cli, identifier, &revisions, err);
  if (ok && revisions.len == 0)
    ok = strcmp(identifier, "current") == 0
             ? error_set(err, ERROR_USAGE, "No current revisions")
             : error_set(err, ERROR_USAGE, "No revision files indicated by symbol '%s'", identifier);
  for (size_t i = 0; ok && i < revisions.len; i++)
    ok = edit_file(((const struct revision *)revisions.items[i])->path, err);
  vec_release(&revisions);
  return ok;
}
