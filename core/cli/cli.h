/*
 * cli.h - what every command gets: the words of the command line, the settings, the revisions, the output.
 *
 * main owns the struct and fills what the command's row says that it needs; commands borrow it.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"
#include "base/vec.h"
#include "cli/command.h"
#include "cli/option.h"
#include "cli/output.h"
#include "config/config.h"
#include "run/run.h"
#include "script/environment.h"

/* Options that are accepted before and after every command. */
struct cli_globals {
  const char *config_file;
  const char *section;
  const char *url;
  struct vec x_args;
  bool verbose;
  bool quiet;
  bool json;
  bool yes;
  bool version;
  bool help;
  bool sql; /* an option of some commands: print what would be done, and change nothing */
  const char *color;
  double lock_timeout_s; /* below 0: not given */
};

extern struct cli_globals cli_globals;
extern const struct option_spec cli_global_options[];

struct cli {
  const struct command *command;
  struct vec arguments;    /* const char *: as many as the row allows */
  struct config *config;   /* NULL unless the row has NEEDS_CONFIG or NEEDS_ENVIRONMENT */
  struct environment *env; /* NULL unless the row has NEEDS_ENVIRONMENT */
  struct output out;
};

/* The argument at `index`, or `fallback` where there are not so many. */
const char *cli_argument(const struct cli *cli, size_t index, const char *fallback);

/* A request for run.h from options and settings; `listener` may be NULL. */
struct run_request cli_run_request(const struct cli *cli, const struct run_listener *listener);

/* Asks before what cannot be taken back; "'backfill forget' WHAT". Without a terminal and without --yes it is an error.
 */
bool cli_confirm(struct cli *cli, const char *what, struct error *err) MUST_CHECK;

/* Reads and runs a whole command line; the result is the exit code. */
int cli_main(int argc, char **argv);

#endif
