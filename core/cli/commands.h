/*
 * commands.h - the functions and option rows behind the table of command.c. Only command*.c and the cmd_*.c include it.
 *
 * Each function reads: parse, collect, act, print. It returns true, or false with the error filled; it prints data
 * through cli->out and never an error.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

/* The rows of a noun's verbs, each in its command_*.c; they end with COMMAND_END. */
extern const struct command backfill_commands[];

/* cmd_look.c */
extern const struct option_spec heads_options[];
extern const struct option_spec branches_options[];
extern const struct option_spec history_options[];
extern const struct option_spec current_options[];
bool cmd_heads(struct cli *cli, struct error *err);
bool cmd_branches(struct cli *cli, struct error *err);
bool cmd_history(struct cli *cli, struct error *err);
bool cmd_show(struct cli *cli, struct error *err);
bool cmd_current(struct cli *cli, struct error *err);

/* What `show` and `edit` mean by an identifier: graph_resolve_show and `current`, for which the database is opened.
 * Appends const struct revision *. */
bool cli_resolve_files(struct cli *cli, const char *identifier, struct vec *revisions, struct error *err) MUST_CHECK;

/* cmd_run.c */
extern const struct option_spec migrate_options[];
extern const struct option_spec redo_options[];
extern const struct option_spec stamp_options[];
extern const struct option_spec ensure_version_options[];
bool cmd_upgrade(struct cli *cli, struct error *err);
bool cmd_up(struct cli *cli, struct error *err);
bool cmd_downgrade(struct cli *cli, struct error *err);
bool cmd_down(struct cli *cli, struct error *err);
bool cmd_redo(struct cli *cli, struct error *err);
bool cmd_stamp(struct cli *cli, struct error *err);
bool cmd_ensure_version(struct cli *cli, struct error *err);

/* cmd_write.c */
extern const struct option_spec init_options[];
extern const struct option_spec revision_options[];
extern const struct option_spec new_options[];
extern const struct option_spec merge_options[];
bool cmd_init(struct cli *cli, struct error *err);
bool cmd_list_templates(struct cli *cli, struct error *err);
bool cmd_revision(struct cli *cli, struct error *err);
bool cmd_new(struct cli *cli, struct error *err);
bool cmd_merge(struct cli *cli, struct error *err);
bool cmd_edit(struct cli *cli, struct error *err);

/* cmd_schema.c */
struct schema_result;
extern const struct option_spec check_options[];
extern const struct option_spec diff_options[];
extern const struct option_spec dump_options[];
bool cmd_check(struct cli *cli, struct error *err);
bool cmd_diff(struct cli *cli, struct error *err);
bool cmd_dump(struct cli *cli, struct error *err);

#define CLI_RENAME_OPTION(list)                                                                                        \
  {                                                                                                                    \
    .name = "rename", .type = OPTION_LIST, .argument = "OLD:NEW",                                                      \
    .help = "TABLE.COLUMN:NEW or TABLE:NEW has a new name; without it, a drop and an add; a name with a dot or a "     \
            "colon stands in double quotes (repeatable)",                                                              \
    .target = (list)                                                                                                   \
  }

/* The bodies of a revision that makes the database what the models say; asks about renames on a terminal. */
bool cli_autogenerate(struct cli *cli, const struct vec *renames, struct schema_result *result,
                      struct error *err) MUST_CHECK;

/* cmd_import.c */
extern const struct option_spec import_options[];
bool cmd_import(struct cli *cli, struct error *err);

/* cmd_backfill_look.c */
bool cmd_backfill_list(struct cli *cli, struct error *err);

/* cmd_backfill_status.c */
extern const struct option_spec backfill_status_options[];
bool cmd_backfill_status(struct cli *cli, struct error *err);

/* cmd_backfill_steer.c */
extern const struct option_spec backfill_steer_options[];
extern const struct option_spec backfill_throttle_options[];
extern const struct option_spec backfill_unthrottle_options[];
extern const struct option_spec backfill_turn_options[];
bool cmd_backfill_pause(struct cli *cli, struct error *err);
bool cmd_backfill_resume(struct cli *cli, struct error *err);
bool cmd_backfill_cancel(struct cli *cli, struct error *err);
bool cmd_backfill_set(struct cli *cli, struct error *err);
bool cmd_backfill_throttle(struct cli *cli, struct error *err);
bool cmd_backfill_unthrottle(struct cli *cli, struct error *err);
bool cmd_backfill_retry(struct cli *cli, struct error *err);
bool cmd_backfill_forget(struct cli *cli, struct error *err);

/* cmd_backfill_verify.c */
extern const struct option_spec backfill_verify_options[];
bool cmd_backfill_verify(struct cli *cli, struct error *err);
bool cmd_backfill_log(struct cli *cli, struct error *err);

/* cmd_backfill_plan.c */
extern const struct option_spec backfill_plan_options[];
bool cmd_backfill_plan(struct cli *cli, struct error *err);

/* cmd_backfill_bad.c */
extern const struct option_spec backfill_export_options[];
bool cmd_backfill_bad_list(struct cli *cli, struct error *err);
bool cmd_backfill_bad_show(struct cli *cli, struct error *err);
bool cmd_backfill_bad_export(struct cli *cli, struct error *err);
bool cmd_backfill_bad_retry(struct cli *cli, struct error *err);
bool cmd_backfill_bad_ignore(struct cli *cli, struct error *err);

/* cmd_help.c */
extern const struct option_spec help_options[];
bool cmd_help(struct cli *cli, struct error *err);
bool cmd_completion(struct cli *cli, struct error *err);

/* cmd_backfill_run.c */
extern const struct option_spec backfill_run_options[];
bool cmd_backfill_run(struct cli *cli, struct error *err);
extern const struct option_spec backfill_finalize_options[];
bool cmd_backfill_finalize(struct cli *cli, struct error *err);

#endif
