/*
 * schema.h - looks at a whole schema: what the models say, what the database has, and the difference (lib/schema).
 *
 * Nothing is written to the database, not even a version table. Ownership: the caller owns the result
 * (schema_result_release). Main thread only.
 */
#ifndef RUN_SCHEMA_H
#define RUN_SCHEMA_H

#include "base/strbuf.h"
#include "run/run.h"

enum schema_action {
  SCHEMA_AUTOGENERATE, /* the bodies of a revision that makes the database what the models say */
  SCHEMA_CHECK,        /* the same difference, to look at */
  SCHEMA_DIFF,         /* the same, also against another database, and wherever the database stands */
  SCHEMA_DUMP,         /* the database as models or as SQL */
};

struct schema_request {
  const struct run_request *run;
  enum schema_action action;
  const struct vec *renames; /* const char *: "table.old:new", "old:new"; NULL for none */
  const char *format;        /* of a dump: "lua" or "sql" */
  const char *other_url;     /* of a diff: this database instead of the models, or NULL */
  /* Asks a person whether `old` ("table" or "table.column") was renamed to `name`; NULL where nobody is there. */
  bool (*ask)(void *data, const char *kind, const char *old, const char *name);
  void *ask_data;
};

struct schema_result {
  struct strbuf text;      /* of a dump; of a check or diff one line for each difference */
  struct strbuf json;      /* of a check or diff */
  struct strbuf upgrade;   /* Lua, indented by two blanks */
  struct strbuf downgrade; /* Lua */
  int64_t count;           /* operations that it takes */
};

#define SCHEMA_RESULT_INIT                                                                                             \
  { .text = STRBUF_INIT, .json = STRBUF_INIT, .upgrade = STRBUF_INIT, .downgrade = STRBUF_INIT }

void schema_result_release(struct schema_result *result);

/* SCHEMA_AUTOGENERATE and SCHEMA_CHECK: ERROR_PENDING where the database is not at the heads. */
bool run_schema(const struct schema_request *request, struct schema_result *result, struct error *err) MUST_CHECK;

#endif
