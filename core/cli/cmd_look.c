/*
 * cmd_look.c - the commands that only look: heads, branches, history, show, current.
 *
 * They write nothing, and only `current` and the symbol `current` open the database.
 */
#include "base/log.h"
#include "cli/commands.h"
#include "cli/format.h"

#include <stdlib.h>
#include <string.h>

static struct {
  bool resolve_dependencies;
  bool indicate_current;
  bool check_heads;
  const char *range;
} given;

/* `-v` is a global option too; it stands here so that the command's help shows what it does. */
#define VERBOSE_OPTION                                                                                                 \
  {                                                                                                                    \
    .name = "verbose", .letter = 'v', .type = OPTION_FLAG, .help = "show each revision in full",                       \
    .target = &cli_globals.verbose                                                                                     \
  }

const struct option_spec heads_options[] = {
    VERBOSE_OPTION,
    {.name = "resolve-dependencies",
     .type = OPTION_FLAG,
     .help = "leave out heads that another revision depends on",
     .target = &given.resolve_dependencies},
    OPTION_END,
};

const struct option_spec branches_options[] = {VERBOSE_OPTION, OPTION_END};

const struct option_spec history_options[] = {
    {.name = "rev-range",
     .letter = 'r',
     .type = OPTION_TEXT,
     .argument = "A:B",
     .help = "only from A to B, both included; either may be left out",
     .target = &given.range},
    VERBOSE_OPTION,
    {.name = "indicate-current",
     .letter = 'i',
     .type = OPTION_FLAG,
     .help = "mark the revisions that the database is at",
     .target = &given.indicate_current},
    OPTION_END,
};

const struct option_spec current_options[] = {
    VERBOSE_OPTION,
    {.name = "check-heads",
     .letter = 'c',
     .type = OPTION_FLAG,
     .help = "fail (exit code 3) unless the database is at all heads; -c means this where no FILE follows",
     .target = &given.check_heads},
    OPTION_END,
};

/* Prints revisions one after the other, as lines, entries or JSON. */
static void print_revisions(struct cli *cli, const struct vec *revisions, struct format_options options) {
  if (cli->out.json) {
    json_t *list = json_array();
    for (size_t i = 0; i < revisions->len; i++)
      json_array_append_new(list, format_json(revisions->items[i], options.current));
    output_document(&cli->out, list);
    return;
  }
  struct strbuf text = STRBUF_INIT;
  options.color = cli->out.color;
  for (size_t i = 0; i < revisions->len; i++) {
    strbuf_clear(&text);
    if (cli_globals.verbose)
      format_entry(&text, revisions->items[i], &options);
    else {
      format_line(&text, revisions->items[i], &options);
      strbuf_add_char(&text, '\n');
    }
    output_write(&cli->out, text.buf, text.len);
  }
  strbuf_release(&text);
}

bool cmd_heads(struct cli *cli, struct error *err) {
  (void)err;
  struct vec heads = VEC_INIT;
  const struct graph *graph = environment_graph(cli->env);
  if (given.resolve_dependencies)
    graph_real_heads(graph, &heads);
  else
    graph_heads(graph, &heads);
  print_revisions(cli, &heads, (struct format_options){.labels = true});
  vec_release(&heads);
  return true;
}

bool cmd_branches(struct cli *cli, struct error *err) {
  struct vec all = VEC_INIT;
  struct vec points = VEC_INIT;
  if (!graph_history(environment_graph(cli->env), NULL, NULL, NULL, &all, err)) {
    vec_release(&all);
    return false;
  }
  for (size_t i = 0; i < all.len; i++)
    if (revision_is_branch_point(all.items[i]))
      vec_push(&points, all.items[i]);
  if (cli->out.json) {
    print_revisions(cli, &points, (struct format_options){.labels = true});
  } else {
    struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < points.len; i++)
      format_branch_point(&text, points.items[i], cli_globals.verbose, cli->out.color);
    output_write(&cli->out, text.buf, text.len);
    strbuf_release(&text);
  }
  vec_release(&points);
  vec_release(&all);
  return true;
}

