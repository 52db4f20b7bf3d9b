/*
 * listener.c - see listener.h.
 */
#include "cli/listener.h"

#include "base/clock.h"
#include "base/log.h"
#include "cli/exporter.h"
#include "cli/report.h"
#include "cli/width.h"
#include "db/loop.h"

#include <stdlib.h>
#include <unistd.h>

/* A step that takes longer shows on a terminal how long. */
#define ALIVE_AFTER_S 2.0

static const char *direction_name(enum direction direction) {
  switch (direction) {
  case DIRECTION_UPGRADE:
    return "upgrade";
  case DIRECTION_DOWNGRADE:
    return "downgrade";
  case DIRECTION_STAMP:
    return "stamp";
  }
  BUG("direction %d has no name", (int)direction);
}

static const char *arrow(const struct listener *l, enum direction direction) {
  bool utf8 = l->out->utf8;
  switch (direction) {
  case DIRECTION_UPGRADE:
    return utf8 ? "\xE2\x86\x92" : "->";
  case DIRECTION_DOWNGRADE:
    return utf8 ? "\xE2\x86\x90" : "<-";
  case DIRECTION_STAMP:
    return "=";
  }
  BUG("direction %d has no arrow", (int)direction);
}

static const char *step_id(const struct plan_step *step) {
  return step->revision ? step->revision->id : "<base>";
}

static const char *step_summary(const struct plan_step *step) {
  return step->revision ? step->revision->summary : "";
}

/* "  -> id  summary"; control characters of a summary do not reach the terminal. */
static void add_step(struct strbuf *line, const struct listener *l, const struct plan_step *step) {
  strbuf_addf(line, "  %s %s", arrow(l, step->direction), step_id(step));
  if (!step_summary(step)[0])
    return;
  strbuf_add_str(line, "  ");
  width_add_cut(line, step_summary(step), SIZE_MAX);
}

static void add_outcome(struct strbuf *line, const struct listener *l, const char *color, const char *outcome) {
  if (l->out->color_stderr)
    strbuf_addf(line, "  %s%s\033[0m", color, outcome);
  else
    strbuf_addf(line, "  %s", outcome);
}

static json_t *step_event(const char *event, const struct plan_step *step) {
  json_t *object = json_object();
  json_object_set_new(object, "event", json_string(event));
  json_object_set_new(object, "direction", json_string(direction_name(step->direction)));
  json_object_set_new(object, "revision", output_json_text(step->revision ? step->revision->id : NULL));
  json_object_set_new(object, "summary", output_json_text(step_summary(step)));
  return object;
}

static void on_step_started(void *data, const struct plan_step *step) {
  struct listener *l = data;
  if (l->out->json)
    output_event(l->out, step_event("step_started", step));
  if (!l->out->live)
    return;
  struct strbuf line = STRBUF_INIT;
  add_step(&line, l, step);
  progress_show(&l->progress, line.buf, clock_monotonic_s());
  strbuf_clear(&l->step);
  strbuf_add_str(&l->step, line.buf);
  strbuf_release(&line);
}

static void on_step_finished(void *data, const struct plan_step *step, double seconds) {
  struct listener *l = data;
  l->steps++;
  strvec_push(&l->finished, step_id(step));
  if (l->out->json) {
    json_t *event = step_event("step_finished", step);
    json_object_set_new(event, "seconds", json_real(seconds));
    output_event(l->out, event);
  }
  if (!l->out->live)
    return;
  char took[CLOCK_TEXT_SIZE];
  clock_format_duration(seconds, took);
  struct strbuf line = STRBUF_INIT;
  add_step(&line, l, step);
  add_outcome(&line, l, "\033[32m", "ok");
  strbuf_addf(&line, "  (%s)", took);
  progress_print(&l->progress, line.buf);
  strbuf_release(&line);
  strbuf_clear(&l->step);
}

/* A backfill that was stopped goes on with the next run: that is no failure. */
static const char *outcome_word(const struct error *err) {
  if (err->class == ERROR_PENDING)
    return "STOPPED";
  return err->class == ERROR_INTERRUPTED ? "INTERRUPTED" : "FAILED";
}

static void on_step_failed(void *data, const struct plan_step *step, const struct error *err) {
  struct listener *l = data;
  if (l->out->json) {
    json_t *event = step_event("step_failed", step);
    json_object_set_new(event, "message", output_json_text(err->message));
    json_object_set_new(event, "exit_code", json_integer((json_int_t)err->class));
    output_event(l->out, event);
  }
  if (!l->out->live)
    return;
  struct strbuf line = STRBUF_INIT;
  add_step(&line, l, step);
  add_outcome(&line, l, "\033[31m", outcome_word(err));
  progress_print(&l->progress, line.buf);
  strbuf_release(&line);
  strbuf_clear(&l->step);
}

static void on_step_resumed(void *data, const struct plan_step *step, size_t statements_passed_over) {
  struct listener *l = data;
  if (l->out->json) {
    json_t *event = step_event("step_resumed", step);
    json_object_set_new(event, "statements_passed_over", json_integer((json_int_t)statements_passed_over));
    output_event(l->out, event);
  }
  if (!l->out->live)
    return;
  char *line = xasprintf("     goes on where it was interrupted: %zu statement%s committed already",
                         statements_passed_over, statements_passed_over == 1 ? " is" : "s are");
  progress_print(&l->progress, line);
  free(line);
}

static void set_number(json_t *object, const char *key, double value, bool known) {
  json_object_set_new(object, key, known ? json_real(value) : json_null());
}

