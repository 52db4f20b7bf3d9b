/*
 * cmd_backfill_plan.c - `moonbird backfill plan`: what a backfill would do; lib/backfill_plan.lua finds it out. It only
 * reads; with --sample it does some batches and takes them back.
 */
#include "backfill/overrides.h"
#include "backfill/state.h"
#include "base/log.h"
#include "cli/cmd_backfill.h"
#include "cli/commands.h"
#include "cli/width.h"
#include "config/settings.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outlook {
  const char *name;
  lua_Integer samples; /* batches to try */
  char *overrides;     /* what operators have set, JSON, or NULL */
  char *text;
  char *facts;   /* JSON */
  char *problem; /* what speaks against it, or NULL */
};

static const char *given_samples;

const struct option_spec backfill_plan_options[] = {
    {.name = "sample",
     .type = OPTION_TEXT,
     .argument = "N",
     .help = "do N batches (1 to 1000) at keys far apart, take them back, and tell how long they took",
     .target = &given_samples},
    OPTION_END,
};

/* 1 to 1000; 0 where the option is not given. */
static bool read_samples(lua_Integer *samples, struct error *err) {
  int64_t number = 0;
  if (given_samples && (!setting_parse_number(given_samples, &number) || number < 1 || number > 1000))
    return error_set(err, ERROR_USAGE, "option '--sample' wants a whole number from 1 to 1000, not '%s'",
                     given_samples);
  *samples = number;
  return true;
}

static char *text_at(lua_State *L, int index) {
  return xstrdup_or_null(lua_tostring(L, index));
}

static int describe(lua_State *L) {
  struct outlook *plan = lua_touserdata(L, 1);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "moonbird.backfill_plan");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "describe");
  lua_pushstring(L, plan->name);
  lua_pushinteger(L, plan->samples);
  lua_pushstring(L, plan->overrides);
  struct strbuf set = STRBUF_INIT;
  overrides_show(plan->overrides, &set);
  lua_pushstring(L, set.len ? set.buf : NULL);
  strbuf_release(&set);
  lua_call(L, 4, 3);
  plan->text = text_at(L, -3);
  plan->facts = text_at(L, -2);
  plan->problem = text_at(L, -1);
  return 0;
}

/* One line over as many as it needs; what follows stands below the words, not below their title. */
static void add_wrapped(struct strbuf *text, const char *line, size_t columns) {
  enum { TITLE_COLUMNS = 15 };
  size_t indent = strspn(line, " ");
  indent = (indent > TITLE_COLUMNS ? indent : TITLE_COLUMNS) + 2;
  if (indent + 20 > columns)
    indent = 2;
  size_t len = width_of_line(line, columns);
  strbuf_add(text, line, len);
  for (line += len; *(line += strspn(line, " ")); line += len) {
    len = width_of_line(line, columns - indent);
    strbuf_add_char(text, '\n');
    strbuf_add_repeated(text, ' ', indent);
    strbuf_add(text, line, len);
  }
  strbuf_add_char(text, '\n');
}

/* No value of a row moves the cursor. On a terminal lines are no wider than it is. */
static void print_text(struct cli *cli, const char *words) {
  size_t columns = isatty(STDOUT_FILENO) ? width_of_terminal(STDOUT_FILENO) : SIZE_MAX;
  struct strbuf text = STRBUF_INIT;
  for (size_t len; *words; words += len + (words[len] == '\n')) {
    len = strcspn(words, "\n");
    char *line = xstrndup(words, len);
    add_wrapped(&text, line, columns);
    free(line);
  }
  strbuf_mask_controls(&text, 0);
  output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
}

static void print_plan(struct cli *cli, const struct outlook *plan) {
  if (cli->out.json)
    output_document(&cli->out, json_loads(plan->facts, 0, NULL));
  else
    print_text(cli, plan->text);
}

/* A role that may read the table, but not the state, plans without what operators have set. */
static bool read_overrides(struct session *session, struct outlook *plan, struct error *err) {
  struct backfill_row row;
  bool found = false;
  if (state_find(session, plan->name, &row, &found, err))
    plan->overrides = xstrdup_or_null(row.overrides);
  else if (strcmp(err->sqlstate, "42501") != 0)
    return false;
  else
    log_warn("what `backfill set` has set cannot be read: %s", err->message);
  backfill_row_release(&row);
  error_clear(err);
  return true;
}

bool cmd_backfill_plan(struct cli *cli, struct error *err) {
  struct session session;
  struct outlook plan = {.name = cli_argument(cli, 0, NULL)};
  struct run_request request = cli_run_request(cli, NULL);
  if (!read_samples(&plan.samples, err) || !backfill_check_file(cli, plan.name, err) ||
      !session_open(&session, &request, plan.samples == 0, err))
    return false;
  bool ok = read_overrides(&session, &plan, err) && host_protect(session.host, describe, &plan, err);
  session_close(&session);
  if (ok)
    print_plan(cli, &plan);
  if (ok && plan.problem) {
    ok = error_set(err, ERROR_FAILED, "%s", plan.problem);
    error_hint(err, "a `key` whose index has the same columns in the same order lets it be read piece by piece");
  }
  free(plan.overrides);
  free(plan.text);
  free(plan.facts);
  free(plan.problem);
  return ok;
}
