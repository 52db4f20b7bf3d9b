/*
 * checks_cancel.c - cancelling from another thread, and cancelling nothing; breaking a connection.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "conformance.h"

#define CANCEL_SECONDS_MAX 10.0

struct canceller {
  struct run *run;
  moonbird_conn *conn;
  void (*act)(moonbird_conn *conn); /* cancel, or sever */
  atomic_bool is_over;
  pthread_t thread;
};

/* Cancels from time to time until the call has returned: the first may come before the statement runs. */
static void *canceller_main(void *context) {
  struct canceller *canceller = context;
  const struct timespec pause = {.tv_nsec = 10000000};
  for (int i = 1; !atomic_load(&canceller->is_over); i++) {
    if (i % 30 == 0) {
      canceller->act(canceller->conn);
    }
    nanosleep(&pause, NULL);
  }
  return NULL;
}

static bool canceller_start(struct canceller *canceller, struct run *run, void (*act)(moonbird_conn *conn)) {
  *canceller = (struct canceller){.run = run, .conn = run->conn, .act = act};
  EXPECT(run, pthread_create(&canceller->thread, NULL, canceller_main, canceller) == 0, "no thread can be started");
  return true;
}

static void canceller_stop(struct canceller *canceller) {
  atomic_store(&canceller->is_over, true);
  pthread_join(canceller->thread, NULL);
}

/* Runs the long query under a canceller. With a stream the waiting may be in execute or in fetch. */
static bool end_long_query(struct run *run, uint32_t flags, void (*act)(moonbird_conn *conn)) {
  struct canceller canceller;
  moonbird_result *result = NULL;
  moonbird_batch batch = {.size = sizeof batch};
  STEP(canceller_start(&canceller, run, act));
  double start = now_seconds();
  int32_t status = client_execute(run, run->conn, run->texts->long_query, flags, MOONBIRD_BIND_ROW, NULL, &result);
  if (status == MOONBIRD_OK) {
    status = run->driver->fetch(result, 10, &batch, &run->error);
  }
  double seconds = now_seconds() - start;
  canceller_stop(&canceller);
  run->driver->result_free(result);
  EXPECT(run, status == MOONBIRD_ERROR, "the cancelled query ends with status %d", status);
  STEP(check_error_form(run));
  EXPECT(run, seconds < CANCEL_SECONDS_MAX, "it took %.1f seconds", seconds);
  return true;
}

static bool cancel_long_query(struct run *run, uint32_t flags) {
  STEP(end_long_query(run, flags, run->driver->cancel));
  EXPECT(run, strcmp(run->error.sqlstate, "57014") == 0, "SQLSTATE %s: %s", run->error.sqlstate, run->error.message);
  return true;
}

/* A severed connection is lost for good; a new one works. */
static bool sever_breaks_the_connection(struct run *run) {
  if (run->driver->sever == NULL) {
    return true;
  }
  STEP(end_long_query(run, 0, run->driver->sever));
  EXPECT(run, strncmp(run->error.sqlstate, "08", 2) == 0, "SQLSTATE %s: %s", run->error.sqlstate, run->error.message);
  EXPECT(run, run->error.retry == MOONBIRD_RETRY_CONNECTION, "retry is %u", run->error.retry);
  run->driver->sever(run->conn);
  moonbird_conn *other = client_open(run);
  STEP(other != NULL);
  run->driver->close(run->conn);
  run->conn = other;
  return client_still_works(run);
}

static bool running_query_is_cancelled(struct run *run) {
  if (run->driver->cancel == NULL) {
    return true;
  }
  STEP(cancel_long_query(run, 0));
  STEP(client_still_works(run));
  STEP(cancel_long_query(run, MOONBIRD_STREAM));
  STEP(client_still_works(run));
  STEP(cancel_long_query(run, MOONBIRD_SCRIPT));
  return client_still_works(run);
}

static bool cancel_in_transaction(struct run *run) {
  if (run->driver->cancel == NULL) {
    return true;
  }
  STEP(client_run(run, "BEGIN"));
  STEP(cancel_long_query(run, 0));
  if (run->driver->transaction_state != NULL) {
    int32_t state = run->driver->transaction_state(run->conn);
    EXPECT(run, state != MOONBIRD_TX_UNKNOWN, "the connection is broken after a cancel");
    EXPECT(run, state == run->texts->state_after_error, "transaction_state is %d after a cancel", state);
  }
  STEP(client_run(run, "ROLLBACK"));
  return client_still_works(run);
}

static bool idle_cancel_does_nothing(struct run *run) {
  if (run->driver->cancel == NULL) {
    return true;
  }
  for (int i = 0; i < 20; i++) {
    run->driver->cancel(run->conn);
    STEP(client_still_works(run));
  }
  return true;
}

/* An open stream is not a running call: a cancel between two calls harms neither it nor the next statement. */
static bool idle_cancel_beside_a_stream(struct run *run) {
  moonbird_batch batch;
  if (run->driver->cancel == NULL) {
    return true;
  }
  STEP(client_query(run,
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n",
                    MOONBIRD_STREAM, 0));
  uint64_t rows = 0;
  int32_t status = client_fetch(run, 0, 1000, &batch);
  while (status == MOONBIRD_OK) {
    rows += batch.row_count;
    run->driver->cancel(run->conn);
    STEP(client_still_works(run));
    run->driver->cancel(run->conn);
    status = client_fetch(run, 0, 1000, &batch);
  }
  EXPECT(run, status == MOONBIRD_DONE && rows == 50000, "%llu rows in place of 50000: %s", (unsigned long long)rows,
         run->why);
  return true;
}

const struct check checks_cancel[] = {
    {"cancel: a running query ends with 57014", running_query_is_cancelled},
    {"cancel: in a transaction", cancel_in_transaction},
    {"cancel: nothing runs, nothing happens", idle_cancel_does_nothing},
    {"cancel: nothing happens beside an open stream", idle_cancel_beside_a_stream},
    {"sever: a running query ends with class 08", sever_breaks_the_connection},
    {NULL, NULL},
};
