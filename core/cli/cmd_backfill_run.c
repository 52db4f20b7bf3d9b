/*
 * cmd_backfill_run.c - `moonbird backfill run` and `finalize`: what their words mean; the work is backfill/named.c's.
 */
#include "backfill/named.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/cmd_backfill.h"
#include "cli/commands.h"
#include "cli/exporter.h"
#include "cli/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
  const char *workers;
  const char *max_rows;
  const char *until;
  const char *metrics;
  double max_time_s;
  bool accept_code_change;
} given = {.max_time_s = -1}; /* without --max-time; 0 is what somebody has written */

#define METRICS_OPTION                                                                                                 \
  {                                                                                                                    \
    .name = "metrics", .type = OPTION_TEXT, .argument = "FILE|:PORT",                                                  \
    .help =                                                                                                            \
        "figures for Prometheus: written to FILE, or served at http://127.0.0.1:PORT/metrics; with ADDRESS:PORT for "  \
        "other machines too",                                                                                          \
    .target = &given.metrics                                                                                           \
  }

#define ACCEPT_OPTION                                                                                                  \
  {                                                                                                                    \
    .name = "accept-code-change", .type = OPTION_FLAG,                                                                 \
    .help = "go on although the code was changed: rows done by the old one stay as they are",                          \
    .target = &given.accept_code_change                                                                                \
  }

const struct option_spec backfill_run_options[] = {
    {.name = "workers",
     .type = OPTION_TEXT,
     .argument = "N",
     .help = "connections of this process at once (default: as the backfill says)",
     .target = &given.workers},
    {.name = "max-time",
     .type = OPTION_SECONDS,
     .argument = "T",
     .help = "stop after so long: seconds, or 90min, 2h; time when the throttle held it does not count",
     .target = &given.max_time_s},
    {.name = "max-rows",
     .type = OPTION_TEXT,
     .argument = "N",
     .help = "stop after so many rows of this process",
     .target = &given.max_rows},
    {.name = "until",
     .type = OPTION_TEXT,
     .argument = "HH:MM",
     .help = "stop at this time of the day, such as 06:00, by the clock of this machine",
     .target = &given.until},
    ACCEPT_OPTION,
    METRICS_OPTION,
    OPTION_END,
};
const struct option_spec backfill_finalize_options[] = {ACCEPT_OPTION, METRICS_OPTION, OPTION_END};

/* A whole number above 0; `text` NULL is 0. */
static bool read_count(const char *text, const char *option, long long most, long long *count, struct error *err) {
  *count = 0;
  if (!text)
    return true;
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  if (!errno && end != text && !*end && number >= 1 && number <= most) {
    *count = number;
    return true;
  }
  if (most == INT64_MAX)
    return error_set(err, ERROR_USAGE, "option '--%s' wants a whole number above 0, not '%s'", option, text);
  return error_set(err, ERROR_USAGE, "option '--%s' wants a whole number from 1 to %lld, not '%s'", option, most, text);
}

/* "06:00": two digits or one, a colon, two digits. */
static bool parse_time_of_day(const char *text, long *hour, long *minute) {
  char *end;
  size_t digits = strspn(text, "0123456789");
  if (digits < 1 || digits > 2 || text[digits] != ':' || strspn(text + digits + 1, "0123456789") != 2 ||
      text[digits + 3])
    return false;
  *hour = strtol(text, &end, 10);
  *minute = strtol(end + 1, &end, 10);
  return *hour < 24 && *minute < 60;
}

/* The next moment at which the clock shows this time. */
static bool read_until(const char *text, double *until_s, struct error *err) {
  long hour, minute;
  if (!text)
    return true;
  if (!parse_time_of_day(text, &hour, &minute))
    return error_set(err, ERROR_USAGE, "option '--until' wants a time of the day such as 06:00, not '%s'", text);
  time_t now = (time_t)(clock_wall_us() / 1000000);
  struct tm day;
  localtime_r(&now, &day);
  day.tm_hour = (int)hour;
  day.tm_min = (int)minute;
  day.tm_sec = 0;
  day.tm_isdst = -1;
  if (mktime(&day) <= now) {
    day.tm_mday++;
    day.tm_isdst = -1;
  }
  *until_s = (double)mktime(&day);
  return true;
}

static bool read_limits(struct runner_limits *limits, struct error *err) {
  enum { MOST_WORKERS = 64 };
  long long workers, rows;
  *limits = (struct runner_limits){.max_time_s = given.max_time_s, .begun_s = clock_monotonic_s()};
  if (given.max_time_s == 0)
    return error_set(err, ERROR_USAGE, "option '--max-time' wants a time above 0, such as 90min");
  if (!read_count(given.workers, "workers", MOST_WORKERS, &workers, err) ||
      !read_count(given.max_rows, "max-rows", INT64_MAX, &rows, err) || !read_until(given.until, &limits->until_s, err))
    return false;
  limits->workers = (int)workers;
  limits->max_rows = rows;
  return true;
}

static bool run_named(struct cli *cli, const struct runner_limits *limits, struct error *err) {
  const char *name = cli_argument(cli, 0, NULL);
  struct listener listener;
  struct exporter exporter;
  bool nothing_to_do = false;
  if (!exporter_init(&exporter, name, given.metrics, err))
    return false;
  listener_init(&listener, &cli->out);
  listener.exporter = given.metrics ? &exporter : NULL;
  struct run_request request = cli_run_request(cli, &listener.run);
  request.accept_code_change = given.accept_code_change;
  bool ok = named_run(&request, name, limits, &nothing_to_do, err);
  if (ok)
    listener_done(&listener);
  if (ok && nothing_to_do && cli->out.live)
    log_info("nothing to do: backfill %s is done", name);
  listener_release(&listener);
  exporter_release(&exporter);
  return ok;
}

bool cmd_backfill_run(struct cli *cli, struct error *err) {
  struct runner_limits limits;
  return read_limits(&limits, err) && backfill_check_file(cli, cli_argument(cli, 0, NULL), err) &&
         run_named(cli, &limits, err);
}

bool cmd_backfill_finalize(struct cli *cli, struct error *err) {
  const struct runner_limits limits = {.workers = 0};
  return backfill_check_file(cli, cli_argument(cli, 0, NULL), err) && run_named(cli, &limits, err);
}
