/*
 * command.c - the table of commands; see command.h. A new command is a row here, or in its noun's command_*.c, and a
 * function in a cmd_*.c.
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
    {.name = "backfill",
     .group = GROUP_RUN,
     .arguments = "COMMAND",
     .summary = "run, watch and steer the backfills of a database",
     .description = "A backfill changes many rows in batches; each batch is one transaction that keeps how far it is.",
     .options = no_options},
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
    {.name = "check",
     .group = GROUP_LOOK,
     .arguments = "",
     .summary = "exit with 3 where the models have what the database has not",
     .description =
         "Compares the models with the database, which must be at the heads, and lists what a revision would "
         "have to do. 'moonbird revision --autogenerate' writes that revision.",
     .options = check_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_check},
    {.name = "diff",
     .group = GROUP_LOOK,
     .arguments = "[URL]",
     .summary = "show how the database differs from the models, or from another database",
     .description =
         "One line for each difference: + what only the models (or the other database) have, - what only the "
         "database has, ~ what is changed. Exits with 8 where there is one. The URL is that of a database of the same "
         "kind.",
     .options = diff_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_diff},
    {.name = "dump",
     .group = GROUP_LOOK,
     .arguments = "",
     .summary = "print the schema of the database, as models or as SQL",
     .description =
         "'moonbird dump -o migrations/models.lua' gives a database that has no models its models. The version "
         "table and Moonbird's other tables are left out.",
     .options = dump_options,
     .needs = NEEDS_ENVIRONMENT | NEEDS_DATABASE,
     .run = cmd_dump},
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
     .arguments = "[COMMAND...]",
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

static const struct command *const nouns[] = {backfill_commands};

size_t command_count(void) {
  size_t count = ARRAY_LEN(commands);
  for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
    for (const struct command *c = nouns[i]; c->name; c++)
      count++;
  return count;
}

const struct command *command_at(size_t index) {
  if (index < ARRAY_LEN(commands))
    return &commands[index];
  index -= ARRAY_LEN(commands);
  for (size_t i = 0; i < ARRAY_LEN(nouns); i++)
    for (const struct command *c = nouns[i]; c->name; c++)
      if (index-- == 0)
        return c;
  BUG("there is no command %zu", index);
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
  for (size_t i = 0; i < command_count(); i++) {
    const struct command *c = command_at(i);
    if (is_same_name(c->name, name) || (c->alias && is_same_name(c->alias, name)))
      return c;
  }
  return NULL;
}

const char *command_verb(const struct command *command) {
  const char *blank = strrchr(command->name, ' ');
  return blank ? blank + 1 : command->name;
}

const struct command *command_noun(const struct command *command) {
  const char *verb = command_verb(command);
  if (verb == command->name)
    return NULL;
  char *name = xstrndup(command->name, (size_t)(verb - command->name) - 1);
  const struct command *noun = command_find(name);
  if (!noun)
    BUG("the command '%s' has no row for its noun", command->name);
  free(name);
  return noun;
}

bool command_is_noun(const struct command *command) {
  for (size_t i = 0; i < command_count(); i++)
    if (command_noun(command_at(i)) == command)
      return true;
  return false;
}

/* The words that may follow `noun`, or come first. */
static void add_verbs(const struct command *noun, struct vec *verbs) {
  for (size_t i = 0; i < command_count(); i++) {
    const struct command *c = command_at(i);
    if (command_noun(c) != noun)
      continue;
    strvec_push(verbs, command_verb(c));
    if (c->alias)
      strvec_push(verbs, c->alias + (command_verb(c) - c->name));
  }
}

static void unknown_command(const struct command *noun, const char *word, struct error *err) {
  struct vec verbs = VEC_INIT;
  add_verbs(noun, &verbs);
  const char *nearest = nearest_word(word, &verbs);
  const char *before = noun ? noun->name : "";
  const char *blank = noun ? " " : "";
  const char *all = noun ? "its" : "all";
  error_set(err, ERROR_USAGE, "unknown command '%s%s%s'", before, blank, word);
  if (!verbs.len)
    error_hint(err, "'%s' has no commands of its own", before);
  else if (nearest)
    error_hint(err, "did you mean '%s%s%s'? 'moonbird help%s%s' lists %s commands", before, blank, nearest, blank,
               before, all);
  else
    error_hint(err, "'moonbird help%s%s' lists %s commands", blank, before, all);
  strvec_release(&verbs);
}

const struct command *command_get(const struct command *noun, const char *word, struct error *err) {
  char *name = noun ? xasprintf("%s %s", noun->name, word) : xstrdup(word);
  const struct command *found = command_find(name);
  /* A word with a blank in it is one word, and not a noun and its verb. */
  if (found && command_noun(found) != noun)
    found = NULL;
  if (!found)
    unknown_command(noun, word, err);
  free(name);
  return found;
}

const struct command *command_get_words(const struct vec *words, struct error *err) {
  const struct command *found = command_get(NULL, strvec_at(words, 0), err);
  for (size_t i = 1; found && i < words->len; i++)
    found = command_get(found, strvec_at(words, i), err);
  return found;
}

bool command_missing_verb(const struct command *noun, struct error *err) {
  struct vec verbs = VEC_INIT;
  add_verbs(noun, &verbs);
  char *list = strvec_join(&verbs, ", ");
  error_set(err, ERROR_USAGE, "%s: which command? One of %s", noun->name, list);
  error_hint(err, "'moonbird help %s' tells what they do", noun->name);
  free(list);
  strvec_release(&verbs);
  return false;
}

/* Words that must be given may stand behind one that may be left out: "[NAME] DURATION". */
bool command_check_arguments(const struct command *command, const struct vec *arguments, struct error *err) {
  size_t seen = 0, required = 0;
  bool repeats = false;
  for (const char *word = command->arguments; *word; word += strspn(word, " "), seen++) {
    size_t len = strcspn(word, " ");
    size_t bracket = len && word[len - 1] == ']';
    repeats = len > 3 + bracket && strncmp(word + len - bracket - 3, "...", 3) == 0;
    if (word[0] != '[' && required++ == arguments->len) {
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
