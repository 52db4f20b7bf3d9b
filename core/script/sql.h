/*
 * sql.h - .sql revisions: their header of `-- name: value` lines, and their sections.
 *
 * No ownership of its own: see header.h for headers; sections are places in the caller's text.
 */
#ifndef SCRIPT_SQL_H
#define SCRIPT_SQL_H

#include "script/header.h"
#include "sql/split.h"

enum sql_section { SQL_SECTION_UP, SQL_SECTION_DOWN, SQL_SECTION_VERIFY };

/* As header_read_lua. The header is the comment lines before the first statement or `-- migrate:` line; lists are
 * written with commas, `-- down_revision:` with nothing (or `nil`) behind it is a base. */
enum header_status header_read_sql(const char *file, const char *text, size_t len, bool complete, struct arena *arena,
                                   struct header *header, struct error *err) MUST_CHECK;

/* Finds the text behind the line `-- migrate:up` (`down`, `verify`); `*section` gives its statements, up to the next
 * such line or the end. False: there is no such section, and `*section` means nothing. */
bool script_sql_section(const char *text, size_t len, const struct sql_rules *rules, enum sql_section which,
                        struct sql_splitter *section) MUST_CHECK;

/* Looks through the whole text for what belongs to no section, for sections of an unknown name and for one that is
 * there twice. False: `*line` is where the fault stands. */
bool script_sql_check(const char *text, size_t len, const struct sql_rules *rules, size_t *line,
                      struct error *err) MUST_CHECK;

#endif
