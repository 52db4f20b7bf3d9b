/*
 * cmd_backfill.c - see cmd_backfill.h.
 */
#include "cli/cmd_backfill.h"

#include "backfill/named.h"
#include "backfill/state.h"
#include "cli/nearest.h"
#include "cli/width.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is there a file backfills/NAME.lua, which nobody has run here? */
static bool has_file(const struct session *session, const char *name) {
  char *path = xasprintf("%s/backfills/%s.lua", environment_location(session->request->env), name);
  bool found = access(path, F_OK) == 0;
  free(path);
  return found;
}

bool backfill_unknown(struct session *session, const char *name, struct error *err) {
  struct vec names = VEC_INIT;
  if (!state_names(session, &names, err)) {
    strvec_release(&names);
    return false;
  }
  const char *nearest = nearest_word(name, &names);
  error_set(err, ERROR_USAGE, "there is no backfill '%s' in this database", name);
  bool is_there = !strpbrk(name, ":/") && has_file(session, name);
  const char *rule = named_name_rule(name);
  if (is_there && rule)
    error_hint(err, "its file cannot be run: a name has %s; rename the file", rule);
  else if (is_there)
    error_hint(err, "it has not begun here: 'moonbird backfill run %s' begins it", name);
  else if (nearest)
    error_hint(err, "did you mean '%s'? 'moonbird backfill list' shows all", nearest);
  else if (names.len)
    error_hint(err, "'moonbird backfill list' shows all");
  else
    error_hint(err, "no backfill has begun in this database");
  strvec_release(&names);
  return false;
}

/* Names of all files of the folder; no folder has none. */
static void list_files(const char *folder, struct vec *names) {
  DIR *dir = opendir(folder);
  for (struct dirent *entry; dir && (entry = readdir(dir));) {
    size_t len = strlen(entry->d_name), end = strlen(".lua");
    if (len > end && strcmp(entry->d_name + len - end, ".lua") == 0)
      vec_push(names, xstrndup(entry->d_name, len - end));
  }
  if (dir)
    closedir(dir);
}

/* One inside of a revision has no file: what goes on with it, or that nothing does. */
static bool refuse_inline(struct session *session, const char *name, struct error *err) {
  struct backfill_row row;
  bool found = false;
  if (!state_find(session, name, &row, &found, err))
    return false;
  if (!found)
    return backfill_unknown(session, name, err);
  char *command = state_command(name, false);
  bool is_done = state_is_done(row.observed);
  error_set(err, ERROR_USAGE, "backfill %s is inside of a revision, and has no file%s", name,
            is_done ? "; it is done" : "");
  if (is_done)
    error_hint(err, "`moonbird backfill status %s` shows it; whether its rows are right, a query of your own says",
               name);
  else
    error_hint(err, "`%s` goes on with it", command);
  free(command);
  backfill_row_release(&row);
  return false;
}

static bool check_inline(const struct cli *cli, const char *name, struct error *err) {
  struct session session;
  const struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok = refuse_inline(&session, name, err);
  session_close(&session);
  return ok;
}

bool backfill_check_file(const struct cli *cli, const char *name, struct error *err) {
  if (strchr(name, ':'))
    return check_inline(cli, name, err);
  const char *rule = named_name_rule(name);
  if (rule) {
    error_set(err, ERROR_USAGE, "'%s' is no name of a backfill: %s", name, rule);
    return error_hint(err, "the name is that of its file in backfills, without .lua: rename the file");
  }
  const struct run_request request = cli_run_request(cli, NULL);
  struct vec names = VEC_INIT;
  char *folder = xasprintf("%s/backfills", environment_location(request.env));
  list_files(folder, &names);
  bool ok = strvec_contains(&names, name);
  if (!ok) {
    const char *nearest = nearest_word(name, &names);
    error_set(err, ERROR_USAGE, "there is no backfill '%s' in %s", name, folder);
    if (nearest)
      error_hint(err, "did you mean '%s'?", nearest);
    else
      error_hint(err, "a file %s.lua there would be it", name);
  }
  strvec_release(&names);
  free(folder);
  return ok;
}

void backfill_print_table(struct cli *cli, const struct table *table) {
  struct strbuf text = STRBUF_INIT;
  table_print(table, &text, isatty(STDOUT_FILENO) ? width_of_terminal(STDOUT_FILENO) : 0);
  output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
}
