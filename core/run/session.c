/*
 * session.c - opens and closes what a command needs, and runs Moonbird's own statements; see session.h.
 */
#include "run/session.h"

#include "backfill/backfill.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/driver.h"
#include "lua/connection.h"
#include "lua/dialect.h"
#include "run/env.h"
#include "run/lock.h"
#include "run/offline.h"
#include "run/statement.h"
#include "run/step.h"
#include "run/words.h"
#include "script/files.h"
#include "throttle/host.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct embedded_file run_sql[];
extern const struct embedded_file backfill_sql[];

static const char dialect_key[] = "moonbird.dialect";
static const char connection_key[] = "moonbird.main_connection";

/* --- opening --- */

static void handle_interrupt(void *data, int count) {
  struct session *session = data;
  (void)count;
  if (session->conn)
    conn_cancel(session->conn);
}

static void handle_tick(void *data) {
  struct session *session = data;
  const struct run_listener *listener = session->request->listener;
  if (session->step && listener && listener->tick)
    listener->tick(listener->data, clock_monotonic_s() - session->step->started_s);
}

void session_watch(struct session *session) {
  loop_on_interrupt(session->loop, handle_interrupt, session);
  loop_on_tick(session->loop, handle_tick, session);
  host_allow_interrupts(session->host, 0);
}

static bool find_url(struct session *session, char *env_url, struct error *err) {
  const char *given = session->request->url;
  if (given ? !url_parse(given, &session->url, err)
            : !config_url(session->request->config, env_url, &session->url, NULL, err))
    return false;
  session->url_shown = url_redacted(&session->url);
  return true;
}

/* Keeps the dialect for session_push_dialect. */
static bool load_dialect(struct session *session, struct error *err) {
  if (!dialect_push(session->host, &session->driver->table, err))
    return false;
  lua_setfield(session->host->L, LUA_REGISTRYINDEX, dialect_key);
  return true;
}

void session_push_dialect(struct session *session) {
  lua_getfield(session->host->L, LUA_REGISTRYINDEX, dialect_key);
}

void session_push_connection(struct session *session) {
  lua_getfield(session->host->L, LUA_REGISTRYINDEX, connection_key);
}

/* What the section [backfill] sets: moonbird.host.backfill_defaults, only numbers that are given. */
static void push_backfill_defaults(struct session *session) {
  static const char *const names[] = {"target_ms",         "size", "start",  "min", "max", "max_bytes", "lock_timeout",
                                      "statement_timeout", "nice", "workers"};
  lua_State *L = session->host->L;
  lua_createtable(L, 0, (int)ARRAY_LEN(names));
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    double number = config_backfill_number(session->request->config, names[i], -1);
    if (number < 0)
      continue;
    lua_pushnumber(L, number);
    lua_setfield(L, -2, names[i]);
  }
}

static bool push_connection(struct session *session, struct error *err) {
  if (session->offline)
    return offline_push_connection(session, err);
  connection_push(session->host->L, session->conn);
  return true;
}

/* Gives the Lua library the connection and the dialect: moonbird.host.connection, moonbird.host.dialect. */
static bool fill_host_module(struct session *session, struct error *err) {
  lua_State *L = session->host->L;
  if (!host_require(session->host, "host", err))
    return false;
  lua_pushboolean(L, session->offline != NULL);
  lua_setfield(L, -2, "offline");
  if (!push_connection(session, err))
    return false;
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, connection_key);
  lua_setfield(L, -2, "connection");
  session_push_dialect(session);
  lua_setfield(L, -2, "dialect");
  lua_pushstring(L, config_text(session->request->config, "version_table_schema"));
  lua_setfield(L, -2, "version_table_schema");
  push_backfill_defaults(session);
  lua_setfield(L, -2, "backfill_defaults");
  lua_pop(L, 1);
  return true;
}

