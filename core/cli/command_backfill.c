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
    {.name = "backfill status",
     .arguments = "[NAME]",
     .summary = "show how far a backfill is, or all that have not ended",
     .description = "The time left comes from committed rows, the percentage from the position of the key.",
     .options = backfill_status_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_status},
    COMMAND_END,
};
