# Sourced by scripts/bench: clocks, medians, pairs of runs, the table of results. The caller has sourced common.sh and
# set `work` (a temporary folder) and `rounds`.

# now: microseconds. The locale may write a comma.
now() { echo "${EPOCHREALTIME/[.,]/}"; }

# timed COMMAND...: sets `elapsed` to its microseconds. A command that fails ends the run.
timed() {
  local begun
  begun=$(now)
  "$@" >"$work/out" 2>&1 || { cat "$work/out" >&2; die "failed: $*"; }
  elapsed=$(($(now) - begun))
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# repeat TIMES COMMAND...: prints the median in microseconds.
repeat() {
  local times=$1 i
  shift
  for ((i = 0; i < times; i++)); do
    timed "$@"
    echo "$elapsed"
  done | median
}

seconds() { awk -v us="$1" 'BEGIN { printf "%.2f s", us / 1e6 }'; }
milliseconds() { awk -v us="$1" 'BEGIN { printf "%.1f ms", us / 1e3 }'; }
megabytes() { awk -v kb="$1" 'BEGIN { printf "%.1f MB", kb / 1024 }'; }
quotient() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a / b }'; }
times() { awk -v r="$1" 'BEGIN { printf "%.2f x", r }'; }

report=()
# line WORK MEASURED MUST AIM
line() { report+=("$(printf '%-62s %-12s %-12s %s' "$@")"); }

print_report() {
  [ ${#report[@]} -gt 0 ] || return 0
  printf '\n%-62s %-12s %-12s %s\n' "work" "measured" "must" "aim"
  printf '%s\n' "${report[@]}"
}

# pair PREPARE CHECK PEER OURS: in every round both are done one after the other, so that what else the machine does
# hits both alike. Sets `peer_us` and `our_us` to the medians and `pair_ratio` to the median of ours / peer's.
pair() {
  local prepare=$1 check=$2 round peers=() ours=() ratios=()
  for ((round = 1; round <= rounds; round++)); do
    "$prepare"
    timed "$3"
    "$check"
    peers+=("$elapsed")
    "$prepare"
    timed "$4"
    "$check"
    ours+=("$elapsed")
    ratios+=("$(quotient "$elapsed" "${peers[-1]}")")
    say "$database, round $round of $rounds: $3 $(seconds "${peers[-1]}"), $4 $(seconds "$elapsed"), ${ratios[-1]} x"
  done
  peer_us=$(printf '%s\n' "${peers[@]}" | median)
  our_us=$(printf '%s\n' "${ours[@]}" | median)
  pair_ratio=$(printf '%s\n' "${ratios[@]}" | median)
}
