/*
 * cmd_run.c - the commands that change the database: upgrade, downgrade, redo, stamp, ensure_version, and their short
 * forms; or, with --sql, print what would change it.
 */
#include "base/log.h"
#include "cli/commands.h"
#include "cli/listener.h"

#include <stdlib.h>

static struct {
  bool purge;
  const char *tag;
  bool accept_code_change;
} given;

#define SQL_OPTION                                                                                                     \
  {                                                                                                                    \
    .name = "sql", .type = OPTION_FLAG, .help = "print what would be done as an SQL script, without a connection",     \
    .target = &cli_globals.sql                                                                                         \
  }
#define TAG_OPTION                                                                                                     \
  {                                                                                                                    \
    .name = "tag", .type = OPTION_TEXT, .argument = "TAG", .help = "a word for scripts and env.lua: context.tag",      \
    .target = &given.tag                                                                                               \
  }

#define ACCEPT_OPTION                                                                                                  \
  {                                                                                                                    \
    .name = "accept-code-change", .type = OPTION_FLAG,                                                                 \
    .help = "go on with an interrupted backfill although its code was changed", .target = &given.accept_code_change    \
  }

const struct option_spec migrate_options[] = {SQL_OPTION, TAG_OPTION, ACCEPT_OPTION, OPTION_END};
const struct option_spec redo_options[] = {TAG_OPTION, ACCEPT_OPTION, OPTION_END};
const struct option_spec ensure_version_options[] = {SQL_OPTION, OPTION_END};
const struct option_spec stamp_options[] = {
    SQL_OPTION,
    TAG_OPTION,
    {.name = "purge",
     .type = OPTION_FLAG,
     .help = "first delete all rows of the version table, known or not",
     .target = &given.purge},
    OPTION_END,
};

/* The request with what this file's options say; `listener` may be NULL. */
static struct run_request request_of(const struct cli *cli, const struct listener *listener) {
  struct run_request request = cli_run_request(cli, listener ? &listener->run : NULL);
  request.tag = given.tag;
  request.accept_code_change = given.accept_code_change;
  return request;
}

/* --- scripts --- */

static void print_script(struct cli *cli, const struct strbuf *script) {
  if (!cli->out.json) {
    output_write(&cli->out, script->buf, script->len);
    return;
  }
  json_t *event = json_object();
  json_object_set_new(event, "event", json_string("script"));
  json_object_set_new(event, "sql", output_json_text(script->buf));
  output_event(&cli->out, event);
}

typedef bool (*migrate_sql_fn)(const struct run_request *request, const char *range, struct strbuf *script,
                               struct error *err);

static bool write_migration(struct cli *cli, migrate_sql_fn write, const char *range, struct error *err) {
  struct strbuf script = STRBUF_INIT;
  struct run_request request = request_of(cli, NULL);
  bool ok = write(&request, range, &script, err);
  if (ok)
    print_script(cli, &script);
  if (ok && !script.len && cli->out.live)
    log_info("nothing to do: the script is empty");
  strbuf_release(&script);
  return ok;
}

static bool write_stamp(struct cli *cli, struct error *err) {
  if (given.purge)
    return error_set(err, ERROR_USAGE, "Can't use --purge with --sql mode");
  struct strbuf script = STRBUF_INIT;
  struct run_request request = request_of(cli, NULL);
  bool ok = run_stamp_sql(&request, &cli->arguments, &script, err);
  if (ok)
    print_script(cli, &script);
  strbuf_release(&script);
  return ok;
}

static bool write_ensure_version(struct cli *cli, struct error *err) {
  struct strbuf script = STRBUF_INIT;
  struct run_request request = request_of(cli, NULL);
  bool ok = run_ensure_version_sql(&request, &script, err);
  if (ok)
    print_script(cli, &script);
  strbuf_release(&script);
  return ok;
}

/* --- runs --- */

