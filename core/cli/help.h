/*
 * help.h - help, manual page and completion, printed from the rows of the command table. Pure: appends text.
 */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/strbuf.h"
#include "cli/command.h"

#ifndef MOONBIRD_VERSION
#define MOONBIRD_VERSION "0.1.0"
#endif

/* All commands by group, and the global options; 80 columns. */
void help_overview(struct strbuf *text);

/* One command: usage, words, its options, the global ones. */
void help_command(struct strbuf *text, const struct command *command);

/* The manual page, section 1, in troff's man macros. */
void help_man(struct strbuf *text);

/* The completion script of "bash", "zsh" or "fish"; false for another shell. */
bool completion_script(struct strbuf *text, const char *shell);

#endif
