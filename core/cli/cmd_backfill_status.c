/*
 * cmd_backfill_status.c - how far backfills are, once or as a live screen. It writes nothing.
 */
#include "backfill/brake.h"
#include "backfill/status.h"
#include "base/log.h"
#include "cli/cmd_backfill.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/screen.h"
#include "cli/status_json.h"
#include "cli/watch.h"
#include "cli/width.h"

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
  bool watch;
  bool exit_code;
} given;

const struct option_spec backfill_status_options[] = {
    {.name = "watch",
     .letter = 'w',
     .type = OPTION_FLAG,
     .help =
         "a live screen, until q, Ctrl-C or until all have ended; without a terminal again every 30 s, with --json an "
         "event a second",
     .target = &given.watch},
    {.name = "exit-code",
     .type = OPTION_FLAG,
     .help = "0 done, 1 failed, 3 not finished or cancelled, 8 done with bad rows",
     .target = &given.exit_code},
    OPTION_END,
};

/* What `status` shows of one moment. */
struct look {
  struct cli *cli;
  const char *name; /* NULL: all that are not done, or all where all are */
  struct vec list;
  double braked_for_s; /* all of them, where none is known yet */
};

static void look_clear(struct look *look) {
  status_free_all(&look->list);
  look->list = (struct vec)VEC_INIT;
}

/* Without a name, what is done already is not of interest while something is not. */
static void drop_done(struct vec *list) {
  size_t open = 0;
  for (size_t i = 0; i < list->len; i++)
    open += !status_has_ended(list->items[i]);
  for (size_t i = list->len; open && i-- > 0;)
    if (status_has_ended(list->items[i]))
      status_free(vec_remove(list, i));
}

static bool read_brake(struct look *look, struct session *session, struct error *err) {
  struct brake brake;
  if (!brake_read(session, &brake, err))
    return false;
  look->braked_for_s = brake.left_s;
  brake_release(&brake);
  return true;
}

/* What was seen before stays where nothing can be read. */
static bool look_read(struct look *look, struct session *session, struct error *err) {
  struct vec list = VEC_INIT;
  if (!status_read(session, look->name, &list, err)) {
    status_free_all(&list);
    return false;
  }
  look_clear(look);
  look->list = list;
  if (!look->list.len && !read_brake(look, session, err))
    return false;
  if (look->name)
    return look->list.len > 0 || backfill_unknown(session, look->name, err);
  if (!look->cli->out.json)
    drop_done(&look->list);
  return true;
}

static bool look_has_ended(const struct look *look) {
  for (size_t i = 0; i < look->list.len; i++)
    if (!status_has_ended(look->list.items[i]))
      return false;
  return true;
}

static void look_render(const struct look *look, struct strbuf *text, size_t columns) {
  struct screen_options options = {
      .columns = columns, .utf8 = look->cli->out.utf8, .color = look->cli->out.color, .workers = true};
  for (size_t i = 0; i < look->list.len; i++) {
    if (i)
      strbuf_add_char(text, '\n');
    screen_status(text, look->list.items[i], &options);
  }
}

static void look_print(const struct look *look) {
  struct strbuf text = STRBUF_INIT;
  look_render(look, &text, width_of_terminal(STDOUT_FILENO));
  output_write(&look->cli->out, text.buf, text.len);
  output_flush(&look->cli->out);
  strbuf_release(&text);
}

/* The worst of all, where --exit-code asks for it. */
static bool judge(const struct vec *list, struct error *err) {
  const struct backfill_status *worst = NULL;
  enum error_class class = ERROR_NONE;
  for (size_t i = 0; i < list->len; i++) {
    const struct backfill_status *s = list->items[i];
    enum error_class here = strcmp(s->observed, OBSERVED_DONE) == 0       ? ERROR_NONE
                            : strcmp(s->observed, OBSERVED_FAILED) == 0   ? ERROR_FAILED
                            : strcmp(s->observed, OBSERVED_DONE_BAD) == 0 ? ERROR_FINDINGS
                                                                          : ERROR_PENDING;
    bool worse = class == ERROR_NONE || here == ERROR_FAILED || (here == ERROR_PENDING && class == ERROR_FINDINGS);
    if (here == ERROR_NONE || !worse || class == ERROR_FAILED)
      continue;
    class = here;
    worst = s;
  }
  if (!worst)
    return true;
  struct strbuf state = STRBUF_INIT;
  screen_add_state(&state, worst);
  error_set(err, class, "the backfill '%s' %s %s", worst->name, class == ERROR_FAILED ? "has" : "is", state.buf);
  strbuf_release(&state);
  return false;
}

static void tell_none(const struct look *look) {
  log_info("no backfill is known in this database");
  char time[CLOCK_TEXT_SIZE];
  progress_format_seconds(ceil(look->braked_for_s), time);
  if (look->braked_for_s > 0)
    log_info("the brake for all lasts for another %s", time);
}

static bool look_once(struct look *look, struct error *err) {
  struct session session;
  struct run_request request = cli_run_request(look->cli, NULL);
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok = look_read(look, &session, err);
  session_close(&session);
  if (!ok)
    return false;
  if (look->cli->out.json)
    output_document(&look->cli->out, look->name ? status_json(look->list.items[0]) : status_list_json(&look->list));
  else if (look->list.len)
    look_print(look);
  else if (look->cli->out.live)
    tell_none(look);
  return true;
}

/* --- watching --- */

/* Seconds between two looks at the database, and between two looks at the terminal. */
static const double look_every_s = 1;
static const double terminal_every_s = 0.25;

/* The connection broke: a watch goes on when the database is there again. */
static bool is_lost(const struct error *err) {
  return err->class == ERROR_CONNECT || err->retry == RETRY_CONNECTION;
}