static void on_backfill(void *data, const struct backfill_progress *news) {
  struct listener *l = data;
  if (l->out->json) {
    json_t *event = json_object();
    json_object_set_new(event, "event", json_string("backfill"));
    json_object_set_new(event, "name", output_json_text(news->name));
    json_object_set_new(event, "table", output_json_text(news->table));
    json_object_set_new(event, "state", output_json_text(news->state));
    json_object_set_new(event, "reason", output_json_text(news->reason));
    json_object_set_new(event, "rows_done", json_integer(news->rows_done));
    json_object_set_new(event, "rows_now", json_integer(news->rows_now));
    json_object_set_new(event, "rows_estimated",
                        news->rows_estimated < 0 ? json_null() : json_integer(news->rows_estimated));
    set_number(event, "fraction", news->fraction, news->fraction >= 0);
    json_object_set_new(event, "fraction_is_estimate", json_boolean(news->is_estimate));
    set_number(event, "rows_per_s", news->rows_per_s, true);
    set_number(event, "eta_s", news->eta_s, news->eta_s >= 0);
    json_object_set_new(event, "batch_size", json_integer(news->batch_size));
    set_number(event, "elapsed_s", news->elapsed_s, true);
    json_object_set_new(event, "resumed", json_boolean(news->resumed));
    json_object_set_new(event, "ended", json_boolean(news->ended));
    output_event(l->out, event);
  }
  if (l->exporter)
    exporter_progress(l->exporter, news);
  if (l->out->live)
    progress_backfill(&l->progress, news, clock_monotonic_s());
}

static void on_batch(void *data, const char *backfill, const struct batch_news *news) {
  struct listener *l = data;
  (void)backfill;
  if (l->exporter)
    exporter_batch(l->exporter, news);
}

static bool on_opened(void *data, struct loop *loop, struct error *err) {
  struct listener *l = data;
  return !l->exporter || exporter_start(l->exporter, loop_uv(loop), err);
}

static void on_closing(void *data) {
  struct listener *l = data;
  if (l->exporter)
    exporter_stop(l->exporter);
}

static void on_lock_waiting(void *data, const char *holder, double waited_s) {
  struct listener *l = data;
  char took[CLOCK_TEXT_SIZE];
  progress_format_seconds(waited_s, took);
  char *line = xasprintf("waiting for the lock that %s holds (%s)", holder ? holder : "another run", took);
  /* Told at once, then as often as a line without a terminal is; between them the live line counts on. */
  bool is_due = l->lock_told_s < 0 || waited_s - l->lock_told_s >= l->progress.interval_s;
  if (is_due && l->out->json) {
    json_t *event = json_object();
    json_object_set_new(event, "event", json_string("lock_waiting"));
    json_object_set_new(event, "holder", output_json_text(holder));
    json_object_set_new(event, "waited_s", json_real(waited_s));
    output_event(l->out, event);
  }
  if (l->out->live && l->progress.terminal)
    progress_refresh(&l->progress, line, clock_monotonic_s());
  else if (l->out->live && is_due)
    progress_print(&l->progress, line);
  if (is_due)
    l->lock_told_s = waited_s;
  free(line);
}

static void on_tick(void *data, double step_elapsed_s) {
  struct listener *l = data;
  if (!l->out->live || !l->progress.terminal || l->progress.in_backfill || step_elapsed_s < ALIVE_AFTER_S ||
      !l->step.len)
    return;
  char took[CLOCK_TEXT_SIZE];
  progress_format_seconds(step_elapsed_s, took);
  size_t columns = width_of_terminal(STDERR_FILENO);
  struct strbuf line = STRBUF_INIT;
  /* The time must stay in view however long the summary is. */
  size_t tail = width_of(took) + 5;
  width_add_cut(&line, l->step.buf, columns > tail ? columns - tail : 1);
  strbuf_addf(&line, "  (%s)", took);
  progress_refresh(&l->progress, line.buf, clock_monotonic_s());
  strbuf_release(&line);
}

static void erase_live_line(void *data) {
  progress_erase(data);
}

void listener_init(struct listener *l, struct output *out) {
  *l = (struct listener){.out = out,
                         .finished = VEC_INIT,
                         .step = STRBUF_INIT,
                         .started_s = clock_monotonic_s(),
                         .lock_told_s = -1,
                         .run = {.data = l,
                                 .step_started = on_step_started,
                                 .step_finished = on_step_finished,
                                 .step_failed = on_step_failed,
                                 .step_resumed = on_step_resumed,
                                 .backfill = on_backfill,
                                 .batch = on_batch,
                                 .opened = on_opened,
                                 .closing = on_closing,
                                 .lock_waiting = on_lock_waiting,
                                 .tick = on_tick}};
  progress_init(&l->progress, stderr, isatty(STDERR_FILENO) == 1, out->utf8, progress_interval());
  log_set_before_line(erase_live_line, &l->progress);
}

void listener_release(struct listener *l) {
  log_set_before_line(NULL, NULL);
  progress_release(&l->progress);
  strvec_release(&l->finished);
  strbuf_release(&l->step);
}

void listener_done(struct listener *l) {
  progress_erase(&l->progress);
  if (!l->out->json)
    return;
  json_t *event = json_object();
  json_object_set_new(event, "event", json_string("done"));
  json_object_set_new(event, "steps", json_integer((json_int_t)l->steps));
  json_object_set_new(event, "seconds", json_real(clock_monotonic_s() - l->started_s));
  output_event(l->out, event);
}
