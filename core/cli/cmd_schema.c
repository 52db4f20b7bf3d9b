/*
 * cmd_schema.c - the commands that look at a whole schema: check, diff, dump; and what `revision --autogenerate` asks
 * of it.
 */
#include "base/log.h"
#include "cli/commands.h"
#include "run/schema.h"
#include "script/files.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
  struct vec renames;
  const char *format;
  const char *output;
} given = {.format = "lua"};

const struct option_spec check_options[] = {OPTION_END};
const struct option_spec diff_options[] = {CLI_RENAME_OPTION(&given.renames), OPTION_END};
const struct option_spec dump_options[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .argument = "lua|sql",
     .help = "models in Lua (the default), or SQL that makes the same schema",
     .target = &given.format},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write the file instead of printing; what it had is replaced",
     .target = &given.output},
    OPTION_END,
};

/* --- renames --- */

/* Nothing is under way while a question waits, and the loop that would see the signal stands still. */
static void leave(int number) {
  (void)number;
  _exit(ERROR_INTERRUPTED);
}

/* A whole line of which the first byte counts; EOF at the end of the input. */
static int read_answer(void) {
  int first = getchar();
  for (int c = first; c != EOF && c != '\n';)
    c = getchar();
  return first;
}

/* On stderr, because stdout is for data. Whoever ends the input answers no to all that is left. */
static bool ask_rename(void *data, const char *kind, const char *old, const char *name) {
  (void)data;
  if (feof(stdin))
    return false;
  struct sigaction before, action = {.sa_handler = leave};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &before);
  fprintf(stderr, "Was the %s %s renamed to %s? [y/N] ", kind, old, name);
  fflush(stderr);
  int answer = read_answer();
  sigaction(SIGINT, &before, NULL);
  if (answer == EOF)
    fputc('\n', stderr);
  return answer == 'y' || answer == 'Y';
}

/* A person is there to answer. */
static bool can_ask(const struct cli *cli) {
  return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !cli->out.json && !cli->out.quiet;
}

bool cli_autogenerate(struct cli *cli, const struct vec *renames, struct schema_result *result, struct error *err) {
  struct run_request run = cli_run_request(cli, NULL);
  struct schema_request request = {.run = &run, .action = SCHEMA_AUTOGENERATE, .renames = renames};
  if (can_ask(cli))
    request.ask = ask_rename;
  return run_schema(&request, result, err);
}

/* --- check, diff --- */

static void print_difference(struct cli *cli, const struct schema_result *result) {
  if (!cli->out.json) {
    output_write(&cli->out, result->text.buf, result->text.len);
    return;
  }
  json_error_t broken;
  json_t *document = json_loadb(result->json.buf, result->json.len, 0, &broken);
  if (!document)
    BUG("the difference is no JSON: %s", broken.text);
  output_document(&cli->out, document);
}

static const char *plural(int64_t count) {
  return count == 1 ? "" : "s";
}

bool cmd_check(struct cli *cli, struct error *err) {
  struct run_request run = cli_run_request(cli, NULL);
  struct schema_request request = {.run = &run, .action = SCHEMA_CHECK};
  struct schema_result result = SCHEMA_RESULT_INIT;
  bool ok = run_schema(&request, &result, err);
  if (ok && (result.count || cli->out.json))
    print_difference(cli, &result);
  if (ok && result.count) {
    ok = error_set(err, ERROR_PENDING, "New upgrade operations detected: %" PRId64 " operation%s", result.count,
                   plural(result.count));
    error_hint(err, "'moonbird revision --autogenerate -m MSG' writes the revision that does them");
  } else if (ok && !cli->out.json) {
    output_note(&cli->out, "No new upgrade operations detected.\n");
  }
  schema_result_release(&result);
  return ok;
}

bool cmd_diff(struct cli *cli, struct error *err) {
  struct run_request run = cli_run_request(cli, NULL);
  const char *other = cli_argument(cli, 0, NULL);
  struct schema_request request = {.run = &run, .action = SCHEMA_DIFF, .renames = &given.renames, .other_url = other};
  struct schema_result result = SCHEMA_RESULT_INIT;
  bool ok = run_schema(&request, &result, err);
  if (ok)
    print_difference(cli, &result);
  const char *what = other ? "the other database" : "the models";
  if (ok && result.count)
    ok = error_set(err, ERROR_FINDINGS, "the database differs from %s: %" PRId64 " operation%s would make it the same",
                   what, result.count, plural(result.count));
  else if (ok && cli->out.live)
    log_info("the database is the same as %s", what);
  schema_result_release(&result);
  return ok;
}

/* --- dump --- */

bool cmd_dump(struct cli *cli, struct error *err) {
  struct run_request run = cli_run_request(cli, NULL);
  struct schema_request request = {.run = &run, .action = SCHEMA_DUMP, .format = given.format};
  struct schema_result result = SCHEMA_RESULT_INIT;
  bool ok = run_schema(&request, &result, err);
  if (ok && given.output) {
    ok = file_replace(given.output, result.text.buf, result.text.len, err);
    if (ok)
      output_note(&cli->out, "Generating %s ...  done\n", given.output);
  }
  if (ok && cli->out.json) {
    json_t *document = json_object();
    json_object_set_new(document, given.output ? "path" : "text",
                        output_json_text(given.output ? given.output : result.text.buf));
    output_document(&cli->out, document);
  } else if (ok && !given.output) {
    output_write(&cli->out, result.text.buf, result.text.len);
  }
  schema_result_release(&result);
  return ok;
}
