/*
 * chunk.h - a piece of a page: what the row function made of its rows, ready to be written.
 *
 * Rows that name the same columns are written together; a chunk has one group for each set of columns, and one for
 * deletes. A worker has two chunks: while the connection's thread writes the one, the main thread fills the other.
 * Ownership: the caller owns the struct; it owns its groups.
 */
#ifndef BACKFILL_CHUNK_H
#define BACKFILL_CHUNK_H

#include "backfill/definition.h"
#include "db/batch.h"
#include "db/conn.h"
#include "lua/host.h"

/* One statement for many rows: the key columns first, then `columns`. */
struct group {
  struct vec columns; /* owned strings; none: a delete */
  const char **names; /* the same names as Lua keeps them, for a quick comparison */
  int names_ref;      /* keeps these strings alive */
  enum transport *transports;
  char *sql;
  uint32_t bind;
  struct batch_builder rows;
  struct group *next;
};

struct chunk {
  struct group *groups;
  struct group *writing; /* the next one to write */
};

void chunk_clear(struct chunk *chunk);
void chunk_release(struct chunk *chunk, lua_State *L);

/*
 * Runs the row function over the rows first..first + count of a page. ERROR_FAILED names the row's key; when the script
 * threw, with its place.
 */
bool chunk_fill(struct chunk *chunk, struct host *host, const struct definition *definition, const char *style,
                const moonbird_batch *page, uint64_t first, uint64_t count, struct error *err) MUST_CHECK;

/* The next statement to execute, or false when all are given out. */
bool chunk_next_statement(struct chunk *chunk, struct statement *statement);

#endif