bool session_connect(struct session *session, const char *application_name, struct conn **conn, struct error *err) {
  struct conn *opened = conn_new(session->loop, session->driver);
  if (!conn_open(opened, &session->url, application_name, err)) {
    conn_free(opened);
    return false;
  }
  *conn = opened;
  return true;
}

/* A database in a file: reading must not make the file, and a file that is not there yet is an empty database; where
 * its folder is missing too, the URL is wrong, and the driver says so. An existing file is opened as always: SQLite
 * must be able to roll back what a killed writer left, and falls back to reading where it may not write. */
static void pass_over_missing_file(struct session *session) {
  if (access(session->url.database, F_OK) == 0 || errno != ENOENT)
    return;
  char *folder = path_folder(session->url.database);
  bool can_be_made = path_is_folder(folder);
  free(folder);
  if (!can_be_made)
    return;
  free(session->url.database);
  session->url.database = NULL;
  session->file_is_missing = true;
}

static bool open_connection(struct session *session, bool read_only, struct error *err) {
  if (read_only && driver_can(session->driver, MOONBIRD_CAP_FILE) && session->url.database)
    pass_over_missing_file(session);
  if (!session_connect(session, "moonbird", &session->conn, err))
    return false;
  conn_set_timeout(session->conn, config_seconds(session->request->config, "statement_timeout"));
  return true;
}

/* The setting `pooler` is an option of the URL, which comes before it. Where no pooler can be, it means nothing; `auto`
 * is what a driver does by itself. */
static void add_pooler(struct session *session) {
  const char *pooler = config_text(session->request->config, "pooler");
  if (strcmp(pooler, "auto") == 0 || !driver_may_be_pooled(session->driver) ||
      strvec_contains(&session->url.keys, "pooler"))
    return;
  strvec_push(&session->url.keys, "pooler");
  strvec_push(&session->url.values, pooler);
}

static bool open_database(struct session *session, bool read_only, struct error *err) {
  char *env_url = NULL;
  bool ok = env_load(session, &env_url, err) && find_url(session, env_url, err);
  free(env_url);
  if (!ok)
    return false;
  const char *driver_path = config_text(session->request->config, "driver_path");
  if (!driver_for_scheme(session->url.scheme, driver_path, &session->driver, err))
    return false;
  add_pooler(session);
  if (!session->offline && !open_connection(session, read_only, err))
    return false;
  if (!load_dialect(session, err) || !fill_host_module(session, err) || !statement_install(session, err) ||
      !backfill_install(session, err) || !throttle_install(session, err))
    return false;
  /* A script's placeholders become literals, whatever the driver's look like. */
  const char *style = session->offline ? "?" : session->driver->table.placeholder;
  struct map words = MAP_INIT;
  ok = words_load(session, &words, err);
  if (ok) {
    texts_add(&session->texts, embedded_find(run_sql, "tables.sql"), &words, style);
    texts_add(&session->texts, embedded_find(backfill_sql, "tables.sql"), &words, style);
    texts_add(&session->texts, embedded_find(backfill_sql, "ranges.sql"), &words, style);
    texts_add(&session->texts, embedded_find(backfill_sql, "operators.sql"), &words, style);
  }
  map_release_with(&words, free);
  return ok;
}

static bool open(struct session *session, const struct run_request *request, struct offline *offline, bool read_only,
                 struct error *err) {
  *session = (struct session){.request = request, .url = URL_INIT, .texts = TEXTS_INIT, .offline = offline};
  session->loop = loop_new();
  session->host = host_new(session->loop);
  session->host->run = session;
  session_watch(session);
  if (open_database(session, read_only, err))
    return true;
  session_close(session);
  return false;
}

bool session_open(struct session *session, const struct run_request *request, bool read_only, struct error *err) {
  return open(session, request, NULL, read_only, err);
}

bool session_open_offline(struct session *session, const struct run_request *request, struct offline *offline,
                          struct error *err) {
  return open(session, request, offline, false, err);
}

