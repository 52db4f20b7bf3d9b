/*
 * statement.c - chooses how a statement travels and turns the answer into result and summary. Called through the table
 * in driver.c.
 *
 * One round trip where possible: a statement without texts (or with texts that mean the same in every type) goes as
 * PQsendQueryParams with the result in text format; a repeated one as its prepared statement. Otherwise it is prepared
 * and described first, which costs a second round trip and gives binary results.
 *
 * Behind a pooler a prepared statement lives as long as its transaction: none is kept, and where no transaction is
 * open, one is put around the preparation and its use.
 */
#include "statement.h"

#include "cursor.h"
#include "error.h"
#include "pipeline.h"
#include "sqltext.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

static bool set_sql(moonbird_conn *conn, const moonbird_statement *statement, moonbird_error *error) {
  if (statement->sql_len > 0 && memchr(statement->sql, '\0', statement->sql_len) != NULL) {
    error_set(error, "22021", "the SQL text holds a NUL byte");
    return false;
  }
  conn->sql.len = 0;
  if (!buffer_append(&conn->sql, statement->sql, statement->sql_len) || !buffer_terminate(&conn->sql)) {
    error_set_memory(error);
    return false;
  }
  return true;
}

/* --- Answers --- */

static int64_t affected_rows(PGresult *answer) {
  const char *text = PQcmdTuples(answer);
  return text[0] == '\0' ? 0 : strtoll(text, NULL, 10);
}

static void set_answer_error(moonbird_conn *conn, const PGresult *answer, moonbird_error *error) {
  error_from_result(error, conn->pg, answer, (const char *)conn->sql.data, conn->sql.len, 0);
}

/* Takes the answer over. */
static int32_t finish(moonbird_conn *conn, PGresult *answer, bool copied, bool is_binary, moonbird_result **result,
                      moonbird_summary *summary, moonbird_error *error) {
  ExecStatusType status = answer == NULL ? PGRES_FATAL_ERROR : PQresultStatus(answer);
  if (copied && PQstatus(conn->pg) != CONNECTION_BAD) {
    error_set(error, "0A000", "COPY from or to the client is not supported");
    error_set_hint(error, "use INSERT or SELECT, or COPY with a file on the server");
    goto failed;
  }
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
    set_answer_error(conn, answer, error);
    goto failed;
  }
  summary->rows_affected = affected_rows(answer);
  summary->column_count = (uint32_t)PQnfields(answer);
  if (summary->column_count == 0) {
    PQclear(answer);
    return MOONBIRD_OK;
  }
  *result = result_new(conn, answer, is_binary, error);
  if (*result == NULL) {
    goto failed;
  }
  (*result)->rows = answer;
  return MOONBIRD_OK;
failed:
  PQclear(answer);
  return MOONBIRD_ERROR;
}

/* --- Ways of running --- */

static int32_t run_script(moonbird_conn *conn, moonbird_result **result, moonbird_summary *summary,
                          moonbird_error *error) {
  bool copied = false;
  PGresult *answer = NULL;
  if (PQsendQuery(conn->pg, (const char *)conn->sql.data)) {
    answer = connection_collect(conn, &copied);
  }
  return finish(conn, answer, copied, false, result, summary, error);
}

/* Encoded parameters, all types declared: one round trip, text results. */
static int32_t run_directly(moonbird_conn *conn, moonbird_result **result, moonbird_summary *summary,
                            moonbird_error *error) {
  const struct params *params = &conn->params;
  bool copied = false;
  PGresult *answer = NULL;
  if (PQsendQueryParams(conn->pg, (const char *)conn->sql.data, params->count, params->types, params->values,
                        params->lengths, params->formats, 0)) {
    answer = connection_collect(conn, &copied);
  }
  return finish(conn, answer, copied, false, result, summary, error);
}

static bool send_prepared(moonbird_conn *conn, const struct plan *plan) {
  const struct params *params = &conn->params;
  char name[PLAN_NAME_SIZE];
  plan_name(plan, name);
  return PQsendQueryPrepared(conn->pg, name, params->count, params->values, params->lengths, params->formats,
                             plan->is_binary);
}

/* DDL of another connection has changed the result's columns, or a pooler has given us another session all the same. */
static bool is_stale(const PGresult *answer) {
  const char *sqlstate = answer == NULL ? NULL : PQresultErrorField(answer, PG_DIAG_SQLSTATE);
  const char *function = answer == NULL ? NULL : PQresultErrorField(answer, PG_DIAG_SOURCE_FUNCTION);
  if (sqlstate == NULL) {
    return false;
  }
  return strcmp(sqlstate, "26000") == 0 ||
         (strcmp(sqlstate, "0A000") == 0 && function != NULL && strcmp(function, "RevalidateCachedQuery") == 0);
}

typedef bool (*encoder)(moonbird_conn *conn, const struct plan *plan, const moonbird_batch *batch,
                        moonbird_error *error);

