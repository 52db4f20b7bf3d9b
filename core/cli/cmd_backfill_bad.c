/*
 * cmd_backfill_bad.c - the rows that a backfill has put aside: list, show, retry, ignore, export.
 */
#include "backfill/bad.h"
#include "base/log.h"
#include "cli/cmd_backfill.h"
#include "cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct {
  const char *format;
  const char *file;
} given = {.format = "csv"};

const struct option_spec backfill_export_options[] = {
    {.name = "format",
     .type = OPTION_CHOICE,
     .argument = "csv|json",
     .help = "the form of the rows (default: csv)",
     .target = &given.format},
    {.name = "output",
     .letter = 'o',
     .type = OPTION_TEXT,
     .argument = "FILE",
     .help = "write there instead of to stdout",
     .target = &given.file},
    OPTION_END,
};

/* --- reading --- */

static bool read_entries(struct session *session, const char *name, struct vec *entries, struct error *err) {
  struct backfill_row row;
  bool found = false;
  bool ok = state_find(session, name, &row, &found, err) && (found || backfill_unknown(session, name, err)) &&
            bad_read(session, name, entries, err);
  backfill_row_release(&row);
  return ok;
}

static bool look(struct cli *cli, struct vec *entries, struct error *err) {
  struct session session;
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok = read_entries(&session, cli_argument(cli, 0, NULL), entries, err);
  session_close(&session);
  return ok;
}

static bool unknown_key(const struct cli *cli, const char *key, struct error *err) {
  const char *name = cli_argument(cli, 0, NULL);
  error_set(err, ERROR_USAGE, "backfill %s has no bad row %s", name, key);
  return error_hint(err, "`moonbird backfill bad list %s` shows the keys of all", name);
}

/* --- forms --- */

static json_t *entry_json(const struct bad_entry *e) {
  json_t *object = json_object();
  json_object_set_new(object, "key", json_loads(e->key, 0, NULL));
  json_object_set_new(object, "state", output_json_text(e->state));
  json_object_set_new(object, "sqlstate", output_json_text(e->sqlstate));
  json_object_set_new(object, "message", output_json_text(e->message));
  json_object_set_new(object, "attempts", json_integer(e->attempts));
  json_object_set_new(object, "range", json_integer(e->range));
  json_object_set_new(object, "batch_id", output_json_text(e->batch_id));
  json_object_set_new(object, "first_at", output_json_text(e->first_at));
  json_object_set_new(object, "last_at", output_json_text(e->last_at));
  return object;
}

static json_t *entries_json(const struct vec *entries) {
  json_t *list = json_array();
  for (size_t i = 0; i < entries->len; i++)
    json_array_append_new(list, entry_json(entries->items[i]));
  return list;
}

/* RFC 4180: quoted where a comma, a quote or a line end stands in it. */
static void add_csv(struct strbuf *text, const char *value, char end) {
  value = value ? value : "";
  bool quoted = strpbrk(value, ",\"\r\n") != NULL;
  if (quoted)
    strbuf_add_char(text, '"');
  for (const char *p = value; *p; p++) {
    if (*p == '"')
      strbuf_add_char(text, '"');
    strbuf_add_char(text, *p);
  }
  if (quoted)
    strbuf_add_char(text, '"');
  strbuf_add_char(text, end);
}

static void add_csv_int(struct strbuf *text, int64_t number, char end) {
  strbuf_addf(text, "%lld%c", (long long)number, end);
}

static void entries_csv(const struct vec *entries, struct strbuf *text) {
  strbuf_add_str(text, "key,state,sqlstate,message,attempts,range,batch_id,first_at,last_at\n");
  for (size_t i = 0; i < entries->len; i++) {
    const struct bad_entry *e = entries->items[i];
    add_csv(text, e->key, ',');
    add_csv(text, e->state, ',');
    add_csv(text, e->sqlstate, ',');
    add_csv(text, e->message, ',');
    add_csv_int(text, e->attempts, ',');
    add_csv_int(text, e->range, ',');
    add_csv(text, e->batch_id, ',');
    add_csv(text, e->first_at, ',');
    add_csv(text, e->last_at, '\n');
  }
}

/* --- list, show, export --- */

bool cmd_backfill_bad_list(struct cli *cli, struct error *err) {
  static const char *const titles[] = {"KEY", "STATE", "SQLSTATE", "+TRIES", "MESSAGE"};
  struct vec entries = VEC_INIT;
  bool ok = look(cli, &entries, err);
  if (ok && cli->out.json) {
    output_document(&cli->out, entries_json(&entries));
  } else if (ok && entries.len) {
    struct table table;
    table_init(&table, ARRAY_LEN(titles), titles);
    for (size_t i = 0; i < entries.len; i++) {
      const struct bad_entry *e = entries.items[i];
      table_add(&table, e->key);
      table_add(&table, e->state);
      table_add(&table, e->sqlstate);
      table_add_int(&table, e->attempts);
      table_add(&table, e->message);
    }
    backfill_print_table(cli, &table);
    table_release(&table);
  } else if (ok && cli->out.live) {
    log_info("backfill %s has put no row aside", cli_argument(cli, 0, NULL));
  }
  bad_free_all(&entries);
  return ok;
}

