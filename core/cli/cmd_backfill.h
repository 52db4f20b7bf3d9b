/*
 * cmd_backfill.h - what the commands of cmd_backfill_*.c have in common: a name that must be known, tables.
 */
#ifndef CLI_CMD_BACKFILL_H
#define CLI_CMD_BACKFILL_H

#include "cli/cli.h"
#include "cli/table.h"
#include "run/session.h"

/* The option by which an operator says why. */
#define BACKFILL_REASON_OPTION(variable)                                                                               \
  {                                                                                                                    \
    .name = "reason", .type = OPTION_TEXT, .argument = "TEXT", .help = "why, for the log of the backfill",             \
    .target = &(variable)                                                                                              \
  }

/* The error for a name that the database does not know (ERROR_USAGE): with the nearest one, or with what to type where
 * there is a file for it. */
bool backfill_unknown(struct session *session, const char *name, struct error *err);

/* Has the environment a file for it, of a name that may be run? Else ERROR_USAGE, with the nearest one or the rule,
 * or for the name of one inside of a revision (a1:1) with what goes on with it. */
bool backfill_check_file(const struct cli *cli, const char *name, struct error *err) MUST_CHECK;

/* Prints a table as wide as the terminal; of any width elsewhere. */
void backfill_print_table(struct cli *cli, const struct table *table);

#endif
