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
trap run_exit_commands EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
