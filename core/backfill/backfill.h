/*
 * backfill.h - runs a backfill inside a revision, from its commit point to its end.
 */
#ifndef BACKFILL_BACKFILL_H
#define BACKFILL_BACKFILL_H

#include "base/error.h"
#include "run/session.h"

/* Adds what lib/backfill.lua calls to moonbird.host. */
bool backfill_install(struct session *session, struct error *err) MUST_CHECK;

#endif
