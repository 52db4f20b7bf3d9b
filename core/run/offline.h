/*
 * offline.h - the writer that stands for the connection with --sql: it collects statements as the text of a script.
 *
 * A session that was opened with it (session_open_offline) has no connection. Everything that would change the database
 * comes here: scripts through lib/offline.lua, Moonbird's own statements and BEGIN and COMMIT through session.c.
 *
 * Ownership: the caller owns the struct (start with OFFLINE_INIT, offline_release), the struct owns its text and rows.
 */
#ifndef RUN_OFFLINE_H
#define RUN_OFFLINE_H

#include "graph/plan.h"
#include "run/session.h"
#include "sql/rules.h"

struct offline {
  struct strbuf script;   /* so far; each piece ends with a blank line */
  struct vec rows;        /* owned ids: the version rows of the database that the script is for */
  struct sql_rules rules; /* of the database */
};

#define OFFLINE_INIT                                                                                                   \
  { .script = STRBUF_INIT, .rows = VEC_INIT }

void offline_release(struct offline *offline);

/* Takes "TO" or "FROM:TO" apart. `from` is a copy for the caller to free, NULL where there is no colon; `to` points
 * into `range`. */
void offline_split(const char *range, char **from, const char **to);

/* The rows that the script starts from: what `from` means; none for base, "" and NULL. */
bool offline_start(struct offline *offline, const struct graph *graph, const char *from, struct error *err) MUST_CHECK;

/* Appends statements as they are, ended by one semicolon. */
bool offline_add(struct offline *offline, const char *sql, size_t len, struct error *err) MUST_CHECK;

/* Appends a statement of Moonbird's own with `?` and the values of the first row for them. */
bool offline_execute(struct session *session, const char *sql, struct batch_builder *params,
                     struct error *err) MUST_CHECK;

/* Appends "-- Running upgrade A -> B". */
void offline_add_step(struct offline *offline, const struct plan_step *step);

/* Adds to moonbird.host what lib/offline.lua needs, and pushes the writer as scripts see it: an object with the methods
 * of a connection. */
bool offline_push_connection(struct session *session, struct error *err) MUST_CHECK;

#endif
