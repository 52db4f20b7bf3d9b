/*
 * plan.c - prepares statements, keeps those that are repeated, and deallocates what fell out. Called by statement.c;
 * reads the statement and the declared types from the connection.
 *
 * Preparing, describing and deallocating travel together in pipeline mode: one round trip.
 */
#include "plan.h"

#include "connection.h"
#include "decode.h"
#include "error.h"
#include "sqltext.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plan_name(const struct plan *plan, char name[PLAN_NAME_SIZE]) {
  if (plan->number == 0) {
    name[0] = '\0';
    return;
  }
  snprintf(name, PLAN_NAME_SIZE, "moonbird_s%" PRIu64, plan->number);
}

static void plan_release(struct plan *plan) {
  free(plan->sql);
  free(plan->declared);
  free(plan->inferred);
  PQclear(plan->description);
  *plan = (struct plan){0};
}

/* A number that cannot be remembered stays prepared until the connection ends: harmless. */
static void remember_dropped(struct plan_cache *cache, uint64_t number) {
  if (cache->dropped_count == cache->dropped_capacity) {
    size_t capacity = cache->dropped_capacity + PLAN_CACHE_SIZE;
    uint64_t *dropped = realloc(cache->dropped, capacity * sizeof *dropped);
    if (dropped == NULL) {
      return;
    }
    cache->dropped = dropped;
    cache->dropped_capacity = capacity;
  }
  cache->dropped[cache->dropped_count++] = number;
}

void plan_cache_clear(struct plan_cache *cache, bool at_server) {
  for (int i = 0; i < cache->count; i++) {
    if (at_server) {
      remember_dropped(cache, cache->plans[i].number);
    }
    plan_release(&cache->plans[i]);
  }
  cache->count = 0;
  if (!at_server) {
    cache->dropped_count = 0;
  }
}

void plan_cache_release(struct plan_cache *cache) {
  plan_cache_clear(cache, false);
  plan_release(&cache->unnamed);
  free(cache->plans);
  free(cache->dropped);
}

/* --- Talking to the server --- */

static bool send_deallocations(moonbird_conn *conn) {
  struct plan_cache *cache = &conn->plans;
  char sql[PLAN_NAME_SIZE + 16];
  for (size_t i = 0; i < cache->dropped_count; i++) {
    snprintf(sql, sizeof sql, "DEALLOCATE moonbird_s%" PRIu64, cache->dropped[i]);
    if (!PQsendQueryParams(conn->pg, sql, 0, NULL, NULL, NULL, NULL, 0)) {
      return false;
    }
  }
  return true;
}

static bool send_preparation(moonbird_conn *conn, const char *name) {
  const struct params *params = &conn->params;
  return PQsendPrepare(conn->pg, name, (const char *)conn->sql.data, params->count, params->types) &&
         PQsendDescribePrepared(conn->pg, name) && PQpipelineSync(conn->pg);
}

/* Receives up to the synchronisation point. The last good result is the description; the first failed one is kept. */
static PGresult *receive_description(PGconn *pg) {
  PGresult *kept = NULL;
  while (true) {
    PGresult *next = PQgetResult(pg); /* NULL parts two statements of a pipeline */
    if (next == NULL && PQstatus(pg) == CONNECTION_BAD) {
      return kept;
    }
    if (PQresultStatus(next) == PGRES_PIPELINE_SYNC) {
      PQclear(next);
      return kept;
    }
    if (next == NULL || connection_is_failure(kept)) {
      PQclear(next);
      continue;
    }
    PQclear(kept);
    kept = next;
  }
}

static PGresult *describe(moonbird_conn *conn, const char *name, moonbird_error *error) {
  PGconn *pg = conn->pg;
  PGresult *result = NULL;
  if (PQenterPipelineMode(pg)) {
    /* Where something could not be sent, what went before it must still be received. */
    if ((send_deallocations(conn) && send_preparation(conn, name)) || PQpipelineSync(pg)) {
      result = receive_description(pg);
    }
    conn->plans.dropped_count = 0;
  }
  if (result == NULL || PQresultStatus(result) != PGRES_COMMAND_OK) {
    error_from_result(error, pg, result, (const char *)conn->sql.data, conn->sql.len, 0);
    PQclear(result);
    result = NULL;
  }
  PQexitPipelineMode(pg);
  return result;
}

static bool all_known_in_binary(const PGresult *description) {
  for (int i = 0; i < PQnfields(description); i++) {
    if (!decode_knows_binary(PQftype(description, i))) {
      return false;
    }
  }
  return true;
}

