/*
 * help.c - help texts and the manual page; see help.h.
 */
#include "cli/help.h"

#include "cli/cli.h"

#include <string.h>

enum { COLUMNS = 80, COMMAND_INDENT = 22, OPTION_INDENT = 30, EXAMPLE_INDENT = 6 };

static const struct {
  const char *code;
  const char *meaning;
} exit_codes[] = {
    {"0", "done, or nothing to do"},
    {"1", "a migration or a statement failed and was rolled back"},
    {"2", "the command line or the configuration is wrong"},
    {"3", "there is pending work"},
    {"4", "the history in the database and the files disagree"},
    {"5", "the lock was not obtained"},
    {"6", "the database cannot be reached"},
    {"7", "a revision is partly applied: run the command again to go on"},
    {"8", "something was found by a check"},
    {"130", "interrupted at a safe point"},
};

static const struct {
  const char *name;
  const char *meaning;
} variables[] = {
    {"MOONBIRD_CONFIG", "the ini file where there is no -c"},
    {"MOONBIRD_DATABASE_URL", "the database where there is no --url"},
    {"DATABASE_URL", "the same, after the ini file"},
    {"MOONBIRD_DRIVER_PATH", "folders of database drivers, parted by colons"},
    {"MOONBIRD_PROGRESS_INTERVAL", "without a terminal: seconds between two lines of progress (30)"},
    {"EDITOR, VISUAL", "the editor of the command edit"},
    {"NO_COLOR", "not empty: no colours unless --color always"},
};

static const struct {
  const char *path;
  const char *meaning;
} files[] = {
    {"moonbird.ini", "the settings, in the working folder"},
    {".env", "variables of the environment, beside the ini file"},
    {"env.lua", "in the folder script_location: the URL and hooks (optional)"},
    {"revision.lua.tmpl, revision.sql.tmpl", "in the same folder: templates of new revisions (optional)"},
    {"versions/*.lua, versions/*.sql", "in the same folder: the revisions"},
    {"drivers/*.so", "beside the program: database drivers"},
    {MOONBIRD_SYSTEM_DRIVERS "/*.so", "installed database drivers"},
};

static const struct help_line examples[] = {
    {"moonbird init migrations", "Make a new environment; then set url in moonbird.ini."},
    {"moonbird revision -m \"add a table\"", "Write a new revision file."},
    {"moonbird upgrade head", "Apply what is missing."},
    {"moonbird downgrade -1", "Take the last revision back."},
    {"moonbird --url postgresql://localhost/app current", "Look where another database is."},
};

/* Fills lines up to COLUMNS, from column `column` on; further lines begin at `indent`. Ends the last one. */
static void add_wrapped(struct strbuf *text, const char *words, size_t column, size_t indent) {
  bool first = true;
  for (const char *word = words + strspn(words, " "); *word; word += strspn(word, " ")) {
    size_t len = strcspn(word, " ");
    if (!first && column + 1 + len > COLUMNS) {
      strbuf_add_char(text, '\n');
      strbuf_add_repeated(text, ' ', indent);
      column = indent;
    } else if (!first) {
      strbuf_add_char(text, ' ');
      column++;
    }
    strbuf_add(text, word, len);
    column += len;
    word += len;
    first = false;
  }
  strbuf_add_char(text, '\n');
}

/* "  label     words": a label that is too long gets a line of its own. */
static void add_entry(struct strbuf *text, const char *label, size_t indent, const char *words) {
  strbuf_addf(text, "  %s", label);
  size_t column = 2 + strlen(label);
  if (column + 2 > indent) {
    strbuf_add_char(text, '\n');
    column = 0;
  }
  strbuf_add_repeated(text, ' ', indent - column);
  add_wrapped(text, words, indent, indent);
}

/* "upgrade REV", "history, log"; the names without the words of `noun`, under whose heading it stands. */
static void add_command_label(struct strbuf *label, const struct command *c, const struct command *noun) {
  size_t skipped = noun ? strlen(noun->name) + 1 : 0;
  strbuf_add_str(label, c->name + skipped);
  if (c->alias)
    strbuf_addf(label, ", %s", c->alias + skipped);
  if (c->arguments[0])
    strbuf_addf(label, " %s", c->arguments);
}

