/*
 * error.c - from SQLite's result codes and messages to SQLSTATE, retry advice and names.
 *
 * Every file of the driver reports through here. SQLite has one code, SQLITE_ERROR, for all that is wrong with a text;
 * there the message decides, so the two tables below are the whole knowledge.
 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_rule {
  int code; /* an extended code, or a primary one for all its extended codes that are not listed */
  const char *sqlstate;
  uint8_t retry;
  bool names_file; /* the message is worth nothing without the file's name */
};

static const struct code_rule code_rules[] = {
    {SQLITE_CONSTRAINT_UNIQUE, "23505", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT_PRIMARYKEY, "23505", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT_ROWID, "23505", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT_NOTNULL, "23502", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT_FOREIGNKEY, "23503", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT_CHECK, "23514", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT_TRIGGER, "P0001", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT_DATATYPE, "42804", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_CONSTRAINT, "23000", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_BUSY_SNAPSHOT, "55P03", MOONBIRD_RETRY_TRANSACTION, true},
    {SQLITE_BUSY, "55P03", MOONBIRD_RETRY_STATEMENT, true},
    {SQLITE_LOCKED_SHAREDCACHE, "55P03", MOONBIRD_RETRY_STATEMENT, false},
    {SQLITE_LOCKED, "55P03", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_PROTOCOL, "55P03", MOONBIRD_RETRY_STATEMENT, true},
    {SQLITE_ABORT_ROLLBACK, "40000", MOONBIRD_RETRY_TRANSACTION, false},
    {SQLITE_ABORT, "57014", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_INTERRUPT, "57014", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_SCHEMA, "55000", MOONBIRD_RETRY_STATEMENT, false},
    {SQLITE_FULL, "53100", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_NOMEM, "53200", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_IOERR_NOMEM, "53200", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_IOERR, "58030", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_READONLY, "25006", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_CANTOPEN, "08001", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_NOTADB, "XX001", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_CORRUPT, "XX001", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_AUTH, "42501", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_PERM, "42501", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_TOOBIG, "54000", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_MISMATCH, "42804", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_RANGE, "07001", MOONBIRD_RETRY_NEVER, false},
    {SQLITE_NOLFS, "0A000", MOONBIRD_RETRY_NEVER, true},
    {SQLITE_MISUSE, "HY010", MOONBIRD_RETRY_NEVER, false},
};

#define NO_COPY      "COPY is PostgreSQL's; write the rows as INSERT statements."
#define STRICT_TYPES "Columns of a STRICT table are of the type INTEGER, REAL, TEXT, BLOB or ANY."

/* For SQLITE_ERROR: the first pattern that the message holds decides. The texts are SQLite's own. */
struct message_rule {
  const char *pattern;
  const char *sqlstate;
  const char *hint; /* NULL: the message says it all */
};

static const struct message_rule message_rules[] = {
    {"near \"COPY\": syntax error", "42601", NO_COPY},
    {"near \"copy\": syntax error", "42601", NO_COPY},
    {"unknown datatype for", "42704", STRICT_TYPES},
    {"missing datatype for", "42704", STRICT_TYPES},
    {"PRIMARY KEY missing on table", "42P16", "A table WITHOUT ROWID needs a primary key."},
    {"unknown database", "3F000", "ATTACH gives a file the name of a schema; main and temp are there."},
    {"no such table", "42P01", NULL},
    {"no such view", "42P01", NULL},
    {"no such column", "42703", NULL},
    {"has no column named", "42703", NULL},
    {"duplicate column name", "42701", NULL},
    {"ambiguous column name", "42702", NULL},
    {"syntax error", "42601", NULL},
    {"incomplete input", "42601", NULL},
    {"unrecognized token", "42601", NULL},
    {"were supplied", "42601", NULL},
    {"all VALUES must have", "42601", NULL},
    {"do not have the same number of result columns", "42601", NULL},
    {" values for ", "42601", NULL},
    {"already exists", "42P07", NULL},
    {"already an index named", "42P07", NULL},
    {"already another table or index", "42P07", NULL},
    {"no such index", "42704", NULL},
    {"no such trigger", "42704", NULL},
    {"no such collation", "42704", NULL},
    {"no such module", "42704", NULL},
    {"no such function", "42883", NULL},
    {"wrong number of arguments", "42883", NULL},
    {"no such savepoint", "3B001", NULL},
    {"within a transaction", "25001", NULL},
    {"inside a transaction", "25001", NULL},
    {"no transaction is active", "25P01", NULL},
    {"misuse of aggregate", "42803", NULL},
    {"misuse of window", "42P20", NULL},
    {"foreign key mismatch", "42830", NULL},
    {"more than one primary key", "42P16", NULL},
    {"Cannot add a PRIMARY KEY column", "42P16", NULL},
    {"Cannot add a NOT NULL column", "23502", NULL},
    {"because it is a view", "42809", NULL},
    {"may not be", "42809", NULL},
    {"integer overflow", "22003", NULL},
    {"malformed JSON", "22P02", NULL},
    {"too many", "54000", NULL},
    {"too large", "54000", NULL},
};

