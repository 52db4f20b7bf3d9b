/*
 * statement.c - runs the host's statements: one with its parameters, one for each row of a batch, or a script.
 *
 * Called through the driver's table. Rows are result.c's business, values bind.c's. What must stay true: a call leaves
 * no statement unfinished unless it returns a stream, since an unfinished one holds locks and sees later writes.
 */
#include "statement.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "error.h"
#include "result.h"
#include "rows.h"

/* --- Text --- */

/* Past spaces, comments and empty statements, as SQLite's own tokenizer sees them. */
static const char *skip_blank(const char *at, const char *end) {
  while (at < end) {
    if (memchr(" \t\n\f\r;", *at, 6) != NULL) {
      at++;
    } else if (end - at >= 2 && at[0] == '-' && at[1] == '-') {
      const char *line_end = memchr(at, '\n', (size_t)(end - at));
      at = line_end != NULL ? line_end + 1 : end;
    } else if (end - at >= 2 && at[0] == '/' && at[1] == '*') {
      const char *close = end - at >= 4 ? memmem(at + 2, (size_t)(end - at - 2), "*/", 2) : NULL;
      at = close != NULL ? close + 2 : end;
    } else {
      break;
    }
  }
  return at;
}

static int32_t check_text(const char *sql, uint64_t len, moonbird_error *error) {
  if (len >= INT_MAX) {
    return error_set(error, "54000", "the SQL text is longer than SQLite allows");
  }
  const char *nul = len > 0 ? memchr(sql, '\0', len) : NULL;
  if (nul != NULL) {
    error_set(error, "42601", "the SQL text holds a NUL byte");
    error->position = nul - sql;
    return MOONBIRD_ERROR;
  }
  return MOONBIRD_OK;
}

/* --- Preparing, and the cache --- */

/* Prepares what begins at `sql`; `len` counts a closing NUL if there is one, which saves SQLite a copy of the rest.
 * `base` is where positions are counted from. */
static int32_t prepare(moonbird_conn *conn, const char *base, const char *sql, size_t len, unsigned flags,
                       sqlite3_stmt **stmt, const char **tail, moonbird_error *error) {
  int code = sqlite3_prepare_v3(conn->db, sql, (int)len, flags, stmt, tail);
  if (code == SQLITE_OK) {
    return MOONBIRD_OK;
  }
  error_from_sqlite(error, conn, code);
  int offset = sqlite3_error_offset(conn->db);
  if (offset >= 0) {
    error->position = (sql - base) + offset;
  }
  return MOONBIRD_ERROR;
}

/* As above, and nothing may follow the statement. */
static int32_t prepare_single(moonbird_conn *conn, const moonbird_statement *statement, unsigned flags,
                              sqlite3_stmt **stmt, moonbird_error *error) {
  const char *sql = statement->sql;
  const char *end = sql + statement->sql_len;
  const char *start = skip_blank(sql, end);
  if (start == end) {
    return MOONBIRD_OK;
  }
  const char *tail = NULL;
  int32_t status = prepare(conn, sql, start, (size_t)(end - start), flags, stmt, &tail, error);
  if (status != MOONBIRD_OK) {
    return status;
  }
  const char *next = skip_blank(tail, end);
  if (next == end) {
    return MOONBIRD_OK;
  }
  sqlite3_finalize(*stmt);
  *stmt = NULL;
  error_set(error, "42601", "the text holds more than one statement");
  error_hint(error, "Run the statements one by one, or the whole text as a script.");
  error->position = next - sql;
  return MOONBIRD_ERROR;
}

/* FNV-1a. */
static uint64_t hash_text(const char *text, size_t len) {
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < len; i++) {
    hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
  }
  return hash;
}

static struct cached_statement *cache_find(moonbird_conn *conn, const char *sql, size_t len, uint64_t hash) {
  for (size_t i = 0; i < STATEMENT_CACHE_SIZE; i++) {
    struct cached_statement *entry = &conn->cache[i];
    if (entry->stmt != NULL && !entry->is_in_use && entry->hash == hash && entry->sql_len == len &&
        memcmp(entry->sql, sql, len) == 0) {
      return entry;
    }
  }
  return NULL;
}

