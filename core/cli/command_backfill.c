/*
 * command_backfill.c - the rows of `moonbird backfill ...`; see command.h.
 */
#include "cli/command.h"
#include "cli/commands.h"

static const struct option_spec no_options[] = {OPTION_END};

const struct command backfill_commands[] = {
    {.name = "backfill run",
     .arguments = "NAME",
     .summary = "start, resume or join a backfill of the folder backfills/",
     .description =
         "Any number of processes on any machines may run the same one where the database lets several "
         "connections write. It ends with exit code 3 when it stops unfinished, and 8 when it ends with bad rows.",
     .options = backfill_run_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .events = true,
     .run = cmd_backfill_run},
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