static bool encode_row(moonbird_conn *conn, const struct plan *plan, const moonbird_batch *batch,
                       moonbird_error *error) {
  return params_encode(&conn->params, batch, 0, plan->inferred, error);
}

/* The arrays are encoded already: their types are what they are declared as. */
static bool encode_nothing(moonbird_conn *conn, const struct plan *plan, const moonbird_batch *batch,
                           moonbird_error *error) {
  (void)conn;
  (void)plan;
  (void)batch;
  (void)error;
  return true;
}

/* A stale statement is prepared anew where nothing is lost by that: outside a transaction, and once. Elsewhere it will
 * be when the transaction is begun again. */
static int32_t run_prepared(moonbird_conn *conn, bool is_kept, encoder encode, const moonbird_batch *batch,
                            moonbird_result **result, moonbird_summary *summary, moonbird_error *error) {
  bool may_retry = is_kept && PQtransactionStatus(conn->pg) == PQTRANS_IDLE;
  while (true) {
    const struct plan *plan = plan_get(conn, is_kept, error);
    if (plan == NULL || !encode(conn, plan, batch, error)) {
      return MOONBIRD_ERROR;
    }
    bool copied = false;
    bool is_binary = plan->is_binary;
    /* Receiving may clear the cache, and the plan with it. */
    PGresult *answer = send_prepared(conn, plan) ? connection_collect(conn, &copied) : NULL;
    bool stale = is_kept && is_stale(answer);
    if (stale) {
      plan_cache_clear(&conn->plans, strcmp(PQresultErrorField(answer, PG_DIAG_SQLSTATE), "0A000") == 0);
    }
    if (!stale || !may_retry) {
      int32_t outcome = finish(conn, answer, copied, is_binary, result, summary, error);
      if (stale) {
        error->retry = MOONBIRD_RETRY_TRANSACTION;
      }
      return outcome;
    }
    may_retry = false;
    PQclear(answer);
  }
}

/* --- Behind a pooler --- */

static bool is_kept(const moonbird_conn *conn, const moonbird_statement *statement) {
  return (statement->flags & MOONBIRD_REPEATED) != 0 && !conn->is_pooled;
}

static bool begin_own(moonbird_conn *conn, bool *has_begun, moonbird_error *error) {
  *has_begun = false;
  if (!conn->is_pooled || PQtransactionStatus(conn->pg) != PQTRANS_IDLE) {
    return true;
  }
  PGresult *answer = connection_run(conn, "BEGIN", 0, NULL, 0, error);
  *has_begun = answer != NULL;
  PQclear(answer);
  return *has_begun;
}

/* Ends what begin_own has begun; gives the outcome of the whole. */
static int32_t end_own(moonbird_conn *conn, bool has_begun, int32_t outcome, moonbird_result **result,
                       moonbird_error *error) {
  moonbird_error ignored;
  if (!has_begun) {
    return outcome;
  }
  if (outcome == MOONBIRD_ERROR) {
    PQclear(connection_run(conn, "ROLLBACK", 0, NULL, 0, &ignored));
    return outcome;
  }
  PGresult *answer = connection_run(conn, "COMMIT", 0, NULL, 0, error);
  if (answer == NULL && *result != NULL) {
    result_free(*result);
    *result = NULL;
  }
  outcome = answer == NULL ? MOONBIRD_ERROR : MOONBIRD_OK;
  PQclear(answer);
  return outcome;
}

static int32_t run_described(moonbird_conn *conn, bool kept, const moonbird_batch *batch, moonbird_result **result,
                             moonbird_summary *summary, moonbird_error *error) {
  bool has_begun = false;
  if (!begin_own(conn, &has_begun, error)) {
    return MOONBIRD_ERROR;
  }
  int32_t outcome = run_prepared(conn, kept, encode_row, batch, result, summary, error);
  return end_own(conn, has_begun, outcome, result, error);
}

/* --- Streams --- */

static bool open_stream(moonbird_conn *conn, const struct plan *plan, moonbird_result *result, moonbird_error *error) {
  bool is_query = sql_is_query((const char *)conn->sql.data, conn->sql.len);
  PGTransactionStatusType state = PQtransactionStatus(conn->pg);
  if (is_query && state == PQTRANS_INTRANS) {
    return cursor_open(result, error);
  }
  if (!send_prepared(conn, plan) || !PQsetSingleRowMode(conn->pg)) {
    bool copied = false;
    error_from_connection(error, conn->pg);
    PQclear(connection_collect(conn, &copied));
    return false;
  }
  return stream_open(result, state == PQTRANS_IDLE ? MOONBIRD_TX_IDLE : MOONBIRD_TX_ACTIVE, is_query, error);
}

