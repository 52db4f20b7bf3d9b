/*
 * pipeline.c - sends row after row without waiting for each answer. Called by statement.c.
 *
 * Rows go in windows: after each window the answers to the one before are read, so that the server always has work and
 * neither side's buffer fills up. There is one synchronisation point, at the end: the server passes over everything
 * after the first failure up to there. Outside a transaction all rows are therefore one transaction.
 */
#include "pipeline.h"

#include "error.h"

#include <stdlib.h>

#define WINDOW_ROWS  256
#define WINDOW_BYTES ((size_t)256 * 1024)

struct pipeline {
  moonbird_conn *conn;
  uint64_t sent;
  uint64_t received;
  int64_t affected;
  bool has_failed; /* the error is filled; nothing more is sent */
  moonbird_error *error;
};

static void pipeline_note(struct pipeline *pipeline, PGresult *result) {
  ExecStatusType status = result == NULL ? PGRES_FATAL_ERROR : PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
    pipeline->affected += strtoll(PQcmdTuples(result), NULL, 10);
    return;
  }
  if (!pipeline->has_failed) {
    const struct buffer *sql = &pipeline->conn->sql;
    pipeline->has_failed = true;
    error_from_result(pipeline->error, pipeline->conn->pg, result, (const char *)sql->data, sql->len, 0);
  }
}

/* Reads the answers up to the row number `until`. */
static void pipeline_receive(struct pipeline *pipeline, uint64_t until) {
  PGconn *pg = pipeline->conn->pg;
  while (pipeline->received < until) {
    PGresult *result = PQgetResult(pg);
    pipeline_note(pipeline, result);
    if (result == NULL && PQstatus(pg) == CONNECTION_BAD) {
      return;
    }
    PQclear(result);
    while ((result = PQgetResult(pg)) != NULL) {
      pipeline_note(pipeline, result);
      PQclear(result);
    }
    pipeline->received++;
  }
}

static void pipeline_fail(struct pipeline *pipeline) {
  if (!pipeline->has_failed) {
    pipeline->has_failed = true;
    error_from_connection(pipeline->error, pipeline->conn->pg);
  }
}

static bool pipeline_send(struct pipeline *pipeline, const struct plan *plan, const moonbird_batch *batch,
                          uint64_t row) {
  moonbird_conn *conn = pipeline->conn;
  const struct params *params = &conn->params;
  char name[PLAN_NAME_SIZE];
  plan_name(plan, name);
  if (!params_encode(&conn->params, batch, row, plan->inferred, pipeline->error)) {
    pipeline->has_failed = true;
    return false;
  }
  if (!PQsendQueryPrepared(conn->pg, name, params->count, params->values, params->lengths, params->formats, 0)) {
    pipeline_fail(pipeline);
    return false;
  }
  pipeline->sent++;
  return true;
}

static void pipeline_rows(struct pipeline *pipeline, const struct plan *plan, const moonbird_batch *batch) {
  PGconn *pg = pipeline->conn->pg;
  uint64_t window_start = 0; /* first row of the window that is being sent */
  size_t window_bytes = 0;
  for (uint64_t row = 0; row < batch->row_count && !pipeline->has_failed; row++) {
    if (!pipeline_send(pipeline, plan, batch, row)) {
      return;
    }
    window_bytes += params_size(&pipeline->conn->params);
    if (pipeline->sent - window_start < WINDOW_ROWS && window_bytes < WINDOW_BYTES) {
      continue;
    }
    if (!PQsendFlushRequest(pg) || PQflush(pg) < 0) {
      pipeline_fail(pipeline);
      return;
    }
    pipeline_receive(pipeline, window_start);
    window_start = pipeline->sent;
    window_bytes = 0;
  }
}

/* Receives the rest, up to and with the synchronisation point. */
static void pipeline_finish(struct pipeline *pipeline) {
  PGconn *pg = pipeline->conn->pg;
  if (!PQpipelineSync(pg)) {
    pipeline_fail(pipeline);
    return;
  }
  pipeline_receive(pipeline, pipeline->sent);
  while (PQstatus(pg) != CONNECTION_BAD) {
    PGresult *result = PQgetResult(pg);
    ExecStatusType status = PQresultStatus(result);
    if (result != NULL && status != PGRES_PIPELINE_SYNC) {
      pipeline_note(pipeline, result);
    }
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC) {
      return;
    }
  }
  pipeline_fail(pipeline);
}

bool pipeline_run(moonbird_conn *conn, const struct plan *plan, const moonbird_batch *batch, int64_t *affected,
                  moonbird_error *error) {
  struct pipeline pipeline = {.conn = conn, .error = error};
  if (!PQenterPipelineMode(conn->pg)) {
    error_from_connection(error, conn->pg);
    return false;
  }
  pipeline_rows(&pipeline, plan, batch);
  pipeline_finish(&pipeline);
  PQexitPipelineMode(conn->pg);
  *affected = pipeline.affected;
  return !pipeline.has_failed;
}