static bool set_inferred(const moonbird_conn *conn, struct plan *plan, moonbird_error *error) {
  int needed = PQnparams(plan->description);
  int given = conn->params.count;
  if (needed != given) {
    error_set(error, "07001", "the statement has %d parameters, but %d values were given", needed, given);
    return false;
  }
  plan->inferred = malloc(((size_t)needed + 1) * sizeof *plan->inferred);
  if (plan->inferred == NULL) {
    error_set_memory(error);
    return false;
  }
  for (int i = 0; i < needed; i++) {
    plan->inferred[i] = PQparamtype(plan->description, i);
  }
  return true;
}

static bool plan_prepare(moonbird_conn *conn, struct plan *plan, moonbird_error *error) {
  char name[PLAN_NAME_SIZE];
  plan_name(plan, name);
  plan->description = describe(conn, name, error);
  if (plan->description == NULL) {
    return false;
  }
  plan->is_binary = all_known_in_binary(plan->description);
  return set_inferred(conn, plan, error);
}

/* --- The cache --- */

static uint64_t key_hash(const moonbird_conn *conn) {
  uint64_t hash = fnv64(FNV64_START, conn->sql.data, conn->sql.len);
  return fnv64(hash, conn->params.types, (size_t)conn->params.count * sizeof(Oid));
}

static bool plan_matches(const struct plan *plan, const moonbird_conn *conn, uint64_t hash) {
  const struct params *params = &conn->params;
  return plan->hash == hash && plan->sql_len == conn->sql.len && plan->declared_count == params->count &&
         memcmp(plan->sql, conn->sql.data, plan->sql_len) == 0 &&
         (params->count == 0 || memcmp(plan->declared, params->types, (size_t)params->count * sizeof(Oid)) == 0);
}

static struct plan *cache_find(moonbird_conn *conn, uint64_t hash) {
  struct plan_cache *cache = &conn->plans;
  for (int i = 0; i < cache->count; i++) {
    if (plan_matches(&cache->plans[i], conn, hash)) {
      cache->plans[i].used = ++cache->clock;
      return &cache->plans[i];
    }
  }
  return NULL;
}

static void drop_oldest(struct plan_cache *cache) {
  int oldest = 0;
  for (int i = 1; i < cache->count; i++) {
    if (cache->plans[i].used < cache->plans[oldest].used) {
      oldest = i;
    }
  }
  remember_dropped(cache, cache->plans[oldest].number);
  plan_release(&cache->plans[oldest]);
  cache->plans[oldest] = cache->plans[--cache->count];
}

static bool set_key(struct plan *plan, const moonbird_conn *conn, uint64_t hash) {
  const struct params *params = &conn->params;
  size_t types_size = (size_t)params->count * sizeof(Oid);
  plan->hash = hash;
  plan->sql_len = conn->sql.len;
  plan->declared_count = params->count;
  plan->sql = malloc(conn->sql.len + 1);
  plan->declared = malloc(types_size + 1);
  if (plan->sql == NULL || plan->declared == NULL) {
    return false;
  }
  memcpy(plan->sql, conn->sql.data, conn->sql.len);
  memcpy(plan->declared, params->types, types_size);
  return true;
}

static struct plan *cache_add(moonbird_conn *conn, uint64_t hash, moonbird_error *error) {
  struct plan_cache *cache = &conn->plans;
  if (cache->plans == NULL) {
    cache->plans = calloc(PLAN_CACHE_SIZE, sizeof *cache->plans);
  }
  struct plan plan = {.number = ++cache->last_number};
  if (cache->plans == NULL || !set_key(&plan, conn, hash)) {
    plan_release(&plan);
    error_set_memory(error);
    return NULL;
  }
  if (cache->count == PLAN_CACHE_SIZE) {
    drop_oldest(cache);
  }
  if (!plan_prepare(conn, &plan, error)) {
    if (plan.description != NULL) {
      remember_dropped(cache, plan.number); /* the server has it all the same */
    }
    plan_release(&plan);
    return NULL;
  }
  plan.used = ++cache->clock;
  cache->plans[cache->count] = plan;
  return &cache->plans[cache->count++];
}

struct plan *plan_get(moonbird_conn *conn, bool is_kept, moonbird_error *error) {
  if (!is_kept) {
    plan_release(&conn->plans.unnamed);
    return plan_prepare(conn, &conn->plans.unnamed, error) ? &conn->plans.unnamed : NULL;
  }
  uint64_t hash = key_hash(conn);
  struct plan *plan = cache_find(conn, hash);
  return plan != NULL ? plan : cache_add(conn, hash, error);
}
