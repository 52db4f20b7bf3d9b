/*
 * cmd_help.c - help and completion.
 */
#include "cli/commands.h"
#include "cli/help.h"

static struct { bool man; } given;

const struct option_spec help_options[] = {
    /* For the build, which writes moonbird.1 with it. */
    {.name = "man", .type = OPTION_FLAG, .help = "print the manual page", .target = &given.man, .hidden = true},
    OPTION_END,
};

bool cmd_help(struct cli *cli, struct error *err) {
  struct strbuf text = STRBUF_INIT;
  bool one = cli->arguments.len > 0;
  const struct command *about = one ? command_get_words(&cli->arguments, err) : NULL;
  if (one && !about)
    return false;
  if (given.man)
    help_man(&text);
  else if (about)
    help_command(&text, about);
  else
    help_overview(&text);
  output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
  return true;
}

bool cmd_completion(struct cli *cli, struct error *err) {
  struct strbuf text = STRBUF_INIT;
  const char *shell = cli_argument(cli, 0, NULL);
  bool ok = completion_script(&text, shell);
  if (ok)
    output_write(&cli->out, text.buf, text.len);
  else
    error_set(err, ERROR_USAGE, "completion: '%s' is not one of bash, zsh, fish", shell);
  strbuf_release(&text);
  return ok;
}
