/*
 * cmd_backfill_steer.c - what operators ask of a backfill: pause, resume, cancel, set, throttle, unthrottle, retry,
 * forget. Each is one transaction; workers on any machine see it before their next batch.
 */
#include "backfill/brake.h"
#include "backfill/status.h"
#include "backfill/wish.h"
#include "base/log.h"
#include "cli/cmd_backfill.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/status_json.h"
#include "config/settings.h"

#include <string.h>

static struct {
  const char *reason;
  bool all;
} given;

#define ALL_OPTION(words)                                                                                              \
  { .name = "all", .type = OPTION_FLAG, .help = words, .target = &given.all }

const struct option_spec backfill_steer_options[] = {BACKFILL_REASON_OPTION(given.reason), OPTION_END};
const struct option_spec backfill_throttle_options[] = {
    ALL_OPTION("all backfills, also those that are registered later"), BACKFILL_REASON_OPTION(given.reason),
    OPTION_END};
const struct option_spec backfill_unthrottle_options[] = {
    ALL_OPTION("all backfills, and the brake for those that are registered later"),
    BACKFILL_REASON_OPTION(given.reason), OPTION_END};

/* --- one backfill --- */

/* Asks for something in the open transaction; `*said` becomes a line for people, which the caller frees. */
typedef bool (*wish_fn)(struct cli *cli, struct session *session, const struct backfill_row *row, char **said,
                        struct error *err);

/* With --json the state as it is now; else what was done. */
static bool tell(struct cli *cli, struct session *session, const char *name, const char *said, struct error *err) {
  if (!cli->out.json) {
    if (said && cli->out.live)
      log_info("%s", said);
    return true;
  }
  struct vec list = VEC_INIT;
  bool ok = status_read(session, name, &list, err);
  if (ok)
    output_document(&cli->out, list.len ? status_json(list.items[0]) : json_null());
  status_free_all(&list);
  return ok;
}

static bool act(struct cli *cli, struct session *session, const struct backfill_row *row, wish_fn wish, char **said,
                struct error *err) {
  bool ok = session_begin(session, err) && wish(cli, session, row, said, err) && session_commit(session, err);
  if (!ok)
    session_rollback(session);
  return ok;
}

static bool steer(struct cli *cli, wish_fn wish, struct error *err) {
  const char *name = cli_argument(cli, 0, NULL);
  struct session session;
  struct backfill_row row;
  char *said = NULL;
  bool found = false;
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, false, err))
    return false;
  bool ok = state_find(&session, name, &row, &found, err) && (found || backfill_unknown(&session, name, err));
  ok = ok && act(cli, &session, &row, wish, &said, err) && tell(cli, &session, name, said, err);
  backfill_row_release(&row);
  session_close(&session);
  free(said);
  return ok;
}

/* What has ended cannot be held; that is no error. */
static bool is_late(const struct backfill_row *row, char **said) {
  if (state_is_done(row->observed))
    *said = xasprintf("nothing to do: backfill %s is %s", row->name, row->observed);
  return *said != NULL;
}

static bool pause_it(struct cli *cli, struct session *session, const struct backfill_row *row, char **said,
                     struct error *err) {
  (void)cli;
  if (is_late(row, said))
    return true;
  if (strcmp(row->desired, DESIRED_CANCEL) == 0) { /* a pause would let `run` go on with it */
    *said = xasprintf("nothing to do: backfill %s is cancelled, and runs no more", row->name);
    return true;
  }
  bool running = strcmp(row->observed, OBSERVED_RUNNING) == 0;
  char *command = state_command(row->name, true);
  *said = xasprintf("backfill %s %s; `%s` goes on", row->name,
                    running ? "is to pause: workers end after their batch" : "is paused", command);
  free(command);
  return wish_pause(session, row, given.reason, err);
}

bool cmd_backfill_pause(struct cli *cli, struct error *err) {
  return steer(cli, pause_it, err);
}

static bool resume_it(struct cli *cli, struct session *session, const struct backfill_row *row, char **said,
                      struct error *err) {
  (void)cli;
  if (is_late(row, said))
    return true;
  char *command = state_command(row->name, false);
  *said = xasprintf("backfill %s may run: `%s` goes on", row->name, command);
  free(command);
  return wish_resume(session, row, given.reason, err);
}

bool cmd_backfill_resume(struct cli *cli, struct error *err) {
  return steer(cli, resume_it, err);
}