/* "a1, b2" where all of them are heads, or NULL: then the database may be past them. */
static char *target_heads(const struct graph *graph, const char *target) {
  struct error ignored = ERROR_INIT;
  struct vec revisions = VEC_INIT;
  struct vec ids = VEC_INIT;
  char *text = NULL;
  bool all_heads = graph_resolve(graph, target, &revisions, &ignored) && revisions.len;
  for (size_t i = 0; i < revisions.len; i++) {
    all_heads = all_heads && revision_is_head(revisions.items[i]);
    strvec_push(&ids, ((const struct revision *)revisions.items[i])->id);
  }
  if (all_heads)
    text = strvec_join(&ids, ", ");
  strvec_release(&ids);
  vec_release(&revisions);
  error_release(&ignored);
  return text;
}

static void tell_nothing_to_upgrade(const struct cli *cli, const char *target) {
  const struct graph *graph = environment_graph(cli->env);
  char *heads = target_heads(graph, target);
  if (heads)
    log_info("nothing to do: the database is at %s", heads);
  else if (graph_count(graph) == 0)
    log_info("nothing to do: there are no revisions");
  else
    log_info("nothing to do: the database has '%s' already", target);
  free(heads);
}

static bool upgrade_to(struct cli *cli, const char *target, struct error *err) {
  if (cli_globals.sql)
    return write_migration(cli, run_upgrade_sql, target, err);
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = request_of(cli, &listener);
  bool ok = run_upgrade(&request, target, err);
  if (ok)
    listener_done(&listener);
  if (ok && listener.steps == 0 && cli->out.live)
    tell_nothing_to_upgrade(cli, target);
  listener_release(&listener);
  return ok;
}

static bool downgrade_to(struct cli *cli, const char *target, struct error *err) {
  if (cli_globals.sql)
    return write_migration(cli, run_downgrade_sql, target, err);
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = request_of(cli, &listener);
  bool ok = run_downgrade(&request, target, err);
  if (ok)
    listener_done(&listener);
  if (ok && listener.steps == 0 && cli->out.live)
    log_info("nothing to do: nothing above '%s' is applied", target);
  listener_release(&listener);
  return ok;
}

bool cmd_upgrade(struct cli *cli, struct error *err) {
  return upgrade_to(cli, cli_argument(cli, 0, NULL), err);
}

bool cmd_up(struct cli *cli, struct error *err) {
  return upgrade_to(cli, cli_argument(cli, 0, "heads"), err);
}

bool cmd_downgrade(struct cli *cli, struct error *err) {
  return downgrade_to(cli, cli_argument(cli, 0, NULL), err);
}

bool cmd_down(struct cli *cli, struct error *err) {
  return downgrade_to(cli, cli_argument(cli, 0, "-1"), err);
}

/* Up again by what went down: on a branched history `upgrade +1` could be another revision. */
bool cmd_redo(struct cli *cli, struct error *err) {
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = request_of(cli, &listener);
  bool ok = run_downgrade(&request, "-1", err);
  size_t down = listener.finished.len;
  for (size_t i = down; ok && i-- > 0;)
    ok = run_upgrade(&request, strvec_at(&listener.finished, i), err);
  if (ok)
    listener_done(&listener);
  else if (listener.finished.len >= down && down > 0)
    error_hint(err, "%s%sthe revision was taken back and is not applied now: 'moonbird upgrade %s' applies it",
               err->hint ? err->hint : "", err->hint ? "; " : "", strvec_at(&listener.finished, 0));
  listener_release(&listener);
  return ok;
}

bool cmd_stamp(struct cli *cli, struct error *err) {
  if (cli_globals.sql)
    return write_stamp(cli, err);
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = request_of(cli, &listener);
  bool ok = run_stamp(&request, &cli->arguments, given.purge, err);
  if (ok)
    listener_done(&listener);
  if (ok && listener.steps == 0 && !given.purge && cli->out.live)
    log_info("nothing to do: the database has these revisions already");
  listener_release(&listener);
  return ok;
}

bool cmd_ensure_version(struct cli *cli, struct error *err) {
  if (cli_globals.sql)
    return write_ensure_version(cli, err);
  struct run_request request = request_of(cli, NULL);
  return run_ensure_version(&request, err);
}
