/*
 * command.c - the table of commands; see command.h. A new command is a row here and a function in a cmd_*.c.
 */
#include "cli/command.h"

#include "cli/commands.h"
#include "cli/nearest.h"

#include <stdlib.h>
#include <string.h>

static const struct option_spec no_options[] = {OPTION_END};

static const struct command commands[] = {
    {.name = "upgrade",
     .group = GROUP_RUN,
     .arguments = "REV",
     .summary = "apply revisions up to REV",
     .description =
         "REV is a revision id or the unique start of one, a branch label, 'head', 'heads', 'label@head', or "
         "relative: '+2', 'REV+1', 'label@+1'. What is applied already is not applied again; a revision "
         "that was interrupted goes on where it stopped. With --sql REV may be a range 'FROM:TO'; without FROM "
         "the script starts from nothing.",
     .options = migrate_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .events = true,
     .run = cmd_upgrade},
    {.name = "up",
     .group = GROUP_RUN,
     .arguments = "[REV]",
     .summary = "the same as upgrade; without REV to all heads",
     .options = migrate_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .events = true,
     .run = cmd_up},
    {.name = "downgrade",
     .group = GROUP_RUN,
     .arguments = "REV",
     .summary = "take back revisions down to REV",
     .description = "REV stays applied. It is a revision id or the unique start of one, 'base' for all, 'label@base' "
                    "for one branch, or relative: '-1', 'REV-2', 'label@-1'. With --sql it must be a range 'FROM:TO'.",
     .options = migrate_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE | NEEDS_CONSENT,
     .events = true,
     .run = cmd_downgrade},
    {.name = "down",
     .group = GROUP_RUN,
     .arguments = "[REV]",
     .summary = "the same as downgrade; without REV by one revision",
     .options = migrate_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE | NEEDS_CONSENT,
     .events = true,
     .run = cmd_down},
    {.name = "redo",
     .group = GROUP_RUN,
     .arguments = "",
     .summary = "take back the last revision and apply it again",
     .options = redo_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE | NEEDS_CONSENT,
     .events = true,
     .run = cmd_redo},
    {.name = "stamp",
     .group = GROUP_RUN,
     .arguments = "REV...",
     .summary = "set the revision of the database, running nothing",
     .description = "With several REV the database gets one row for each; they must be on different branches.",
     .options = stamp_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE | NEEDS_CONSENT,
     .events = true,
     .run = cmd_stamp},
    {.name = "ensure_version",
     .group = GROUP_RUN,
     .arguments = "",
     .summary = "make the version table, where it is not there, and nothing else",
     .options = ensure_version_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE | NEEDS_WRITE,
     .run = cmd_ensure_version},
    {.name = "current",
     .group = GROUP_LOOK,
     .arguments = "",
     .summary = "show the revisions that the database is at",
     .options = current_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_current},
    {.name = "history",
     .alias = "log",
     .group = GROUP_LOOK,
     .arguments = "",
     .summary = "list revisions, the newest first",
     .options = history_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_history},
    {.name = "heads",
     .group = GROUP_LOOK,
     .arguments = "",
     .summary = "list the newest revision of every branch",
     .options = heads_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_heads},
    {.name = "branches",
     .group = GROUP_LOOK,
     .arguments = "",
     .summary = "list the revisions where branches part",
     .options = branches_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_branches},
    {.name = "show",
     .group = GROUP_LOOK,
     .arguments = "REV",
     .summary = "show one revision in full",
     .description = "REV may also be 'current', 'heads', or '-1' for the revision below the head.",
     .options = no_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_show},
    {.name = "init",
     .group = GROUP_WRITE,
     .arguments = "DIR",
     .summary = "make a new environment and its moonbird.ini",
     .options = init_options,
     .run = cmd_init},
    {.name = "list_templates",
     .group = GROUP_WRITE,
     .arguments = "",
     .summary = "list the templates of 'init'",
     .options = no_options,
     .run = cmd_list_templates},
    {.name = "revision",
     .group = GROUP_WRITE,
     .arguments = "",
     .summary = "write a new revision file",
     .options = revision_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_revision},
    {.name = "new",
     .group = GROUP_WRITE,
     .arguments = "MSG",
     .summary = "the same as revision -m MSG",
     .options = new_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_new},
    {.name = "merge",
     .group = GROUP_WRITE,
     .arguments = "REV...",
     .summary = "write a revision that joins branches",
     .description = "'moonbird merge heads' joins all heads.",
     .options = merge_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_merge},
    {.name = "edit",
     .group = GROUP_WRITE,
     .arguments = "REV",
     .summary = "open a revision file in the editor",
     .description = "The editor is $EDITOR, else $VISUAL, else the first of sensible-editor, editor, nano, vim and vi "
                    "that is installed. REV may also be 'current', 'heads' or '-1'.",
     .options = no_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_edit},
    {.name = "import",
     .group = GROUP_WRITE,
     .arguments = "alembic DIR...",
     .summary = "take over the revision files of an Alembic environment",
     .description = "DIR is the script_location or its folder of revisions; several are read as one history. Headers "
                    "and messages are read without Python. The graph stays the same; the bodies are empty, or the "
                    "statements of an offline script given with --sql-file.",
     .options = import_options,
     .needs = NEEDS_ENVIRONMENT,
     .run = cmd_import},
    {.name = "help",
     .group = GROUP_OTHER,
     .arguments = "[COMMAND]",
     .summary = "show this list, or all about one command",
     .options = help_options,
     .run = cmd_help},
    {.name = "completion",
     .group = GROUP_OTHER,
     .arguments = "SHELL",
     .summary = "print the completion script for bash, zsh or fish",
     .description = "For example: moonbird completion bash > ~/.local/share/bash-completion/completions/moonbird",
     .options = no_options,
     .run = cmd_completion},
};

