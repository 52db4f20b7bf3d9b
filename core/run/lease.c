/*
 * lease.c - takes, keeps and gives back the row of the lock; see lease.h. Called by lock.c.
 *
 * Every statement on the lease's connection is a transaction of its own, so it does not matter on which session of the
 * server it runs.
 */
#include "run/lease.h"

#include "base/log.h"
#include "base/whoami.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

enum { BEATS_PER_LEASE = 4, OWNER_SIZE = 33, OPENING_S = 5 };

struct lease {
  struct session *session;
  struct conn *conn;
  char *name;
  char owner[OWNER_SIZE]; /* no two runs have the same */
  bool held;
  bool reopened; /* the heartbeat's connection was lost and is another one now */
  uv_timer_t timer;
  bool timer_closed;
  struct statement beat; /* in flight; its parameters */
  struct batch_builder beat_params;
};

/* --- life --- */

static void set_owner(struct lease *lease) {
  unsigned char bytes[(OWNER_SIZE - 1) / 2];
  if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
    BUG("no random bytes");
  for (size_t i = 0; i < sizeof(bytes); i++)
    snprintf(lease->owner + 2 * i, 3, "%02x", bytes[i]);
}

struct lease *lease_new(struct session *session, const char *name) {
  struct lease *lease = xcalloc(1, sizeof(*lease));
  lease->session = session;
  lease->name = xstrdup(name);
  set_owner(lease);
  batch_init(&lease->beat_params, 0);
  uv_timer_init(loop_uv(session->loop), &lease->timer);
  uv_unref((uv_handle_t *)&lease->timer);
  lease->timer.data = lease;
  return lease;
}

static void handle_timer_closed(uv_handle_t *handle) {
  ((struct lease *)handle->data)->timer_closed = true;
}

void lease_free(struct lease *lease) {
  if (!lease)
    return;
  lease_release(lease);
  uv_close((uv_handle_t *)&lease->timer, handle_timer_closed);
  while (!lease->timer_closed)
    loop_run_once(lease->session->loop);
  batch_release(&lease->beat_params);
  free(lease->name);
  free(lease);
}

void lease_move(struct lease *lease, struct conn *conn) {
  lease->conn = conn;
}

/* --- statements --- */

static struct statement named(struct lease *lease, const char *name, struct batch_builder *params) {
  const char *sql = texts_get(&lease->session->texts, name);
  return (struct statement){
      .sql = sql, .len = strlen(sql), .params = params && params->column_count ? batch_view(params) : NULL};
}

static bool execute(struct lease *lease, const char *name, struct batch_builder *params, int64_t *affected,
                    struct error *err) {
  struct statement statement = named(lease, name, params);
  conn_wait(lease->conn); /* for a heartbeat */
  return conn_execute(lease->conn, &statement, affected, err);
}

/* How long a lease holds, without a heartbeat. */
static double lease_s(const struct lease *lease) {
  return config_seconds(lease->session->request->config, "lock_lease");
}

static void add_seconds(struct batch_builder *params, uint32_t column, const struct lease *lease) {
  batch_add_float(params, column, lease_s(lease));
}

static bool is_state(const struct error *err, const char *sqlstate) {
  return strcmp(err->sqlstate, sqlstate) == 0;
}

static bool is_missing(const struct error *err) {
  return is_state(err, "42P01") || is_state(err, "3F000"); /* undefined table, schema */
}

/* --- taking --- */

/* Who we are: owner, host, pid, user, end; then the name. The order of columns of lock_take and lock_insert. */
static void add_self(struct lease *lease, struct batch_builder *params) {
  batch_init(params, 6);
  batch_add_str(params, 0, lease->owner);
  batch_add_str(params, 1, whoami_host());
  batch_add_int(params, 2, getpid());
  batch_add_str(params, 3, whoami_user());
  add_seconds(params, 4, lease);
  batch_add_str(params, 5, lease->name);
}

static bool run_as_self(struct lease *lease, const char *name, int64_t *affected, struct error *err) {
  struct batch_builder params;
  add_self(lease, &params);
  bool ok = execute(lease, name, &params, affected, err);
  batch_release(&params);
  return ok;
}

/* "2026-11-25 12:00:00.123456+00" without its fraction. */
static void add_time(struct strbuf *text, const char *time) {
  const char *fraction = time ? strchr(time, '.') : NULL;
  if (!time)
    return;
  strbuf_add(text, time, fraction ? (size_t)(fraction - time) : strlen(time));
  if (fraction)
    strbuf_addf(text, "%s", fraction + 1 + strspn(fraction + 1, "0123456789"));
}

/* Who has it; `found` is false where nobody has. */
static bool read_holder(struct lease *lease, bool *found, char *holder, size_t size, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  struct batch_builder params;
  batch_init(&params, 1);
  batch_add_str(&params, 0, lease->name);
  struct statement statement = named(lease, "lock_holder", &params);
  conn_wait(lease->conn);
  bool ok = conn_query(lease->conn, &statement, &rows, err);
  batch_release(&params);
  if (!ok)
    return false;
  *found = rows.row_count > 0;
  if (*found) {
    struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "host %s, pid %" PRId64 ", user %s, since ", rowset_text(&rows, 0, 0), rowset_int(&rows, 0, 1),
                rowset_text(&rows, 0, 2));
    add_time(&text, rowset_text(&rows, 0, 3));
    strbuf_addf(&text, ", lease until ");
    add_time(&text, rowset_text(&rows, 0, 4));
    snprintf(holder, size, "%s", text.buf);
    strbuf_release(&text);
  }
  rowset_release(&rows);
  return true;
}

