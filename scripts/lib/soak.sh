#!/usr/bin/env bash
# What the scripts of scripts/soak share: their options, the seed, a project, the check at the end. Sourced after
# common.sh and the libraries of the servers that the script starts.
#
#   soak_options ROWS SECONDS [OPTION...]    defaults, then the script's own words; sets rows, seconds, seed
#   soak_project URL DEFINITION [INI]        a table people and the backfill `count` in $folder, on $sql_url; its parts
#                                            are soak_environment, soak_people and soak_define
#   soak_run, soak_wait, soak_run_killed     the runner: in the background, to its end, killed again and again
#   soak_join, soak_strike, soak_gather      several runners at once: one more, chance hits one of them, all to their end
#   soak_check                               each row was written once, the backfill is done
#
# Chance comes from random N alone, so that --seed makes the same decisions again; the times of the machine stay its own.

soak_options() {
  rows=$1 seconds=$2 seed=$RANDOM
  shift 2
  while [ $# -gt 0 ]; do
    case "$1" in
      --rows | --seconds | --seed)
        [[ ${2:-} =~ ^[0-9]+$ ]] || usage 2 >&2
        printf -v "${1#--}" %s "$2"
        shift 2
        ;;
      -h | --help) usage ;;
      *) usage 2 >&2 ;;
    esac
  done
  RANDOM=$seed
  say "${0##*/} --rows $rows --seconds $seconds --seed $seed"
  scripts/build
  program=$root/build/moonbird
  folder=$(mktemp -d "${TMPDIR:-/tmp}/moonbird-soak.XXXXXX")
  at_exit "rm -rf '$folder'"
}

# random N: sets $chance to a number from 0 to N - 1. Not by $(...), which would not move the seed on.
random() { chance=$(((RANDOM * 32768 + RANDOM) % $1)); }

# pause MILLISECONDS
pause() { sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

# sql STATEMENT: at $sql_url; of SQLite that is sqlite:///FILE.
sql() {
  case "$sql_url" in
    sqlite:*) sqlite3 -bail -cmd ".timeout 60000" "${sql_url#sqlite:///}" "$1" ;;
    *) psql -X -q -A -t -v ON_ERROR_STOP=1 "$sql_url" -c "$1" ;;
  esac
}

# A table people of $rows rows.
soak_people() {
  sql "CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, counter integer NOT NULL)"
  sql "INSERT INTO people SELECT value, 'Person ' || value, 0 FROM generate_series(1, $rows) value"
  sql "VACUUM"
  sql "ANALYZE"
}

# soak_environment URL [INI]: after the servers have been started, so that the runners end before them.
soak_environment() {
  [ -e "$folder/moonbird.ini" ] || at_exit soak_end_runners
  mkdir -p "$folder/migrations/versions" "$folder/migrations/backfills"
  cat >"$folder/moonbird.ini" <<INI
[moonbird]
script_location = %(here)s/migrations
url = ${1//%/%%}
lock_lease = 3s

[backfill]
lease = 3s
${2:-}
INI
}

# soak_define KEYS [FUNCTION]: the backfill `count`; the function is the one that counts each row of people, in capitals.
soak_define() {
  local count='row = function(person)
    return { counter = person.counter + 1, name = person.name:upper() }
  end,'
  printf 'return {\n  table = "people",\n  %s\n  %s\n}\n' "$1" "${2:-columns = { \"name\", \"counter\" \}, $count}" \
    >"$folder/migrations/backfills/count.lua"
}

soak_project() {
  say "$rows rows"
  soak_people
  soak_environment "$1" "${3:-}"
  soak_define "$2"
}

# soak_again: nothing is left of the round before.
soak_again() { sql "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public"; }

# moonbird WORD...: in front; its output goes to the log.
moonbird() { (cd "$folder" && exec "$program" "$@") >>"$folder/log" 2>&1; }

# soak_run [WORD...]: starts a runner in the background; sets $runner to its pid.
soak_run() {
  (cd "$folder" && exec "$program" backfill run count "$@") >>"$folder/log" 2>&1 &
  runner=$!
  runners_of_soak+=("$runner")
}
runners_of_soak=()

# Those that have not ended are still children of this script.
soak_end_runners() {
  local pid
  for pid in ${runners_of_soak[@]+"${runners_of_soak[@]}"}; do
    [ "$(ps -o ppid= -p "$pid" | tr -d ' ')" != "$$" ] || kill -KILL "$pid" 2>/dev/null
  done
}

# soak_wait [STATUS]: the runner ends by itself, with this exit code (0).
soak_wait() {
  local status=0
  wait "$runner" || status=$?
  [ "$status" -eq "${1:-0}" ] || soak_fail "the backfill ended with exit code $status instead of ${1:-0}"
}

# expect WHAT SQL VALUE
expect() {
  local got
  got=$(sql "$2")
  [ "$got" = "$3" ] || soak_fail "$1: expected $3, got $got"
}

# soak_run_killed SECONDS LONGEST_MS STATUS: a runner that is killed at random instants for so many seconds, each life at
# most so long; then one that ends by itself, in a hurry. Adds to $kills.
soak_run_killed() {
  local stop=$((SECONDS + $1))
  while [ "$SECONDS" -lt "$stop" ]; do
    soak_run
    random "$2"
    pause "$chance"
    kill -KILL "$runner" 2>/dev/null || break
    wait "$runner" 2>/dev/null || true
    kills=$((kills + 1))
  done
  moonbird backfill set count nice=0 || true
  soak_run
  soak_wait "${3:-0}"
}
kills=0

# soak_join [WORD...]: one more runner beside the others in $runners.
soak_join() {
  soak_run "$@"
  runners+=("$runner")
  joined=$((joined + 1))
}
runners=() joined=0 left=0 killed=0 stopped=0

# An end that was asked for: done, stopped at a safe point, interrupted before its first batch, killed.
check_end() {
  local status=0
  wait "$1" 2>/dev/null || status=$?
  case "$status" in
    0 | 3 | 130 | 137) ;;
    *) soak_fail "process $1 ended with exit code $status" ;;
  esac
}

