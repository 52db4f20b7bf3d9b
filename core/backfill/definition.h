/*
 * definition.h - a backfill as lib/backfill_definition.lua hands it over: names, SQL of the dialect, functions of the
 * script.
 *
 * Ownership: the struct owns its texts and its references into the Lua registry (definition_release). All SQL is in the
 * driver's syntax.
 */
#ifndef BACKFILL_DEFINITION_H
#define BACKFILL_DEFINITION_H

#include "backfill/size.h"
#include "base/error.h"
#include "base/vec.h"

#include <lua.h>

enum backfill_form { FORM_SET, FORM_ROW, FORM_BATCH };

/* How a value travels to the column that it is for; `columns` of the dialect say it. */
enum transport { TRANSPORT_ANY, TRANSPORT_BOOL, TRANSPORT_INT64, TRANSPORT_FLOAT64, TRANSPORT_TEXT, TRANSPORT_BYTES };

/* SQL that starts a range at its low key (included), or goes on after a key. */
struct sql_pair {
  char *first;
  char *after;
};

struct definition {
  char *name;
  char *table; /* for people */
  enum backfill_form form;
  struct vec key;    /* owned strings: column names */
  char *key_columns; /* JSON */
  char *key_types;   /* JSON */
  enum transport *key_transports;
  bool bounded;        /* a page ends at a hopped key, not after so many rows: there is a `where`, or effects outside */
  bool may_have_twins; /* two rows may have the same key: a page holds all of one key, and says so when it meets two */
  bool external;       /* effects outside of the database */
  bool streams;        /* rows come as a stream, as nobody knows how wide they are, whatever those before them were */
  bool quarantines;    /* on_error: a bad row is put aside */
  int64_t max_bad;
  int workers;
  int64_t rows_estimated; /* -1 unknown */
  struct sizer sizer;     /* as the run starts */
  double max_bytes;       /* of a batch's rows */
  double nice;            /* pause after each batch, in batch durations */
  double statement_timeout_s;
  char *first_key;
  char *last_key;
  struct sql_pair hop;
  struct sql_pair page;           /* limited where not bounded; locks the rows */
  struct sql_pair versioned_page; /* the same without a lock; the last version_columns columns are the rows' version */
  struct sql_pair piece; /* as page, and ends by bytes: to be asked again. NULL where rows stream or are narrow */
  struct sql_pair versioned_piece;
  struct sql_pair
      guarded; /* as page, in place of the pieces while no value is wide: a last column tells where one is */
  struct sql_pair versioned_guarded;
  uint32_t version_columns; /* 0: rows are always locked as they are read */
  struct sql_pair update;   /* FORM_SET */
  struct sql_pair count;    /* FORM_BATCH: rows of a range, for the last batch */
  struct sql_pair undone;   /* rows of a range for which `done` does not hold; NULL without `done` */
  struct sql_pair marked;   /* with `done`: keys of a range, and 1 for a row that is not done */
  struct sql_pair again;    /* with `done`: rows that a range counts when it is done again */
  char *writers;            /* who holds write locks on the table: id, pid, text; NULL where that cannot be known */
  char *begin;              /* with the word {worker} where the database is told who it is */
  char *sync;               /* NULL where every commit is durable */
  char *path;               /* the file of backfills/, or NULL */
  char *row_place;          /* file and line of the script's `row`, or NULL */
  int row_ref;              /* FORM_ROW: function(row, batch) */
  int guard_ref;            /* FORM_ROW: metatable of the rows */
  int batch_ref;            /* FORM_ROW: the second argument; FORM_BATCH: what lib/backfill_batch.lua makes */
  int writer_ref;           /* FORM_ROW: function(kind, { column names }, table, schema) -> { sql, bind, transports } */
  int throttle_ref;         /* the script's `throttle`, a table or nil */
};

void definition_init(struct definition *definition);

/* Reads the table at `index`; throws Lua errors, so only inside a protected call. */
void definition_read(lua_State *L, int index, const char *style, struct definition *definition);
void definition_release(lua_State *L, struct definition *definition);

/* "int64" -> TRANSPORT_INT64; unknown names are TRANSPORT_ANY. */
enum transport transport_from_name(const char *name);

#endif