static bool cancel_it(struct cli *cli, struct session *session, const struct backfill_row *row, char **said,
                      struct error *err) {
  (void)cli;
  if (is_late(row, said))
    return true;
  *said = xasprintf("backfill %s is cancelled: workers end after their batch, what is committed stays", row->name);
  return wish_cancel(session, row, given.reason, err);
}

bool cmd_backfill_cancel(struct cli *cli, struct error *err) {
  return steer(cli, cancel_it, err);
}

/* "nice=1, workers as defined" */
static char *shown_settings(const struct vec *words) {
  struct strbuf text = STRBUF_INIT;
  for (size_t i = 0; i < words->len; i++) {
    const char *word = strvec_at(words, i), *end = strchr(word, '=');
    strbuf_add_str(&text, i ? ", " : "");
    if (end && !end[1])
      strbuf_addf(&text, "%.*s as defined", (int)(end - word), word);
    else
      strbuf_add_str(&text, word);
  }
  return strbuf_detach(&text);
}

/* More of them are no mistake, but nothing that would help here. */
static void warn_of_workers(const struct session *session, const struct vec *words) {
  static const char setting[] = "workers=";
  for (size_t i = 0; i < words->len; i++) {
    const char *word = strvec_at(words, i);
    bool many =
        strncmp(word, setting, sizeof(setting) - 1) == 0 && strcmp(word, "workers=1") != 0 && word[sizeof(setting) - 1];
    if (many && !driver_can(session->driver, MOONBIRD_CAP_MANY_CONNECTIONS))
      log_warn("one connection writes at a time in this database: workers stays 1");
  }
}

static bool set_it(struct cli *cli, struct session *session, const struct backfill_row *row, char **said,
                   struct error *err) {
  if (is_late(row, said))
    return true;
  struct vec words = VEC_INIT;
  for (size_t i = 1; i < cli->arguments.len; i++)
    strvec_push(&words, cli->arguments.items[i]);
  bool ok = wish_set(session, row, &words, given.reason, err);
  if (ok)
    warn_of_workers(session, &words);
  char *list = shown_settings(&words);
  *said = xasprintf("backfill %s: %s; from the next batch on", row->name, list);
  free(list);
  strvec_release(&words);
  return ok;
}

bool cmd_backfill_set(struct cli *cli, struct error *err) {
  return steer(cli, set_it, err);
}

static bool retry_it(struct cli *cli, struct session *session, const struct backfill_row *row, char **said,
                     struct error *err) {
  (void)cli;
  int64_t ranges = 0;
  if (!wish_retry(session, row, given.reason, &ranges, err))
    return false;
  char *command = state_command(row->name, false);
  *said = ranges ? xasprintf("backfill %s: failed ranges to do again: %lld; `%s` does", row->name, (long long)ranges,
                             command)
                 : xasprintf("nothing to do: backfill %s has no failed range", row->name);
  free(command);
  return true;
}

bool cmd_backfill_retry(struct cli *cli, struct error *err) {
  return steer(cli, retry_it, err);
}

static bool forget_it(struct cli *cli, struct session *session, const struct backfill_row *row, char **said,
                      struct error *err) {
  if (!cli_confirm(cli, "drops the state of a backfill, by which it could go on", err))
    return false;
  *said = xasprintf("backfill %s is forgotten; rows that it has changed stay changed", row->name);
  return wish_forget(session, row, given.reason, err);
}

bool cmd_backfill_forget(struct cli *cli, struct error *err) {
  return steer(cli, forget_it, err);
}

/* --- the brake: one backfill, or all --- */

struct braking {
  const char *name; /* NULL: all that have not ended */
  double seconds;   /* 0: the brake is taken off */
  struct vec names; /* those whose brake was changed */
  size_t meant;     /* how many are open, or 1 */
  char *ended;      /* what to say where the one named is done */
  bool all_braked;  /* the brake for all was on */
};

/* The one that is named, unless it has ended. */
static bool read_one(struct session *session, struct braking *b, struct error *err) {
  struct backfill_row row;
  bool found = false;
  bool ok = state_find(session, b->name, &row, &found, err) && (found || backfill_unknown(session, b->name, err));
  b->meant = ok && !is_late(&row, &b->ended);
  if (b->meant)
    strvec_push(&b->names, b->name);
  backfill_row_release(&row);
  return ok;
}

static bool read_names(struct session *session, struct braking *b, struct error *err) {
  struct rowset rows = ROWSET_INIT;
  bool has_table;
  if (b->name)
    return read_one(session, b, err);
  if (!session_query_table(session, "open_backfills", &rows, &has_table, err))
    return false;
  for (size_t i = 0; i < rows.row_count; i++)
    strvec_push(&b->names, rowset_text(&rows, i, 0));
  b->meant = rows.row_count;
  rowset_release(&rows);
  return true;
}

