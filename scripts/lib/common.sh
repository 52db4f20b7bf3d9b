# Sourced by every script: strict mode, the root of the repository as working directory, and three small words.
# Ownership of temporary things: `at_exit COMMAND` runs the command when the script ends, however it ends.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

say() { printf '==> %s\n' "$*"; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 2
}

# Prints the comment at the top of the calling script, as its help.
usage() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit "${1:-0}"
}

exit_commands=()

# The last one registered runs first. A signal ends the script, and so runs them too.
at_exit() { exit_commands=("$1" ${exit_commands[@]+"${exit_commands[@]}"}); }

run_exit_commands() {
  local status=$? command
  trap - EXIT INT TERM HUP
  set +e
  for command in ${exit_commands[@]+"${exit_commands[@]}"}; do
    eval "$command"
  done
  exit "$status"
}
# serve_orders FOLDER PID: for tests that restart servers, which must be done by the servers' parent. Writes the
# variables MOONBIRD_TEST_... to FOLDER/env; then runs what is in FOLDER/order, such as "postgres_restart fast", and
# leaves FOLDER/done or FOLDER/failed, until FOLDER/stop is there or the process has died.
serve_orders() {
  local outcome
  env | grep ^MOONBIRD_TEST_ >"$1/new"
  mv "$1/new" "$1/env"
  while kill -0 "$2" 2>/dev/null && [ ! -e "$1/stop" ]; do
    if [ -e "$1/order" ]; then
      outcome=failed
      if eval "$(cat "$1/order")" >"$1/answer" 2>&1; then outcome=done; fi
      rm "$1/order"
      mv "$1/answer" "$1/$outcome"
    fi
    sleep 0.05
  done
}

# Ends a script of servers: runs the command that it was given, or with "--serve FOLDER PID" serves orders.
run_inside() {
  if [ "$1" = --serve ]; then
    serve_orders "$2" "$3"
  else
    "$@"
  fi
}

trap run_exit_commands EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