/* Length of the UTF-8 character at `text`, 0 where there is none (overlong forms and surrogates included). */
static size_t utf8_len(const unsigned char *text, size_t len) {
  unsigned char lead = text[0];
  size_t need = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (need == 0 || need > len) {
    return 0;
  }
  for (size_t i = 1; i < need; i++) {
    if ((text[i] & 0xc0) != 0x80) {
      return 0;
    }
  }
  bool is_overlong = (lead == 0xe0 && text[1] < 0xa0) || (lead == 0xf0 && text[1] < 0x90);
  bool is_outside = (lead == 0xed && text[1] > 0x9f) || (lead == 0xf4 && text[1] > 0x8f);
  return is_overlong || is_outside ? 0 : need;
}

void error_copy_text(char *field, size_t size, const char *text, size_t len) {
  const unsigned char *from = (const unsigned char *)text;
  size_t used = 0;
  while (len > 0) {
    size_t n = utf8_len(from, len);
    size_t step = n == 0 ? 1 : n;
    if (used + step >= size) {
      break;
    }
    if (n == 0) {
      field[used] = '?';
    } else {
      memcpy(field + used, from, n);
    }
    used += step;
    from += step;
    len -= step;
  }
  field[used] = '\0';
}

__attribute__((format(printf, 3, 0))) static void format_text(char *field, size_t size, const char *format,
                                                              va_list args) {
  char text[2048];
  int len = vsnprintf(text, sizeof text, format, args);
  if (len < 0) {
    len = 0;
    text[0] = '\0';
  }
  error_copy_text(field, size, text, strlen(text));
}

int32_t error_set(moonbird_error *error, const char *sqlstate, const char *format, ...) {
  memcpy(error->sqlstate, sqlstate, 5);
  error->sqlstate[5] = '\0';
  error->severity = MOONBIRD_SEVERITY_ERROR;
  error->retry = MOONBIRD_RETRY_NEVER;
  error->position = -1;
  va_list args;
  va_start(args, format);
  format_text(error->message, sizeof error->message, format, args);
  va_end(args);
  return MOONBIRD_ERROR;
}

int32_t error_hint(moonbird_error *error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  format_text(error->hint, sizeof error->hint, format, args);
  va_end(args);
  return MOONBIRD_ERROR;
}

int32_t error_detail(moonbird_error *error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  format_text(error->detail, sizeof error->detail, format, args);
  va_end(args);
  return MOONBIRD_ERROR;
}

int32_t error_no_memory(moonbird_error *error) {
  error_set(error, "53200", "out of memory");
  error->native_code = SQLITE_NOMEM;
  return MOONBIRD_ERROR;
}

static struct code_rule rule_for(int code) {
  const struct code_rule *primary = NULL;
  for (size_t i = 0; i < sizeof code_rules / sizeof code_rules[0]; i++) {
    if (code_rules[i].code == code) {
      return code_rules[i];
    }
    if (code_rules[i].code == (code & 0xff)) {
      primary = &code_rules[i];
    }
  }
  return primary != NULL ? *primary : (struct code_rule){code, "HY000", MOONBIRD_RETRY_NEVER, false};
}

static struct message_rule rule_for_message(const char *message) {
  for (size_t i = 0; i < sizeof message_rules / sizeof message_rules[0]; i++) {
    if (strstr(message, message_rules[i].pattern) != NULL) {
      return message_rules[i];
    }
  }
  return (struct message_rule){NULL, "HY000", NULL};
}

/* "t.a, t.b": the table, and the columns without it. A dot inside of a table's name is taken as part of the name. */
static void name_columns(moonbird_error *error, const char *list) {
  const char *end = strstr(list, ", ");
  size_t first_len = end != NULL ? (size_t)(end - list) : strlen(list);
  const char *dot = memrchr(list, '.', first_len);
  if (dot == NULL) {
    return;
  }
  size_t table_len = (size_t)(dot - list);
  error_copy_text(error->table, sizeof error->table, list, table_len);
  char columns[512];
  size_t used = 0;
  for (const char *item = list; item != NULL && strlen(item) > table_len;) {
    const char *next = strstr(item, ", ");
    size_t len = (next != NULL ? (size_t)(next - item) : strlen(item)) - table_len - 1;
    if (used + len + 3 > sizeof columns) {
      break;
    }
    if (used > 0) {
      memcpy(columns + used, ", ", 2);
      used += 2;
    }
    memcpy(columns + used, item + table_len + 1, len);
    used += len;
    item = next != NULL ? next + 2 : NULL;
  }
  error_copy_text(error->column, sizeof error->column, columns, used);
}

