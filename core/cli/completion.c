/*
 * completion.c - completion scripts for bash, zsh and fish, printed from the rows of the command table; see help.h.
 */
#include "cli/cli.h"
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

/* What follows where an argument is a revision. */
#define REVISION_WORDS "head heads base"

static bool takes_revision(const struct command *c) {
  return strstr(c->arguments, "REV") != NULL;
}

/* Looking is all that may be done with what the database is at. */
static const char *revision_words(const struct command *c) {
  bool looks = strcmp(c->name, "show") == 0 || strcmp(c->name, "edit") == 0;
  return looks ? REVISION_WORDS " current" : REVISION_WORDS;
}

static bool takes_backfill(const struct command *c) {
  return strncmp(c->name, "backfill ", strlen("backfill ")) == 0 && strstr(c->arguments, "NAME") != NULL;
}

static bool takes_command(const struct command *c) {
  return strstr(c->arguments, "COMMAND") != NULL;
}

/* A pattern of the shell's `case` for each name: 'upgrade', 'history'|'log', 'backfill run'. */
static void add_names(struct strbuf *text, const struct command *c, const char *between) {
  strbuf_addf(text, "'%s'", c->name);
  if (c->alias)
    strbuf_addf(text, "%s'%s'", between, c->alias);
}

static void add_all_names(struct strbuf *text, const char *between) {
  for (size_t i = 0; i < command_count(); i++) {
    if (i)
      strbuf_add_str(text, between);
    add_names(text, command_at(i), between);
  }
}

/* The words that may follow a noun; NULL: those that come first. */
static void add_verbs(struct strbuf *text, const struct command *noun) {
  size_t skipped = noun ? strlen(noun->name) + 1 : 0;
  const char *between = "";
  for (size_t i = 0; i < command_count(); i++) {
    const struct command *c = command_at(i);
    if (command_noun(c) != noun)
      continue;
    strbuf_addf(text, "%s%s", between, c->name + skipped);
    if (c->alias)
      strbuf_addf(text, " %s", c->alias + skipped);
    between = " ";
  }
}

/* 'text' for a shell, whatever it holds. */
static void add_quoted(struct strbuf *text, const char *words) {
  strbuf_add_char(text, '\'');
  for (; *words; words++) {
    if (*words == '\'')
      strbuf_add_str(text, "'\\''");
    else
      strbuf_add_char(text, *words);
  }
  strbuf_add_char(text, '\'');
}

static void bash_options(struct strbuf *text, const struct option_spec *options) {
  for (; options->name; options++) {
    if (options->hidden)
      continue;
    if (options->letter)
      strbuf_addf(text, " -%c", options->letter);
    strbuf_addf(text, " --%s", options->name);
  }
}

static void bash_command(struct strbuf *text, const struct command *c) {
  strbuf_add_str(text, "    ");
  add_names(text, c, "|");
  strbuf_add_str(text, ")\n      options+=\"");
  bash_options(text, c->options);
  strbuf_add_str(text, "\"\n      words=\"");
  if (command_is_noun(c))
    add_verbs(text, c);
  else if (takes_command(c))
    add_verbs(text, NULL);
  else if (takes_revision(c))
    strbuf_add_str(text, revision_words(c));
  else if (takes_backfill(c))
    strbuf_add_str(text, "$(_moonbird_backfills)");
  else if (strcmp(c->arguments, "SHELL") == 0)
    strbuf_add_str(text, "bash zsh fish");
  strbuf_add_str(text, "\" ;;\n");
}

