/*
 * command.h - the table of commands: one row each, from which dispatch, help, completion and the manual page come.
 *
 * A noun with verbs ("backfill run") is a row for the noun and one for each verb, which has its full name. The rows of
 * the verbs of one noun stand in a file of their own, command_NOUN.c.
 * Rows are static. Knows names and words only; what a command does is in its cmd_*.c.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/error.h"
#include "cli/option.h"

struct cli;

enum command_group { GROUP_RUN, GROUP_LOOK, GROUP_WRITE, GROUP_OTHER, GROUP_COUNT };

enum command_needs {
  NEEDS_CONFIG = 1 << 0,      /* moonbird.ini is read before the command starts */
  NEEDS_ENVIRONMENT = 1 << 1, /* and the headers of all revisions; includes NEEDS_CONFIG */
  NEEDS_DATABASE = 1 << 2,    /* it connects */
  NEEDS_WRITE = 1 << 3,       /* it writes to the database */
  NEEDS_CONSENT = 1 << 4,     /* it destroys: a protected environment asks first */
};

/* What is typed, and what it means; ends with HELP_END. */
struct help_line {
  const char *words;
  const char *meaning;
};
#define HELP_END                                                                                                       \
  { .words = NULL }

struct command {
  const char *name;  /* all its words, parted by one blank */
  const char *alias; /* another name, written in the same way, or NULL */
  enum command_group group;
  const char *arguments;   /* "REV", "[REV]", "REV...": what is missing or too much is found from it; "" for none */
  const char *summary;     /* one line, no full stop */
  const char *description; /* further words for `help CMD`, or NULL */
  const struct help_line *keys;     /* those of KEY=VALUE among the arguments, or NULL */
  const struct help_line *examples; /* or NULL */
  const struct option_spec *options;
  unsigned needs;
  bool events;                                     /* with --json it writes events, one a line, not a listing */
  bool (*run)(struct cli *cli, struct error *err); /* NULL: a noun that says nothing without a verb */
};

/* Ends the array of a noun's verbs. */
#define COMMAND_END                                                                                                    \
  { .name = NULL }

/* All rows, a noun before its verbs. */
size_t command_count(void);
const struct command *command_at(size_t index);

/* The row above: of the noun whose verb this is, or NULL. */
const struct command *command_noun(const struct command *command);

/* Has it verbs? */
bool command_is_noun(const struct command *command);

/* The last word of its name. */
const char *command_verb(const struct command *command);

/* By name or alias, dash and underscore being the same; NULL where there is none. */
const struct command *command_find(const char *name);

/* The command that `word` means after `noun` (NULL: as the first word), or an error with the nearest name. */
const struct command *command_get(const struct command *noun, const char *word, struct error *err);

/* The command that all these words name (const char *; at least one), or an error with the nearest name. */
const struct command *command_get_words(const struct vec *words, struct error *err);

/* A noun alone, which needs one of its verbs: the error, which lists them. */
bool command_missing_verb(const struct command *noun, struct error *err);

/* Whether so many arguments are right, or an error that names the missing or the surplus one. */
bool command_check_arguments(const struct command *command, const struct vec *arguments, struct error *err) MUST_CHECK;

const char *command_group_title(enum command_group group);

#endif