static void cache_entry_clear(struct cached_statement *entry) {
  sqlite3_finalize(entry->stmt);
  free(entry->sql);
  *entry = (struct cached_statement){0};
}

/* The entry that was used longest ago, emptied; NULL when open streams use them all. */
static struct cached_statement *cache_make_room(moonbird_conn *conn) {
  struct cached_statement *oldest = NULL;
  for (size_t i = 0; i < STATEMENT_CACHE_SIZE; i++) {
    struct cached_statement *entry = &conn->cache[i];
    if (!entry->is_in_use && (oldest == NULL || entry->last_use < oldest->last_use)) {
      oldest = entry;
    }
  }
  if (oldest != NULL) {
    cache_entry_clear(oldest);
  }
  return oldest;
}

/* Without room or memory the statement is simply not kept. */
static void cache_store(moonbird_conn *conn, const moonbird_statement *statement, uint64_t hash,
                        struct held_statement *held) {
  size_t len = (size_t)statement->sql_len;
  char *sql = malloc(len + 1);
  struct cached_statement *entry = sql != NULL ? cache_make_room(conn) : NULL;
  if (entry == NULL) {
    free(sql);
    return;
  }
  memcpy(sql, statement->sql, len);
  *entry = (struct cached_statement){.sql = sql, .sql_len = len, .hash = hash, .stmt = held->stmt};
  held->entry = entry;
}

static int32_t statement_acquire(moonbird_conn *conn, const moonbird_statement *statement, struct held_statement *held,
                                 moonbird_error *error) {
  *held = (struct held_statement){0};
  bool is_repeated = (statement->flags & MOONBIRD_REPEATED) != 0;
  uint64_t hash = is_repeated ? hash_text(statement->sql, (size_t)statement->sql_len) : 0;
  if (is_repeated) {
    held->entry = cache_find(conn, statement->sql, (size_t)statement->sql_len, hash);
  }
  if (held->entry != NULL) {
    held->stmt = held->entry->stmt;
  } else {
    unsigned flags = is_repeated ? SQLITE_PREPARE_PERSISTENT : 0;
    int32_t status = prepare_single(conn, statement, flags, &held->stmt, error);
    if (status != MOONBIRD_OK) {
      return status;
    }
    if (is_repeated && held->stmt != NULL) {
      cache_store(conn, statement, hash, held);
    }
  }
  if (held->entry != NULL) {
    held->entry->is_in_use = true;
    held->entry->last_use = ++conn->use_counter;
  }
  return MOONBIRD_OK;
}

void statement_release(struct held_statement *held) {
  if (held->entry == NULL) {
    sqlite3_finalize(held->stmt);
  } else {
    sqlite3_reset(held->stmt);
    sqlite3_clear_bindings(held->stmt);
    held->entry->is_in_use = false;
  }
  *held = (struct held_statement){0};
}

void statement_cache_clear(moonbird_conn *conn) {
  for (size_t i = 0; i < STATEMENT_CACHE_SIZE; i++) {
    if (conn->cache[i].stmt != NULL) {
      cache_entry_clear(&conn->cache[i]);
    }
  }
}

/* --- Running --- */

/* sqlite3_changes64 keeps its value over statements that count nothing, and the total counts triggers too: the total
 * tells whether, the other how many. */
static int64_t rows_changed(moonbird_conn *conn, int64_t total_before) {
  return sqlite3_total_changes64(conn->db) == total_before ? 0 : sqlite3_changes64(conn->db);
}

/* Runs a bound statement once. Rows are read at once unless a stream is wanted and nothing is written: RETURNING must
 * run to its end to count. A stream empties `held`. */
static int32_t run_once(moonbird_conn *conn, struct held_statement *held, bool wants_stream, moonbird_result **result,
                        moonbird_summary *summary, moonbird_error *error) {
  int64_t total_before = sqlite3_total_changes64(conn->db);
  int code = sqlite3_step(held->stmt);
  if (code != SQLITE_ROW && code != SQLITE_DONE) {
    return error_from_sqlite(error, conn, code);
  }
  /* Asked after the step, which prepares again when the schema has changed. */
  if (sqlite3_column_count(held->stmt) > 0) {
    moonbird_result *rows = result_new(conn, held->stmt, error);
    if (rows == NULL) {
      return MOONBIRD_ERROR;
    }
    if (wants_stream && sqlite3_stmt_readonly(held->stmt) != 0) {
      result_take_statement(rows, held, code);
    } else if (result_read_all(rows, held->stmt, code, error) != MOONBIRD_OK) {
      result_free(rows);
      return MOONBIRD_ERROR;
    }
    *result = rows;
    summary->column_count = result_column_count(rows);
  }
  summary->rows_affected = rows_changed(conn, total_before);
  return MOONBIRD_OK;
}

