/*
 * connection.c - opening and closing a database file, its options, cancellation and transaction state.
 *
 * Called by the host through the driver's table. Cancellation does not use sqlite3_interrupt: that flag stays set while
 * any statement is unfinished, so a late cancel would kill the next call beside an open stream; and it does not end the
 * wait for another process's lock. A progress handler and a busy handler that look at `call_state` do both.
 */
#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "foreign_keys.h"
#include "lock.h"
#include "rows.h"
#include "statement.h"

#define BUSY_TIMEOUT_DEFAULT_MS 5000
#define BUSY_TIMEOUT_MAX_MS     86400000
#define BUSY_SLEEP_MAX_MS       25
#define PROGRESS_STEPS          2000 /* of SQLite's virtual machine: some ten microseconds */

struct open_settings {
  const char *database;
  const char *mode;
  const char *busy_timeout;
  const char *foreign_keys;
  const char *journal_mode;
  const char *synchronous;
};

/* What a key accepts: a list of words, or anything where it is NULL. */
struct option_rule {
  const char *key;
  const char *const *words;
  size_t field; /* offset in struct open_settings */
  bool is_ignored;
};

#define FIELD(name) offsetof(struct open_settings, name)

static const char *const mode_words[] = {"ro", "rw", "rwc", "memory", NULL};
static const char *const switch_words[] = {"on", "off", NULL};
static const char *const journal_words[] = {"delete", "truncate", "persist", "memory", "wal", "off", NULL};
static const char *const synchronous_words[] = {"off", "normal", "full", "extra", NULL};

static const struct option_rule option_rules[] = {
    {"scheme", NULL, 0, true},
    {"application_name", NULL, 0, true},
    {"connect_timeout", NULL, 0, true},
    {"database", NULL, FIELD(database), false},
    {"mode", mode_words, FIELD(mode), false},
    {"busy_timeout", NULL, FIELD(busy_timeout), false},
    {"foreign_keys", switch_words, FIELD(foreign_keys), false},
    {"journal_mode", journal_words, FIELD(journal_mode), false},
    {"synchronous", synchronous_words, FIELD(synchronous), false},
};

static const char known_options[] = "Known options: mode (ro, rw, rwc, memory), busy_timeout (milliseconds), "
                                    "foreign_keys (on, off), journal_mode (delete, truncate, persist, memory, wal, "
                                    "off), synchronous (off, normal, full, extra); from the URL itself: scheme, "
                                    "database; from the host: application_name, connect_timeout.";

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- Cancellation --- */

void connection_call_begin(moonbird_conn *conn) {
  atomic_store(&conn->call_state, CALL_RUNNING);
}

void connection_call_end(moonbird_conn *conn) {
  atomic_store(&conn->call_state, CALL_NONE);
}

bool connection_is_cancelled(const moonbird_conn *conn) {
  return atomic_load_explicit(&conn->call_state, memory_order_relaxed) == CALL_CANCELLED;
}

void connection_cancel(moonbird_conn *conn) {
  int expected = CALL_RUNNING;
  atomic_compare_exchange_strong(&conn->call_state, &expected, CALL_CANCELLED);
}

static int on_progress(void *context) {
  return connection_is_cancelled(context);
}

/* Short sleeps, so that a cancel is heard while another process holds the file. */
static int on_busy(void *context, int tries) {
  moonbird_conn *conn = context;
  int64_t now = now_ms();
  if (tries == 0) {
    conn->busy_since_ms = now;
  }
  int64_t left = conn->busy_timeout_ms - (now - conn->busy_since_ms);
  if (left <= 0 || connection_is_cancelled(conn)) {
    return 0;
  }
  int64_t sleep_ms = tries < BUSY_SLEEP_MAX_MS ? tries + 1 : BUSY_SLEEP_MAX_MS;
  sqlite3_sleep((int)(sleep_ms < left ? sleep_ms : left));
  return 1;
}

/* --- Options --- */

static const struct option_rule *rule_find(const char *key) {
  for (size_t i = 0; i < sizeof option_rules / sizeof option_rules[0]; i++) {
    if (strcmp(option_rules[i].key, key) == 0) {
      return &option_rules[i];
    }
  }
  return NULL;
}

static bool word_is_listed(const char *const *words, const char *value) {
  for (; *words != NULL; words++) {
    if (strcmp(*words, value) == 0) {
      return true;
    }
  }
  return false;
}

static int32_t refuse_key(const char *key, moonbird_error *error) {
  error_set(error, "08001", "the sqlite driver does not know the option \"%s\"", key);
  bool is_server_part =
      strcmp(key, "host") == 0 || strcmp(key, "port") == 0 || strcmp(key, "user") == 0 || strcmp(key, "password") == 0;
  if (is_server_part) {
    error_detail(error, "A SQLite database is a file: write sqlite:///relative/path or sqlite:////absolute/path.");
  }
  return error_hint(error, "%s", known_options);
}