/* The first row of this name; somebody may be quicker. */
static bool insert(struct lease *lease, bool *busy, struct error *err) {
  if (run_as_self(lease, "lock_insert", NULL, err)) {
    lease->held = true;
    return true;
  }
  if (!is_state(err, "23505"))
    return false;
  error_clear(err);
  *busy = true;
  return true;
}

/* Two that make the table at once may meet in the catalog. */
static bool create_table(struct lease *lease, struct error *err) {
  if (execute(lease, "lock_create", NULL, NULL, err))
    return true;
  if (!is_state(err, "23505") && !is_state(err, "42P07"))
    return error_prefix(err, "the table of the lock cannot be made: ");
  error_clear(err);
  return true;
}

static bool take(struct lease *lease, bool *busy, char *holder, size_t size, struct error *err) {
  int64_t affected = 0;
  bool found = false;
  if (!run_as_self(lease, "lock_take", &affected, err))
    return false;
  lease->held = affected == 1;
  if (lease->held)
    return true;
  if (!read_holder(lease, &found, holder, size, err))
    return false;
  *busy = found;
  return found || insert(lease, busy, err);
}

bool lease_try(struct lease *lease, struct conn *conn, bool create, bool *needed, bool *busy, char *holder, size_t size,
               struct error *err) {
  lease->conn = conn;
  *needed = true;
  *busy = false;
  holder[0] = '\0';
  if (take(lease, busy, holder, size, err))
    return true;
  if (!is_missing(err))
    return false;
  if (create) {
    error_clear(err);
    return create_table(lease, err) && take(lease, busy, holder, size, err);
  }
  error_clear(err);
  *needed = false;
  return true;
}

/* --- keeping --- */

static void add_renewal(struct lease *lease, struct batch_builder *params) {
  batch_init(params, 3);
  add_seconds(params, 0, lease);
  batch_add_str(params, 1, lease->name);
  batch_add_str(params, 2, lease->owner);
}

static void handle_beat(void *data);

static void beat(struct lease *lease) {
  batch_release(&lease->beat_params);
  add_renewal(lease, &lease->beat_params);
  lease->beat = named(lease, "lock_renew", &lease->beat_params);
  conn_start_execute(lease->conn, &lease->beat, 0, handle_beat, lease);
}

/* It may have lasted a while: the lease is renewed at once. */
static void handle_reopened(void *data) {
  struct lease *lease = data;
  struct error err = ERROR_INIT;
  if (!lease->conn)
    return;
  if (conn_check_open(lease->conn, &lease->session->url, &err)) {
    lease->reopened = true;
    log_debug("the lease of the lock has another connection");
    if (uv_is_active((uv_handle_t *)&lease->timer))
      beat(lease);
  } else {
    log_debug("the connection of the lock's lease: %s", err.message);
  }
  error_release(&err);
}

/* A lost connection is opened anew, or the lease would end although its owner lives. What else is wrong shows at the
 * next commit, which asks for itself. */
static void handle_beat(void *data) {
  struct lease *lease = data;
  struct error err = ERROR_INIT;
  if (!lease->conn || conn_check(lease->conn, NULL, 0, &err))
    return;
  log_debug("the lease of the lock could not be renewed: %s", err.message);
  if (err.retry == RETRY_CONNECTION && uv_is_active((uv_handle_t *)&lease->timer)) {
    conn_limit_opening(lease->conn, OPENING_S);
    conn_start_open(lease->conn, &lease->session->url, "moonbird:lock", handle_reopened, lease);
  }
  error_release(&err);
}

static void handle_timer(uv_timer_t *timer) {
  struct lease *lease = timer->data;
  if (lease->conn && !conn_is_busy(lease->conn))
    beat(lease);
}

bool lease_take_reopened(struct lease *lease) {
  bool reopened = lease->reopened;
  lease->reopened = false;
  return reopened;
}

void lease_keep(struct lease *lease) {
  if (!lease->held)
    return;
  uint64_t every_ms = (uint64_t)(lease_s(lease) * 1000 / BEATS_PER_LEASE);
  uv_timer_start(&lease->timer, handle_timer, every_ms, every_ms);
}

bool lease_confirm(struct lease *lease, struct error *err) {
  struct batch_builder params;
  int64_t affected = 0;
  if (!lease->held)
    return true;
  add_renewal(lease, &params);
  bool ok = session_execute_batch(lease->session, "lock_renew", &params, &affected, err);
  batch_release(&params);
  if (!ok)
    return error_prefix(err, "the lease of the lock cannot be renewed: ");
  if (affected == 1)
    return true;
  char holder[512] = "";
  bool found = false;
  struct error ignored = ERROR_INIT;
  if (!read_holder(lease, &found, holder, sizeof(holder), &ignored) || !found)
    snprintf(holder, sizeof(holder), "holder unknown");
  error_release(&ignored);
  error_set(err, ERROR_LOCK, "the lease of the lock had ended, and somebody else has the lock now (%s)", holder);
  return error_hint(err, "nothing of the open transaction is kept; run the same command again");
}

void lease_release(struct lease *lease) {
  struct batch_builder params;
  struct error ignored = ERROR_INIT;
  uv_timer_stop(&lease->timer);
  if (!lease->held || !lease->conn)
    return;
  lease->held = false;
  batch_init(&params, 2);
  batch_add_str(&params, 0, lease->name);
  batch_add_str(&params, 1, lease->owner);
  if (!execute(lease, "lock_release", &params, NULL, &ignored))
    log_debug("the lock could not be given back: %s", ignored.message);
  batch_release(&params);
  error_release(&ignored);
}