/* One look, on the session that is open or on a new one. */
static bool look_again(struct look *look, struct session *session, bool *open, struct run_request *request,
                       struct error *err) {
  if (!*open && !session_open(session, request, true, err))
    return false;
  *open = true;
  if (look_read(look, session, err))
    return true;
  session_close(session);
  *open = false;
  return false;
}

static void add_wrapped(struct strbuf *frame, const char *text, size_t columns) {
  enum { LINES_MOST = 3 };
  const char *line = text;
  for (int lines = 0; *line && lines < LINES_MOST; lines++) {
    size_t len = width_of_line(line, columns);
    strbuf_add(frame, line, len);
    strbuf_add_char(frame, '\n');
    line += len + strspn(line + len, " ");
  }
}

/* Above what was last seen, so that it is seen in a low window too: that this is old, and why. */
static void add_lost(struct strbuf *frame, const struct error *lost, size_t columns) {
  add_wrapped(frame, "NO CONNECTION, trying again; what stands below is what was seen last:", columns);
  add_wrapped(frame, lost->message, columns);
  strbuf_add_char(frame, '\n');
}

/* Where a row is left for it: that the screen lives, and how one leaves it. */
static void add_foot(struct strbuf *frame, const struct watch *watch, bool color) {
  size_t lines = 0;
  for (size_t i = 0; i < frame->len; i++)
    lines += frame->buf[i] == '\n';
  if (lines + 2 > watch->rows)
    return;
  char clock[16];
  time_t now = time(NULL);
  struct tm day;
  localtime_r(&now, &day);
  strftime(clock, sizeof clock, "%H:%M:%S", &day);
  strbuf_addf(frame, "\n%s%s  q ends%s", color ? "\033[2m" : "", clock, color ? "\033[0m" : "");
}

static void draw(const struct look *look, struct watch *watch, const struct error *lost) {
  struct strbuf frame = STRBUF_INIT;
  if (error_is_set(lost))
    add_lost(&frame, lost, watch->columns);
  look_render(look, &frame, watch->columns);
  if (!look->list.len && !error_is_set(lost))
    strbuf_add_str(&frame, "no backfill is known in this database\n");
  add_foot(&frame, watch, look->cli->out.color);
  watch_draw(watch, &frame);
  strbuf_release(&frame);
}

/* Waits for the next look; draws again at once when the terminal's size changes. False: it is to end. */
static bool wait_on_screen(const struct look *look, struct watch *watch, struct loop *loop, const struct error *lost) {
  for (double waited_s = 0; waited_s < look_every_s; waited_s += terminal_every_s) {
    if (!loop_sleep(loop, terminal_every_s) || watch_wants_end())
      return false;
    if (watch_resize(watch))
      draw(look, watch, lost);
  }
  return true;
}

/* The same without a connection, whose loop is gone with it. */
static bool wait_for(const struct look *look, struct watch *watch, struct session *session, const struct error *lost) {
  if (session)
    return wait_on_screen(look, watch, session->loop, lost);
  struct loop *loop = loop_new();
  bool goes_on = wait_on_screen(look, watch, loop, lost);
  loop_free(loop);
  return goes_on;
}

static bool watch_screen(struct look *look, struct error *err) {
  struct watch watch;
  struct session session;
  struct run_request request = cli_run_request(look->cli, NULL);
  bool open = false;
  /* What cannot be read at the start is an error, and not a screen that says so. */
  if (!look_again(look, &session, &open, &request, err))
    return false;
  bool ok = true;
  watch_start(&watch);
  do {
    draw(look, &watch, err);
    if (open && look_has_ended(look))
      break;
    if (!wait_for(look, &watch, open ? &session : NULL, err))
      break;
    error_clear(err);
    ok = look_again(look, &session, &open, &request, err) || is_lost(err);
  } while (ok);
  watch_stop(&watch);
  if (open)
    session_close(&session);
  look_print(look);
  if (is_lost(err) || err->class == ERROR_INTERRUPTED)
    error_clear(err);
  return !error_is_set(err);
}

static void look_print_event(const struct look *look) {
  json_t *event = json_object();
  json_object_set_new(event, "event", json_string("status"));
  json_object_set_new(event, "backfills", status_list_json(&look->list));
  output_event(&look->cli->out, event);
}

/* Without a terminal: what a screen would show, now and then; with --json once a second. */
static bool watch_lines(struct look *look, struct error *err) {
  struct session session;
  struct run_request request = cli_run_request(look->cli, NULL);
  double every_s = look->cli->out.json ? look_every_s : progress_interval();
  if (!session_open(&session, &request, true, err))
    return false;
  bool ok;
  do {
    ok = look_read(look, &session, err);
    if (ok && look->cli->out.json)
      look_print_event(look);
    else if (ok)
      look_print(look);
  } while (ok && !look_has_ended(look) && loop_sleep(session.loop, every_s));
  session_close(&session);
  if (err->class == ERROR_INTERRUPTED)
    error_clear(err);
  return !error_is_set(err);
}

static bool look_watch(struct look *look, struct error *err) {
  bool screen = isatty(STDOUT_FILENO) && !look->cli->out.json;
  return screen ? watch_screen(look, err) : watch_lines(look, err);
}

bool cmd_backfill_status(struct cli *cli, struct error *err) {
  struct look look = {.cli = cli, .name = cli_argument(cli, 0, NULL), .list = VEC_INIT};
  bool ok = given.watch ? look_watch(&look, err) : look_once(&look, err);
  ok = ok && (!given.exit_code || judge(&look.list, err));
  look_clear(&look);
  return ok;
}