static int32_t settings_read(struct open_settings *settings, const moonbird_option *options, uint32_t count,
                             moonbird_error *error) {
  for (uint32_t i = 0; i < count; i++) {
    const struct option_rule *rule = rule_find(options[i].key);
    if (rule == NULL) {
      return refuse_key(options[i].key, error);
    }
    if (rule->is_ignored) {
      continue;
    }
    if (rule->words != NULL && !word_is_listed(rule->words, options[i].value)) {
      error_set(error, "08001", "the option %s cannot be \"%s\"", rule->key, options[i].value);
      return error_hint(error, "%s", known_options);
    }
    memcpy((char *)settings + rule->field, &options[i].value, sizeof options[i].value);
  }
  return MOONBIRD_OK;
}

static int32_t busy_timeout_read(moonbird_conn *conn, const char *text, moonbird_error *error) {
  conn->busy_timeout_ms = BUSY_TIMEOUT_DEFAULT_MS;
  if (text == NULL) {
    return MOONBIRD_OK;
  }
  char *end = NULL;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value < 0 || value > BUSY_TIMEOUT_MAX_MS) {
    error_set(error, "08001", "the option busy_timeout cannot be \"%s\"", text);
    return error_hint(error, "It is a number of milliseconds from 0 to %d.", BUSY_TIMEOUT_MAX_MS);
  }
  conn->busy_timeout_ms = value;
  return MOONBIRD_OK;
}

/* --- Opening --- */

static int open_flags(const char *mode) {
  int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (mode != NULL && strcmp(mode, "ro") == 0) {
    return common | SQLITE_OPEN_READONLY;
  }
  if (mode != NULL && strcmp(mode, "rw") == 0) {
    return common | SQLITE_OPEN_READWRITE;
  }
  return common | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
}

/* The folder's part of a path, into `folder`; false where it does not fit. */
static bool folder_of(const char *path, char *folder, size_t size) {
  const char *slash = strrchr(path, '/');
  int len = slash == NULL   ? snprintf(folder, size, ".")
            : slash == path ? snprintf(folder, size, "/")
                            : snprintf(folder, size, "%.*s", (int)(slash - path), path);
  return len > 0 && (size_t)len < size;
}

/* SQLite only says "unable to open database file"; the file system knows why. */
static int32_t explain_cantopen(const moonbird_conn *conn, bool may_create, int code, moonbird_error *error) {
  char folder[4096];
  struct stat info;
  bool has_folder = folder_of(conn->path, folder, sizeof folder);
  if (has_folder && stat(folder, &info) != 0) {
    error_set(error, "08001", "cannot open the database %s: the folder %s: %s", conn->path, folder,
              strerrordesc_np(errno));
    error_hint(error, "Create the folder, or correct the path in the URL.");
  } else if (stat(conn->path, &info) != 0 && errno == ENOENT && !may_create) {
    error_set(error, "08001", "cannot open the database %s: the file does not exist", conn->path);
    error_hint(error, "A command that writes creates it (mode=rwc, the default).");
  } else if (stat(conn->path, &info) != 0 && errno == ENOENT) {
    error_set(error, "08001", "cannot create the database %s: no permission to write in the folder %s", conn->path,
              folder);
  } else if (access(conn->path, R_OK) != 0) {
    error_set(error, "08001", "cannot open the database %s: %s", conn->path, strerrordesc_np(errno));
  } else {
    error_set(error, "08001", "cannot open the database %s: %s", conn->path, sqlite3_errstr(code));
  }
  error->native_code = code;
  return MOONBIRD_ERROR;
}

static bool is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int32_t explain_open(moonbird_conn *conn, bool may_create, int code, moonbird_error *error) {
  int primary = code & 0xff;
  /* A reader can open a folder, and fails when it reads the header. */
  if ((primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR) && is_folder(conn->path)) {
    error_set(error, "08001", "cannot open the database %s: it is a folder", conn->path);
    error->native_code = code;
    return MOONBIRD_ERROR;
  }
  switch (primary) {
  case SQLITE_CANTOPEN:
    return explain_cantopen(conn, may_create, code, error);
  case SQLITE_NOMEM:
    return error_no_memory(error);
  case SQLITE_NOTADB:
    error_set(error, "08001", "cannot open the database %s: the file is not a SQLite database", conn->path);
    error_hint(error, "It may be another kind of file, or be encrypted.");
    break;
  case SQLITE_READONLY:
    error_set(error, "08001", "cannot open the database %s: SQLite must write beside it, even to read it", conn->path);
    error_hint(error,
               "Its journal is a write-ahead log, which makes %s-wal and %s-shm, or a killed writer has left "
               "something to roll back: let file and folder be written, or read a copy.",
               conn->path, conn->path);
    break;
  case SQLITE_BUSY:
    error_set(error, "08001", "cannot open the database %s: another process has locked it", conn->path);
    error->retry = MOONBIRD_RETRY_CONNECTION;
    break;
  default:
    error_set(error, "08001", "cannot open the database %s: %s", conn->path, sqlite3_errmsg(conn->db));
    break;
  }
  error->native_code = code;
  return MOONBIRD_ERROR;
}

static bool mode_is(const struct open_settings *settings, const char *mode) {
  return settings->mode != NULL && strcmp(settings->mode, mode) == 0;
}

