/*
 * foreign_keys.h - the SQL function by which the dialect's rebuild of a table leaves foreign keys alone for a moment.
 */
#ifndef SQLITE_DRIVER_FOREIGN_KEYS_H
#define SQLITE_DRIVER_FOREIGN_KEYS_H

#include <sqlite3.h>

/* Adds moonbird_foreign_keys(on) to a connection; without memory for it, its first call fails. */
void foreign_keys_install(sqlite3 *db);

#endif
