/*
 * cmd_backfill_verify.c - is a backfill right, and what has happened to it: verify, log.
 */
#include "backfill/state.h"
#include "backfill/verify.h"
#include "base/log.h"
#include "cli/cmd_backfill.h"
#include "cli/commands.h"
#include "cli/listener.h"

#include <stdlib.h>
#include <string.h>

static struct { bool requeue; } given;

const struct option_spec backfill_verify_options[] = {
    {.name = "requeue",
     .type = OPTION_FLAG,
     .help = "let the rows that are not done be done again by the next run",
     .target = &given.requeue},
    OPTION_END,
};

/* --- verify --- */

static void tell_result(struct cli *cli, const char *name, const struct verify_result *result) {
  if (!cli->out.json) {
    if (!result->undone && result->ignored && cli->out.live)
      log_info("backfill %s: every row is done, but for %lld that %s ignored", name, (long long)result->ignored,
               result->ignored == 1 ? "is" : "are");
    else if (!result->undone && cli->out.live)
      log_info("backfill %s: every row is done", name);
    if (result->unrecorded)
      log_warn("the result is not recorded: %s", result->unrecorded);
    return;
  }
  json_t *event = json_object();
  json_object_set_new(event, "event", json_string("verified"));
  json_object_set_new(event, "name", output_json_text(name));
  json_object_set_new(event, "rows_not_done", json_integer(result->undone));
  json_object_set_new(event, "requeued", json_boolean(result->requeued));
  json_object_set_new(event, "ranges", json_integer(result->ranges));
  json_object_set_new(event, "rows_again", json_integer(result->again));
  json_object_set_new(event, "recorded", json_boolean(!result->unrecorded));
  json_object_set_new(event, "not_recorded_because", output_json_text(result->unrecorded));
  json_object_set_new(event, "rows_bad", json_integer(result->bad));
  json_object_set_new(event, "rows_ignored", json_integer(result->ignored));
  output_event(&cli->out, event);
}

static bool judge(const char *name, const struct verify_result *result, struct error *err) {
  if (!result->undone)
    return true;
  error_set(err, result->requeued ? ERROR_PENDING : ERROR_FINDINGS, "backfill %s: %lld %s not done", name,
            (long long)result->undone, result->undone == 1 ? "row is" : "rows are");
  if (result->requeued) {
    char *more = result->again > result->undone
                     ? xasprintf(", with %lld that %s done between them", (long long)(result->again - result->undone),
                                 result->again - result->undone == 1 ? "is" : "are")
                     : xstrdup("");
    error_hint(err, "`moonbird backfill run %s` goes through %lld %s again, in %lld %s%s", name,
               (long long)result->again, result->again == 1 ? "row" : "rows", (long long)result->ranges,
               result->ranges == 1 ? "range" : "ranges", more);
    free(more);
    return false;
  }
  if (result->bad == result->undone)
    return error_hint(err,
                      "%s put aside: `moonbird backfill bad list %s` shows %s, `bad retry` and `bad ignore` settle %s",
                      result->bad == 1 ? "it was" : "they were", name, result->bad == 1 ? "it" : "them",
                      result->bad == 1 ? "it" : "them");
  char *bad = result->bad ? xasprintf("; %lld of them %s put aside: `moonbird backfill bad list %s`",
                                      (long long)result->bad, result->bad == 1 ? "was" : "were", name)
                          : xstrdup("");
  error_hint(err, "`moonbird backfill verify %s --requeue` lets the next run do them again%s", name, bad);
  free(bad);
  return false;
}

bool cmd_backfill_verify(struct cli *cli, struct error *err) {
  const char *name = cli_argument(cli, 0, NULL);
  struct verify_result result = {.undone = 0};
  struct listener listener;
  listener_init(&listener, &cli->out);
  struct run_request request = cli_run_request(cli, &listener.run);
  bool ok = backfill_check_file(cli, name, err) && verify_run(&request, name, given.requeue, &result, err);
  listener_release(&listener);
  if (ok) {
    tell_result(cli, name, &result);
    ok = judge(name, &result, err);
  }
  verify_result_release(&result);
  return ok;
}

/* --- log --- */

static const char *const columns[] = {"at", "event", "detail", "reason", "os_user", "host", "pid"};

static json_t *log_json(const struct rowset *rows) {
  json_t *list = json_array();
  for (size_t i = 0; i < rows->row_count; i++) {
    json_t *entry = json_object();
    for (uint32_t c = 0; c + 1 < ARRAY_LEN(columns); c++)
      json_object_set_new(entry, columns[c], output_json_text(rowset_text(rows, i, c)));
    json_object_set_new(entry, "pid", json_integer(rowset_int(rows, i, ARRAY_LEN(columns) - 1)));
    json_array_append_new(list, entry);
  }
  return list;
}

static void print_log(struct cli *cli, const struct rowset *rows) {
  static const char *const titles[] = {"AT", "EVENT", "BY", "DETAIL"};
  struct table table;
  table_init(&table, ARRAY_LEN(titles), titles);
  for (size_t i = 0; i < rows->row_count; i++) {
    const char *at = rowset_text(rows, i, 0), *detail = rowset_text(rows, i, 2), *reason = rowset_text(rows, i, 3);
    char *moment = xstrndup(at, strcspn(at, ".+"));
    char *who = xasprintf("%s@%s", rowset_text(rows, i, 4), rowset_text(rows, i, 5));
    char *why = detail && reason ? xasprintf("%s: %s", detail, reason) : xstrdup_or_null(detail ? detail : reason);
    table_add(&table, moment);
    table_add(&table, rowset_text(rows, i, 1));
    table_add(&table, who);
    table_add(&table, why ? why : "");
    free(moment);
    free(who);
    free(why);
  }
  backfill_print_table(cli, &table);
  table_release(&table);
}

/* The log of a backfill that was forgotten is there still. */
static bool read_log(struct session *session, const char *name, struct rowset *rows, struct error *err) {
  bool has_table = false;
  struct rowset known = ROWSET_INIT;
  bool ok = session_query_table(session, "backfill_names", &known, &has_table, err);
  rowset_release(&known);
  if (!ok || (has_table && !session_query(session, "log_select", &name, 1, rows, err)))
    return false;
  return rows->row_count > 0 || backfill_unknown(session, name, err);
}

bool cmd_backfill_log(struct cli *cli, struct error *err) {
  struct session session;
  struct rowset rows = ROWSET_INIT;
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok = read_log(&session, cli_argument(cli, 0, NULL), &rows, err);
  session_close(&session);
  if (ok && cli->out.json)
    output_document(&cli->out, log_json(&rows));
  else if (ok)
    print_log(cli, &rows);
  rowset_release(&rows);
  return ok;
}