/* "-c, --config FILE", "    --url URL". */
static void add_option_label(struct strbuf *label, const struct option_spec *o) {
  if (o->letter)
    strbuf_addf(label, "-%c, ", o->letter);
  else
    strbuf_add_str(label, "    ");
  strbuf_addf(label, "--%s", o->name);
  if (o->argument)
    strbuf_addf(label, " %s", o->argument);
}

static bool has_name(const struct option_spec *options, const char *name) {
  for (; options && options->name; options++)
    if (strcmp(options->name, name) == 0)
      return true;
  return false;
}

/* Rows that `shadowed_by` has too are left out. */
static void add_options(struct strbuf *text, const char *title, const struct option_spec *options,
                        const struct option_spec *shadowed_by) {
  struct strbuf label = STRBUF_INIT;
  bool any = false;
  for (; options->name; options++) {
    if (options->hidden || has_name(shadowed_by, options->name))
      continue;
    if (!any)
      strbuf_addf(text, "\n%s\n", title);
    any = true;
    strbuf_clear(&label);
    add_option_label(&label, options);
    add_entry(text, label.buf, OPTION_INDENT, options->help);
  }
  strbuf_release(&label);
}

static void add_lines(struct strbuf *text, const char *title, const struct help_line *lines, size_t indent) {
  if (lines)
    strbuf_addf(text, "\n%s\n", title);
  for (; lines && lines->words; lines++)
    add_entry(text, lines->words, indent, lines->meaning);
}

static void add_command(struct strbuf *text, const struct command *c, const struct command *noun) {
  struct strbuf label = STRBUF_INIT;
  add_command_label(&label, c, noun);
  add_entry(text, label.buf, COMMAND_INDENT, c->summary);
  strbuf_release(&label);
}

static void add_group(struct strbuf *text, enum command_group group) {
  strbuf_addf(text, "\n%s\n", command_group_title(group));
  for (size_t i = 0; i < command_count(); i++)
    if (command_at(i)->group == group && !command_noun(command_at(i)))
      add_command(text, command_at(i), NULL);
}

static void add_verbs(struct strbuf *text, const struct command *noun) {
  strbuf_addf(text, "\nCommands of '%s'\n", noun->name);
  for (size_t i = 0; i < command_count(); i++)
    if (command_noun(command_at(i)) == noun)
      add_command(text, command_at(i), noun);
  strbuf_addf(text, "\n'moonbird help %s COMMAND' tells all about one of them.\n", noun->name);
}

void help_overview(struct strbuf *text) {
  strbuf_add_str(text, "Usage: moonbird [options] COMMAND [arguments]\n\n"
                       "Moonbird runs database migrations: each revision is a Lua or SQL script.\n");
  for (enum command_group group = 0; group < GROUP_COUNT; group++)
    add_group(text, group);
  add_options(text, "Options, before or after the command", cli_global_options, NULL);
  strbuf_add_str(text, "\n'moonbird help COMMAND' tells all about one command.\n");
}

static void add_capital(struct strbuf *text, const char *sentence) {
  char first = sentence[0];
  strbuf_add_char(text, first >= 'a' && first <= 'z' ? (char)(first - 'a' + 'A') : first);
  strbuf_addf(text, "%s.", sentence + 1);
}

void help_command(struct strbuf *text, const struct command *c) {
  bool has_options = c->options[0].name && !c->options[0].hidden;
  strbuf_addf(text, "Usage: moonbird %s%s%s%s\n", c->name, has_options ? " [options]" : "", c->arguments[0] ? " " : "",
              c->arguments);
  if (c->alias)
    strbuf_addf(text, "Also: moonbird %s\n", c->alias);
  struct strbuf words = STRBUF_INIT;
  add_capital(&words, c->summary);
  if (c->description)
    strbuf_addf(&words, " %s", c->description);
  strbuf_add_char(text, '\n');
  add_wrapped(text, words.buf, 0, 0);
  strbuf_release(&words);
  if (command_is_noun(c))
    add_verbs(text, c);
  add_lines(text, "KEY=VALUE", c->keys, OPTION_INDENT);
  add_options(text, "Options", c->options, NULL);
  add_lines(text, "Examples", c->examples, EXAMPLE_INDENT);
  add_options(text, "Options of every command", cli_global_options, c->options);
}

