#!/usr/bin/env bash
# A private PostgreSQL server in a temporary folder, on a free port of the loopback device. Several may run at once.
#
#   scripts/lib/postgres.sh COMMAND [ARGUMENT...]
#
# runs the command with $MOONBIRD_TEST_POSTGRES_URL set, then stops the server and removes its folder. Scripts source
# this file and call postgres_start and postgres_stop. $POSTGRES_OPTIONS are further options of the server.
#
# The role "moonbird" is superuser and needs its password on TCP (scram-sha-256); the socket in the folder trusts. The
# server dies with the script that started it, even if that was killed.

postgres_folder=
postgres_pid=

# The newest version that is installed; Debian does not put the server's programs into the PATH.
postgres_bin() {
  local folder
  for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V -r); do
    [ -x "$folder/initdb" ] && echo "$folder" && return
  done
  dirname "$(command -v initdb)"
}

# The server refuses to run as root: then another user runs it. setpriv sets the death signal after the change of user.
postgres_owner() {
  if [ "$(id -u)" -ne 0 ]; then
    id -un
  elif id postgres >/dev/null 2>&1; then
    echo postgres
  else
    echo nobody
  fi
}

postgres_set_runner() {
  local user
  user=$(postgres_owner)
  postgres_runner=(setpriv --pdeathsig QUIT)
  if [ "$(id -u)" -eq 0 ]; then
    postgres_runner+=(--reuid "$user" --regid "$(id -g "$user")" --clear-groups)
  fi
}

# Starts a server; sets postgres_url (TCP, with the password) and postgres_folder.
postgres_start() {
  local bin parent=${TMPDIR:-/tmp}
  bin=$(postgres_bin)
  [ ${#parent} -le 60 ] || parent=/tmp # a socket's path may be 107 bytes long
  postgres_folder=$(mktemp -d "$parent/moonbird-pg.XXXXXX")
  printf 'moon:bird/1\n' >"$postgres_folder/password"
  chown -R "$(postgres_owner)" "$postgres_folder"
  chmod 755 "$postgres_folder"
  postgres_set_runner
  if ! (cd / && exec "${postgres_runner[@]}" "$bin/initdb" -D "$postgres_folder/data" -U moonbird --pwfile="$postgres_folder/password" \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync) \
    >"$postgres_folder/initdb.log" 2>&1; then
    cat "$postgres_folder/initdb.log" >&2
    return 1
  fi
  local try
  for try in 1 2 3 4 5 6 7 8 9 10; do
    postgres_port=$((20000 + RANDOM % 20000))
    postgres_launch "$bin" && break
    [ "$try" -lt 10 ] || { cat "$postgres_folder/log" >&2; return 1; }
  done
  postgres_url="postgresql://moonbird:moon%3Abird%2F1@127.0.0.1:$postgres_port/postgres"
}

# One try on one port. False when the server ended, as it does when the port is taken.
postgres_launch() {
  # shellcheck disable=SC2086
  (cd / && exec "${postgres_runner[@]}" "$1/postgres" -D "$postgres_folder/data" -p "$postgres_port" \
    -k "$postgres_folder" -c listen_addresses=127.0.0.1 -c fsync=on -c max_connections=60 \
    -c log_checkpoints=off ${POSTGRES_OPTIONS:-}) >"$postgres_folder/log" 2>&1 &
  postgres_pid=$!
  postgres_wait_ready "$1" "$postgres_folder" "$postgres_port" "$postgres_pid"
}

# postgres_wait_ready BIN FOLDER PORT PID: waits until it answers; false when it ended.
postgres_wait_ready() {
  local i
  for ((i = 0; i < 600; i++)); do
    if "$1/pg_isready" -q -h "$2" -p "$3" 2>/dev/null; then
      return 0
    fi
    kill -0 "$4" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

# postgres_halt MODE: ends the server and keeps its data. "immediate" is a crash, "fast" ends all sessions.
postgres_halt() {
  (cd / && exec "${postgres_runner[@]}" "$(postgres_bin)/pg_ctl" stop -D "$postgres_folder/data" -m "$1" -w -t 60) \
    >"$postgres_folder/halt.log" 2>&1 || { cat "$postgres_folder/halt.log" >&2; return 1; }
  [ -z "$postgres_pid" ] || wait "$postgres_pid" 2>/dev/null || true
  postgres_pid=
}

# postgres_restart MODE [SECONDS]: the server again on its port, after so many seconds without one. (pg_ctl restart
# would give the server another parent than the script, which must take it along when it dies.)
postgres_restart() {
  postgres_halt "$1"
  sleep "${2:-0}"
  postgres_launch "$(postgres_bin)"
}

postgres_stop() {
  [ -n "$postgres_folder" ] || return 0
  local pid
  pid=$(head -n 1 "$postgres_folder/data/postmaster.pid" 2>/dev/null)
  [ -z "$pid" ] || kill -INT "$pid" 2>/dev/null
  [ -z "$postgres_pid" ] || wait "$postgres_pid" 2>/dev/null
  rm -rf "$postgres_folder"
  postgres_folder=
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  . "$(dirname "$0")/common.sh"
  [ $# -gt 0 ] || usage 2 >&2
  at_exit postgres_stop
  postgres_start
  export MOONBIRD_TEST_POSTGRES_URL=$postgres_url MOONBIRD_TEST_POSTGRES_PID=$postgres_pid
  run_inside "$@"
fi