static void name_constraint(moonbird_error *error, int code, const char *message) {
  const char *in_column = strstr(message, " column ");
  if (code == SQLITE_CONSTRAINT_DATATYPE && in_column != NULL) {
    name_columns(error, in_column + strlen(" column "));
    return;
  }
  const char *mark = strstr(message, "constraint failed: ");
  if (mark == NULL) {
    return;
  }
  const char *rest = mark + strlen("constraint failed: ");
  if (code == SQLITE_CONSTRAINT_CHECK) {
    error_copy_text(error->constraint, sizeof error->constraint, rest, strlen(rest));
  } else if (strncmp(rest, "index '", 7) == 0 && strlen(rest) > 8) {
    error_copy_text(error->constraint, sizeof error->constraint, rest + 7, strlen(rest) - 8);
  } else {
    name_columns(error, rest);
  }
}

/* "no such table: t" and its like name the thing after the colon. */
static void name_missing(moonbird_error *error, const char *message) {
  static const char *const table = "no such table: ";
  static const char *const column = "no such column: ";
  const char *mark = strstr(message, table);
  if (mark != NULL) {
    mark += strlen(table);
    error_copy_text(error->table, sizeof error->table, mark, strlen(mark));
    return;
  }
  mark = strstr(message, column);
  if (mark != NULL) {
    mark += strlen(column);
    error_copy_text(error->column, sizeof error->column, mark, strlen(mark));
  }
}

/* A reader that wants to write and finds another writer gets SQLITE_BUSY at once and at every repetition, because the
 * other waits for this very reader: only its transaction as a whole can be tried again. */
static uint8_t busy_retry(moonbird_conn *conn) {
  bool is_reading = sqlite3_get_autocommit(conn->db) == 0 && sqlite3_txn_state(conn->db, "main") == SQLITE_TXN_READ;
  return is_reading ? MOONBIRD_RETRY_TRANSACTION : MOONBIRD_RETRY_STATEMENT;
}

static void add_hint(moonbird_error *error, int code) {
  switch (code & 0xff) {
  case SQLITE_BUSY:
    error_hint(error, "Another connection is writing. Wait for it, or raise busy_timeout (milliseconds) in the URL.");
    break;
  case SQLITE_LOCKED:
    error_hint(error, "A result of this same connection is still being read; read it to its end first.");
    break;
  case SQLITE_READONLY:
    error_hint(error, "The file, its folder or mode=ro in the URL forbids writing.");
    break;
  case SQLITE_FULL:
    error_hint(error, "Make room on the disk, or raise PRAGMA max_page_count.");
    break;
  case SQLITE_CORRUPT:
    error_hint(error, "Run PRAGMA integrity_check, and restore the file from a backup.");
    break;
  default:
    break;
  }
}

int32_t error_from_sqlite(moonbird_error *error, moonbird_conn *conn, int code) {
  int primary = code & 0xff;
  if (primary == SQLITE_INTERRUPT || (primary == SQLITE_BUSY && connection_is_cancelled(conn))) {
    error_set(error, "57014", "the statement was cancelled");
    error->native_code = SQLITE_INTERRUPT;
    return MOONBIRD_ERROR;
  }
  struct code_rule rule = rule_for(code);
  const char *message = sqlite3_errmsg(conn->db);
  struct message_rule told = {NULL, NULL, NULL};
  if (primary == SQLITE_ERROR) {
    told = rule_for_message(message);
    rule.sqlstate = told.sqlstate;
  }
  if (rule.names_file) {
    error_set(error, rule.sqlstate, "%s: %s", conn->path, message);
  } else {
    error_set(error, rule.sqlstate, "%s", message);
  }
  error->native_code = code;
  error->retry = code == SQLITE_BUSY ? busy_retry(conn) : rule.retry;
  int system_errno = sqlite3_system_errno(conn->db);
  if (primary == SQLITE_IOERR && system_errno != 0) {
    error_detail(error, "%s (SQLite code %d)", strerrordesc_np(system_errno), code);
  }
  if (primary == SQLITE_CONSTRAINT) {
    name_constraint(error, code, message);
  } else if (primary == SQLITE_ERROR) {
    name_missing(error, message);
  }
  add_hint(error, code);
  if (told.hint != NULL) {
    error_hint(error, "%s", told.hint);
  }
  return MOONBIRD_ERROR;
}