/* Text in troff: dashes that are typed, backslashes, and no line that begins as a request. */
static void add_troff(struct strbuf *text, const char *words) {
  if (words[0] == '.' || words[0] == '\'')
    strbuf_add_str(text, "\\&");
  for (; *words; words++) {
    if (*words == '\\')
      strbuf_add_str(text, "\\e");
    else if (*words == '-')
      strbuf_add_str(text, "\\-");
    else if (*words == '\'')
      strbuf_add_str(text, "\\(aq");
    else if (*words == '"')
      strbuf_add_str(text, "\\(dq");
    else
      strbuf_add_char(text, *words);
  }
}

static void man_item(struct strbuf *text, const char *label, const char *words) {
  strbuf_add_str(text, ".TP\n.B ");
  add_troff(text, label);
  strbuf_add_char(text, '\n');
  add_troff(text, words);
  strbuf_add_char(text, '\n');
}

static void man_options(struct strbuf *text, const struct option_spec *options) {
  struct strbuf label = STRBUF_INIT;
  for (; options->name; options++) {
    if (options->hidden)
      continue;
    strbuf_clear(&label);
    add_option_label(&label, options);
    man_item(text, label.buf + strspn(label.buf, " "), options->help);
  }
  strbuf_release(&label);
}

static void man_lines(struct strbuf *text, const struct help_line *lines) {
  for (; lines && lines->words; lines++)
    man_item(text, lines->words, lines->meaning);
}

static void man_command(struct strbuf *text, const struct command *c) {
  struct strbuf label = STRBUF_INIT;
  struct strbuf words = STRBUF_INIT;
  add_command_label(&label, c, NULL);
  add_capital(&words, c->summary);
  if (c->description)
    strbuf_addf(&words, " %s", c->description);
  man_item(text, label.buf, words.buf);
  if (c->options[0].name || c->keys || c->examples) {
    strbuf_add_str(text, ".RS\n");
    man_lines(text, c->keys);
    man_options(text, c->options);
    man_lines(text, c->examples);
    strbuf_add_str(text, ".RE\n");
  }
  strbuf_release(&words);
  strbuf_release(&label);
}

/* A command and, below a noun, its verbs. */
static void man_tree(struct strbuf *text, const struct command *c) {
  man_command(text, c);
  for (size_t i = 0; i < command_count(); i++)
    if (command_noun(command_at(i)) == c)
      man_tree(text, command_at(i));
}

void help_man(struct strbuf *text) {
  strbuf_addf(text, ".TH MOONBIRD 1 \"\" \"moonbird %s\" \"User Commands\"\n", MOONBIRD_VERSION);
  /* Words that are typed must not be broken. */
  strbuf_add_str(text, ".nh\n.ad l\n");
  strbuf_add_str(text, ".SH NAME\nmoonbird \\- runs database migrations\n"
                       ".SH SYNOPSIS\n.B moonbird\n[options] COMMAND [arguments]\n"
                       ".SH DESCRIPTION\nMoonbird takes a database from revision to revision. Each revision is a Lua "
                       "or SQL script with a way up and a way down; long data changes run in batches and go on where "
                       "they stopped.\n.SH COMMANDS\n");
  for (enum command_group group = 0; group < GROUP_COUNT; group++) {
    strbuf_addf(text, ".SS %s\n", command_group_title(group));
    for (size_t i = 0; i < command_count(); i++)
      if (command_at(i)->group == group && !command_noun(command_at(i)))
        man_tree(text, command_at(i));
  }
  strbuf_add_str(text, ".SH OPTIONS\nThey are accepted before and after the command.\n");
  man_options(text, cli_global_options);
  strbuf_add_str(text, ".SH EXIT STATUS\n");
  for (size_t i = 0; i < ARRAY_LEN(exit_codes); i++)
    man_item(text, exit_codes[i].code, exit_codes[i].meaning);
  strbuf_add_str(text, ".SH ENVIRONMENT\n");
  for (size_t i = 0; i < ARRAY_LEN(variables); i++)
    man_item(text, variables[i].name, variables[i].meaning);
  strbuf_add_str(text, ".SH FILES\n");
  for (size_t i = 0; i < ARRAY_LEN(files); i++)
    man_item(text, files[i].path, files[i].meaning);
  strbuf_add_str(text, ".SH EXAMPLES\n");
  for (size_t i = 0; i < ARRAY_LEN(examples); i++)
    man_item(text, examples[i].words, examples[i].meaning);
}
