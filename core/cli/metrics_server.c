/*
 * metrics_server.c - see metrics_server.h. One request a connection, then it is closed.
 */
#include "cli/metrics_server.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { CLIENTS_MOST = 16, REQUEST_MOST = 8192, PATIENCE_MS = 5000, BACKLOG = 16 };

struct metrics_server {
  uv_tcp_t socket;
  uv_loop_t *loop;
  metrics_text_fn text;
  void *data;
  int clients;
  int open_handles; /* those of the server itself */
};

struct client {
  uv_tcp_t socket;
  uv_timer_t timer;
  uv_write_t write;
  struct metrics_server *server;
  int open_handles;
  char request[REQUEST_MOST];
  size_t len;
  struct strbuf answer;
};

/* --- closing --- */

static void handle_client_closed(uv_handle_t *handle) {
  struct client *c = handle->data;
  if (--c->open_handles > 0)
    return;
  c->server->clients--;
  strbuf_release(&c->answer);
  free(c);
}

static void close_client(struct client *c) {
  if (uv_is_closing((uv_handle_t *)&c->socket))
    return;
  uv_close((uv_handle_t *)&c->socket, handle_client_closed);
  uv_close((uv_handle_t *)&c->timer, handle_client_closed);
}

static void handle_written(uv_write_t *write, int status) {
  (void)status;
  close_client(write->data);
}

static void handle_late(uv_timer_t *timer) {
  close_client(timer->data);
}

/* --- answering --- */

static void answer(struct client *c, const char *status, const char *type, const struct strbuf *body, bool with_body) {
  strbuf_addf(&c->answer, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
              type, body->len);
  if (with_body)
    strbuf_add(&c->answer, body->buf, body->len);
  uv_buf_t buf = uv_buf_init(c->answer.buf, (unsigned)c->answer.len);
  c->write.data = c;
  if (uv_write(&c->write, (uv_stream_t *)&c->socket, &buf, 1, handle_written) != 0)
    close_client(c);
}

static void refuse(struct client *c, const char *status) {
  struct strbuf body = STRBUF_INIT;
  strbuf_addf(&body, "%s\n", status);
  answer(c, status, "text/plain; charset=utf-8", &body, true);
  strbuf_release(&body);
}

static bool starts_with(const char *text, const char *start) {
  return strncmp(text, start, strlen(start)) == 0;
}

/* The request's first line: "GET /metrics HTTP/1.1", with whatever stands behind a question mark. */
static void serve(struct client *c) {
  bool is_get = starts_with(c->request, "GET "), is_head = starts_with(c->request, "HEAD ");
  if (!is_get && !is_head) {
    refuse(c, "405 Method Not Allowed");
    return;
  }
  const char *path = c->request + (is_get ? strlen("GET ") : strlen("HEAD "));
  const char *behind = path + strlen("/metrics");
  if (!starts_with(path, "/metrics") || (*behind != ' ' && *behind != '?')) {
    refuse(c, "404 Not Found");
    return;
  }
  struct strbuf body = STRBUF_INIT;
  c->server->text(c->server->data, &body);
  answer(c, "200 OK", "text/plain; version=0.0.4; charset=utf-8", &body, is_get);
  strbuf_release(&body);
}

/* --- reading --- */

/* The last byte of the room stays for the NUL. */
static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  struct client *c = handle->data;
  *buf = uv_buf_init(c->request + c->len, (unsigned)(REQUEST_MOST - 1 - c->len));
}

static void handle_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf) {
  (void)buf;
  struct client *c = stream->data;
  if (count < 0) {
    if (count == UV_ENOBUFS) {
      uv_read_stop(stream);
      refuse(c, "431 Request Header Fields Too Large");
    } else {
      close_client(c);
    }
    return;
  }
  c->len += (size_t)count;
  c->request[c->len] = '\0';
  if (!strstr(c->request, "\r\n\r\n") && !strstr(c->request, "\n\n"))
    return;
  uv_read_stop(stream);
  serve(c);
}

static void handle_connection(uv_stream_t *stream, int status) {
  struct metrics_server *s = stream->data;
  if (status != 0)
    return;
  struct client *c = xcalloc(1, sizeof(*c));
  c->server = s;
  c->answer = (struct strbuf)STRBUF_INIT;
  c->open_handles = 2;
  s->clients++;
  uv_tcp_init(s->loop, &c->socket);
  uv_timer_init(s->loop, &c->timer);
  c->socket.data = c->timer.data = c;
  bool ok = uv_accept(stream, (uv_stream_t *)&c->socket) == 0 && s->clients <= CLIENTS_MOST &&
            uv_read_start((uv_stream_t *)&c->socket, give_room, handle_read) == 0;
  if (ok)
    uv_timer_start(&c->timer, handle_late, PATIENCE_MS, 0);
  else
    close_client(c);
}

/* --- the server --- */

static void handle_server_closed(uv_handle_t *handle) {
  ((struct metrics_server *)handle->data)->open_handles--;
}

static void close_own_client(uv_handle_t *handle, void *arg) {
  struct metrics_server *s = arg;
  struct client *c = handle->data;
  if (handle->type == UV_TCP && handle != (uv_handle_t *)&s->socket && !uv_is_closing(handle) && c && c->server == s)
    close_client(c);
}

void metrics_server_stop(struct metrics_server *s) {
  if (!s)
    return;
  uv_walk(s->loop, close_own_client, s);
  uv_close((uv_handle_t *)&s->socket, handle_server_closed);
  while (s->open_handles || s->clients)
    uv_run(s->loop, UV_RUN_ONCE);
  free(s);
}

static int listen_at(struct metrics_server *s, const char *host, int port) {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  const struct sockaddr *address = (const struct sockaddr *)&v4;
  int code = uv_ip4_addr(host, port, &v4);
  if (code != 0) {
    code = uv_ip6_addr(host, port, &v6);
    address = (const struct sockaddr *)&v6;
  }
  if (code == 0)
    code = uv_tcp_bind(&s->socket, address, 0);
  return code == 0 ? uv_listen((uv_stream_t *)&s->socket, BACKLOG, handle_connection) : code;
}

struct metrics_server *metrics_server_start(uv_loop_t *loop, const char *host, int port, metrics_text_fn text,
                                            void *data, struct error *err) {
  struct metrics_server *s = xcalloc(1, sizeof(*s));
  *s = (struct metrics_server){.loop = loop, .text = text, .data = data, .open_handles = 1};
  uv_tcp_init(loop, &s->socket);
  s->socket.data = s;
  int code = listen_at(s, host, port);
  if (code == 0)
    return s;
  error_set(err, ERROR_USAGE, "cannot listen for --metrics at %s port %d: %s", host, port, uv_strerror(code));
  error_hint(err, "each run of a machine wants a port of its own; or write the figures to a file: --metrics FILE");
  metrics_server_stop(s);
  return NULL;
}
