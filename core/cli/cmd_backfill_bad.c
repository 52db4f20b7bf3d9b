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
  const char *reason;
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

const struct option_spec backfill_turn_options[] = {BACKFILL_REASON_OPTION(given.reason), OPTION_END};

/* --- reading --- */

/* What the table has of one backfill. */
struct bad_rows {
  struct vec entries; /* struct bad_entry * */
  json_t *key;        /* names of the key's columns */
  bool is_done;       /* the backfill */
};

static void bad_rows_release(struct bad_rows *rows) {
  bad_free_all(&rows->entries);
  json_decref(rows->key);
}

static bool read_rows(struct session *session, const char *name, struct bad_rows *rows, struct error *err) {
  struct backfill_row row;
  bool found = false;
  bool ok = state_find(session, name, &row, &found, err) && (found || backfill_unknown(session, name, err)) &&
            bad_read(session, name, &rows->entries, err);
  rows->key = row.key_columns ? json_loads(row.key_columns, 0, NULL) : NULL;
  rows->is_done = row.observed && state_is_done(row.observed);
  backfill_row_release(&row);
  return ok;
}

static bool look(struct cli *cli, struct bad_rows *rows, struct error *err) {
  struct session session;
  struct run_request request = cli_run_request(cli, NULL);
  *rows = (struct bad_rows){.entries = VEC_INIT};
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok = read_rows(&session, cli_argument(cli, 0, NULL), rows, err);
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
  json_object_set_new(object, "key", json_loads(e->key, JSON_ALLOW_NUL, NULL));
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

/* RFC 4180: quoted where a comma, a quote or a line end stands in it; an empty text is, NULL is not. */
static void add_csv(struct strbuf *text, const char *value, char end) {
  bool quoted = value && (!value[0] || strpbrk(value, ",\"\r\n"));
  value = value ? value : "";
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

/* A column of the key; one that is called as one of ours gets "key_" in front. */
static void add_csv_title(struct strbuf *text, const char *column) {
  static const char *const ours[] = {"state", "sqlstate", "message",  "attempts",
                                     "range", "batch_id", "first_at", "last_at"};
  bool taken = false;
  for (size_t i = 0; i < ARRAY_LEN(ours); i++)
    taken = taken || strcmp(ours[i], column) == 0;
  char *title = xasprintf("%s%s", taken ? "key_" : "", column);
  add_csv(text, title, ',');
  free(title);
}

/* A value of a key (key.h): text and numbers as they are, bytes as \x00ff, what is neither as its JSON. */
static void add_csv_value(struct strbuf *text, const json_t *value) {
  const char *hex = json_string_value(json_object_get(value, "hex"));
  bool plain = json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
  char *other = hex ? xasprintf("\\x%s", hex) : plain ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  add_csv(text, other ? other : json_string_value(value), ',');
  free(other);
}

static void entries_csv(const struct bad_rows *rows, struct strbuf *text) {
  size_t i, c;
  json_t *value;
  json_array_foreach(rows->key, c, value) add_csv_title(text, json_string_value(value));
  strbuf_add_str(text, "state,sqlstate,message,attempts,range,batch_id,first_at,last_at\n");
  for (i = 0; i < rows->entries.len; i++) {
    const struct bad_entry *e = rows->entries.items[i];
    json_t *key = json_loads(e->key, JSON_ALLOW_NUL, NULL);
    json_array_foreach(key, c, value) add_csv_value(text, value);
    json_decref(key);
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

/* A list has no room for the folders in front of what the script said: "/srv/app/migrations/backfills/fill.lua:4: no".
 */
static const char *without_folders(const char *message) {
  const char *end = strstr(message, ".lua:"), *slash = NULL;
  for (const char *p = message; end && p < end; p++)
    slash = *p == '/' ? p : slash;
  return slash ? slash + 1 : message;
}

bool cmd_backfill_bad_list(struct cli *cli, struct error *err) {
  static const char *const titles[] = {"KEY", "STATE", "SQLSTATE", "+TRIES", "MESSAGE"};
  struct bad_rows rows;
  bool ok = look(cli, &rows, err);
  if (ok && cli->out.json) {
    output_document(&cli->out, entries_json(&rows.entries));
  } else if (ok && rows.entries.len) {
    struct table table;
    table_init(&table, ARRAY_LEN(titles), titles);
    for (size_t i = 0; i < rows.entries.len; i++) {
      const struct bad_entry *e = rows.entries.items[i];
      table_add(&table, e->key);
      table_add(&table, e->state);
      table_add(&table, e->sqlstate);
      table_add_int(&table, e->attempts);
      table_add(&table, without_folders(e->message));
    }
    backfill_print_table(cli, &table);
    table_release(&table);
  } else if (ok && cli->out.live) {
    log_info("backfill %s has put no row aside", cli_argument(cli, 0, NULL));
  }
  bad_rows_release(&rows);
  return ok;
}

static void print_entry(struct cli *cli, const struct bad_entry *e) {
  output_text(&cli->out, "Key: %s\nState: %s\n", e->key, e->state);
  if (e->sqlstate)
    output_text(&cli->out, "SQLSTATE: %s\n", e->sqlstate);
  output_text(&cli->out, "Attempts: %lld\nRange: %lld\nBatch: %s\nFirst: %s\nLast: %s\n\n", (long long)e->attempts,
              (long long)e->range, e->batch_id, e->first_at, e->last_at);
  struct strbuf message = STRBUF_INIT;
  strbuf_addf(&message, "%s\n", e->message);
  strbuf_mask_controls(&message, 0);
  output_write(&cli->out, message.buf, message.len);
  strbuf_release(&message);
}

bool cmd_backfill_bad_show(struct cli *cli, struct error *err) {
  struct bad_rows rows;
  bool ok = look(cli, &rows, err);
  const struct bad_entry *e = ok ? bad_find(&rows.entries, cli_argument(cli, 1, "")) : NULL;
  if (ok && !e)
    ok = unknown_key(cli, cli_argument(cli, 1, ""), err);
  else if (ok && cli->out.json)
    output_document(&cli->out, entry_json(e));
  else if (ok)
    print_entry(cli, e);
  bad_rows_release(&rows);
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
  struct bad_rows rows;
  struct strbuf text = STRBUF_INIT;
  bool ok = look(cli, &rows, err);
  if (ok && (cli->out.json || strcmp(given.format, "json") == 0)) {
    json_t *list = entries_json(&rows.entries);
    char *dump = json_dumps(list, JSON_INDENT(2));
    strbuf_addf(&text, "%s\n", dump);
    free(dump);
    json_decref(list);
  } else if (ok) {
    entries_csv(&rows, &text);
  }
  if (ok && given.file)
    ok = write_file(given.file, &text, err);
  else if (ok)
    output_write(&cli->out, text.buf, text.len);
  strbuf_release(&text);
  bad_rows_release(&rows);
  return ok;
}

/* --- retry, ignore --- */

typedef bool (*turn_fn)(struct session *session, const char *name, const struct bad_entry *entry, const char *reason,
                        struct error *err);

/* Is it what it shall be, or done? A row that was mended must not be done twice. */
static bool is_settled(const struct bad_entry *entry, const char *turned) {
  return strcmp(entry->state, turned) == 0 || strcmp(entry->state, BAD_MENDED) == 0;
}

static bool contains_entry(const struct vec *picked, const struct bad_entry *entry) {
  for (size_t i = 0; i < picked->len; i++)
    if (picked->items[i] == entry)
      return true;
  return false;
}

/* The entries with these keys, each once, but for those that are settled; without a key all that are still bad. */
static bool pick(const struct cli *cli, const struct vec *entries, const char *turned, struct vec *picked,
                 struct error *err) {
  for (size_t i = 1; i < cli->arguments.len; i++) {
    const struct bad_entry *e = bad_find(entries, cli->arguments.items[i]);
    if (!e)
      return unknown_key(cli, cli->arguments.items[i], err);
    if (!is_settled(e, turned) && !contains_entry(picked, e))
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
    ok = turn(session, name, picked->items[i], given.reason, err);
  ok = ok && session_commit(session, err);
  if (!ok)
    session_rollback(session);
  return ok;
}

static void tell_turned(const char *name, size_t count, bool by_key, turn_fn turn) {
  const char *noun = count == 1 ? "row" : "rows";
  char *command = state_command(name, false);
  if (!count && by_key)
    log_info("nothing to do: of backfill %s these rows are %s already, or mended", name,
             turn == bad_retry ? "to be done again" : "ignored");
  else if (!count)
    log_info("nothing to do: backfill %s has no bad row", name);
  else if (turn == bad_retry)
    log_info("backfill %s: %zu bad %s to do again: `%s` does", name, count, noun, command);
  else
    log_info("backfill %s: %zu bad %s ignored", name, count, noun);
  free(command);
}

/* Where `retry` reopens a backfill whose revision is applied, nobody would ever run it. */
static bool check_turn(const struct bad_rows *rows, const char *name, turn_fn turn, struct error *err) {
  if (turn != bad_retry || !rows->is_done || !strchr(name, ':'))
    return true;
  error_set(err, ERROR_USAGE, "backfill %s has ended with its revision, and runs no more", name);
  return error_hint(err, "mend the rows by hand, then `moonbird backfill bad ignore %s`", name);
}

static bool turn_rows(struct cli *cli, turn_fn turn, struct error *err) {
  const char *name = cli_argument(cli, 0, NULL);
  struct session session;
  struct bad_rows rows = {.entries = VEC_INIT};
  struct vec picked = VEC_INIT;
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, false, err))
    return false;
  bool ok = read_rows(&session, name, &rows, err) && check_turn(&rows, name, turn, err) &&
            pick(cli, &rows.entries, turn == bad_retry ? BAD_RETRY : BAD_IGNORED, &picked, err) &&
            turn_all(&session, name, &picked, turn, err);
  session_close(&session);
  if (ok && cli->out.json)
    output_document(&cli->out, json_integer((json_int_t)picked.len));
  else if (ok && cli->out.live)
    tell_turned(name, picked.len, cli->arguments.len > 1, turn);
  vec_release(&picked);
  bad_rows_release(&rows);
  return ok;
}

bool cmd_backfill_bad_retry(struct cli *cli, struct error *err) {
  return turn_rows(cli, bad_retry, err);
}

bool cmd_backfill_bad_ignore(struct cli *cli, struct error *err) {
  return turn_rows(cli, bad_ignore, err);
}
