/*
 * metrics_server.h - a small HTTP server on the event loop: GET /metrics gives a text, everything else is not there.
 *
 * Meant for one Prometheus beside the run. A client gets so many seconds and bytes for its request, and only some may
 * be connected at once. Main thread only. A library with more of HTTP would bring TLS into the start of every command.
 */
#ifndef CLI_METRICS_SERVER_H
#define CLI_METRICS_SERVER_H

#include "base/error.h"
#include "base/strbuf.h"

struct metrics_server;
struct uv_loop_s;

/* Appends the text of this moment. */
typedef void (*metrics_text_fn)(void *data, struct strbuf *text);

/* Listens; `host` is an address, such as 127.0.0.1. ERROR_USAGE where that cannot be. NULL on failure. The caller owns
 * it. */
struct metrics_server *metrics_server_start(struct uv_loop_s *loop, const char *host, int port, metrics_text_fn text,
                                            void *data, struct error *err) MUST_CHECK;

/* Closes what is open; runs the loop until that is done. NULL is allowed. */
void metrics_server_stop(struct metrics_server *server);

#endif