static int32_t open_file(moonbird_conn *conn, const struct open_settings *settings, moonbird_error *error) {
  bool may_create = !mode_is(settings, "ro") && !mode_is(settings, "rw");
  const char *name = conn->is_in_memory ? ":memory:" : conn->path;
  int flags = conn->is_in_memory ? open_flags(NULL) : open_flags(settings->mode);
  int code = sqlite3_open_v2(name, &conn->db, flags, NULL);
  if (conn->db == NULL) {
    return error_no_memory(error);
  }
  if (code == SQLITE_OK) {
    sqlite3_busy_handler(conn->db, on_busy, conn);
    sqlite3_progress_handler(conn->db, PROGRESS_STEPS, on_progress, conn);
    foreign_keys_install(conn->db);
    /* Reads the header: what is not a database is told here and not at the first statement. */
    code = sqlite3_exec(conn->db, "PRAGMA schema_version", NULL, NULL, NULL);
  }
  if (code == SQLITE_OK) {
    code = rows_install(conn);
  }
  return code == SQLITE_OK ? MOONBIRD_OK : explain_open(conn, may_create, code, error);
}

/* --- Settings of an open database --- */

/* Sets a PRAGMA whose value is one of the words above, so it can stand in the text. */
static int32_t pragma_set(moonbird_conn *conn, const char *name, const char *value, moonbird_error *error) {
  if (value == NULL) {
    return MOONBIRD_OK;
  }
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA %s = %s", name, value);
  int code = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
  return code == SQLITE_OK ? MOONBIRD_OK : explain_open(conn, true, code, error);
}

/* journal_mode answers with the mode that it really has, and keeps the old one without an error. */
static int32_t journal_mode_set(moonbird_conn *conn, const char *value, moonbird_error *error) {
  if (value == NULL) {
    return MOONBIRD_OK;
  }
  char sql[64];
  snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", value);
  sqlite3_stmt *stmt = NULL;
  int code = sqlite3_prepare_v2(conn->db, sql, -1, &stmt, NULL);
  code = code == SQLITE_OK ? sqlite3_step(stmt) : code;
  int32_t status = MOONBIRD_OK;
  if (code != SQLITE_ROW) {
    status = explain_open(conn, true, code, error);
  } else {
    const char *actual = (const char *)sqlite3_column_text(stmt, 0);
    if (actual == NULL || strcmp(actual, value) != 0) {
      status = error_set(error, "08001", "cannot set journal_mode=%s on the database %s: it stays \"%s\"", value,
                         conn->path, actual != NULL ? actual : "unknown");
    }
  }
  sqlite3_finalize(stmt);
  return status;
}

static int32_t settings_apply(moonbird_conn *conn, const struct open_settings *settings, moonbird_error *error) {
  int32_t status = pragma_set(conn, "foreign_keys", settings->foreign_keys, error);
  if (status == MOONBIRD_OK) {
    status = journal_mode_set(conn, settings->journal_mode, error);
  }
  if (status == MOONBIRD_OK) {
    status = pragma_set(conn, "synchronous", settings->synchronous, error);
  }
  return status;
}

/* --- The host's calls --- */

int32_t connection_open(const moonbird_option *options, uint32_t count, void *owner, moonbird_conn **conn,
                        moonbird_error *error) {
  (void)owner; /* SQLite has no notices */
  struct open_settings settings = {0};
  int32_t status = settings_read(&settings, options, count, error);
  if (status != MOONBIRD_OK) {
    return status;
  }
  moonbird_conn *opened = calloc(1, sizeof *opened);
  if (opened == NULL) {
    return error_no_memory(error);
  }
  opened->lock.fd = -1;
  bool has_name = settings.database != NULL && settings.database[0] != '\0';
  opened->path = strdup(has_name ? settings.database : ":memory:");
  if (opened->path == NULL) {
    connection_close(opened);
    return error_no_memory(error);
  }
  opened->is_in_memory = strcmp(opened->path, ":memory:") == 0 || mode_is(&settings, "memory");
  status = busy_timeout_read(opened, settings.busy_timeout, error);
  if (status == MOONBIRD_OK) {
    status = open_file(opened, &settings, error);
  }
  if (status == MOONBIRD_OK) {
    status = settings_apply(opened, &settings, error);
  }
  if (status != MOONBIRD_OK) {
    connection_close(opened);
    return status;
  }
  *conn = opened;
  return MOONBIRD_OK;
}

void connection_close(moonbird_conn *conn) {
  if (conn == NULL) {
    return;
  }
  statement_cache_clear(conn);
  if (conn->db != NULL && sqlite3_get_autocommit(conn->db) == 0) {
    sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL);
  }
  sqlite3_close_v2(conn->db);
  lock_release(conn); /* after the database: who waits for the lock finds it quiet */
  free(conn->path);
  free(conn);
}

int32_t connection_transaction_state(moonbird_conn *conn) {
  return sqlite3_get_autocommit(conn->db) != 0 ? MOONBIRD_TX_IDLE : MOONBIRD_TX_ACTIVE;
}

const char *connection_server_version(moonbird_conn *conn) {
  (void)conn;
  return sqlite3_libversion();
}