size_t command_count(void) {
  return ARRAY_LEN(commands);
}

const struct command *command_at(size_t index) {
  return &commands[index];
}

const char *command_group_title(enum command_group group) {
  static const char *const titles[GROUP_COUNT] = {
      [GROUP_RUN] = "Change the database",
      [GROUP_LOOK] = "Look",
      [GROUP_WRITE] = "Write files",
      [GROUP_OTHER] = "Other",
  };
  return titles[group];
}

static bool is_same_name(const char *a, const char *b) {
  for (; *a && *b; a++, b++)
    if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
      return false;
  return *a == *b;
}

const struct command *command_find(const char *name) {
  for (size_t i = 0; i < ARRAY_LEN(commands); i++)
    if (is_same_name(commands[i].name, name) || (commands[i].alias && is_same_name(commands[i].alias, name)))
      return &commands[i];
  return NULL;
}

const struct command *command_get(const char *name, struct error *err) {
  const struct command *found = command_find(name);
  if (found)
    return found;
  struct vec names = VEC_INIT;
  for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
    strvec_push(&names, commands[i].name);
    if (commands[i].alias)
      strvec_push(&names, commands[i].alias);
  }
  const char *nearest = nearest_word(name, &names);
  error_set(err, ERROR_USAGE, "unknown command '%s'", name);
  if (nearest)
    error_hint(err, "did you mean '%s'? 'moonbird help' lists all commands", nearest);
  else
    error_hint(err, "'moonbird help' lists all commands");
  strvec_release(&names);
  return NULL;
}

bool command_check_arguments(const struct command *command, const struct vec *arguments, struct error *err) {
  size_t seen = 0;
  bool repeats = false;
  for (const char *word = command->arguments; *word; word += strspn(word, " "), seen++) {
    size_t len = strcspn(word, " ");
    repeats = len > 3 && strncmp(word + len - 3, "...", 3) == 0;
    if (seen >= arguments->len && word[0] != '[') {
      error_set(err, ERROR_USAGE, "%s: the argument %.*s is missing", command->name, (int)(repeats ? len - 3 : len),
                word);
      return error_hint(err, "usage: moonbird %s %s", command->name, command->arguments);
    }
    word += len;
  }
  if (arguments->len <= seen || repeats)
    return true;
  error_set(err, ERROR_USAGE, "%s: unexpected argument '%s'", command->name, strvec_at(arguments, seen));
  return error_hint(err, "usage: moonbird %s%s%s", command->name, command->arguments[0] ? " " : "", command->arguments);
}
