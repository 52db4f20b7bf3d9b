/*
 * report.h - an error as the user sees it: the one place where errors are printed.
 *
 * Called by main, once, at the end. Library code and commands fill a `struct error` and never print it.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "base/error.h"
#include "base/strbuf.h"

#include <jansson.h>

/* The text for people: message, place, SQLSTATE, detail, statement with a caret, hint. Ends with a line end. */
void report_text(struct strbuf *text, const struct error *err, bool color);

/* {"event":"error", "class":..., "exit_code":..., "message":..., ...}: keys without a value are left out. */
json_t *report_json(const struct error *err);

#endif
