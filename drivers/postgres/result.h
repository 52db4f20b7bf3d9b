/*
 * result.h - the rows of a statement on their way to the host. The host owns the result; it borrows its connection and
 * dies before it. A batch is a view that lives until the next fetch.
 *
 * Life: result_new, then one of the three sources, result_fetch until MOONBIRD_DONE (or not), result_free.
 */
#ifndef MOONBIRD_POSTGRES_RESULT_H
#define MOONBIRD_POSTGRES_RESULT_H

#include "connection.h"
#include "decode.h"

enum result_source {
  SOURCE_ROWS,   /* all rows are in `rows` */
  SOURCE_CURSOR, /* `rows` has some, FETCH brings more; other statements may run between */
  SOURCE_STREAM  /* the server is sending; `pending` was received and not yet given */
};

struct moonbird_result {
  moonbird_conn *conn;
  enum result_source source;
  int column_count;
  struct result_column *columns;
  moonbird_column *views;
  bool is_binary;
  bool is_ended; /* nothing more comes from the server */
  PGresult *rows;
  int next; /* first row of `rows` that was not given yet */
  /* SOURCE_CURSOR */
  uint64_t cursor;
  uint64_t epoch; /* the connection's when the cursor was declared */
  /* SOURCE_STREAM */
  PGresult *pending;
  int32_t state_before; /* MOONBIRD_TX_... when the statement was sent */
  bool is_query;        /* changes nothing, so that it may be cancelled when nobody wants the rest */
  bool has_failed;      /* while the rest was taken into memory; `failure` goes to the fetch that gets there */
  moonbird_error failure;
};

/* Columns as `shape` describes them; source ROWS, without rows. NULL: out of memory, the error is filled. */
moonbird_result *result_new(moonbird_conn *conn, const PGresult *shape, bool is_binary, moonbird_error *error);

int32_t result_fetch(moonbird_result *result, uint64_t max_rows, moonbird_batch *batch, moonbird_error *error);

void result_free(moonbird_result *result);

/* Appends `count` rows of `rows`, from `first`, to the columns. */
bool result_append(moonbird_result *result, const PGresult *rows, int first, int count);

#endif