static int32_t run_row(moonbird_conn *conn, const moonbird_statement *statement, struct held_statement *held,
                       moonbird_result **result, moonbird_summary *summary, moonbird_error *error) {
  const moonbird_batch *params = statement->params;
  if (params != NULL && params->column_count > 0) {
    if (params->row_count != 1) {
      return error_set(error, "07001", "one row of parameters is needed, %llu were given",
                       (unsigned long long)params->row_count);
    }
    int32_t status = bind_row(conn, held->stmt, params, 0, error);
    if (status != MOONBIRD_OK) {
      return status;
    }
  }
  bool wants_stream = (statement->flags & MOONBIRD_STREAM) != 0;
  return run_once(conn, held, wants_stream, result, summary, error);
}

/* One row of a batch: to the end, rows that it gives are dropped. */
static int step_to_end(sqlite3_stmt *stmt) {
  int code = sqlite3_step(stmt);
  while (code == SQLITE_ROW) {
    code = sqlite3_step(stmt);
  }
  return code;
}

static int32_t run_each(moonbird_conn *conn, sqlite3_stmt *stmt, const moonbird_batch *params,
                        moonbird_summary *summary, moonbird_error *error) {
  int64_t affected = 0;
  uint64_t row_count = params == NULL ? 0 : params->row_count;
  for (uint64_t row = 0; row < row_count; row++) {
    if (bind_row(conn, stmt, params, row, error) != MOONBIRD_OK) {
      return error_detail(error, "row %llu of the batch, counted from 0", (unsigned long long)row);
    }
    int64_t total_before = sqlite3_total_changes64(conn->db);
    int code = connection_is_cancelled(conn) ? SQLITE_INTERRUPT : step_to_end(stmt);
    if (code != SQLITE_DONE) {
      error_from_sqlite(error, conn, code);
      return error_detail(error, "row %llu of the batch, counted from 0", (unsigned long long)row);
    }
    affected += rows_changed(conn, total_before);
    sqlite3_reset(stmt);
  }
  summary->rows_affected = affected;
  return MOONBIRD_OK;
}

/* The whole batch at once: the statement reads it from moonbird_rows. */
static int32_t run_rows(moonbird_conn *conn, sqlite3_stmt *stmt, const moonbird_batch *params,
                        moonbird_summary *summary, moonbird_error *error) {
  int32_t status = rows_offer(conn, params, error);
  if (status != MOONBIRD_OK) {
    return status;
  }
  int64_t total_before = sqlite3_total_changes64(conn->db);
  int code = step_to_end(stmt);
  rows_withdraw(conn);
  if (code != SQLITE_DONE) {
    return error_from_sqlite(error, conn, code);
  }
  summary->rows_affected = rows_changed(conn, total_before);
  return MOONBIRD_OK;
}

static int32_t execute_single(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                              moonbird_summary *summary, moonbird_error *error) {
  if (statement->bind == MOONBIRD_BIND_ARRAYS) {
    return error_set(error, "0A000", "SQLite has no arrays: BIND_ARRAYS is not supported");
  }
  if (statement->bind > MOONBIRD_BIND_ARRAYS) {
    return error_set(error, "0A000", "the sqlite driver does not know the bind mode %u", statement->bind);
  }
  struct held_statement held;
  int32_t status = statement_acquire(conn, statement, &held, error);
  if (status != MOONBIRD_OK) {
    return status;
  }
  bool reads_rows = rows_are_wanted(held.stmt, statement->params);
  status = bind_check(held.stmt, reads_rows ? NULL : statement->params, error);
  if (status == MOONBIRD_OK && reads_rows) {
    status = run_rows(conn, held.stmt, statement->params, summary, error);
  } else if (status == MOONBIRD_OK && held.stmt != NULL) {
    status = statement->bind == MOONBIRD_BIND_EACH ? run_each(conn, held.stmt, statement->params, summary, error)
                                                   : run_row(conn, statement, &held, result, summary, error);
  }
  statement_release(&held);
  return status;
}

