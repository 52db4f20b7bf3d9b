/*
 * command_backfill.c - the rows of `moonbird backfill ...`; see command.h.
 */
#include "cli/command.h"
#include "cli/commands.h"

static const struct option_spec no_options[] = {OPTION_END};

/* Settings that may change while it runs, with their units; a limit of the throttle says when it holds. */
static const struct help_line set_keys[] = {
    {"workers=N", "connections of each process at once, 1 to 64"},
    {"nice=N", "pause after each batch, in its own lengths: 1 is half the pace; 0 to 1000"},
    {"size=N", "rows of a batch, from now on as many"},
    {"target_ms=T", "how long a batch should take: milliseconds, or 200ms, 2s"},
    {"min=N", "rows of a batch at least"},
    {"max=N", "rows of a batch at most"},
    {"max_bad=N", "rows that may be put aside before it stops"},
    {"max_lag=T", "it holds while a replica is farther behind: seconds, or 500ms, 10s, 5min"},
    {"max_lag_bytes=SIZE", "the same, in the log: bytes, or 64MiB, 2GiB"},
    {"max_slot_wal=SIZE", "it holds while a replication slot keeps more of the log: bytes, or 4GiB"},
    {"max_archive_backlog=N", "it holds while more segments of the log wait for the archive"},
    {"max_wal=SIZE", "it holds while the log of a database in a file is larger: bytes, or 64MiB"},
    {"lock_yield=T", "how long to stand back for a session that waits for a table lock: seconds, or 30s"},
    {"max_blocked=T", "batches become smaller when a session waits longer for us: seconds, or 250ms"},
    HELP_END,
};

static const struct help_line run_examples[] = {
    {"moonbird backfill run split_names", "start it, go on with it, or join it; the same command on every machine"},
    {"moonbird backfill run split_names --workers 2 --until 06:00", "with two connections, until six in the morning"},
    {"moonbird backfill run split_names --max-time 2h --max-rows 1000000",
     "for two hours or a million rows, whatever comes first"},
    {"moonbird backfill run split_names --metrics :9187",
     "with figures for Prometheus at http://127.0.0.1:9187/metrics"},
    HELP_END,
};
static const struct help_line plan_examples[] = {
    {"moonbird backfill plan split_names", "what it would do; changes nothing"},
    {"moonbird backfill plan split_names --sample 5",
     "five batches, which are taken back, with their pace and the time that all would take"},
    HELP_END,
};
static const struct help_line list_examples[] = {
    {"moonbird backfill list --json", "all that the database knows, as JSON"},
    HELP_END,
};
static const struct help_line status_examples[] = {
    {"moonbird backfill status split_names --watch", "a live screen"},
    {"moonbird backfill status split_names --exit-code --quiet", "for a script: has it ended, and well?"},
    {"moonbird backfill status --json", "all of them, for a program"},
    HELP_END,
};
static const struct help_line pause_examples[] = {
    {"moonbird backfill pause split_names --reason \"load test\"", "hold it, and tell the others why"},
    HELP_END,
};
static const struct help_line resume_examples[] = {
    {"moonbird backfill resume split_names", "let it be run again"},
    HELP_END,
};
static const struct help_line cancel_examples[] = {
    {"moonbird backfill cancel split_names --reason \"not wanted any more\"", "end it; what is committed stays"},
    HELP_END,
};
static const struct help_line set_examples[] = {
    {"moonbird backfill set split_names workers=2 nice=1 max_lag=10s", "on all machines, from the next batch on"},
    {"moonbird backfill set split_names max_lag=off nice=", "one limit off, another setting as the backfill says"},
    HELP_END,
};
static const struct help_line throttle_examples[] = {
    {"moonbird backfill throttle --all 30m --reason \"incident 4711\"", "no batch of any backfill for half an hour"},
    {"moonbird backfill throttle split_names 90s", "one of them"},
    HELP_END,
};
static const struct help_line unthrottle_examples[] = {
    {"moonbird backfill unthrottle --all", "go on before the time is over"},
    HELP_END,
};
static const struct help_line retry_examples[] = {
    {"moonbird backfill retry split_names", "after the cause is mended; then run it"},
    HELP_END,
};
static const struct help_line verify_examples[] = {
    {"moonbird backfill verify split_names", "count the rows that are not done"},
    {"moonbird backfill verify split_names --requeue", "let the next run do them"},
    HELP_END,
};
static const struct help_line finalize_examples[] = {
    {"moonbird backfill finalize split_names", "in a script that must not go on before it has ended"},
    HELP_END,
};
static const struct help_line log_examples[] = {
    {"moonbird backfill log split_names --json", "who did what, and when, as JSON"},
    HELP_END,
};
static const struct help_line forget_examples[] = {
    {"moonbird backfill forget split_names --yes", "without a question"},
    HELP_END,
};
static const struct help_line bad_list_examples[] = {
    {"moonbird backfill bad list split_names", "their keys, and what was wrong"},
    HELP_END,
};
static const struct help_line bad_show_examples[] = {
    {"moonbird backfill bad show split_names 42", "the row with this key"},
    {"moonbird backfill bad show orders '[\"de\",42]'", "a key of two columns, as the list shows it"},
    HELP_END,
};
static const struct help_line bad_retry_examples[] = {
    {"moonbird backfill bad retry split_names 42", "the row with this key, in the next run"},
    HELP_END,
};
static const struct help_line bad_ignore_examples[] = {
    {"moonbird backfill bad ignore split_names", "all that are bad: they need not be done"},
    HELP_END,
};
static const struct help_line bad_export_examples[] = {
    {"moonbird backfill bad export split_names --format csv -o bad.csv", "for a spreadsheet"},
    HELP_END,
};

