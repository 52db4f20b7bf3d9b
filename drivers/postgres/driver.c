/*
 * driver.c - the driver table, the entry function, and the border to the host. The only file that deals with structs of
 * another size than this driver's: behind it everything has the size that driver.h gives here.
 */
#include "connection.h"
#include "error.h"
#include "lock.h"
#include "result.h"
#include "statement.h"

#include <stdio.h>
#include <string.h>

extern const char postgres_dialect[];
extern const size_t postgres_dialect_len;
extern const moonbird_source postgres_modules[];
extern const size_t postgres_modules_count;

const moonbird_host *postgres_host;

static size_t smaller(size_t ours, uint32_t theirs) {
  return theirs < ours ? theirs : ours;
}

/* Copies into the host's struct and leaves its size as it is. */
static void give(void *theirs, uint32_t their_size, void *ours, size_t our_size) {
  memcpy(ours, &their_size, sizeof their_size); /* `size` is the first member of all of them */
  memcpy(theirs, ours, smaller(our_size, their_size));
}

static void give_error(moonbird_error *theirs, moonbird_error *ours) {
  give(theirs, theirs->size, ours, sizeof *ours);
}

static int32_t driver_open(const moonbird_option *options, uint32_t count, void *owner, moonbird_conn **conn,
                           moonbird_error *error) {
  moonbird_error failure;
  int32_t outcome = connection_open(options, count, owner, conn, &failure);
  if (outcome == MOONBIRD_ERROR) {
    give_error(error, &failure);
  }
  return outcome;
}

static int32_t driver_execute(moonbird_conn *conn, const moonbird_statement *statement, moonbird_result **result,
                              moonbird_summary *summary, moonbird_error *error) {
  moonbird_error failure;
  moonbird_statement ours = {0};
  moonbird_summary said = {.size = sizeof said};
  memcpy(&ours, statement, smaller(sizeof ours, statement->size));
  int32_t outcome = statement_execute(conn, &ours, result, &said, &failure);
  give(summary, summary->size, &said, sizeof said);
  if (outcome == MOONBIRD_ERROR) {
    give_error(error, &failure);
  }
  return outcome;
}

static int32_t driver_fetch(moonbird_result *result, uint64_t max_rows, moonbird_batch *batch, moonbird_error *error) {
  moonbird_error failure;
  moonbird_batch filled = {.size = sizeof filled};
  connection_begin(result->conn);
  int32_t outcome = result_fetch(result, max_rows, &filled, &failure);
  connection_end(result->conn);
  if (outcome == MOONBIRD_ERROR) {
    give_error(error, &failure);
    return outcome;
  }
  give(batch, batch->size, &filled, sizeof filled);
  return outcome;
}

static int32_t driver_lock(moonbird_conn *conn, const char *key, char *holder, uint32_t holder_size,
                           moonbird_error *error) {
  moonbird_error failure;
  int32_t outcome = lock_take(conn, key, holder, holder_size, &failure);
  if (outcome == MOONBIRD_ERROR) {
    give_error(error, &failure);
  }
  return outcome;
}

static char client_library[32];

static moonbird_driver driver = {
    .size = sizeof(moonbird_driver),
    .abi_major = MOONBIRD_ABI_MAJOR,
    .abi_minor = MOONBIRD_ABI_MINOR,
    .caps = MOONBIRD_CAP_TRANSACTIONAL_DDL | MOONBIRD_CAP_SAVEPOINTS | MOONBIRD_CAP_RETURNING |
            MOONBIRD_CAP_SKIP_LOCKED | MOONBIRD_CAP_ARRAYS | MOONBIRD_CAP_MANY_CONNECTIONS |
            MOONBIRD_CAP_LOCK_NEEDS_CONNECTION,
    .name = "postgres",
    .version = "0.1.0",
    .client_library = client_library,
    .schemes = "postgresql postgres",
    .placeholder = "$",
    .dialect = postgres_dialect,
    .modules = postgres_modules,
    .open = driver_open,
    .close = connection_close,
    .execute = driver_execute,
    .fetch = driver_fetch,
    .result_free = result_free,
    .cancel = connection_cancel,
    .transaction_state = connection_transaction_state,
    .lock = driver_lock,
    .unlock = lock_release,
    .server_version = connection_server_version,
    .keeps_session = connection_keeps_session,
    .sever = connection_sever,
};

MOONBIRD_EXPORT const moonbird_driver *moonbird_driver_v0(const moonbird_host *host, moonbird_error *error);

const moonbird_driver *moonbird_driver_v0(const moonbird_host *host, moonbird_error *error) {
  moonbird_error failure;
  static moonbird_host known;
  if (host->abi_major != MOONBIRD_ABI_MAJOR) {
    error_set(&failure, "HY000", "the PostgreSQL driver speaks ABI %d, the program speaks ABI %u", MOONBIRD_ABI_MAJOR,
              host->abi_major);
    give_error(error, &failure);
    return NULL;
  }
  if (!PQisthreadsafe()) {
    error_set(&failure, "HY000", "this libpq was built without support for threads");
    give_error(error, &failure);
    return NULL;
  }
  if (postgres_host == NULL) { /* a process has one host; a second call must not change it under a connection */
    memcpy(&known, host, smaller(sizeof known, host->size));
    postgres_host = &known;
  }
  int version = PQlibVersion();
  snprintf(client_library, sizeof client_library, "libpq %d.%d", version / 10000, version % 10000);
  driver.dialect_len = postgres_dialect_len;
  driver.module_count = postgres_modules_count;
  return &driver;
}