# Drops those of $runners that have ended.
soak_reap() {
  local pid living=()
  for pid in ${runners[@]+"${runners[@]}"}; do
    if kill -0 "$pid" 2>/dev/null; then
      living+=("$pid")
    else
      check_end "$pid"
    fi
  done
  runners=(${living[@]+"${living[@]}"})
}

# soak_kill INDEX: one of $runners.
soak_kill() {
  kill -KILL "${runners[$1]}" 2>/dev/null && killed=$((killed + 1))
  check_end "${runners[$1]}"
  unset "runners[$1]"
  runners=(${runners[@]+"${runners[@]}"})
}

# soak_strike LONGEST_MS: one of $runners leaves (SIGINT), is killed, or is stopped for half a second and up to so much
# longer, and wakes.
soak_strike() {
  local pid which
  random "${#runners[@]}"
  which=$chance
  pid=${runners[$which]}
  random 3
  if [ "$chance" -eq 0 ]; then
    kill -INT "$pid" 2>/dev/null && left=$((left + 1))
  elif [ "$chance" -eq 1 ]; then
    soak_kill "$which"
  else
    random "$1"
    if kill -STOP "$pid" 2>/dev/null; then
      stopped=$((stopped + 1))
      (pause $((500 + chance)) && kill -CONT "$pid" 2>/dev/null) &
    fi
  fi
}

# Wakes all, and lets one more run to the end of the backfill, in a hurry.
soak_gather() {
  local pid
  for pid in ${runners[@]+"${runners[@]}"}; do kill -CONT "$pid" 2>/dev/null || true; done
  moonbird backfill set count nice=0 || true
  soak_run
  soak_wait
  for pid in ${runners[@]+"${runners[@]}"}; do check_end "$pid"; done
  runners=()
}

# How many rows are done.
soak_done() { sql "SELECT coalesce(sum(rows_done), 0) FROM moonbird_backfill_range" 2>/dev/null || echo 0; }

# soak_fail WHAT: with the end of the log and the seed.
soak_fail() {
  tail -n 30 "$folder/log" >&2
  die "$1 (--rows $rows --seconds $seconds --seed $seed)"
}

soak_check() {
  local counts state
  counts=$(sql "SELECT count(*), min(counter), max(counter), count(*) FILTER (WHERE name <> upper(name)) FROM people")
  [ "$counts" = "$rows|1|1|0" ] || soak_fail "rows, least and greatest count, rows not done: $counts"
  state=$(sql "SELECT observed, rows_done, (SELECT count(*) FROM moonbird_backfill_worker) FROM moonbird_backfill")
  [ "$state" = "done|$rows|0" ] || soak_fail "state, rows done, workers left: $state"
  say "$SECONDS s; each of $rows rows was written once, the state is done with $rows rows and no worker; seed $seed"
}
