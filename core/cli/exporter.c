/*
 * exporter.c - counts what the listener hears, and gives it out; see exporter.h.
 */
#include "cli/exporter.h"

#include "base/clock.h"
#include "base/log.h"
#include "script/files.h"

#include <stdlib.h>
#include <string.h>

static const double file_every_s = 5;
static const char localhost[] = "127.0.0.1";

/* --- where to --- */

/* The digits behind the last colon, or 0. */
static int port_of(const char *where) {
  const char *colon = strrchr(where, ':');
  if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5)
    return 0;
  long port = strtol(colon + 1, NULL, 10);
  return port >= 1 && port <= 65535 ? (int)port : 0;
}

/* What stands before the port, without brackets. */
static char *address_of(const char *where) {
  size_t len = (size_t)(strrchr(where, ':') - where);
  if (!len)
    return xstrdup(localhost);
  bool brackets = where[0] == '[' && where[len - 1] == ']';
  return xstrndup(where + brackets, len - 2 * (size_t)brackets);
}

/* A colon makes a port, a slash a path. */
static bool is_port(const char *where) {
  return strrchr(where, ':') && !strchr(where, '/');
}

/* Most likely a port without its colon: in a file nobody would look for the figures. */
static bool refuse_number(struct exporter *e, const char *where, struct error *err) {
  exporter_release(e);
  if (!*where) {
    error_set(err, ERROR_USAGE, "option '--metrics': the name of the file is empty");
    return error_hint(err, "write a file, :9187, or ADDRESS:9187");
  }
  error_set(err, ERROR_USAGE, "option '--metrics': '%s' may be a file or a port", where);
  return error_hint(err, "write :%s for the port, ./%s for a file of this name", where, where);
}

bool exporter_init(struct exporter *e, const char *backfill, const char *where, struct error *err) {
  *e = (struct exporter){.file = NULL};
  metrics_init(&e->metrics, backfill);
  if (!where)
    return true;
  if (!is_port(where)) {
    if (strspn(where, "0123456789") == strlen(where))
      return refuse_number(e, where, err);
    e->file = path_from_here(where);
    return true;
  }
  e->port = port_of(where);
  if (e->port) {
    e->host = address_of(where);
    return true;
  }
  exporter_release(e);
  error_set(err, ERROR_USAGE, "option '--metrics': '%s' has no port from 1 to 65535", where);
  return error_hint(err, "write a file, :9187, or ADDRESS:9187");
}

void exporter_release(struct exporter *e) {
  metrics_release(&e->metrics);
  free(e->file);
  free(e->host);
  free(e->reason);
  *e = (struct exporter){.file = NULL};
}

/* --- giving out --- */

/* Waiting counts while it goes on, too. */
static void count_waiting(struct exporter *e) {
  double now_s = clock_monotonic_s();
  if (e->reason)
    metrics_throttled(&e->metrics, e->reason, now_s - e->reason_s);
  e->reason_s = now_s;
}

static void add_text(void *data, struct strbuf *text) {
  struct exporter *e = data;
  count_waiting(e);
  metrics_write(&e->metrics, text);
}

static bool write_file(struct exporter *e, struct error *err) {
  struct strbuf text = STRBUF_INIT;
  add_text(e, &text);
  bool ok = file_replace(e->file, text.buf, text.len, err);
  e->file_s = clock_monotonic_s();
  strbuf_release(&text);
  return ok;
}

/* A run does not fail for its figures: a file that cannot be written is told once. */
static void write_file_or_warn(struct exporter *e) {
  struct error err = ERROR_INIT;
  bool ok = write_file(e, &err);
  if (!ok && !e->file_fails)
    log_warn("--metrics: %s", err.message);
  e->file_fails = !ok;
  error_release(&err);
}

bool exporter_start(struct exporter *e, struct uv_loop_s *loop, struct error *err) {
  if (e->file)
    return write_file(e, err);
  if (e->host)
    e->server = metrics_server_start(loop, e->host, e->port, add_text, e, err);
  return !e->host || e->server;
}

void exporter_stop(struct exporter *e) {
  metrics_server_stop(e->server);
  e->server = NULL;
  e->metrics.workers = 0;
  if (e->file)
    write_file_or_warn(e);
}

static void write_when_due(struct exporter *e) {
  if (e->file && clock_monotonic_s() - e->file_s >= file_every_s)
    write_file_or_warn(e);
}

/* --- counting --- */

void exporter_batch(struct exporter *e, const struct batch_news *news) {
  e->metrics.batch_size = news->size;
  e->metrics.bad_rows += news->bad;
  if (news->result == BATCH_COMMITTED)
    metrics_committed(&e->metrics, news->rows, news->seconds, (double)clock_wall_us() / 1e6);
  else
    metrics_rolled_back(&e->metrics, news->result, news->sqlstate);
  write_when_due(e);
}

void exporter_progress(struct exporter *e, const struct backfill_progress *news) {
  count_waiting(e);
  free(e->reason);
  e->reason = xstrdup_or_null(news->reason);
  e->metrics.throttled = news->reason != NULL;
  e->metrics.workers = (int64_t)news->workers;
  e->metrics.lag_s = news->lag_s;
  e->metrics.progress = news->fraction;
  write_when_due(e);
}
