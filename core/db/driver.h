/*
 * driver.h - finds and loads driver plugins.
 *
 * A driver is never unloaded. Loaded ones are kept for the life of the process, one for each file (device and inode).
 * Main thread only. Not to be mixed up with moonbird/driver.h, the header for authors of drivers.
 */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "base/error.h"
#include "moonbird/driver.h"

struct driver {
  moonbird_driver table; /* the driver's own, copied; what it lacks is NULL */
  char *path;
};

/*
 * The driver for a URL scheme, loading it when needed. Places, in this order: `driver_path` (setting; folders separated
 * by ':'), $MOONBIRD_DRIVER_PATH, the folder `drivers` beside the program, the system's folder. In each the file
 * SCHEME.so is looked for, then all others are asked for their schemes. Checks before dlopen: a regular file, owned by
 * root or the current user, neither it nor its folder writable by others. On failure (ERROR_CONNECT) the message names
 * every place and why it did not do.
 */
bool driver_for_scheme(const char *scheme, const char *driver_path, const struct driver **driver,
                       struct error *err) MUST_CHECK;

/* Frees the list of loaded drivers; the libraries stay. For leak checkers, at the end of the process. */
void driver_forget_all(void);

/* Can its connections lose their session between transactions (conn_keeps_session)? */
static inline bool driver_may_be_pooled(const struct driver *driver) {
  return driver->table.keeps_session != NULL;
}

static inline bool driver_can(const struct driver *driver, uint32_t cap) {
  return (driver->table.caps & cap) != 0;
}

#endif
