/*
 * completion.c - completion scripts for bash, zsh and fish, printed from the rows of the command table; see help.h.
 */
#include "cli/cli.h"
#include "cli/help.h"

#include <stdlib.h>
#include <string.h>

/* What follows where an argument is a revision, beside ids and labels. */
#define REVISION_WORDS "head heads base"

/* For all three shells: an item a line, from what --json prints, with the options of the line that say which project
 * and which database is meant. Nothing where there is none. */
#define GIVEN                 "\"${given[@]}\""
#define FISH_GIVEN            "(__moonbird_given)"
#define ASK(given, words)     "moonbird " given " " words " --json 2>/dev/null </dev/null | sed -n"
#define LIST_BACKFILLS(given) ASK(given, "backfill list") " 's/^ *\"name\": \"\\(.*\\)\",$/\\1/p'"
#define REVISION_ID           "'s/^ *\"id\": \"\\(.*\\)\",$/\\1/p'"
#define REVISION_LABELS       "'/\"labels\": \\[$/,/\\]/s/^ *\"\\([^\"]*\\)\",*$/\\1/p'"
#define LIST_REVISIONS(given) ASK(given, "history") " -e " REVISION_ID " -e " REVISION_LABELS " | sort -u"
#define PLACES                "-c|--config|-n|--name|--url|-x|--x-arg"
#define LONG_PLACES           "--config=*|--name=*|--url=*|--x-arg=*"

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

/* "csv json" of an option whose value is one of some. */
static void add_choices(struct strbuf *text, const struct option_spec *o) {
  for (const char *c = o->argument; *c; c++)
    strbuf_add_char(text, *c == '|' ? ' ' : *c);
}

