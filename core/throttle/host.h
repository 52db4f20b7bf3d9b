/*
 * host.h - what core/lua/lib/throttle.lua needs of C, in moonbird.host: parse_duration, parse_size and
 * throttle_defaults, the settings of [backfill] for the throttle.
 */
#ifndef THROTTLE_HOST_H
#define THROTTLE_HOST_H

#include "run/session.h"

bool throttle_install(struct session *session, struct error *err) MUST_CHECK;

#endif