/* The version rows; `url_shown` and the warning about an interrupted revision only where they are wanted. */
static bool read_rows(struct cli *cli, struct vec *rows, char **url_shown, struct error *err) {
  struct run_request request = cli_run_request(cli, NULL);
  char *partial = NULL;
  if (!run_current(&request, rows, url_shown, &partial, err))
    return false;
  if (partial)
    log_warn("revision %s was interrupted and is partly applied: the next upgrade goes on with it", partial);
  free(partial);
  return true;
}

/* "A:B" into its sides; an empty side is NULL. */
static bool split_range(const char *range, char **low, char **high, struct error *err) {
  const char *colon = strchr(range, ':');
  if (!colon || strchr(colon + 1, ':')) {
    error_set(err, ERROR_USAGE, "History range requires [start]:[end], [start]:, or :[end]");
    return error_hint(err, "'%s' has %s colon", range, colon ? "more than one" : "no");
  }
  *low = colon == range ? NULL : xstrndup(range, (size_t)(colon - range));
  *high = colon[1] ? xstrdup(colon + 1) : NULL;
  return true;
}

bool cmd_history(struct cli *cli, struct error *err) {
  bool ok = false;
  char *low = NULL;
  char *high = NULL;
  struct vec rows = VEC_INIT;
  struct vec revisions = VEC_INIT;
  if (given.range && !split_range(given.range, &low, &high, err))
    goto out;
  if ((given.indicate_current || graph_range_needs_rows(low, high)) && !read_rows(cli, &rows, NULL, err))
    goto out;
  if (!graph_history(environment_graph(cli->env), low, high, &rows, &revisions, err))
    goto out;
  print_revisions(cli, &revisions,
                  (struct format_options){.parents = true,
                                          .labels = true,
                                          .points = true,
                                          .summary = true,
                                          .current = given.indicate_current ? &rows : NULL});
  ok = true;
out:
  vec_release(&revisions);
  strvec_release(&rows);
  free(high);
  free(low);
  return ok;
}

bool cmd_show(struct cli *cli, struct error *err) {
  bool ok = false;
  struct vec revisions = VEC_INIT;
  if (!cli_resolve_files(cli, strvec_at(&cli->arguments, 0), &revisions, err))
    goto out;
  cli_globals.verbose = true;
  print_revisions(cli, &revisions, (struct format_options){.summary = true});
  ok = true;
out:
  vec_release(&revisions);
  return ok;
}

bool cmd_current(struct cli *cli, struct error *err) {
  bool ok = false;
  bool at_heads = true;
  char *url_shown = NULL;
  struct vec ids = VEC_INIT;
  struct vec rows = VEC_INIT;
  struct vec revisions = VEC_INIT;
  const struct graph *graph = environment_graph(cli->env);
  if (!read_rows(cli, &rows, &url_shown, err))
    goto out;
  if (!graph_current(graph, &rows, &revisions, err))
    goto out;
  if (given.check_heads && !graph_is_at_heads(graph, &rows, &at_heads, err))
    goto out;
  if (cli_globals.verbose && !cli->out.json)
    output_text(&cli->out, "Current revision(s) for %s:\n", url_shown);
  if (!at_heads) {
    error_set(err, ERROR_PENDING, "Database is not on all head revisions");
    error_hint(err, "'moonbird upgrade heads' applies what is missing");
    goto out;
  }
  for (size_t i = 0; i < revisions.len; i++)
    strvec_push(&ids, ((const struct revision *)revisions.items[i])->id);
  /* The text form has no mark "(current)", JSON has the key. */
  print_revisions(cli, &revisions, (struct format_options){.points = true, .current = cli->out.json ? &ids : NULL});
  ok = true;
out:
  strvec_release(&ids);
  vec_release(&revisions);
  strvec_release(&rows);
  free(url_shown);
  return ok;
}

bool cli_resolve_files(struct cli *cli, const char *identifier, struct vec *revisions, struct error *err) {
  const struct graph *graph = environment_graph(cli->env);
  if (strcmp(identifier, "current") != 0)
    return graph_resolve_show(graph, identifier, revisions, err);
  struct vec rows = VEC_INIT;
  bool ok = read_rows(cli, &rows, NULL, err);
  for (size_t i = 0; ok && i < rows.len; i++)
    ok = graph_resolve(graph, strvec_at(&rows, i), revisions, err);
  strvec_release(&rows);
  return ok;
}
