/*
 * lookout.h - looks at the signals that may hold a backfill up, every second, on connections of its own.
 *
 * Main thread only. Ownership: the caller owns the lookout; it borrows session and definition.
 */
#ifndef THROTTLE_LOOKOUT_H
#define THROTTLE_LOOKOUT_H

#include "run/session.h"
#include "throttle/throttle.h"

struct lookout;

/*
 * Opens what the signals need, looks once, and begins to look every second. `spec_ref` is the script's `throttle` in
 * Lua's registry (a table, a boolean or nil; LUA_NOREF for none). `throttle` is what the runner asks. With `false`
 * nothing is opened: `lookout` is NULL, and `throttle` has no functions.
 *
 * Fails where a signal cannot be read at all: a missing permission, a replica that cannot be reached, a broken probe.
 * ERROR_USAGE for a wrong key or value, ERROR_CONNECT, ERROR_FAILED.
 */
bool lookout_start(struct session *session, int spec_ref, struct lookout **lookout, struct throttle *throttle,
                   struct error *err) MUST_CHECK;
void lookout_stop(struct lookout *w); /* NULL is allowed */

#endif
