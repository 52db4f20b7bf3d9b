/*
 * foreign_keys.c - moonbird_foreign_keys(on): switches the enforcement of foreign keys inside of a transaction and
 * returns what it was. Called by drivers/sqlite/dialect/rebuild.lua.
 *
 * PRAGMA foreign_keys does nothing inside of a transaction, because what SQLite has counted of deferred keys would be
 * wrong afterwards. SQLITE_DBCONFIG_ENABLE_FKEY has no such guard, so it stands here: while rows wait for COMMIT to be
 * checked, the switch is refused.
 */
#include "foreign_keys.h"

static int is_enforced(sqlite3 *db) {
  int on = 0;
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, -1, &on);
  return on;
}

static int has_deferred_violations(sqlite3 *db) {
  int current = 0, highest = 0;
  sqlite3_db_status(db, SQLITE_DBSTATUS_DEFERRED_FKS, &current, &highest, 0);
  return current != 0;
}

static void set_foreign_keys(sqlite3_context *context, int count, sqlite3_value **values) {
  (void)count;
  sqlite3 *db = sqlite3_context_db_handle(context);
  int before = is_enforced(db);
  int wanted = sqlite3_value_int(values[0]) != 0;
  if (before != wanted && has_deferred_violations(db)) {
    sqlite3_result_error(context,
                         "rows refer to rows that are not there yet (deferred foreign keys); a table can be rebuilt "
                         "only when they are",
                         -1);
    return;
  }
  sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, wanted, NULL);
  if (is_enforced(db) != wanted) {
    sqlite3_result_error(context, "this SQLite does not switch foreign keys inside of a transaction", -1);
    return;
  }
  sqlite3_result_int(context, before);
}

void foreign_keys_install(sqlite3 *db) {
  sqlite3_create_function(db, "moonbird_foreign_keys", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL, set_foreign_keys, NULL,
                          NULL);
}
