/*
 * presence.c - see presence.h. Called by runner.c for its workers, by writers.c for a run that waits at its start.
 */
#include "backfill/presence.h"

#include "base/clock.h"
#include "base/whoami.h"

#include <unistd.h>

static const double lease_default_s = 30;

char *presence_runner_id(void) {
  return xasprintf("%s:%ld:%06llx", whoami_host(), (long)getpid(), (unsigned long long)clock_wall_us() & 0xffffff);
}

double presence_lease_s(const struct session *session) {
  return config_backfill_number(session->request->config, "lease", lease_default_s);
}

double presence_beat_every_s(double lease_s) {
  return lease_s / 6;
}

void presence_insert_params(struct batch_builder *params, const char *id, const char *runner, const char *backfill,
                            int64_t batch_size, double lease_s) {
  batch_init(params, 8);
  batch_add_str(params, 0, id);
  batch_add_str(params, 1, runner);
  batch_add_str(params, 2, whoami_host());
  batch_add_int(params, 3, getpid());
  batch_add_int(params, 4, batch_size);
  batch_add_float(params, 5, lease_s);
  batch_add_str(params, 6, backfill);
  batch_add_str(params, 7, id);
}

bool presence_insert(struct session *session, const char *id, const char *runner, const char *backfill,
                     int64_t batch_size, struct error *err) {
  struct batch_builder params;
  presence_insert_params(&params, id, runner, backfill, batch_size, presence_lease_s(session));
  bool ok = session_execute_batch(session, "worker_insert", &params, NULL, err);
  batch_release(&params);
  return ok;
}

/* Below 0 is not known. */
static void add_known(struct batch_builder *params, uint32_t column, int64_t number) {
  if (number >= 0)
    batch_add_int(params, column, number);
  else
    batch_add_null(params, column);
}

void presence_beat_params(struct batch_builder *params, const char *id, double lease_s,
                          const struct presence_news *news) {
  batch_init(params, 6);
  batch_add_int(params, 0, news->batch_size);
  add_known(params, 1, news->rate_1m);
  add_known(params, 2, news->rate_10m);
  add_known(params, 3, news->lag_s < 0 ? -1 : (int64_t)(1000 * news->lag_s));
  batch_add_float(params, 4, lease_s);
  batch_add_str(params, 5, id);
}

bool presence_delete(struct session *session, const char *runner, struct error *err) {
  return session_execute(session, "worker_delete", &runner, 1, NULL, err);
}

bool presence_sweep(struct session *session, const char *backfill, struct error *err) {
  const char *params[] = {backfill, backfill};
  return session_execute(session, "worker_sweep", &backfill, 1, NULL, err) &&
         session_execute(session, "worker_sweep_reason", params, 2, NULL, err);
}

bool presence_check_none(struct session *session, const char *backfill, const char *then, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  if (!session_query(session, "wish_worker", &backfill, 1, &rows, err))
    return false;
  bool alive = rows.row_count > 0;
  if (alive) {
    error_set(err, ERROR_FAILED, "a worker of backfill %s is alive: host %s, pid %lld", backfill,
              rowset_text(&rows, 0, 0), (long long)rowset_int(&rows, 0, 1));
    error_hint(err, "`moonbird backfill cancel %s` ends it after its batch; then %s", backfill, then);
  }
  rowset_release(&rows);
  return !alive;
}
