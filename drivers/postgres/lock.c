/*
 * lock.c - pg_try_advisory_lock, and who holds it. Called through the table in driver.c on a connection that does
 * nothing else. Behind a pooler a session's lock would stay with a session that others get: there the lock is taken
 * for the moment of the statement, which tells whether somebody holds it.
 */
#include "lock.h"

#include "error.h"
#include "sqltext.h"
#include "stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int64_t lock_key(const char *key) {
  return (int64_t)fnv64(FNV64_START, key, strlen(key));
}

/* A 64-bit key stands in pg_locks as two halves, with objsubid 1. Who may not see other roles' sessions gets no address
 * and no time. */
static const char holder_sql[] =
    "SELECT CASE WHEN a.client_addr IS NOT NULL THEN 'host ' || host(a.client_addr)"
    "            WHEN a.backend_start IS NOT NULL THEN 'local socket' END,"
    "       'pid ' || l.pid,"
    "       'user ' || a.usename,"
    "       'application ' || nullif(a.application_name, ''),"
    "       'since ' || date_trunc('second', a.backend_start)"
    "  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
    "   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())"
    "   AND l.classid = (($1::bigint >> 32) & 4294967295)::oid AND l.objid = ($1::bigint & 4294967295)::oid";

static void write_holder(const PGresult *answer, char *holder, uint32_t size) {
  size_t used = 0;
  holder[0] = '\0';
  for (int field = 0; field < PQnfields(answer) && PQntuples(answer) > 0; field++) {
    if (PQgetisnull(answer, 0, field)) {
      continue;
    }
    int added = snprintf(holder + used, size - used, "%s%s", used == 0 ? "" : ", ", PQgetvalue(answer, 0, field));
    if (added < 0 || (size_t)added >= size - used) {
      holder[used] = '\0';
      return;
    }
    used += (size_t)added;
  }
}

static void describe_holder(moonbird_conn *conn, const char *number, char *holder, uint32_t size) {
  moonbird_error ignored;
  const char *values[] = {number};
  if (holder == NULL || size == 0) {
    return;
  }
  holder[0] = '\0';
  PGresult *answer = connection_run(conn, holder_sql, 1, values, 0, &ignored);
  if (answer != NULL) {
    write_holder(answer, holder, size);
  }
  PQclear(answer);
}

static int32_t try_lock(moonbird_conn *conn, const char *number, char *holder, uint32_t size, moonbird_error *error) {
  const char *values[] = {number};
  const char *sql = conn->is_pooled ? "SELECT pg_catalog.pg_try_advisory_xact_lock($1::bigint)"
                                    : "SELECT pg_catalog.pg_try_advisory_lock($1::bigint)";
  PGresult *answer = connection_run(conn, sql, 1, values, 0, error);
  if (answer == NULL) {
    return MOONBIRD_ERROR;
  }
  bool is_ours = strcmp(PQgetvalue(answer, 0, 0), "t") == 0;
  PQclear(answer);
  if (is_ours) {
    return MOONBIRD_OK;
  }
  describe_holder(conn, number, holder, size);
  return MOONBIRD_BUSY;
}

int32_t lock_take(moonbird_conn *conn, const char *key, char *holder, uint32_t holder_size, moonbird_error *error) {
  char number[32];
  snprintf(number, sizeof number, "%" PRId64, lock_key(key));
  if (!stream_absorb(conn, error)) {
    return MOONBIRD_ERROR;
  }
  connection_begin(conn);
  int32_t outcome = try_lock(conn, number, holder, holder_size, error);
  connection_end(conn);
  return outcome;
}

void lock_release(moonbird_conn *conn, const char *key) {
  char number[32];
  const char *values[] = {number};
  moonbird_error ignored;
  snprintf(number, sizeof number, "%" PRId64, lock_key(key));
  if (!conn->is_pooled && stream_absorb(conn, &ignored)) {
    PQclear(connection_run(conn, "SELECT pg_catalog.pg_advisory_unlock($1::bigint)", 1, values, 0, &ignored));
  }
}