static void bash_script(struct strbuf *text) {
  strbuf_add_str(
      text, "# bash completion for moonbird\n"
            "# Files of the environment here, and what its database knows.\n"
            "_moonbird_backfills() {\n"
            "  local file\n"
            "  {\n"
            "    for file in */backfills/*.lua; do\n"
            "      file=${file##*/}\n"
            "      [ \"$file\" = '*.lua' ] || echo \"${file%.lua}\"\n"
            "    done\n"
            "    moonbird backfill list --json 2>/dev/null </dev/null | sed -n 's/^ *\"name\": \"\\(.*\\)\",$/\\1/p'\n"
            "  } | sort -u\n"
            "}\n"
            "_moonbird() {\n"
            "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
            "  local command= word words options\n"
            "  case $before in\n"
            "    -c|--config) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
            "    --color) COMPREPLY=($(compgen -W \"auto always never\" -- \"$current\")); return ;;\n"
            "  esac\n"
            "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
            "    case \"${command:+$command }$word\" in\n"
            "      ");
  add_all_names(text, "|");
  strbuf_add_str(text, ") command=\"${command:+$command }$word\" ;;\n    esac\n  done\n  options=\"");
  bash_options(text, cli_global_options);
  strbuf_add_str(text, "\"\n  case $command in\n    '') words=\"");
  add_verbs(text, NULL);
  strbuf_add_str(text, "\" ;;\n");
  for (size_t i = 0; i < command_count(); i++)
    bash_command(text, command_at(i));
  strbuf_add_str(text, "  esac\n"
                       "  [[ $current == -* ]] && words=$options\n"
                       "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                       "}\n"
                       "complete -o default -F _moonbird moonbird\n");
}

static void zsh_pair(struct strbuf *text, const char *word, const char *help) {
  char *pair = xasprintf("%s:%s", word, help);
  strbuf_add_str(text, "    ");
  add_quoted(text, pair);
  strbuf_add_char(text, '\n');
  free(pair);
}

static void zsh_options(struct strbuf *text, const struct option_spec *options) {
  for (; options->name; options++) {
    if (options->hidden)
      continue;
    char *word = xasprintf("--%s", options->name);
    zsh_pair(text, word, options->help);
    free(word);
    if (options->letter) {
      char letter[] = {'-', options->letter, '\0'};
      zsh_pair(text, letter, options->help);
    }
  }
}

/* An array of "word:what it does" for the words that may follow a noun, or come first. */
static void zsh_verbs(struct strbuf *text, const struct command *noun) {
  size_t skipped = noun ? strlen(noun->name) + 1 : 0;
  for (size_t i = 0; i < command_count(); i++) {
    const struct command *c = command_at(i);
    if (command_noun(c) != noun)
      continue;
    zsh_pair(text, c->name + skipped, c->summary);
    if (c->alias)
      zsh_pair(text, c->alias + skipped, c->summary);
  }
}

static void zsh_command(struct strbuf *text, const struct command *c) {
  bool is_noun = command_is_noun(c);
  if (!c->options[0].name && !is_noun)
    return;
  strbuf_add_str(text, "  (");
  add_names(text, c, "|");
  strbuf_add_str(text, ")\n    options+=(\n");
  zsh_options(text, c->options);
  strbuf_add_str(text, "    )\n");
  if (is_noun) {
    strbuf_add_str(text, "    commands=(\n");
    zsh_verbs(text, c);
    strbuf_add_str(text, "    )\n    choose=1\n");
  }
  strbuf_add_str(text, "  ;;\n");
}

static void zsh_script(struct strbuf *text) {
  strbuf_add_str(text, "#compdef moonbird\n"
                       "_moonbird() {\n"
                       "  local -a commands options\n"
                       "  local command= word choose=\n"
                       "  commands=(\n");
  zsh_verbs(text, NULL);
  strbuf_add_str(text, "  )\n  options=(\n");
  zsh_options(text, cli_global_options);
  strbuf_add_str(text, "  )\n  for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
                       "    case \"${command:+$command }$word\" in\n      (");
  add_all_names(text, "|");
  strbuf_add_str(text, ") command=\"${command:+$command }$word\" ;;\n    esac\n  done\n  case $command in\n");
  for (size_t i = 0; i < command_count(); i++)
    zsh_command(text, command_at(i));
  strbuf_add_str(text, "  esac\n"
                       "  if [[ $words[CURRENT] == -* ]]; then\n"
                       "    _describe -o option options\n"
                       "  elif [[ -n $choose || -z $command || $command == help ]]; then\n"
                       "    _describe command commands\n"
                       "  elif [[ $command == completion ]]; then\n"
                       "    compadd bash zsh fish\n"
                       "  else\n"
                       "    compadd " REVISION_WORDS "\n"
                       "    [[ $command == (show|edit) ]] && compadd current\n"
                       "    _files\n"
                       "  fi\n"
                       "}\n"
                       "_moonbird \"$@\"\n");
}

