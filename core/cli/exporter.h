/*
 * exporter.h - what `--metrics FILE` and `--metrics :PORT` give out about a run.
 *
 * It hears of batches and progress through the command's listener, and has the counters (backfill/metrics.h).
 * Ownership: the command owns the struct (exporter_init, exporter_release). Main thread only.
 */
#ifndef CLI_EXPORTER_H
#define CLI_EXPORTER_H

#include "backfill/job.h"
#include "backfill/metrics.h"
#include "cli/metrics_server.h"
#include "run/run.h"

struct exporter {
  struct metrics metrics;
  char *file;      /* absolute; NULL: none */
  double file_s;   /* when it was last written; monotonic */
  bool file_fails; /* told once */
  char *host;      /* NULL: nobody listens */
  int port;
  struct metrics_server *server;
  char *reason; /* why no batch may start, since `reason_s` */
  double reason_s;
};

/* `where` is a file, ":PORT" (of 127.0.0.1), "ADDRESS:PORT" or "[ADDRESS]:PORT". */
bool exporter_init(struct exporter *exporter, const char *backfill, const char *where, struct error *err) MUST_CHECK;
void exporter_release(struct exporter *exporter);

/* Begins: writes the file, or listens. The loop must live until exporter_stop, which writes the file once more. */
bool exporter_start(struct exporter *exporter, struct uv_loop_s *loop, struct error *err) MUST_CHECK;
void exporter_stop(struct exporter *exporter);

void exporter_batch(struct exporter *exporter, const struct batch_news *news);
void exporter_progress(struct exporter *exporter, const struct backfill_progress *news);

#endif