/* Leaves those that have a brake to take off. One that has not taken over the brake for all yet counts as braked. */
static bool keep_braked(struct session *session, struct braking *b, struct error *err) {
  struct vec braked = VEC_INIT;
  bool ok = true;
  for (size_t i = 0; ok && i < b->names.len; i++) {
    const char *name = strvec_at(&b->names, i);
    struct rowset rows = ROWSET_INIT;
    ok = session_query(session, "wish_is_braked", &name, 1, &rows, err);
    if (ok && (rows.row_count || b->all_braked))
      strvec_push(&braked, name);
    rowset_release(&rows);
  }
  strvec_release(&b->names);
  b->names = braked;
  return ok;
}

static bool brake_names(struct session *session, const struct braking *b, struct error *err) {
  bool ok = session_begin(session, err);
  for (size_t i = 0; ok && i < b->names.len; i++)
    ok = wish_brake(session, strvec_at(&b->names, i), b->seconds, given.reason, err);
  ok = ok && session_commit(session, err);
  if (!ok)
    session_rollback(session);
  return ok;
}

/* The row for all first: what is registered after it follows it, what was before has its name read after it. */
static bool brake_some(struct session *session, struct braking *b, struct error *err) {
  struct brake all;
  if (!brake_read(session, &all, err))
    return false;
  b->all_braked = all.is_on;
  brake_release(&all);
  return (b->name || brake_set(session, b->seconds, given.reason, err)) && read_names(session, b, err) &&
         (b->seconds > 0 || keep_braked(session, b, err)) && brake_names(session, b, err);
}

static void tell_unbraked(const struct braking *b, const char *list) {
  if (b->names.len)
    log_info("the brake is off: %s", list);
  else if (b->name)
    log_info("nothing to do: there was no brake on backfill %s", b->name);
  else
    log_info("%s%s", b->all_braked ? "the brake is off" : "nothing to do: there was no brake",
             b->meant ? "" : "; no backfill is open in this database");
}

static void tell_brake(const struct braking *b) {
  char *list = strvec_join(&b->names, ", ");
  char time[CLOCK_TEXT_SIZE];
  progress_format_seconds(b->seconds, time);
  if (b->ended)
    log_info("%s", b->ended);
  else if (b->seconds <= 0)
    tell_unbraked(b, list);
  else if (b->names.len)
    log_info("no batch begins for %s: %s", time, list);
  else
    log_info("no batch begins for %s, of backfills that are registered from now on", time);
  free(list);
}

static bool brake(struct cli *cli, const char *name, double seconds, struct error *err) {
  struct session session;
  struct braking b = {.name = name, .seconds = seconds, .names = VEC_INIT};
  struct run_request request = cli_run_request(cli, NULL);
  if (!session_open(&session, &request, false, err))
    return false;
  bool ok = brake_some(&session, &b, err);
  session_close(&session);
  if (ok && cli->out.json) {
    json_t *list = json_array();
    for (size_t i = 0; i < b.names.len; i++)
      json_array_append_new(list, output_json_text(strvec_at(&b.names, i)));
    output_document(&cli->out, list);
  } else if (ok && cli->out.live) {
    tell_brake(&b);
  }
  strvec_release(&b.names);
  free(b.ended);
  return ok;
}

/* Either --all or a name; then, for the brake, how long. */
static bool check_who(const struct cli *cli, size_t wanted, struct error *err) {
  if (cli->arguments.len == wanted)
    return true;
  error_set(err, ERROR_USAGE, "%s: give the name of a backfill, or --all", cli->command->name);
  return error_hint(err, "usage: moonbird %s %s", cli->command->name, cli->command->arguments);
}

bool cmd_backfill_throttle(struct cli *cli, struct error *err) {
  if (!check_who(cli, given.all ? 1 : 2, err))
    return false;
  const char *text = cli_argument(cli, given.all ? 0 : 1, "");
  double seconds = 0;
  if (!setting_parse_seconds(text, &seconds) || seconds <= 0) {
    error_set(err, ERROR_USAGE, "backfill throttle: '%s' is no duration", text);
    return error_hint(err, "write 30m, 90s or 2h");
  }
  return brake(cli, given.all ? NULL : cli_argument(cli, 0, NULL), seconds, err);
}

bool cmd_backfill_unthrottle(struct cli *cli, struct error *err) {
  return check_who(cli, given.all ? 0 : 1, err) && brake(cli, given.all ? NULL : cli_argument(cli, 0, NULL), 0, err);
}
