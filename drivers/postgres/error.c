/*
 * error.c - one place where libpq's errors become moonbird_error. Called by every file that talks to the server.
 * Texts are cut at a character's boundary and made valid UTF-8: a server that refuses a connection may still speak
 * its own encoding.
 */
#include "error.h"

#include "sqltext.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of `text` that fit into `size` with the NUL, without cutting a character. */
static size_t fitting_length(const char *text, size_t len, size_t size) {
  if (len < size) {
    return len;
  }
  len = size - 1;
  while (len > 0 && ((unsigned char)text[len] & 0xC0u) == 0x80u) {
    len--;
  }
  return len;
}

static void copy_bytes(char *out, size_t size, const char *text, size_t len) {
  len = fitting_length(text, len, size);
  memcpy(out, text, len);
  out[len] = '\0';
  if (text_is_utf8(out, len)) {
    return;
  }
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)out[i] >= 0x80) {
      out[i] = '?';
    }
  }
}

static void copy_text(char *out, size_t size, const char *text) {
  copy_bytes(out, size, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

static void error_start(moonbird_error *error, const char *sqlstate) {
  *error = (moonbird_error){.size = sizeof *error, .position = -1};
  copy_text(error->sqlstate, sizeof error->sqlstate, sqlstate);
  error->retry = error_retry_of(sqlstate);
}

uint8_t error_retry_of(const char *sqlstate) {
  if (strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0 || strcmp(sqlstate, "55P03") == 0) {
    return MOONBIRD_RETRY_TRANSACTION;
  }
  /* 08P01 is a protocol violation, the fault of the call; 25006 is a primary that has become a standby; 53300 too many
   * connections. */
  bool is_connection = strncmp(sqlstate, "08", 2) == 0 && strcmp(sqlstate, "08P01") != 0;
  if (is_connection || strcmp(sqlstate, "57P01") == 0 || strcmp(sqlstate, "57P02") == 0 ||
      strcmp(sqlstate, "57P03") == 0 || strcmp(sqlstate, "25006") == 0 || strcmp(sqlstate, "53300") == 0) {
    return MOONBIRD_RETRY_CONNECTION;
  }
  return MOONBIRD_RETRY_NEVER;
}

void error_set(moonbird_error *error, const char *sqlstate, const char *format, ...) {
  char text[sizeof error->message * 2];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  error_start(error, sqlstate);
  copy_text(error->message, sizeof error->message, text);
}

void error_set_hint(moonbird_error *error, const char *hint) {
  copy_text(error->hint, sizeof error->hint, hint);
}

void error_set_memory(moonbird_error *error) {
  error_set(error, "53200", "the PostgreSQL driver is out of memory");
}

/* Appends to the detail as a line of its own. */
static void add_detail(moonbird_error *error, const char *text, size_t len) {
  size_t used = strlen(error->detail);
  if (used > 0 && used + 2 < sizeof error->detail) {
    error->detail[used++] = '\n';
    error->detail[used] = '\0';
  }
  copy_bytes(error->detail + used, sizeof error->detail - used, text, len);
}

static void copy_field(char *out, size_t size, const PGresult *result, int field) {
  copy_text(out, size, PQresultErrorField(result, field));
}

static void fill_from_fields(moonbird_error *error, const PGresult *result, const char *sqlstate) {
  error_start(error, sqlstate);
  copy_field(error->message, sizeof error->message, result, PG_DIAG_MESSAGE_PRIMARY);
  copy_field(error->detail, sizeof error->detail, result, PG_DIAG_MESSAGE_DETAIL);
  copy_field(error->hint, sizeof error->hint, result, PG_DIAG_MESSAGE_HINT);
  copy_field(error->column, sizeof error->column, result, PG_DIAG_COLUMN_NAME);
  copy_field(error->constraint, sizeof error->constraint, result, PG_DIAG_CONSTRAINT_NAME);
  const char *schema = PQresultErrorField(result, PG_DIAG_SCHEMA_NAME);
  const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
  if (table != NULL) {
    char name[sizeof error->table];
    bool is_plain = schema == NULL || strcmp(schema, "public") == 0 || strncmp(schema, "pg_temp", 7) == 0;
    snprintf(name, sizeof name, "%s%s%s", is_plain ? "" : schema, is_plain ? "" : ".", table);
    copy_text(error->table, sizeof error->table, name);
  }
  const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
  if (context != NULL) {
    add_detail(error, context, strlen(context));
  }
}

/* What the server says of a statement that the caller of the driver called wrongly, in the caller's words. */
static void improve(moonbird_error *error) {
  if (strcmp(error->sqlstate, "08P01") == 0 && strncmp(error->message, "bind message supplies ", 22) == 0) {
    const char *last = strrchr(error->message, ' ');
    int given = (int)strtol(error->message + 22, NULL, 10);
    int needed = (int)strtol(last, NULL, 10);
    error_set(error, "07001", "the statement has %d parameters, but %d values were given", needed, given);
  }
  if (strcmp(error->sqlstate, "22021") == 0 && strstr(error->message, "0x00") != NULL && error->hint[0] == '\0') {
    error_set_hint(error, "PostgreSQL text cannot hold NUL bytes; use a bytea column for binary data");
  }
}

void error_from_result(moonbird_error *error, PGconn *pg, const PGresult *result, const char *sql, size_t sql_len,
                       size_t prefix_chars) {
  const char *sqlstate = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate == NULL) {
    error_from_connection(error, pg);
    return;
  }
  fill_from_fields(error, result, sqlstate);
  const char *position_text = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
  size_t position = position_text == NULL ? 0 : (size_t)strtoul(position_text, NULL, 10);
  if (sql != NULL && position > prefix_chars) {
    error->position = (int64_t)sql_offset_of_char(sql, sql_len, position - prefix_chars);
  }
  improve(error);
  if (PQstatus(pg) == CONNECTION_BAD) {
    error->retry = MOONBIRD_RETRY_CONNECTION;
  }
}

/* The next line of `*text` without its end; false after the last one. Empty lines are passed over. */
static bool next_line(const char **text, const char **line, size_t *len) {
  while (**text == '\n' || **text == '\r') {
    (*text)++;
  }
  if (**text == '\0') {
    return false;
  }
  *line = *text;
  *len = strcspn(*text, "\r\n");
  *text += *len;
  return true;
}

void error_from_connection(moonbird_error *error, PGconn *pg) {
  const char *text = PQerrorMessage(pg);
  const char *line = "";
  size_t len = 0;
  next_line(&text, &line, &len);
  if (PQstatus(pg) == CONNECTION_BAD) {
    error_set(error, "08006", "the connection to the database was lost");
    add_detail(error, line, len);
    return;
  }
  if (len == 0 || strstr(line, "out of memory") != NULL) {
    error_set_memory(error);
    return;
  }
  error_set(error, "HY000", "%.*s", (int)(len < 1000 ? len : 1000), line);
}

/* Finds ":  28P01: " in a line of libpq's verbose form; `*state` points to the five characters. */
static bool find_sqlstate(const char *line, size_t len, const char **state) {
  for (size_t i = 0; i + 10 <= len; i++) {
    if (memcmp(line + i, ":  ", 3) != 0 || memcmp(line + i + 8, ": ", 2) != 0) {
      continue;
    }
    if (strspn(line + i + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5) {
      *state = line + i + 3;
      return true;
    }
  }
  return false;
}

/* For failures that libpq finds itself, where no server has given a SQLSTATE. */
static const char *guess_connect_sqlstate(const char *line, size_t len) {
  static const struct {
    const char *part;
    const char *sqlstate;
  } known[] = {
      {"no password supplied", "28P01"},
      {"password authentication failed", "28P01"},
      {"no pg_hba.conf entry", "28000"},
      {"authentication failed", "28000"},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (memmem(line, len, known[i].part, strlen(known[i].part)) != NULL) {
      return known[i].sqlstate;
    }
  }
  return "08001";
}

/* Bytes of the line before the severity ("FATAL") that stands before the SQLSTATE. */
static size_t severity_start(const char *line, const char *state) {
  size_t at = (size_t)(state - line) - 3;
  while (at >= 2 && memcmp(line + at - 2, ": ", 2) != 0) {
    at--;
  }
  return at < 2 ? 0 : at;
}

/* One attempt of libpq: a host has several addresses, a URL several hosts, an address may be tried with and without
 * TLS. Writes the line without severity and SQLSTATE. */
static void set_attempt(moonbird_error *error, const char *line, size_t len) {
  const char *state = NULL;
  if (!find_sqlstate(line, len, &state)) {
    error_start(error, guess_connect_sqlstate(line, len));
    copy_bytes(error->message, sizeof error->message, line, len);
    return;
  }
  char sqlstate[6] = {0};
  memcpy(sqlstate, state, 5);
  error_start(error, sqlstate);
  size_t before = severity_start(line, state);
  size_t after = (size_t)(line + len - (state + 7));
  copy_bytes(error->message, sizeof error->message, line, before);
  size_t used = strlen(error->message);
  copy_bytes(error->message + used, sizeof error->message - used, state + 7, after);
}

/* True for the lines that explain an attempt: libpq starts them with a tab, the server with a field's name. */
static bool is_explanation(const char *line, size_t len) {
  return line[0] == '\t' || memmem(line, len, "connection to server", 20) != line;
}

void error_from_connect_text(moonbird_error *error, const char *text) {
  moonbird_error first = {0};
  moonbird_error refused = {0};
  const char *line = "";
  size_t len = 0;
  char hint[sizeof error->hint] = "";
  while (next_line(&text, &line, &len)) {
    if (line[0] == '\t' && hint[0] == '\0') {
      copy_bytes(hint, sizeof hint, line + 1, len - 1);
    }
    if (strncmp(line, "HINT:  ", 7) == 0 && len > 7) {
      copy_bytes(hint, sizeof hint, line + 7, len - 7);
    }
    if (first.message[0] != '\0' && is_explanation(line, len)) {
      continue;
    }
    moonbird_error attempt;
    set_attempt(&attempt, line, len);
    if (first.message[0] == '\0') {
      first = attempt;
    }
    /* A server that answered tells more than an address where nobody listens. */
    if (refused.message[0] == '\0' && strcmp(attempt.sqlstate, "08001") != 0) {
      refused = attempt;
    }
  }
  if (first.message[0] == '\0') {
    error_set(&first, "08001", "the connection could not be opened");
  }
  *error = refused.message[0] != '\0' ? refused : first;
  error_set_hint(error, hint);
}

void error_from_notice(moonbird_error *notice, const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  fill_from_fields(notice, result, sqlstate == NULL ? "00000" : sqlstate);
  notice->retry = MOONBIRD_RETRY_NEVER;
  notice->severity = MOONBIRD_SEVERITY_NOTICE;
  if (severity == NULL || strcmp(severity, "WARNING") == 0) {
    notice->severity = MOONBIRD_SEVERITY_WARNING;
  } else if (strncmp(severity, "DEBUG", 5) == 0) {
    notice->severity = MOONBIRD_SEVERITY_DEBUG;
  }
  if (notice->message[0] == '\0') {
    copy_text(notice->message, sizeof notice->message, PQresultErrorMessage(result));
    notice->message[strcspn(notice->message, "\r\n")] = '\0';
  }
}
