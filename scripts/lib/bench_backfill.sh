# Sourced by scripts/bench: what a backfill costs beside a peer that does the same work, on SQLite and PostgreSQL. Every
# measured run ends with a look at each row. The caller has set `work`, `program`, `rows`, `rounds`, `postgres_url`.

peak_kb=0

# project NAME TEXT: an environment whose one revision runs TEXT; the same as a backfill called "split".
project() {
  local folder=$work/$1
  mkdir -p "$folder/migrations/versions" "$folder/migrations/backfills"
  printf '[moonbird]\nscript_location = %%(here)s/migrations\n' >"$folder/moonbird.ini"
  printf -- '--- Split the names\nrevision = "a1"\ndown_revision = nil\n\nfunction upgrade()\n  op.backfill {%s}\nend\n\nfunction downgrade() end\n' \
    "$2" >"$folder/migrations/versions/a1_split.lua"
  printf 'return {%s}\n' "$2" >"$folder/migrations/backfills/split.lua"
}

split='
    table = "people",
    columns = { "full_name" },
    row = function(person)
      local first, last = person.full_name:match("^(%S+)%s+(.+)$")
      return { first_name = first or person.full_name, last_name = last or "" }
    end,
  '

# run_moonbird NAME WORD...: notes the most memory that any run has had.
run_moonbird() {
  local name=$1 status=0
  shift
  (cd "$work/$name" && MOONBIRD_DATABASE_URL=$url exec /usr/bin/time -o "$work/memory" -f %M "$program" "$@") || status=$?
  [ "$(tail -n 1 "$work/memory")" -le "$peak_kb" ] || peak_kb=$(tail -n 1 "$work/memory")
  return "$status"
}

# on DATABASE: whose turn it is.
on() {
  database=$1 url=$postgres_url peak_kb=0
  [ "$database" = PostgreSQL ] || url=sqlite:///$work/people.db
}

sql() {
  case "$database" in
    SQLite) sqlite3 -bail "$work/people.db" "$1" ;;
    PostgreSQL) PGOPTIONS='-c client_min_messages=warning' psql -X -q -At -v ON_ERROR_STOP=1 "$url" -c "$1" ;;
  esac
}

# fresh SQL: an empty database in which SQL was run, at rest: everything written, statistics made.
fresh() {
  if [ "$database" = SQLite ]; then
    rm -f "$work/people.db"*
    sql "$1"
    sync "$work/people.db"
    return
  fi
  sql "DROP SCHEMA public CASCADE; CREATE SCHEMA public;" >/dev/null
  sql "$1" >/dev/null
  sql "VACUUM ANALYZE"
  sql "CHECKPOINT"
}

# numbers COUNT: FROM it, n.i counts from 1.
numbers() { printf 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)' "$1"; }

fresh_people() {
  fresh "CREATE TABLE people (id bigint NOT NULL PRIMARY KEY, full_name text NOT NULL);
    INSERT INTO people $(numbers "$rows") SELECT i, 'First' || i || ' Last' || i FROM n;
    ALTER TABLE people ADD COLUMN first_name text;
    ALTER TABLE people ADD COLUMN last_name text;"
}

# no_row QUERY: the count that it gives must be 0.
no_row() {
  local wrong
  wrong=$(sql "$1")
  [ "$wrong" = 0 ] || die "$wrong rows are wrong on $database"
}

check_people() {
  no_row "SELECT count(*) FROM people WHERE first_name IS NULL OR first_name <> 'First' || id
    OR last_name IS NULL OR last_name <> 'Last' || id"
}

one_update() {
  local place=strpos
  [ "$database" = PostgreSQL ] || place=instr
  sql "UPDATE people SET first_name = substr(full_name, 1, $place(full_name, ' ') - 1),
    last_name = substr(full_name, $place(full_name, ' ') + 1)"
}

# lines_of WHAT OURS PEER MUST AIM
lines_of() {
  line "$database: $3, $rows rows" "$(seconds "$peer_us")" "" ""
  line "$database: $2, $rows rows" "$(seconds "$our_us")" "" ""
  line "$database: $1" "$(times "$pair_ratio")" "$4" "$5"
}

# --- beside one UPDATE of the whole table ---

one_worker() { run_moonbird one upgrade head; }
two_workers() { run_moonbird two upgrade head; }

bench_backfill() {
  project one "$split"
  for kind in SQLite PostgreSQL; do
    on "$kind"
    pair fresh_people check_people one_update one_worker
    if [ "$kind" = SQLite ]; then
      lines_of "one worker / UPDATE" "Lua row backfill" "one UPDATE" "3.0 x" "1.6 x"
    else
      lines_of "one worker / UPDATE" "Lua row backfill" "one UPDATE" "1.8 x" "1.3 x"
    fi
    line "$kind: most memory of the backfill" "$(megabytes "$peak_kb")" "40 MB" "20 MB"
  done
}

bench_parallel() {
  project two "$split    workers = 2,"
  on PostgreSQL
  pair fresh_people check_people one_update two_workers
  lines_of "two workers / UPDATE" "Lua row backfill, two workers" "one UPDATE" "1.1 x" "1.0 x"
}

two_processes() {
  local first status=0
  run_moonbird one backfill run split &
  first=$!
  run_moonbird one backfill run split || status=$?
  wait "$first" || status=$?
  return "$status"
}

bench_joined() {
  project one "$split"
  on PostgreSQL
  pair fresh_people check_people one_update two_processes
  lines_of "two processes / UPDATE" "Lua row backfill, two processes" "one UPDATE" "1.1 x" "1.0 x"
}