/* Lua goes first: what its objects hold of the connections is given back before these are closed. */
void session_close(struct session *session) {
  loop_on_tick(session->loop, NULL, NULL);
  loop_on_interrupt(session->loop, NULL, NULL);
  host_free(session->host);
  lock_release(session);
  conn_free(session->conn);
  conn_free(session->lock_conn);
  conn_free(session->scratch_conn);
  loop_free(session->loop);
  texts_release(&session->texts);
  url_release(&session->url);
  free(session->url_shown);
  *session = (struct session){.conn = NULL};
}

/* --- statements --- */

/* Not kept prepared: most run once in a process, or once between the DDL of two revisions, which makes plans void. */
static struct statement named(struct session *session, const char *name) {
  const char *sql = texts_get(&session->texts, name);
  return (struct statement){.sql = sql, .len = strlen(sql)};
}

static void add_texts(struct batch_builder *batch, const char *const *params, uint32_t count) {
  batch_init(batch, count);
  for (uint32_t i = 0; i < count; i++)
    batch_add_str(batch, i, params[i]);
}

/* What the refusal of one of our own statements asks for. */
static bool explain(const struct session *session, struct error *err) {
  static const struct {
    const char *sqlstate, *hint;
  } hints[] = {
      {"42501",
       "the state is kept in tables of Moonbird's own (moonbird_...): the role must be allowed to read them, to "
       "change anything also to write them, and the first who does to create them"},
      {"25006", "this server only reads: it is a replica, or was told so; the URL must lead to one that writes"},
      {"42703", "this table of Moonbird's was made by another version of it: use that version, or bring the table to "
                "what this one expects"},
      {"42P07",
       "of Moonbird's tables one is there and another that belongs to it is not: bring back what is missing, or "
       "drop what is left of them"},
  };
  const char *schema = config_text(session->request->config, "version_table_schema");
  if (schema && *schema && strcmp(err->sqlstate, "3F000") == 0) /* undefined schema */
    error_hint(err, "version_table_schema names the schema '%s': create it, Moonbird does not", schema);
  for (size_t i = 0; !err->hint && i < ARRAY_LEN(hints); i++)
    if (strcmp(err->sqlstate, hints[i].sqlstate) == 0)
      error_hint(err, "%s", hints[i].hint);
  return false;
}

bool session_execute_batch(struct session *session, const char *name, struct batch_builder *params, int64_t *affected,
                           struct error *err) {
  if (session->offline)
    return offline_execute(session, texts_get(&session->texts, name), params, err);
  struct statement statement = named(session, name);
  if (params->column_count)
    statement.params = batch_view(params);
  return conn_execute(session->conn, &statement, affected, err) || explain(session, err);
}

bool session_execute(struct session *session, const char *name, const char *const *params, uint32_t param_count,
                     int64_t *affected, struct error *err) {
  struct batch_builder batch;
  add_texts(&batch, params, param_count);
  bool ok = session_execute_batch(session, name, &batch, affected, err);
  batch_release(&batch);
  return ok;
}

bool session_query_batch(struct session *session, const char *name, struct batch_builder *params, struct rowset *rows,
                         struct error *err) {
  struct statement statement = named(session, name);
  if (params->column_count)
    statement.params = batch_view(params);
  return conn_query(session->conn, &statement, rows, err) || explain(session, err);
}

bool session_query(struct session *session, const char *name, const char *const *params, uint32_t param_count,
                   struct rowset *rows, struct error *err) {
  struct batch_builder batch;
  add_texts(&batch, params, param_count);
  bool ok = session_query_batch(session, name, &batch, rows, err);
  batch_release(&batch);
  return ok;
}

bool session_execute_rows(struct session *session, const char *name, struct batch_builder *params, struct error *err) {
  struct statement statement = named(session, name);
  statement.bind = MOONBIRD_BIND_EACH;
  statement.params = batch_view(params);
  return conn_execute(session->conn, &statement, NULL, err) || explain(session, err);
}

