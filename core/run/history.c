/*
 * history.c - writes moonbird_log; see history.h.
 */
#include "run/history.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/whoami.h"

#include <string.h>

bool history_probe(struct session *session, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  bool ok = session_query_table(session, "log_probe", &rows, &session->has_log_table, err);
  rowset_release(&rows);
  return ok;
}

/* PostgreSQL's text takes UTF-8 without NULs only, and a log row is no reason to refuse a revision. */
static void add_clean(struct batch_builder *params, uint32_t column, const char *text, size_t len) {
  struct strbuf clean = STRBUF_INIT;
  if (text)
    strbuf_add_utf8(&clean, text, len);
  if (!text || !batch_add_text(params, column, clean.buf, clean.len))
    batch_add_null(params, column);
  strbuf_release(&clean);
}

/* When it began and ended, and how long it took. A script says the time at which it is run. */
static void add_times(struct batch_builder *params, uint32_t *column, const struct history_row *row) {
  char started[CLOCK_TEXT_SIZE], finished[CLOCK_TEXT_SIZE];
  clock_format_utc(row->started_us, started);
  clock_format_utc(row->started_us + (int64_t)(row->duration_s * 1e6), finished);
  batch_add_str(params, (*column)++, started);
  batch_add_str(params, (*column)++, finished);
  batch_add_int(params, (*column)++, (int64_t)(row->duration_s * 1000));
}

bool history_add(struct session *session, const struct history_row *row, struct error *err) {
  if (!session->has_log_table && !session_execute(session, "log_create", NULL, 0, NULL, err))
    return error_prefix(err, "the log table cannot be made: ");
  session->has_log_table = true;
  struct batch_builder params;
  batch_init(&params, session->offline ? 10 : 13);
  uint32_t column = 0;
  batch_add_str(&params, column++, row->revision);
  batch_add_str(&params, column++, row->direction);
  if (!session->offline)
    add_times(&params, &column, row);
  batch_add_str(&params, column++, row->checksum);
  batch_add_str(&params, column++, row->checksum ? "sha256" : NULL);
  add_clean(&params, column++, row->text_len <= HISTORY_TEXT_MAX ? row->text : NULL, row->text_len);
  batch_add_str(&params, column++, whoami_host());
  batch_add_str(&params, column++, whoami_user());
  batch_add_str(&params, column++,
                session->offline ? "moonbird " MOONBIRD_VERSION " --sql" : "moonbird " MOONBIRD_VERSION);
  batch_add_str(&params, column++, row->outcome);
  add_clean(&params, column++, row->message, row->message ? strlen(row->message) : 0);
  bool ok = session_execute_batch(session, session->offline ? "log_insert_offline" : "log_insert", &params, NULL, err);
  batch_release(&params);
  return ok || error_prefix(err, "the log table cannot be written: ");
}

void history_add_failure(struct session *session, const struct history_row *row) {
  struct error ignored = ERROR_INIT;
  if (session->has_log_table && !session->offline && conn_transaction_state(session->conn) == MOONBIRD_TX_IDLE &&
      !history_add(session, row, &ignored))
    log_debug("the failure could not be logged: %s", ignored.message);
  error_release(&ignored);
}
