#!/usr/bin/env bash
# kill -9 at the boundaries of a backfill's statements, by a proxy that counts them (kill_statements.py).
#
#   kill_statements.sh [STEP] [kill|cut] [direct|pooler]    default: 11 kill direct, every eleventh boundary
#
# cut: the program loses its connection there instead, and must end by itself. pooler: through PgBouncer.
set -euo pipefail
url=$MOONBIRD_TEST_POSTGRES_URL
step=${1:-11} strike=${2:-kill} way=${3:-direct}
program=$(realpath "${MOONBIRD_TEST_PROGRAM:-build-dev/moonbird}")
here=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/moonbird-kill.XXXXXX")
database=kill_statements_$$
place=${url##*@}
[ "$way" = direct ] || place=${MOONBIRD_TEST_POOLER_URL##*@}
place=${place%%/*}
trap 'rm -rf "$work"; psql -Xqc "DROP DATABASE IF EXISTS $database WITH (FORCE)" "$url"' EXIT
psql -Xqc "CREATE DATABASE $database" "$url"
export URL=${url%/*}/$database
psql -Xq "$URL" -c "CREATE TABLE people (id bigint PRIMARY KEY, counter integer NOT NULL);
  INSERT INTO people SELECT i, 0 FROM generate_series(1, 300) AS i"
mkdir -p "$work/migrations/backfills" "$work/migrations/versions"
credentials=${url#*://}
credentials=${credentials%%@*}
cat >"$work/moonbird.ini" <<INI
[moonbird]
script_location = %(here)s/migrations
url = postgresql://${credentials//%/%%}@\${DATABASE}/$database

[backfill]
lease = 1s
INI
cat >"$work/migrations/backfills/fill.lua" <<'LUA'
return {
  table = "people",
  size = 100,
  row = function(person) return { counter = person.counter + 1 } end,
}
LUA
python3 "$here/tests/scenario/kill_statements.py" "$program" "$work" "${place%:*}" "${place##*:}" "$step" "$strike"