bool session_query_table(struct session *session, const char *name, struct rowset *rows, bool *found,
                         struct error *err) {
  if (session->offline) {
    *found = false;
    *rows = (struct rowset)ROWSET_INIT;
    return true;
  }
  *found = session_query(session, name, NULL, 0, rows, err);
  if (*found)
    return true;
  /* 42P01 undefined table, 3F000 undefined schema. */
  if (strcmp(err->sqlstate, "42P01") != 0 && strcmp(err->sqlstate, "3F000") != 0)
    return false;
  error_clear(err);
  *rows = (struct rowset)ROWSET_INIT;
  return true;
}

/* --- transactions --- */

static bool run_script(struct session *session, const char *sql, struct error *err) {
  return session->offline ? offline_add(session->offline, sql, strlen(sql), err) : conn_script(session->conn, sql, err);
}

bool session_begin(struct session *session, struct error *err) {
  if (session->in_transaction)
    BUG("a transaction is open already");
  lua_State *L = session->host->L;
  session_push_dialect(session);
  lua_getfield(L, -1, "begin_sql");
  lua_insert(L, -2);
  lua_pushstring(L, session->goes_on && !session->offline ? "interim" : "revision");
  if (!host_call(session->host, 2, 1, err))
    return false;
  bool ok = run_script(session, lua_tostring(L, -1), err);
  lua_pop(L, 1);
  session->in_transaction = ok;
  session->transaction_number++;
  return ok;
}

/* SQLite, too, ends a transaction by itself after some errors (disk full). What follows would then commit by itself. */
bool session_check_transaction(struct session *session, struct error *err) {
  if (!session->in_transaction || session->offline || conn_transaction_state(session->conn) != MOONBIRD_TX_IDLE)
    return true;
  error_set(err, ERROR_PARTIAL,
            "the transaction of the revision is gone: the script ended it (COMMIT or ROLLBACK), or went on after an "
            "error with which the database took it back");
  return error_hint(err,
                    "what the script committed is kept: look at the database, and mend script or database by hand. "
                    "Let errors end the script, and leave COMMIT and ROLLBACK to Moonbird; `transaction = false` in "
                    "the header runs a revision without a transaction");
}

/* COMMIT says "ok" also to a transaction that has failed or is gone. */
bool session_commit(struct session *session, struct error *err) {
  if (!session->in_transaction)
    return true;
  if (!session_check_transaction(session, err) || !lock_confirm(session, err))
    return false;
  if (!session->offline && conn_transaction_state(session->conn) == MOONBIRD_TX_FAILED) {
    error_set(err, ERROR_FAILED, "the transaction has failed, although the script went on after the error");
    return error_hint(err, "let errors end the script, or put what may fail into db:transaction");
  }
  if (!run_script(session, "COMMIT", err)) {
    if (err->retry == RETRY_CONNECTION)
      error_hint(err, "the connection was lost while the database committed, so it may be done or not: `moonbird "
                      "current` shows it, and the same command again goes on from there");
    return false;
  }
  session->in_transaction = false;
  return true;
}

void session_rollback(struct session *session) {
  if (!session->in_transaction)
    return;
  session->in_transaction = false;
  int state = session->offline ? MOONBIRD_TX_ACTIVE : conn_transaction_state(session->conn);
  if (state != MOONBIRD_TX_ACTIVE && state != MOONBIRD_TX_FAILED)
    return;
  struct error ignored = ERROR_INIT;
  /* The interrupt that ended a script must not cancel the ROLLBACK after it. */
  loop_on_interrupt(session->loop, NULL, NULL);
  if (!run_script(session, "ROLLBACK", &ignored))
    log_warn("ROLLBACK failed: %s", ignored.message);
  loop_on_interrupt(session->loop, handle_interrupt, session);
  error_release(&ignored);
}

bool session_check_interrupt(struct session *session, struct error *err) {
  if (!host_is_interrupted(session->host))
    return true;
  return error_set(err, ERROR_INTERRUPTED, "interrupted");
}
