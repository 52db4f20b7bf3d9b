/*
 * plan.h - prepared statements and what the server told of them. A plan in the cache belongs to the cache and lives
 * until the next call that may prepare or clear; the unnamed plan likewise.
 *
 * Life: plan_get; plan_cache_clear after DDL; plan_cache_release with the connection.
 */
#ifndef MOONBIRD_POSTGRES_PLAN_H
#define MOONBIRD_POSTGRES_PLAN_H

#include "moonbird/driver.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_CACHE_SIZE 32

struct plan {
  uint64_t number; /* names the statement at the server; 0: unnamed */
  uint64_t hash;
  uint64_t used; /* the cache's clock at the last use */
  char *sql;     /* with the declared types this is the key */
  size_t sql_len;
  int declared_count; /* number of parameters */
  Oid *declared;
  PGresult *description; /* the result's columns */
  Oid *inferred;         /* the parameters' types as the server understood them, declared_count of them */
  bool is_binary;        /* the result is asked for in binary format */
};

struct plan_cache {
  struct plan *plans; /* PLAN_CACHE_SIZE, allocated at the first use */
  int count;
  struct plan unnamed;
  uint64_t clock;
  uint64_t last_number;
  uint64_t *dropped; /* numbers that are still to be deallocated at the server */
  size_t dropped_count;
  size_t dropped_capacity;
};

#define PLAN_NAME_SIZE 40

/* Finds or prepares. `is_kept`: look in the cache and put it there; else the unnamed statement. One round trip if it
 * has to be prepared, none if not. NULL: the error is filled. */
struct plan *plan_get(moonbird_conn *conn, bool is_kept, moonbird_error *error);

/* The name for libpq, "" for the unnamed statement. */
void plan_name(const struct plan *plan, char name[PLAN_NAME_SIZE]);

/* Empties the cache; `at_server`: the statements exist at the server and are deallocated with the next preparation. */
void plan_cache_clear(struct plan_cache *cache, bool at_server);

void plan_cache_release(struct plan_cache *cache);

#endif