static int32_t run_streaming(moonbird_conn *conn, const moonbird_batch *batch, moonbird_result **result,
                             moonbird_summary *summary, moonbird_error *error) {
  const struct plan *plan = plan_get(conn, false, error);
  if (plan == NULL || !encode_row(conn, plan, batch, error)) {
    return MOONBIRD_ERROR;
  }
  if (PQnfields(plan->description) == 0) {
    bool copied = false;
    PGresult *answer = send_prepared(conn, plan) ? connection_collect(conn, &copied) : NULL;
    return finish(conn, answer, copied, false, result, summary, error);
  }
  moonbird_result *made = result_new(conn, plan->description, plan->is_binary, error);
  if (made == NULL || !open_stream(conn, plan, made, error)) {
    result_free(made);
    return MOONBIRD_ERROR;
  }
  summary->column_count = (uint32_t)made->column_count;
  summary->rows_affected = -1;
  *result = made;
  return MOONBIRD_OK;
}

/* --- Ways of binding --- */

static int32_t run_row(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                       moonbird_summary *summary, moonbird_error *error) {
  const moonbird_batch *batch = statement->params;
  if (batch != NULL && batch->column_count > 0 && batch->row_count != 1) {
    error_set(error, "07001", "one row of parameters is needed, %llu were given", (unsigned long long)batch->row_count);
    return MOONBIRD_ERROR;
  }
  if (!params_declare(&conn->params, batch, 1, error)) {
    return MOONBIRD_ERROR;
  }
  /* A stream outside of a transaction would have to keep one open behind a pooler: there the rows come at once. */
  bool may_stream = !conn->is_pooled || PQtransactionStatus(conn->pg) != PQTRANS_IDLE;
  if ((statement->flags & MOONBIRD_STREAM) && may_stream) {
    return run_streaming(conn, batch, result, summary, error);
  }
  bool kept = is_kept(conn, statement);
  if (kept || params_need_description(&conn->params, batch, conn->server_is_utf8)) {
    return run_described(conn, kept, batch, result, summary, error);
  }
  if (!params_encode(&conn->params, batch, 0, NULL, error)) {
    return MOONBIRD_ERROR;
  }
  return run_directly(conn, result, summary, error);
}

static int32_t run_each(moonbird_conn *conn, const moonbird_statement *statement, moonbird_summary *summary,
                        moonbird_error *error) {
  const moonbird_batch *batch = statement->params;
  if (batch == NULL || batch->row_count == 0) {
    return MOONBIRD_OK;
  }
  if (!params_declare(&conn->params, batch, batch->row_count, error)) {
    return MOONBIRD_ERROR;
  }
  moonbird_result *none = NULL;
  bool has_begun = false;
  if (!begin_own(conn, &has_begun, error)) {
    return MOONBIRD_ERROR;
  }
  const struct plan *plan = plan_get(conn, is_kept(conn, statement), error);
  bool done = plan != NULL && pipeline_run(conn, plan, batch, &summary->rows_affected, error);
  return end_own(conn, has_begun, done ? MOONBIRD_OK : MOONBIRD_ERROR, &none, error);
}

static int32_t run_arrays(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                          moonbird_summary *summary, moonbird_error *error) {
  if (!params_encode_arrays(&conn->params, statement->params, error)) {
    return MOONBIRD_ERROR;
  }
  if (is_kept(conn, statement)) {
    return run_prepared(conn, true, encode_nothing, NULL, result, summary, error);
  }
  return run_directly(conn, result, summary, error);
}

/* The server accepts more values than the statement uses as long as their types are
 * declared. */
static bool check_count(const moonbird_conn *conn, const moonbird_statement *statement, moonbird_error *error) {
  uint32_t count = statement->params == NULL ? 0 : statement->params->column_count;
  if (count > 0 && (statement->flags & MOONBIRD_SCRIPT)) {
    error_set(error, "07001", "a script takes no parameters, but %u values were given", count);
    return false;
  }
  if (count > 0 && !sql_mentions_param((const char *)conn->sql.data, conn->sql.len, (int)count)) {
    error_set(error, "07001", "%u values were given, but the statement has no parameter $%u", count, count);
    return false;
  }
  return true;
}

static int32_t run(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                   moonbird_summary *summary, moonbird_error *error) {
  if (statement->flags & MOONBIRD_SCRIPT) {
    return run_script(conn, result, summary, error);
  }
  switch (statement->bind) {
  case MOONBIRD_BIND_ROW:
    return run_row(conn, statement, result, summary, error);
  case MOONBIRD_BIND_EACH:
    return run_each(conn, statement, summary, error);
  case MOONBIRD_BIND_ARRAYS:
    return run_arrays(conn, statement, result, summary, error);
  default:
    error_set(error, "0A000", "the driver does not know the way of binding number %u", statement->bind);
    return MOONBIRD_ERROR;
  }
}

int32_t statement_execute(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                          moonbird_summary *summary, moonbird_error *error) {
  *result = NULL;
  summary->column_count = 0;
  summary->rows_affected = 0;
  if (!stream_absorb(conn, error) || !set_sql(conn, statement, error) || !check_count(conn, statement, error)) {
    return MOONBIRD_ERROR;
  }
  connection_begin(conn);
  int32_t outcome = run(conn, statement, result, summary, error);
  connection_end(conn);
  return outcome;
}
