/*
 * status_json.h - the state of a backfill as JSON; docs/commands.md has the keys.
 */
#ifndef CLI_STATUS_JSON_H
#define CLI_STATUS_JSON_H

#include "backfill/status.h"

#include <jansson.h>

json_t *status_json(const struct backfill_status *status);

/* Of a vector of struct backfill_status *. */
json_t *status_list_json(const struct vec *list);

#endif