static void print_entry(struct cli *cli, const struct bad_entry *e) {
  output_text(&cli->out, "Key: %s\nState: %s\n", e->key, e->state);
  if (e->sqlstate)
    output_text(&cli->out, "SQLSTATE: %s\n", e->sqlstate);
  output_text(&cli->out, "Attempts: %lld\nRange: %lld\nBatch: %s\nFirst: %s\nLast: %s\n\n%s\n", (long long)e->attempts,
              (long long)e->range, e->batch_id, e->first_at, e->last_at, e->message);
}

bool cmd_backfill_bad_show(struct cli *cli, struct error *err) {
  struct vec entries = VEC_INIT;
  bool ok = look(cli, &entries, err);
  const struct bad_entry *e = ok ? bad_find(&entries, cli_argument(cli, 1, "")) : NULL;
  if (ok && !e)
    ok = unknown_key(cli, cli_argument(cli, 1, ""), err);
  else if (ok && cli->out.json)
    output_document(&cli->out, entry_json(e));
  else if (ok)
    print_entry(cli, e);
  bad_free_all(&entries);
  return ok;
}

static bool write_file(const char *path, const struct strbuf *text, struct error *err) {
  FILE *file = fopen(path, "w");
  bool ok = file && fwrite(text->buf, 1, text->len, file) == text->len;
  int problem = errno;
  if (file && fclose(file) != 0 && ok) {
    ok = false;
    problem = errno;
  }
  return ok || error_set(err, ERROR_FAILED, "cannot write %s: %s", path, strerror(problem));
}

bool cmd_backfill_bad_export(struct cli *cli, struct error *err) {
  struct vec entries = VEC_INIT;
  struct strbuf text = STRBUF_INIT;
  bool ok = look(cli, &entries, err);
  if (ok && (cli->out.json || strcmp(given.format, "json") == 0)) {
    json_t *list = entries_json(&entries);
    char *dump = json_dumps(list, JSON_INDENT(2));
    strbuf_addf(&text, "%s\n", dump);
    free(dump);
    json_decref(list);
  } else if (ok) {
    entries_csv(&entries, &text);
  }
  if (ok && given.file)
    ok = write_file(given.file, &text, err);
  else if (ok)
    output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
  bad_free_all(&entries);
  return ok;
}

/* --- retry, ignore --- */

typedef bool (*turn_fn)(struct session *session, const char *name, const struct bad_entry *entry, struct error *err);

/* The entries with these keys; without a key all that are still bad. */
static bool pick(const struct cli *cli, const struct vec *entries, struct vec *picked, struct error *err) {
  for (size_t i = 1; i < cli->arguments.len; i++) {
    const struct bad_entry *e = bad_find(entries, cli->arguments.items[i]);
    if (!e)
      return unknown_key(cli, cli->arguments.items[i], err);
    vec_push(picked, (void *)(uintptr_t)e);
  }
  for (size_t i = 0; cli->arguments.len == 1 && i < entries->len; i++)
    if (strcmp(((struct bad_entry *)entries->items[i])->state, BAD_BAD) == 0)
      vec_push(picked, entries->items[i]);
  return true;
}

static bool turn_all(struct session *session, const char *name, const struct vec *picked, turn_fn turn,
                     struct error *err) {
  bool ok = session_begin(session, err);
  for (size_t i = 0; ok && i < picked->len; i++)
    ok = turn(session, name, picked->items[i], err);
  ok = ok && session_commit(session, err);
  if (!ok)
    session_rollback(session);
  return ok;
}

static bool turn_rows(struct cli *cli, turn_fn turn, const char *said, struct error *err) {
  const char *name = cli_argument(cli, 0, NULL);
  struct session session;
  struct vec entries = VEC_INIT, picked = VEC_INIT;
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, false, err))
    return false;
  bool ok = read_entries(&session, name, &entries, err) && pick(cli, &entries, &picked, err) &&
            turn_all(&session, name, &picked, turn, err);
  session_close(&session);
  if (ok && cli->out.json)
    output_document(&cli->out, json_integer((json_int_t)picked.len));
  else if (ok && cli->out.live)
    log_info("backfill %s: %zu bad %s %s", name, picked.len, picked.len == 1 ? "row" : "rows", said);
  vec_release(&picked);
  bad_free_all(&entries);
  return ok;
}

bool cmd_backfill_bad_retry(struct cli *cli, struct error *err) {
  return turn_rows(cli, bad_retry, "to do again: `moonbird backfill run` does", err);
}

bool cmd_backfill_bad_ignore(struct cli *cli, struct error *err) {
  return turn_rows(cli, bad_ignore, "ignored", err);
}
