/*
 * group.h - rows that are written by one statement: they have the same columns, and the same is done with them.
 *
 * Ownership: whoever links the groups frees them (group_free). Functions with a lua_State throw Lua errors, so only
 * inside a protected call.
 */
#ifndef BACKFILL_GROUP_H
#define BACKFILL_GROUP_H

#include "backfill/definition.h"
#include "db/batch.h"
#include "db/conn.h"

#include <lua.h>

/* In the order in which they are written: what a row is moved to must be there before the row is changed. */
enum group_kind { GROUP_INSERT, GROUP_UPDATE, GROUP_DELETE, GROUP_KINDS };

struct group {
  enum group_kind kind;
  char *table;        /* GROUP_INSERT: where to; schema and name */
  char *schema;       /* or NULL */
  struct vec columns; /* owned strings */
  const char **names; /* the same names as Lua keeps them, for a quick comparison */
  int names_ref;      /* keeps these strings alive */
  enum transport *transports;
  char *sql;
  uint32_t bind;
  bool versioned;   /* rows are found by their version too: they were not locked */
  uint32_t key_len; /* columns of the key and the version, which come first; 0 for inserts */
  struct batch_builder rows;
  size_t mark; /* rows before the present one */
  struct group *next;
};

/* The writer of an insert reads the catalog, and the connection may be at work: it is borrowed for the time. */
struct group_lender {
  void (*borrow)(void *data);
  void (*give_back)(void *data);
  void *data;
};

void group_free(struct group *group, lua_State *L);

/* Gives a group, which is linked already, its columns (the keys of the table at `index`; 0: none) and its statement, by
 * calling the writer at `writer_ref` with kind, column names, table and schema. */
void group_open(lua_State *L, struct group *group, int writer_ref, int index, const char *style,
                const struct group_lender *lender);

/* Has the table at `index` just the group's columns? */
bool group_has_columns(const struct group *group, lua_State *L, int index);

/* Adds the values of the table at `index`, behind the key; false (and nothing added) when its columns are others. The
 * key is added by the caller. */
bool group_try_add(lua_State *L, struct group *group, int index);

/* Takes off again what was added since the row numbered `rows`. */
void group_cut(struct group *group, size_t rows);

size_t group_row_count(const struct group *group);

/* The statement for all its rows; false where there is none. */
bool group_statement(struct group *group, struct statement *statement);

#endif