static void fish_options(struct strbuf *text, const char *condition, const struct option_spec *options) {
  for (; options->name; options++) {
    if (options->hidden)
      continue;
    strbuf_addf(text, "complete -c moonbird%s -l %s", condition, options->name);
    if (options->letter)
      strbuf_addf(text, " -s %c", options->letter);
    if (options->type == OPTION_CHOICE)
      strbuf_add_str(text, " -x -a 'auto always never'");
    else if (options->argument)
      strbuf_add_str(text, " -r");
    strbuf_add_str(text, " -d ");
    add_quoted(text, options->help);
    strbuf_add_char(text, '\n');
  }
}

static void fish_name(struct strbuf *text, const char *noun, const char *verb, const char *summary) {
  strbuf_addf(text, "complete -c moonbird -f -n \"__moonbird_at '%s'\" -a %s -d ", noun, verb);
  add_quoted(text, summary);
  strbuf_add_char(text, '\n');
}

static void fish_command(struct strbuf *text, const struct command *c) {
  const struct command *noun = command_noun(c);
  const char *noun_name = noun ? noun->name : "";
  size_t skipped = noun ? strlen(noun->name) + 1 : 0;
  fish_name(text, noun_name, c->name + skipped, c->summary);
  if (c->alias)
    fish_name(text, noun_name, c->alias + skipped, c->summary);
  struct strbuf names = STRBUF_INIT;
  add_names(&names, c, " ");
  char *condition = xasprintf(" -n \"__moonbird_at %s\"", names.buf);
  fish_options(text, condition, c->options);
  const char *words = takes_revision(c)                    ? revision_words(c)
                      : strcmp(c->arguments, "SHELL") == 0 ? "bash zsh fish"
                                                           : NULL;
  if (words)
    strbuf_addf(text, "complete -c moonbird -f%s -a '%s'\n", condition, words);
  free(condition);
  strbuf_release(&names);
}

static void fish_script(struct strbuf *text) {
  strbuf_add_str(text, "# fish completion for moonbird\n"
                       "# Is the command that is typed so far one of these?\n"
                       "function __moonbird_at\n"
                       "  set -l command\n"
                       "  for word in (commandline -opc)[2..-1]\n"
                       "    switch \"$command $word\"\n"
                       "      case");
  for (size_t i = 0; i < command_count(); i++) {
    strbuf_addf(text, " '%s%s'", command_noun(command_at(i)) ? "" : " ", command_at(i)->name);
    if (command_at(i)->alias)
      strbuf_addf(text, " '%s%s'", command_noun(command_at(i)) ? "" : " ", command_at(i)->alias);
  }
  strbuf_add_str(text, "\n        set -a command $word\n"
                       "    end\n"
                       "  end\n"
                       "  contains -- \"$command\" $argv\n"
                       "end\n");
  fish_options(text, "", cli_global_options);
  for (size_t i = 0; i < command_count(); i++)
    fish_command(text, command_at(i));
}

bool completion_script(struct strbuf *text, const char *shell) {
  if (strcmp(shell, "bash") == 0)
    bash_script(text);
  else if (strcmp(shell, "zsh") == 0)
    zsh_script(text);
  else if (strcmp(shell, "fish") == 0)
    fish_script(text);
  else
    return false;
  return true;
}
