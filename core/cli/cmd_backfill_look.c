/*
 * cmd_backfill_look.c - lists: the backfills of a database. They write nothing.
 */
#include "backfill/status.h"
#include "base/log.h"
#include "cli/cmd_backfill.h"
#include "cli/commands.h"
#include "cli/screen.h"
#include "cli/status_json.h"

#include <stdlib.h>
#include <string.h>

static void print_table(struct cli *cli, const struct vec *list) {
  static const char *const titles[] = {"NAME", "STATE", "+ROWS", "+BAD", "STARTED", "TABLE"};
  struct table table;
  table_init(&table, ARRAY_LEN(titles), titles);
  struct strbuf state = STRBUF_INIT;
  for (size_t i = 0; i < list->len; i++) {
    const struct backfill_status *s = list->items[i];
    strbuf_clear(&state);
    screen_add_state(&state, s);
    table_add(&table, s->name);
    table_add(&table, state.buf);
    table_add_int(&table, s->rows_done);
    table_add_int(&table, s->bad_rows);
    /* Whole seconds: "2026-11-22 12:00:00". */
    char *started = s->started_at ? xstrndup(s->started_at, strcspn(s->started_at, ".+")) : NULL;
    table_add(&table, started);
    free(started);
    table_add(&table, s->table);
  }
  backfill_print_table(cli, &table);
  strbuf_release(&state);
  table_release(&table);
}

bool cmd_backfill_list(struct cli *cli, struct error *err) {
  struct session session;
  struct vec list = VEC_INIT;
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok = status_read(&session, NULL, &list, err);
  session_close(&session);
  if (ok && cli->out.json)
    output_document(&cli->out, status_list_json(&list));
  else if (ok && list.len)
    print_table(cli, &list);
  else if (ok && cli->out.live)
    log_info("no backfill is known in this database");
  status_free_all(&list);
  return ok;
}
