/*
 * cmd_backfill_look.c - the commands that look at the backfills of a database. They write nothing.
 */
#include "backfill/status.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/width.h"

#include <unistd.h>

static void free_list(struct vec *list) {
  for (size_t i = 0; i < list->len; i++)
    status_free(list->items[i]);
  vec_release(list);
}

static void set_time(json_t *object, const char *key, const char *time) {
  json_object_set_new(object, key, output_json_text(time));
}

static json_t *status_json(const struct backfill_status *s) {
  json_t *object = json_object();
  json_object_set_new(object, "name", output_json_text(s->name));
  json_object_set_new(object, "table", output_json_text(s->table));
  json_object_set_new(object, "state", output_json_text(s->observed));
  json_object_set_new(object, "desired", output_json_text(s->desired));
  json_object_set_new(object, "rows_done", json_integer(s->rows_done));
  json_object_set_new(object, "rows_estimated", s->rows_estimated < 0 ? json_null() : json_integer(s->rows_estimated));
  json_object_set_new(object, "bad_rows", json_integer(s->bad_rows));
  set_time(object, "started_at", s->started_at);
  set_time(object, "finished_at", s->finished_at);
  return object;
}

static void print_json(struct cli *cli, const struct vec *list) {
  json_t *array = json_array();
  for (size_t i = 0; i < list->len; i++)
    json_array_append_new(array, status_json(list->items[i]));
  output_document(&cli->out, array);
}

static void print_table(struct cli *cli, const struct vec *list) {
  static const char *const titles[] = {"NAME", "STATE", "+ROWS", "+BAD", "STARTED", "TABLE"};
  struct table table;
  table_init(&table, ARRAY_LEN(titles), titles);
  for (size_t i = 0; i < list->len; i++) {
    const struct backfill_status *s = list->items[i];
    table_add(&table, s->name);
    table_add(&table, s->observed);
    table_add_int(&table, s->rows_done);
    table_add_int(&table, s->bad_rows);
    table_add(&table, s->started_at);
    table_add(&table, s->table);
  }
  struct strbuf text = STRBUF_INIT;
  table_print(&table, &text, isatty(STDOUT_FILENO) ? width_of_terminal(STDOUT_FILENO) : 0);
  output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
  table_release(&table);
}

bool cmd_backfill_list(struct cli *cli, struct error *err) {
  struct session session;
  struct vec list = VEC_INIT;
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok = status_list(&session, &list, err);
  session_close(&session);
  if (ok && cli->out.json)
    print_json(cli, &list);
  else if (ok && list.len)
    print_table(cli, &list);
  else if (ok && cli->out.live)
    log_info("no backfill has begun in this database");
  free_list(&list);
  return ok;
}
