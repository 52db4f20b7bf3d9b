/*
 * chunk.h - a piece of a page: what the row function made of its rows, ready to be written.
 *
 * Rows that name the same columns are written together, in one group; what was inserted into other tables comes first.
 * A worker has two chunks: while the connection's thread writes the one, the main thread fills the other.
 * Ownership: the caller owns the struct; it owns its groups.
 */
#ifndef BACKFILL_CHUNK_H
#define BACKFILL_CHUNK_H

#include "backfill/definition.h"
#include "backfill/group.h"
#include "db/conn.h"
#include "lua/host.h"

struct chunk {
  struct group *groups;
  struct group *latest;  /* the one that took the last update: most often the next one too */
  struct group *writing; /* where to look for the next statement */
  enum group_kind phase; /* and of which kind */
  struct group *written; /* the one whose statement was given out last */
};

/* A row that is put aside. */
struct bad_row {
  char *key;
  char *sqlstate; /* NULL: Lua, or the script's own wish */
  char *message;
};

void bad_row_free(void *row);

/* What the row function works for. */
struct chunk_work {
  struct host *host;
  const struct definition *definition;
  const char *style;        /* of placeholders */
  const char *batch_id;     /* batch.id */
  int64_t seed;             /* of math.random(), with the key of the first row */
  uint32_t version_columns; /* at the end of the page; 0: the rows are locked */
  struct group_lender lender;
  int *looks;      /* rows that are still looked at for changes that row() does not return */
  struct vec *bad; /* gets struct bad_row *: rows put aside, by batch:quarantine or (on_error) by an error */
};

void chunk_clear(struct chunk *chunk);
void chunk_release(struct chunk *chunk, lua_State *L);

/*
 * Runs the row function over the rows first..first + count of a page, or over less of them (`count` says how many then)
 * where what is to be written grows too large. ERROR_FAILED names the row's key; when the script threw, with its place.
 */
bool chunk_fill(struct chunk *chunk, const struct chunk_work *work, const moonbird_batch *page, uint64_t first,
                uint64_t *count, struct error *err) MUST_CHECK;

/* Has the script inserted into other tables? */
bool chunk_has_inserts(const struct chunk *chunk);

/* Do several statements write its rows? Then those of the second come after later ones of the first. */
bool chunk_is_mixed(const struct chunk *chunk);

/* The next statement to execute, or false when all are given out. */
bool chunk_next_statement(struct chunk *chunk, struct statement *statement);

/* The column of a parameter, from 1 on, of the statement that was given out last; NULL for the key's and for none. */
const char *chunk_column(const struct chunk *chunk, unsigned long parameter);

/* A seed for math.random() that is the same whenever this key comes first. */
int64_t chunk_seed(int64_t run_seed, const char *key);

#endif
