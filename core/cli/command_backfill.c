/*
 * command_backfill.c - the rows of `moonbird backfill ...`; see command.h.
 */
#include "cli/command.h"
#include "cli/commands.h"

static const struct option_spec no_options[] = {OPTION_END};

const struct command backfill_commands[] = {
    {.name = "backfill list",
     .arguments = "",
     .summary = "list the backfills that the database knows",
     .options = no_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_list},
    COMMAND_END,
};
