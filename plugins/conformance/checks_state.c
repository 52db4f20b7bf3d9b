/*
 * checks_state.c - transactions, as the database and the driver's transaction_state see them.
 */
#include <string.h>

#include "conformance.h"

static bool state_is(struct run *run, int32_t wanted, const char *when) {
  static const char *const names[] = {"IDLE", "ACTIVE", "FAILED", "UNKNOWN"};
  if (run->driver->transaction_state == NULL) {
    return true;
  }
  int32_t state = run->driver->transaction_state(run->conn);
  EXPECT(run, state >= 0 && state <= 3, "transaction_state is %d", state);
  EXPECT(run, state == wanted, "%s: %s in place of %s", when, names[state], names[wanted]);
  return true;
}

static bool state_follows_statements(struct run *run) {
  STEP(state_is(run, MOONBIRD_TX_IDLE, "after open"));
  STEP(client_run(run, "CREATE TEMP TABLE x (i INTEGER PRIMARY KEY)"));
  STEP(state_is(run, MOONBIRD_TX_IDLE, "after DDL"));
  STEP(client_run(run, "BEGIN"));
  STEP(state_is(run, MOONBIRD_TX_ACTIVE, "after BEGIN"));
  STEP(client_run(run, "INSERT INTO x VALUES (1)"));
  STEP(state_is(run, MOONBIRD_TX_ACTIVE, "after INSERT"));
  STEP(client_run(run, "COMMIT"));
  STEP(state_is(run, MOONBIRD_TX_IDLE, "after COMMIT"));
  STEP(client_expect_error(run, "INSERT INTO x VALUES (1)", "23505"));
  STEP(state_is(run, MOONBIRD_TX_IDLE, "after a failed statement without a transaction"));
  return true;
}

static bool state_after_failure(struct run *run) {
  STEP(client_run(run, "CREATE TEMP TABLE x (i INTEGER PRIMARY KEY)"));
  STEP(client_run(run, "BEGIN"));
  STEP(client_run(run, "INSERT INTO x VALUES (1)"));
  STEP(client_expect_error(run, "INSERT INTO x VALUES (1)", "23505"));
  STEP(state_is(run, run->texts->state_after_error, "after a failed statement"));
  STEP(client_run(run, "ROLLBACK"));
  STEP(state_is(run, MOONBIRD_TX_IDLE, "after ROLLBACK"));
  int64_t count = -1;
  STEP(client_integer(run, "SELECT count(*) FROM x", &count));
  EXPECT(run, count == 0, "%lld rows stay after ROLLBACK", (long long)count);
  return true;
}

static bool savepoints(struct run *run) {
  if ((run->driver->caps & MOONBIRD_CAP_SAVEPOINTS) == 0) {
    return true;
  }
  STEP(client_run(run, "CREATE TEMP TABLE x (i INTEGER PRIMARY KEY)"));
  STEP(client_run(run, "BEGIN"));
  STEP(client_run(run, "INSERT INTO x VALUES (1)"));
  STEP(client_run(run, "SAVEPOINT one"));
  STEP(client_expect_error(run, "INSERT INTO x VALUES (1)", "23505"));
  STEP(client_run(run, "ROLLBACK TO SAVEPOINT one"));
  STEP(state_is(run, MOONBIRD_TX_ACTIVE, "after ROLLBACK TO SAVEPOINT"));
  STEP(client_run(run, "INSERT INTO x VALUES (2)"));
  STEP(client_run(run, "RELEASE SAVEPOINT one"));
  STEP(client_run(run, "COMMIT"));
  int64_t count = 0;
  STEP(client_integer(run, "SELECT count(*) FROM x", &count));
  EXPECT(run, count == 2, "%lld rows in place of 2", (long long)count);
  return true;
}

static bool ddl_is_rolled_back(struct run *run) {
  if ((run->driver->caps & MOONBIRD_CAP_TRANSACTIONAL_DDL) == 0) {
    return true;
  }
  STEP(client_run(run, "BEGIN"));
  STEP(client_run(run, "CREATE TEMP TABLE x (i INTEGER)"));
  STEP(client_run(run, "ROLLBACK"));
  return client_expect_error(run, "SELECT * FROM x", "42P01");
}

static bool script_failure_in_transaction(struct run *run) {
  moonbird_result *result = NULL;
  STEP(client_run(run, "CREATE TEMP TABLE x (i INTEGER PRIMARY KEY)"));
  STEP(client_run(run, "BEGIN"));
  int32_t status = client_execute(run, run->conn, "INSERT INTO x VALUES (1); INSERT INTO x VALUES (1); SELECT 1",
                                  MOONBIRD_SCRIPT, MOONBIRD_BIND_ROW, NULL, &result);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_ERROR && strcmp(run->error.sqlstate, "23505") == 0, "the script does not fail: %s",
         run->error.sqlstate);
  STEP(state_is(run, run->texts->state_after_error, "after a failed script"));
  STEP(client_run(run, "ROLLBACK"));
  return client_still_works(run);
}

/* The second connection looks at a table that stays, so this one is not temporary. */
static bool closing_rolls_back_with_table(struct run *run) {
  moonbird_result *result = NULL;
  moonbird_conn *other = client_open(run);
  STEP(other != NULL);
  bool is_ok = client_execute(run, other, "BEGIN", 0, 0, NULL, &result) == MOONBIRD_OK &&
               client_execute(run, other, "INSERT INTO mbc_kept VALUES (1)", 0, 0, NULL, &result) == MOONBIRD_OK;
  run->driver->close(other);
  EXPECT(run, is_ok, "the other connection cannot write: %s", run->error.message);
  int64_t count = -1;
  STEP(client_integer(run, "SELECT count(*) FROM mbc_kept", &count));
  EXPECT(run, count == 0, "%lld rows stay after closing in a transaction", (long long)count);
  return true;
}

static bool closing_rolls_back(struct run *run) {
  STEP(client_run(run, "DROP TABLE IF EXISTS mbc_kept"));
  STEP(client_run(run, "CREATE TABLE mbc_kept (i INTEGER)"));
  bool is_ok = closing_rolls_back_with_table(run);
  client_free(run, OPEN_RESULTS_MAX - 1);
  bool is_dropped = client_run(run, "DROP TABLE mbc_kept");
  return is_ok && is_dropped;
}

const struct check checks_state[] = {
    {"state: it follows the statements", state_follows_statements},
    {"state: a failed statement in a transaction", state_after_failure},
    {"state: savepoints", savepoints},
    {"state: DDL is rolled back", ddl_is_rolled_back},
    {"state: a failed script in a transaction", script_failure_in_transaction},
    {"state: closing rolls back", closing_rolls_back},
    {NULL, NULL},
};
