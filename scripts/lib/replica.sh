#!/usr/bin/env bash
# A streaming replica of the private PostgreSQL server, in a temporary folder, on a free port of the loopback device.
#
#   scripts/lib/replica.sh COMMAND [ARGUMENT...]
#
# starts a server and its replica and runs the command with $MOONBIRD_TEST_POSTGRES_URL, $MOONBIRD_TEST_REPLICA_URL,
# $MOONBIRD_TEST_POSTGRES_PID and $MOONBIRD_TEST_REPLICA_PID set, then stops both. Scripts source common.sh, postgres.sh
# and this file, and call replica_start after postgres_start, replica_stop before postgres_stop. $REPLICA_OPTIONS are
# further options of the replica, such as "-c recovery_min_apply_delay=10s".
#
# To hold the replay: SELECT pg_wal_replay_pause() on the replica. To freeze the whole replica, as a dead network does:
# process_signal STOP $replica_pid, later CONT.

replica_folder=
replica_pid=

# process_signal SIGNAL PID: to a process and its children; a server's workers are children that have left its group.
process_signal() {
  local pids
  pids=$(ps -o pid= --ppid "$2" || true)
  # shellcheck disable=SC2086
  kill "-$1" "$2" $pids
}

# A copy of the running server; sets replica_url and replica_pid. Its name in pg_stat_replication is "replica".
replica_start() {
  local bin parent=${TMPDIR:-/tmp} try
  bin=$(postgres_bin)
  [ ${#parent} -le 60 ] || parent=/tmp
  replica_folder=$(mktemp -d "$parent/moonbird-replica.XXXXXX")
  chown "$(postgres_owner)" "$replica_folder"
  chmod 755 "$replica_folder"
  if ! (cd / && exec "${postgres_runner[@]}" "$bin/pg_basebackup" -D "$replica_folder/data" -h "$postgres_folder" \
    -p "$postgres_port" -U moonbird --write-recovery-conf --wal-method=stream --checkpoint=fast --no-sync) \
    >"$replica_folder/basebackup.log" 2>&1; then
    cat "$replica_folder/basebackup.log" >&2
    return 1
  fi
  for try in 1 2 3 4 5 6 7 8 9 10; do
    replica_port=$((20000 + RANDOM % 20000))
    replica_launch "$bin" && break
    [ "$try" -lt 10 ] || { cat "$replica_folder/log" >&2; return 1; }
  done
  replica_url="postgresql://moonbird:moon%3Abird%2F1@127.0.0.1:$replica_port/postgres"
}

# One try on one port. False when the server ended, as it does when the port is taken.
replica_launch() {
  # shellcheck disable=SC2086
  (cd / && exec "${postgres_runner[@]}" "$1/postgres" -D "$replica_folder/data" -p "$replica_port" \
    -k "$replica_folder" -c listen_addresses=127.0.0.1 -c max_connections=60 -c cluster_name=replica \
    ${REPLICA_OPTIONS:-}) >"$replica_folder/log" 2>&1 &
  replica_pid=$!
  postgres_wait_ready "$1" "$replica_folder" "$replica_port" "$replica_pid"
}

# replica_takes_over: the server ends, its replica answers on its port from now on, and only reads until it is promoted
# (SELECT pg_promote() in it).
replica_takes_over() {
  postgres_halt fast
  (cd / && exec "${postgres_runner[@]}" "$(postgres_bin)/pg_ctl" stop -D "$replica_folder/data" -m fast -w -t 60) \
    >"$replica_folder/halt.log" 2>&1 || { cat "$replica_folder/halt.log" >&2; return 1; }
  wait "$replica_pid" 2>/dev/null || true
  replica_port=$postgres_port
  replica_launch "$(postgres_bin)"
}

replica_stop() {
  [ -n "$replica_folder" ] || return 0
  local pid
  pid=$(head -n 1 "$replica_folder/data/postmaster.pid" 2>/dev/null)
  if [ -n "$pid" ]; then
    process_signal CONT "$pid" 2>/dev/null # a frozen server would not stop
    kill -INT "$pid" 2>/dev/null
  fi
  [ -z "$replica_pid" ] || wait "$replica_pid" 2>/dev/null
  rm -rf "$replica_folder"
  replica_folder=
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  . "$(dirname "$0")/common.sh"
  . scripts/lib/postgres.sh
  [ $# -gt 0 ] || usage 2 >&2
  at_exit postgres_stop
  postgres_start
  at_exit replica_stop
  replica_start
  export MOONBIRD_TEST_POSTGRES_URL=$postgres_url MOONBIRD_TEST_POSTGRES_PID=$postgres_pid \
    MOONBIRD_TEST_REPLICA_URL=$replica_url MOONBIRD_TEST_REPLICA_PID=$replica_pid
  run_inside "$@"
fi
