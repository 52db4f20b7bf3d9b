/*
 * cli.c - from the words of the command line to the exit code: parse, load what the command needs, run, report, free.
 *
 * The only place that prints errors and that knows exit codes.
 */
#include "cli/cli.h"

#include "base/log.h"
#include "cli/help.h"
#include "cli/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct cli_globals cli_globals = {.color = "auto", .lock_timeout_s = -1};

const struct option_spec cli_global_options[] = {
    {.name = "config",
     .letter = 'c',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "the ini file (default $MOONBIRD_CONFIG, then moonbird.ini)",
     .target = &cli_globals.config_file},
    {.name = "name",
     .letter = 'n',
     .type = OPTION_TEXT,
     .argument = "SECTION",
     .help = "section of the ini file (default moonbird)",
     .target = &cli_globals.section},
    {.name = "url",
     .type = OPTION_TEXT,
     .argument = "URL",
     .help = "the database, before all other places that name it",
     .target = &cli_globals.url},
    {.name = "x-arg",
     .letter = 'x',
     .type = OPTION_LIST,
     .argument = "K=V",
     .help = "a value for env.lua and revisions (repeatable)",
     .target = &cli_globals.x_args},
    {.name = "verbose", .letter = 'v', .type = OPTION_FLAG, .help = "tell more", .target = &cli_globals.verbose},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .help = "no log and no progress; errors and data all the same",
     .target = &cli_globals.quiet},
    {.name = "json", .type = OPTION_FLAG, .help = "print data and events as JSON", .target = &cli_globals.json},
    {.name = "color",
     .type = OPTION_CHOICE,
     .argument = "auto|always|never",
     .help = "colours (default auto: on a terminal)",
     .target = &cli_globals.color},
    {.name = "lock-timeout",
     .type = OPTION_SECONDS,
     .argument = "S",
     .help = "how long to wait for another run: seconds, or 90s, 5min (default without end)",
     .target = &cli_globals.lock_timeout_s},
    {.name = "yes",
     .type = OPTION_FLAG,
     .help = "answer yes where a protected environment asks",
     .target = &cli_globals.yes},
    {.name = "version", .type = OPTION_FLAG, .help = "print the version", .target = &cli_globals.version},
    {.name = "help", .letter = 'h', .type = OPTION_FLAG, .help = "print help", .target = &cli_globals.help},
    OPTION_END,
};

const char *cli_argument(const struct cli *cli, size_t index, const char *fallback) {
  return index < cli->arguments.len ? strvec_at(&cli->arguments, index) : fallback;
}

struct run_request cli_run_request(const struct cli *cli, const struct run_listener *listener) {
  double timeout = cli_globals.lock_timeout_s;
  return (struct run_request){.config = cli->config,
                              .env = cli->env,
                              .listener = listener,
                              .x_args = &cli_globals.x_args,
                              .lock_timeout_s = timeout >= 0 ? timeout : config_seconds(cli->config, "lock_timeout")};
}

/* The words that name the command, with global options before and between them. Leaves cli->command NULL where none is
 * given. */
static bool parse_command(struct cli *cli, int argc, char **argv, int *next, struct error *err) {
  struct option_parser parser = {.globals = cli_global_options, .stop_at_argument = true};
  do {
    parser.command = cli->command ? cli->command->name : NULL;
    if (!option_parse(&parser, argc, argv, next, &cli->arguments, err))
      return false;
    if (*next == argc)
      return true;
    cli->command = command_get(cli->command, argv[(*next)++], err);
  } while (cli->command && command_is_noun(cli->command));
  return cli->command != NULL;
}

/* The command, then its options and arguments. */
static bool parse(struct cli *cli, int argc, char **argv, struct error *err) {
  int next = 1;
  if (!parse_command(cli, argc, argv, &next, err))
    return false;
  if (next == argc)
    return true;
  struct option_parser parser = {
      .command = cli->command->name, .locals = cli->command->options, .globals = cli_global_options};
  return option_parse(&parser, argc, argv, &next, &cli->arguments, err);
}