/* --- Scripts --- */

/* One statement of a script. Rows are kept from the last one only; those of the others are passed over. */
static int32_t script_run_one(moonbird_conn *conn, sqlite3_stmt *stmt, bool is_last, moonbird_result **result,
                              moonbird_summary *summary, moonbird_error *error) {
  struct held_statement held = {.stmt = stmt};
  if (bind_check(stmt, NULL, error) != MOONBIRD_OK) {
    return MOONBIRD_ERROR;
  }
  if (is_last) {
    return run_once(conn, &held, false, result, summary, error);
  }
  int64_t total_before = sqlite3_total_changes64(conn->db);
  int code = step_to_end(stmt);
  if (code != SQLITE_DONE) {
    return error_from_sqlite(error, conn, code);
  }
  summary->rows_affected = rows_changed(conn, total_before);
  return MOONBIRD_OK;
}

/* `sql` ends with a NUL at `end`. */
static int32_t script_run(moonbird_conn *conn, const char *sql, const char *end, moonbird_result **result,
                          moonbird_summary *summary, moonbird_error *error) {
  int64_t affected = 0;
  const char *at = skip_blank(sql, end);
  int32_t status = MOONBIRD_OK;
  while (at < end && status == MOONBIRD_OK) {
    sqlite3_stmt *stmt = NULL;
    const char *tail = NULL;
    status = prepare(conn, sql, at, (size_t)(end - at) + 1, 0, &stmt, &tail, error);
    if (status != MOONBIRD_OK) {
      break;
    }
    const char *next = skip_blank(tail, end);
    status = script_run_one(conn, stmt, next == end, result, summary, error);
    sqlite3_finalize(stmt);
    if (status != MOONBIRD_OK && error->position < 0) {
      error->position = at - sql; /* the statement at least */
    }
    affected += summary->rows_affected;
    at = next;
  }
  summary->rows_affected = affected;
  return status;
}

static int32_t execute_script(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                              moonbird_summary *summary, moonbird_error *error) {
  if (statement->params != NULL && statement->params->column_count > 0) {
    return error_set(error, "07001", "a script takes no parameters, %u were given", statement->params->column_count);
  }
  size_t len = (size_t)statement->sql_len;
  char *sql = malloc(len + 1);
  if (sql == NULL) {
    return error_no_memory(error);
  }
  if (len > 0) {
    memcpy(sql, statement->sql, len);
  }
  sql[len] = '\0';
  int32_t status = script_run(conn, sql, sql + len, result, summary, error);
  free(sql);
  return status;
}

/* --- The host's call --- */

/* Some errors (a full disk, a cancelled write, RAISE(ROLLBACK)) end the whole transaction: nothing less can be tried
 * again. */
static void note_lost_transaction(moonbird_error *error) {
  if (error->retry == MOONBIRD_RETRY_STATEMENT) {
    error->retry = MOONBIRD_RETRY_TRANSACTION;
  }
  if (error->detail[0] == '\0') {
    error_detail(error, "SQLite has rolled back the whole transaction.");
  }
}

int32_t statement_execute(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                          moonbird_summary *summary, moonbird_error *error) {
  *result = NULL;
  int32_t status = check_text(statement->sql, statement->sql_len, error);
  if (status != MOONBIRD_OK) {
    return status;
  }
  moonbird_summary done = {0};
  bool is_script = (statement->flags & MOONBIRD_SCRIPT) != 0;
  bool was_in_transaction = sqlite3_get_autocommit(conn->db) == 0;
  connection_call_begin(conn);
  status = is_script ? execute_script(conn, statement, result, &done, error)
                     : execute_single(conn, statement, result, &done, error);
  connection_call_end(conn);
  if (status == MOONBIRD_OK) {
    summary->column_count = done.column_count;
    summary->rows_affected = done.rows_affected;
  } else if (was_in_transaction && sqlite3_get_autocommit(conn->db) != 0) {
    note_lost_transaction(error);
  }
  return status;
}
