/*
 * history.c - writes moonbird_log; see history.h.
 */
#include "run/history.h"

#include "base/clock.h"
#include "base/log.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

bool history_probe(struct session *session, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  bool ok = session_query_table(session, "log_probe", &rows, &session->has_log_table, err);
  rowset_release(&rows);
  return ok;
}

static const char *user_name(void) {
  const struct passwd *pw = getpwuid(geteuid());
  return pw ? pw->pw_name : "";
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

bool history_add(struct session *session, const struct history_row *row, struct error *err) {
  if (!session->has_log_table && !session_execute(session, "log_create", NULL, 0, NULL, err))
    return error_prefix(err, "the log table cannot be made: ");
  session->has_log_table = true;
  char started[CLOCK_TEXT_SIZE], finished[CLOCK_TEXT_SIZE], host[256] = "";
  clock_format_utc(row->started_us, started);
  clock_format_utc(row->started_us + (int64_t)(row->duration_s * 1e6), finished);
  gethostname(host, sizeof(host) - 1);
  struct batch_builder params;
  batch_init(&params, 13);
  batch_add_str(&params, 0, row->revision);
  batch_add_str(&params, 1, row->direction);
  batch_add_str(&params, 2, started);
  batch_add_str(&params, 3, finished);
  batch_add_int(&params, 4, (int64_t)(row->duration_s * 1000));
  batch_add_str(&params, 5, row->checksum);
  batch_add_str(&params, 6, row->checksum ? "sha256" : NULL);
  add_clean(&params, 7, row->text, row->text_len);
  batch_add_str(&params, 8, host);
  batch_add_str(&params, 9, user_name());
  batch_add_str(&params, 10, "moonbird " MOONBIRD_VERSION);
  batch_add_str(&params, 11, row->outcome);
  add_clean(&params, 12, row->message, row->message ? strlen(row->message) : 0);
  bool ok = session_execute_batch(session, "log_insert", &params, NULL, err);
  batch_release(&params);
  return ok || error_prefix(err, "the log table cannot be written: ");
}

void history_add_failure(struct session *session, const struct history_row *row) {
  struct error ignored = ERROR_INIT;
  if (session->has_log_table && conn_transaction_state(session->conn) == MOONBIRD_TX_IDLE &&
      !history_add(session, row, &ignored))
    log_debug("the failure could not be logged: %s", ignored.message);
  error_release(&ignored);
}