const struct command backfill_commands[] = {
    {.name = "backfill run",
     .arguments = "NAME",
     .summary = "start, resume or join a backfill of the folder backfills/",
     .description =
         "Any number of processes on any machines may run the same one where the database lets several "
         "connections write. It ends with exit code 3 when it stops unfinished, and 8 when bad rows are left. "
         "Ctrl-C or SIGTERM let the batch end (exit code 3), a second one rolls it back (130).",
     .examples = run_examples,
     .options = backfill_run_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .events = true,
     .run = cmd_backfill_run},
    {.name = "backfill plan",
     .arguments = "NAME",
     .summary = "show what a backfill would do, and whether it can do it well; changes nothing",
     .description =
         "Key and index, how a batch would be read, rows, indexes and triggers that its writes touch, limits of "
         "the throttle and whether their signals can be read, what reading all of it takes. It needs no permission to "
         "write, but with --sample. Exit code 1 when a batch would read the whole table.",
     .examples = plan_examples,
     .options = backfill_plan_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_plan},
    {.name = "backfill list",
     .arguments = "",
     .summary = "list the backfills that the database knows",
     .examples = list_examples,
     .options = no_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_list},
    {.name = "backfill status",
     .arguments = "[NAME]",
     .summary = "show how far a backfill is, or all that have not ended",
     .description = "The time left comes from committed rows, the percentage from the position of the key.",
     .examples = status_examples,
     .options = backfill_status_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_status},
    {.name = "backfill pause",
     .arguments = "NAME",
     .summary = "hold a backfill: workers on all machines end after their batch",
     .description = "It goes on with 'backfill run NAME'.",
     .examples = pause_examples,
     .options = backfill_steer_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_pause},
    {.name = "backfill resume",
     .arguments = "NAME",
     .summary = "let a paused or cancelled backfill be run again",
     .description = "It starts no worker: 'backfill run NAME' does.",
     .examples = resume_examples,
     .options = backfill_steer_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_resume},
    {.name = "backfill cancel",
     .arguments = "NAME",
     .summary = "end a backfill: workers end after their batch, and it runs no more",
     .description =
         "What is committed stays. 'backfill resume NAME' takes it up again, 'backfill forget NAME' drops its "
         "state.",
     .examples = cancel_examples,
     .options = backfill_steer_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_cancel},
    {.name = "backfill set",
     .arguments = "NAME KEY=VALUE...",
     .summary = "change settings of a backfill while it runs, such as workers=2 nice=1",
     .description = "Workers on all machines take them from their next batch on. A limit of the throttle may be 'off'; "
                    "'KEY=' takes "
                    "a setting back.",
     .keys = set_keys,
     .examples = set_examples,
     .options = backfill_steer_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_set},
    {.name = "backfill throttle",
     .arguments = "[NAME] DURATION",
     .summary = "brake for an incident: no batch begins for so long; it ends by itself",
     .description = "Give a NAME, or --all. DURATION is in seconds, or 90s, 30m, 2h, on the clock of the database.",
     .examples = throttle_examples,
     .options = backfill_throttle_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_throttle},
    {.name = "backfill unthrottle",
     .arguments = "[NAME]",
     .summary = "end the brake of 'backfill throttle' before its time",
     .description = "Give a NAME, or --all.",
     .examples = unthrottle_examples,
     .options = backfill_unthrottle_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_unthrottle},
    {.name = "backfill retry",
     .arguments = "NAME",
     .summary = "let failed ranges be done again",
     .examples = retry_examples,
     .options = backfill_steer_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_retry},
    {.name = "backfill verify",
     .arguments = "NAME",
     .summary = "count the rows of a finished backfill for which its `done` does not hold",
     .description =
         "It reads the table in key order. Who may not write, or only reaches a replica, verifies as well: then "
         "the result is not recorded. Exit code 8 when there are such rows, 3 when they are to be done again.",
     .examples = verify_examples,
     .options = backfill_verify_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .events = true,
     .run = cmd_backfill_verify},
    {.name = "backfill finalize",
     .arguments = "NAME",
     .summary = "run a backfill to its end, before what requires it",
     .description = "As 'backfill run' without limits: it ends a pause, and waits for the ranges of other processes. "
                    "Exit code 8 when bad rows are left.",
     .examples = finalize_examples,
     .options = backfill_finalize_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .events = true,
     .run = cmd_backfill_finalize},
    {.name = "backfill log",
     .arguments = "NAME",
     .summary = "show what has happened to a backfill: who, from where, when and why",
     .examples = log_examples,
     .options = no_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_log},
    {.name = "backfill forget",
     .arguments = "NAME",
     .summary = "drop the state of a backfill; its log stays",
     .description = "It asks, or wants --yes. A backfill that is forgotten begins anew when it is run.",
     .examples = forget_examples,
     .options = backfill_steer_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_forget},
    {.name = "backfill bad",
     .arguments = "",
     .summary = "the rows that a backfill has put aside",
     .options = no_options},
    {.name = "backfill bad list",
     .arguments = "NAME",
     .summary = "list the rows that were put aside",
     .examples = bad_list_examples,
     .options = no_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_bad_list},
    {.name = "backfill bad show",
     .arguments = "NAME KEY",
     .summary = "show one of them in full",
     .description = "KEY is written as the list shows it, or as a bare value: [42] or 42.",
     .examples = bad_show_examples,
     .options = no_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_bad_show},
    {.name = "backfill bad retry",
     .arguments = "NAME [KEY...]",
     .summary = "let the next run do them again; without KEY all that are bad",
     .examples = bad_retry_examples,
     .options = backfill_turn_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_bad_retry},
    {.name = "backfill bad ignore",
     .arguments = "NAME [KEY...]",
     .summary = "leave them as they are; without KEY all that are bad",
     .examples = bad_ignore_examples,
     .options = backfill_turn_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_backfill_bad_ignore},
    {.name = "backfill bad export",
     .arguments = "NAME",
     .summary = "write them out as CSV or JSON",
     .examples = bad_export_examples,
     .options = backfill_export_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_backfill_bad_export},
    COMMAND_END,
};
