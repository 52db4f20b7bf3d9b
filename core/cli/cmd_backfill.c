/*
 * cmd_backfill.c - see cmd_backfill.h.
 */
#include "cli/cmd_backfill.h"

#include "backfill/state.h"
#include "cli/nearest.h"
#include "cli/width.h"

#include <stdlib.h>
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
  if (has_file(session, name))
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

void backfill_print_table(struct cli *cli, const struct table *table) {
  struct strbuf text = STRBUF_INIT;
  table_print(table, &text, isatty(STDOUT_FILENO) ? width_of_terminal(STDOUT_FILENO) : 0);
  output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
}
