/*
 * driver.c - the SQLite driver's table and its one exported function.
 *
 * The host calls moonbird_driver_v0 once after loading the library. Nothing here knows how the calls work; each stands
 * in the file named after its subject.
 */
#include "moonbird/driver.h"

#include <pthread.h>
#include <stdio.h>

#include "connection.h"
#include "error.h"
#include "lock.h"
#include "result.h"
#include "statement.h"

extern const char sqlite_dialect[];
extern const size_t sqlite_dialect_len;
extern const moonbird_source sqlite_modules[];
extern const size_t sqlite_modules_count;

MOONBIRD_EXPORT const moonbird_driver *moonbird_driver_v0(const moonbird_host *host, moonbird_error *error);

static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static char client_library[48];

static moonbird_driver table = {
    .size = sizeof(moonbird_driver),
    .abi_major = MOONBIRD_ABI_MAJOR,
    .abi_minor = MOONBIRD_ABI_MINOR,
    .caps = MOONBIRD_CAP_TRANSACTIONAL_DDL | MOONBIRD_CAP_SAVEPOINTS | MOONBIRD_CAP_RETURNING | MOONBIRD_CAP_FILE,
    .name = "sqlite",
    .version = "0.1.0",
    .client_library = client_library,
    .schemes = "sqlite",
    .placeholder = "?",
    .open = connection_open,
    .close = connection_close,
    .execute = statement_execute,
    .fetch = result_fetch,
    .result_free = result_free,
    .cancel = connection_cancel,
    .transaction_state = connection_transaction_state,
    .lock = lock_take,
    .unlock = lock_give,
    .server_version = connection_server_version,
};

/* What the compiler does not know as a constant. */
static void table_complete(void) {
  snprintf(client_library, sizeof client_library, "SQLite %s", sqlite3_libversion());
  table.dialect = sqlite_dialect;
  table.dialect_len = sqlite_dialect_len;
  table.modules = sqlite_modules;
  table.module_count = sqlite_modules_count;
}

const moonbird_driver *moonbird_driver_v0(const moonbird_host *host, moonbird_error *error) {
  if (host->abi_major != MOONBIRD_ABI_MAJOR) {
    error_set(error, "HY000", "the sqlite driver speaks ABI %d, the host speaks ABI %u", MOONBIRD_ABI_MAJOR,
              host->abi_major);
    error_hint(error, "Use a driver and a Moonbird of the same release.");
    return NULL;
  }
  if (sqlite3_threadsafe() == 0) {
    error_set(error, "HY000", "the SQLite library %s was built without threads", sqlite3_libversion());
    error_hint(error, "Install a libsqlite3 that was built with SQLITE_THREADSAFE=1 or 2.");
    return NULL;
  }
  pthread_once(&table_once, table_complete);
  return &table;
}