/* "workers= nice=" of the settings that are among the arguments. */
static void add_keys(struct strbuf *text, const struct command *c) {
  for (const struct help_line *key = c->keys; key && key->words; key++) {
    strbuf_add_str(text, key == c->keys ? "" : " ");
    strbuf_add(text, key->words, strcspn(key->words, "=") + 1);
  }
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

static void bash_values(struct strbuf *text, const struct option_spec *options) {
  for (; options->name; options++) {
    if (options->type != OPTION_CHOICE)
      continue;
    strbuf_addf(text, "\n      [[ $before == --%s ]] && words=\"", options->name);
    add_choices(text, options);
    strbuf_add_char(text, '"');
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
    strbuf_addf(text, "%s $(_moonbird_revisions)", revision_words(c));
  else if (takes_backfill(c))
    strbuf_add_str(text, "$(_moonbird_backfills) ");
  else if (strcmp(c->arguments, "SHELL") == 0)
    strbuf_add_str(text, "bash zsh fish");
  add_keys(text, c);
  strbuf_add_char(text, '"');
  bash_values(text, c->options);
  strbuf_add_str(text, " ;;\n");
}

static void bash_script(struct strbuf *text) {
  strbuf_add_str(
      text,
      "# bash completion for moonbird\n"
      "# The options of the line that say which project and which database is meant. Bash takes the\n"
      "# value of one for several words where there is a colon, = or @ in it.\n"
      "_moonbird_given() {\n"
      "  local at word value\n"
      "  given=() folder=\n"
      "  for ((at = 1; at + 1 < COMP_CWORD; at++)); do\n"
      "    word=${COMP_WORDS[at]}\n"
      "    case $word in " PLACES ") ;; *) continue ;; esac\n"
      "    [[ ${COMP_WORDS[at+1]} == = ]] && ((at++))\n"
      "    value=${COMP_WORDS[++at]}\n"
      "    while ((at + 1 < COMP_CWORD)) &&\n"
      "      [[ ${COMP_WORDS[at]} == [:=@] || ${COMP_WORDS[at+1]} == [:=@] ]]; do\n"
      "      value+=${COMP_WORDS[++at]}\n"
      "    done\n"
      "    value=${value//[\\\"\\'\\\\]/} value=${value/#~\\//$HOME/}\n"
      "    given+=(\"$word\" \"$value\")\n"
      "    [[ $word == -c || $word == --config ]] && [[ $value == */* ]] && folder=${value%/*}/\n"
      "  done\n"
      "}\n"
      "# Files of the environment, and what its database knows.\n"
      "_moonbird_backfills() {\n"
      "  local file given folder\n"
      "  _moonbird_given\n"
      "  {\n"
      "    for file in \"$folder\"*/backfills/*.lua; do\n"
      "      file=${file##*/}\n"
      "      [ \"$file\" = '*.lua' ] || echo \"${file%.lua}\"\n"
      "    done\n"
      "    " LIST_BACKFILLS(
          GIVEN) "\n"
                 "  } | sort -u\n"
                 "}\n"
                 "_moonbird_revisions() {\n"
                 "  local given folder\n"
                 "  _moonbird_given\n"
                 "  " LIST_REVISIONS(
                     GIVEN) "\n"
                            "}\n"
                            "_moonbird() {\n"
                            "  local current=${COMP_WORDS[COMP_CWORD]} at=$COMP_CWORD\n"
                            "  local command= before word words options\n"
                            "  # Bash takes a name with a colon for several words, and replaces what follows the "
                            "colon.\n"
                            "  while [[ $COMP_WORDBREAKS == *:* ]] &&\n"
                            "    [[ ${COMP_WORDS[at]} == : || ${COMP_WORDS[at-1]} == : ]]; do\n"
                            "    current=${COMP_WORDS[--at]}$current\n"
                            "  done\n"
                            "  before=${COMP_WORDS[at-1]}\n"
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
                       "  # A value follows the = of a setting at once.\n"
                       "  [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
                       "  word=${current%\"${current##*:}\"}\n"
                       "  ((at == COMP_CWORD)) || COMPREPLY=(\"${COMPREPLY[@]#\"$word\"}\")\n"
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

/* What the arguments of a command are; see the end of zsh_script. */
static const char *zsh_choice(const struct command *c) {
  if (command_is_noun(c) || takes_command(c))
    return "command";
  return takes_revision(c) ? "revision" : takes_backfill(c) ? "backfill" : "file";
}

/* The values of the option before, in `names`. */
static void zsh_values(struct strbuf *text, const struct option_spec *options) {
  for (; options->name; options++) {
    if (options->type != OPTION_CHOICE)
      continue;
    strbuf_addf(text, "    [[ $words[CURRENT-1] == --%s ]] && choose=value names=(", options->name);
    add_choices(text, options);
    strbuf_add_str(text, ")\n");
  }
}

static void zsh_command(struct strbuf *text, const struct command *c) {
  strbuf_add_str(text, "  (");
  add_names(text, c, "|");
  strbuf_add_str(text, ")\n    options+=(\n");
  zsh_options(text, c->options);
  strbuf_add_str(text, "    )\n");
  if (command_is_noun(c)) {
    strbuf_add_str(text, "    commands=(\n");
    zsh_verbs(text, c);
    strbuf_add_str(text, "    )\n");
  }
  strbuf_addf(text, "    choose=%s\n", zsh_choice(c));
  if (c->keys) {
    strbuf_add_str(text, "    keys=(");
    add_keys(text, c);
    strbuf_add_str(text, ")\n");
  }
  zsh_values(text, c->options);
  strbuf_add_str(text, "  ;;\n");
}

static void zsh_script(struct strbuf *text) {
  strbuf_add_str(text, "#compdef moonbird\n"
                       "# The options of the line that say which project and which database is meant.\n"
                       "_moonbird_given() {\n"
                       "  local at value\n"
                       "  given=() folder=\n"
                       "  for ((at = 2; at < CURRENT; at++)); do\n"
                       "    value=${(Q)words[at+1]}\n"
                       "    value=${value/#\\~\\//$HOME/}\n"
                       "    case $words[at] in\n"
                       "      (" PLACES ") given+=($words[at] $value) ;;\n"
                       "      (" LONG_PLACES ") given+=(${(Q)words[at]}) ;;\n"
                       "    esac\n"
                       "    [[ $words[at] == (-c|--config) && $value == */* ]] && folder=${value%/*}/\n"
                       "  done\n"
                       "}\n"
                       "# Files of the environment, and what its database knows.\n"
                       "_moonbird_backfills() {\n"
                       "  local -a files given\n"
                       "  local folder\n"
                       "  _moonbird_given\n"
                       "  files=(${folder}*/backfills/*.lua(N:t:r))\n"
                       "  { print -rl -- $files; " LIST_BACKFILLS(
                           GIVEN) " } | sort -u\n"
                                  "}\n"
                                  "_moonbird_revisions() {\n"
                                  "  local -a given\n"
                                  "  local folder\n"
                                  "  _moonbird_given\n"
                                  "  " LIST_REVISIONS(GIVEN) "\n"
                                                             "}\n"
                                                             "_moonbird() {\n"
                                                             "  local -a commands options names keys\n"
                                                             "  local command= word choose=command\n"
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
  strbuf_add_str(text, "  esac\n");
  zsh_values(text, cli_global_options);
  strbuf_add_str(text, "  if [[ $words[CURRENT] == -* ]]; then\n"
                       "    _describe -o option options\n"
                       "  elif [[ $choose == value ]]; then\n"
                       "    compadd -a names\n"
                       "  elif [[ $command == completion ]]; then\n"
                       "    compadd bash zsh fish\n"
                       "  elif [[ $choose == command ]]; then\n"
                       "    _describe command commands\n"
                       "  elif [[ $choose == backfill ]]; then\n"
                       "    names=(${(f)\"$(_moonbird_backfills)\"})\n"
                       "    compadd -a names\n"
                       "    compadd -S '' -a keys\n"
                       "  elif [[ $choose == revision ]]; then\n"
                       "    names=(" REVISION_WORDS " ${(f)\"$(_moonbird_revisions)\"})\n"
                       "    [[ $command == (show|edit) ]] && names+=current\n"
                       "    compadd -a names\n"
                       "  else\n"
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
    if (options->type == OPTION_CHOICE) {
      strbuf_add_str(text, " -x -a '");
      add_choices(text, options);
      strbuf_add_char(text, '\'');
    } else if (options->argument) {
      strbuf_add_str(text, " -r");
    }
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
  if (takes_revision(c))
    strbuf_addf(text, "complete -c moonbird -f%s -a '%s (__moonbird_revisions)'\n", condition, revision_words(c));
  else if (takes_backfill(c))
    strbuf_addf(text, "complete -c moonbird -f%s -a '(__moonbird_backfills)'\n", condition);
  else if (strcmp(c->arguments, "SHELL") == 0)
    strbuf_addf(text, "complete -c moonbird -f%s -a 'bash zsh fish'\n", condition);
  else if (takes_command(c)) {
    strbuf_addf(text, "complete -c moonbird -f%s -a '", condition);
    add_verbs(text, NULL);
    strbuf_add_str(text, "'\n");
  }
  if (c->keys) {
    strbuf_addf(text, "complete -c moonbird -f%s -a '", condition);
    add_keys(text, c);
    strbuf_add_str(text, "'\n");
  }
  free(condition);
  strbuf_release(&names);
}

static void fish_script(struct strbuf *text) {
  strbuf_add_str(text,
                 "# fish completion for moonbird\n"
                 "# The options of the line that say which project and which database is meant.\n"
                 "function __moonbird_given\n"
                 "  set -l words (commandline -opc)\n"
                 "  for at in (seq 2 (count $words))\n"
                 "    set -l next (math $at + 1)\n"
                 "    switch $words[$at]\n"
                 "      case -c --config -n --name --url -x --x-arg\n"
                 "        printf '%s\\n' $words[$at] (string replace -r '^~/' \"$HOME/\" -- $words[$next])\n"
                 "      case '--config=*' '--name=*' '--url=*' '--x-arg=*'\n"
                 "        printf '%s\\n' $words[$at]\n"
                 "    end\n"
                 "  end\n"
                 "end\n"
                 "# Files of the environment, and what its database knows.\n"
                 "function __moonbird_backfills\n"
                 "  set -l given (__moonbird_given)\n"
                 "  set -l folder\n"
                 "  for at in (seq (count $given))\n"
                 "    set -l file $given[(math $at + 1)]\n"
                 "    if contains -- $given[$at] -c --config; and string match -q '*/*' -- $file\n"
                 "      set folder (string replace -r '[^/]*$' '' -- $file)\n"
                 "    end\n"
                 "  end\n"
                 "  for file in \"$folder\"*/backfills/*.lua\n"
                 "    string replace -r '.*/(.*)\\.lua$' '$1' -- $file\n"
                 "  end\n"
                 "  " LIST_BACKFILLS(FISH_GIVEN) "\n"
                                                 "end\n"
                                                 "function __moonbird_revisions\n"
                                                 "  " LIST_REVISIONS(
                                                     FISH_GIVEN) "\n"
                                                                 "end\n"
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
