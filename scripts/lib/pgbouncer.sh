#!/usr/bin/env bash
# A private PgBouncer in transaction mode in front of a PostgreSQL server, on a free port of the loopback device.
#
#   scripts/lib/pgbouncer.sh COMMAND [ARGUMENT...]
#
# runs the command with $MOONBIRD_TEST_POOLER_URL and $MOONBIRD_TEST_POOLER_PID set; in front of the server of
# $MOONBIRD_TEST_POSTGRES_URL, or of one that it starts. Scripts source common.sh, postgres.sh and this file and call
# pgbouncer_start URL and pgbouncer_stop.
#
# It hands its server connections out in turn, so that two transactions of a client seldom meet on the same one: what is
# left behind in a session shows at once. SIGSTOP on the pid makes all its connections hang.

pgbouncer_folder=
pgbouncer_pid=

# pgbouncer_start URL: sets pgbouncer_url, the same database behind the pooler; every other database is there too.
pgbouncer_start() {
  local rest=${1#*://} user password host port try
  user=${rest%%:*} rest=${rest#*:}
  password=${rest%%@*} rest=${rest#*@}
  host=${rest%%:*} rest=${rest#*:}
  port=${rest%%/*}
  password=$(printf '%b' "${password//%/\\x}")
  pgbouncer_folder=$(mktemp -d "${TMPDIR:-/tmp}/moonbird-pgbouncer.XXXXXX")
  printf '"%s" "%s"\n' "$user" "${password//\"/\"\"}" >"$pgbouncer_folder/users"
  for try in 1 2 3 4 5 6 7 8 9 10; do
    pgbouncer_port=$((20000 + RANDOM % 20000))
    pgbouncer_configure "$host" "$port"
    pgbouncer_launch && break
    [ "$try" -lt 10 ] || { cat "$pgbouncer_folder/log" >&2; return 1; }
  done
  pgbouncer_url=${1%%@*}@127.0.0.1:$pgbouncer_port/${rest#*/}
}

pgbouncer_configure() {
  cat >"$pgbouncer_folder/pgbouncer.ini" <<INI
[databases]
* = host=$1 port=$2
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pgbouncer_port
unix_socket_dir =
pool_mode = transaction
server_round_robin = 1
min_pool_size = 3
default_pool_size = 10
max_client_conn = 500
server_idle_timeout = 60
auth_type = scram-sha-256
auth_file = $pgbouncer_folder/users
INI
  chown -R "$(postgres_owner)" "$pgbouncer_folder"
}

pgbouncer_launch() {
  local i
  postgres_set_runner
  (cd / && exec "${postgres_runner[@]}" "$(command -v pgbouncer || echo /usr/sbin/pgbouncer)" \
    "$pgbouncer_folder/pgbouncer.ini") >"$pgbouncer_folder/log" 2>&1 &
  pgbouncer_pid=$!
  for ((i = 0; i < 200; i++)); do
    grep -qs 'process up' "$pgbouncer_folder/log" && return 0
    kill -0 "$pgbouncer_pid" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

# Ends it with all its connections, and starts it again on its port.
pgbouncer_restart() {
  kill -KILL "$pgbouncer_pid"
  wait "$pgbouncer_pid" 2>/dev/null || true
  : >"$pgbouncer_folder/log"
  pgbouncer_launch
}

pgbouncer_stop() {
  [ -n "$pgbouncer_folder" ] || return 0
  if [ -n "$pgbouncer_pid" ]; then
    kill -CONT "$pgbouncer_pid" 2>/dev/null
    kill -TERM "$pgbouncer_pid" 2>/dev/null
    wait "$pgbouncer_pid" 2>/dev/null
  fi
  rm -rf "$pgbouncer_folder"
  pgbouncer_folder=
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  . "$(dirname "$0")/common.sh"
  . scripts/lib/postgres.sh
  [ $# -gt 0 ] || usage 2 >&2
  if [ -z "${MOONBIRD_TEST_POSTGRES_URL:-}" ]; then
    at_exit postgres_stop
    postgres_start
    export MOONBIRD_TEST_POSTGRES_URL=$postgres_url MOONBIRD_TEST_POSTGRES_PID=$postgres_pid
  fi
  at_exit pgbouncer_stop
  pgbouncer_start "$MOONBIRD_TEST_POSTGRES_URL"
  export MOONBIRD_TEST_POOLER_URL=$pgbouncer_url MOONBIRD_TEST_POOLER_PID=$pgbouncer_pid
  run_inside "$@"
fi
