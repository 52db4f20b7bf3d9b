/*
 * cmd_run.c - the commands that change the database: upgrade, downgrade, redo, stamp, and their short forms.
 */
#include "base/log.h"
#include "cli/commands.h"
#include "cli/listener.h"

#include <stdlib.h>

static struct { bool purge; } given;

const struct option_spec stamp_options[] = {
    {.name = "purge",
     .type = OPTION_FLAG,
     .help = "first delete all rows of the version table, known or not",
     .target = &given.purge},
    OPTION_END,
};

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
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = cli_run_request(cli, &listener.run);
  bool ok = run_upgrade(&request, target, err);
  if (ok)
    listener_done(&listener);
  if (ok && listener.steps == 0 && cli->out.live)
    tell_nothing_to_upgrade(cli, target);
  listener_release(&listener);
  return ok;
}

static bool downgrade_to(struct cli *cli, const char *target, struct error *err) {
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = cli_run_request(cli, &listener.run);
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
  struct run_request request = cli_run_request(cli, &listener.run);
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
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = cli_run_request(cli, &listener.run);
  bool ok = run_stamp(&request, &cli->arguments, given.purge, err);
  if (ok)
    listener_done(&listener);
  if (ok && listener.steps == 0 && !given.purge && cli->out.live)
    log_info("nothing to do: the database has these revisions already");
  listener_release(&listener);
  return ok;
}