/* Listings have a meaning of their own for -v. */
static bool wants_debug(const struct command *c) {
  for (const struct option_spec *o = c ? c->options : NULL; o && o->name; o++)
    if (o->target == &cli_globals.verbose)
      return false;
  return cli_globals.verbose;
}

static bool load(struct cli *cli, struct error *err) {
  unsigned needs = cli->command->needs;
  if (!(needs & (NEEDS_CONFIG | NEEDS_ENVIRONMENT)))
    return true;
  struct config_request request = {
      .file = cli_globals.config_file, .section = cli_globals.section, .url = cli_globals.url};
  if (!config_load(&cli->config, &request, err))
    return false;
  return !(needs & NEEDS_ENVIRONMENT) || environment_load(&cli->env, cli->config, err);
}

static bool ask(const char *why, const struct command *c, const char *what) {
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
    return false;
  fprintf(stderr, "%s'%s' %s. Type 'yes' to go on: ", why, c->name, what);
  fflush(stderr);
  char answer[16];
  return fgets(answer, sizeof answer, stdin) && strcmp(answer, "yes\n") == 0;
}

bool cli_confirm(struct cli *cli, const char *what, struct error *err) {
  if (cli_globals.yes || ask("", cli->command, what))
    return true;
  error_set(err, ERROR_USAGE, "%s: it %s, and nothing was done", cli->command->name, what);
  return error_hint(err, "add --yes to do it");
}

/* A protected environment is not changed back by accident. */
static bool consent(struct cli *cli, struct error *err) {
  if (!(cli->command->needs & NEEDS_CONSENT) || cli_globals.yes || cli_globals.sql)
    return true;
  const char *kind = config_text(cli->config, "environment");
  if (!kind || strcmp(kind, "protected") != 0)
    return true;
  if (ask("This environment is protected, and ", cli->command, "destroys"))
    return true;
  error_set(err, ERROR_USAGE, "%s: this environment is protected, and nothing was done", cli->command->name);
  return error_hint(err, "add --yes to do it all the same");
}

static bool print_help(struct cli *cli) {
  struct strbuf text = STRBUF_INIT;
  if (cli->command)
    help_command(&text, cli->command);
  else
    help_overview(&text);
  output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
  return true;
}

static bool run(struct cli *cli, struct error *err) {
  if (cli_globals.version) {
    output_text(&cli->out, "moonbird %s\n", MOONBIRD_VERSION);
    return true;
  }
  if (cli_globals.help)
    return print_help(cli);
  if (!cli->command) {
    error_set(err, ERROR_USAGE, "no command is given");
    return error_hint(err, "'moonbird help' lists all commands");
  }
  if (!cli->command->run)
    return command_missing_verb(cli->command, err);
  return command_check_arguments(cli->command, &cli->arguments, err) && load(cli, err) && consent(cli, err) &&
         cli->command->run(cli, err);
}

/* With --json an error is on stdout too, unless a whole listing is there already. */
static void report(struct cli *cli, const struct error *err) {
  if (cli->out.json && !cli->out.document)
    output_event(&cli->out, report_json(err));
  struct strbuf text = STRBUF_INIT;
  report_text(&text, err, cli->out.color_stderr);
  /* What a user reads comes in the order in which it happened. */
  output_flush(&cli->out);
  fwrite(text.buf, 1, text.len, stderr);
  strbuf_release(&text);
}

static void release(struct cli *cli) {
  environment_free(cli->env);
  config_free(cli->config);
  vec_release(&cli->arguments);
  option_release(cli_global_options);
  if (cli->command)
    option_release(cli->command->options);
}

int cli_main(int argc, char **argv) {
  struct error err = ERROR_INIT;
  struct cli cli = {.arguments = VEC_INIT};
  bool parsed = parse(&cli, argc, argv, &err);
  output_init(&cli.out, cli_globals.color, cli_globals.json, cli_globals.quiet, wants_debug(cli.command));
  if (!parsed || !run(&cli, &err))
    report(&cli, &err);
  int code = (int)err.class;
  error_clear(&err);
  if (!output_finish(&cli.out, &err)) {
    cli.out.document = true;
    report(&cli, &err);
    code = code ? code : (int)err.class;
  }
  error_release(&err);
  release(&cli);
  return code;
}
