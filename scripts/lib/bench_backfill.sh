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

# --- a table split in two ---

fresh_split() {
  fresh_people
  sql "CREATE TABLE names (person_id bigint NOT NULL PRIMARY KEY, first_name text, last_name text)" >/dev/null
}

check_names() {
  no_row "SELECT $rows - count(*) FROM names
    WHERE first_name = 'First' || person_id AND last_name = 'Last' || person_id"
}

insert_select() {
  local place=strpos
  [ "$database" = PostgreSQL ] || place=instr
  sql "INSERT INTO names SELECT id, substr(full_name, 1, $place(full_name, ' ') - 1),
    substr(full_name, $place(full_name, ' ') + 1) FROM people"
}

batch_insert() { run_moonbird insert upgrade head; }

bench_insert() {
  project insert '
    table = "people",
    columns = { "full_name" },
    row = function(person, batch)
      local first, last = person.full_name:match("^(%S+)%s+(.+)$")
      batch:insert("names", { person_id = person.id, first_name = first, last_name = last })
    end,
  '
  for kind in SQLite PostgreSQL; do
    on "$kind"
    pair fresh_split check_names insert_select batch_insert
    lines_of "batch:insert / INSERT ... SELECT" "batch:insert" "one INSERT ... SELECT" "" ""
  done
}

# --- wide rows: some 2 kB each, read and written ---

fresh_wide() {
  local bytes="repeat('ab', 960)"
  [ "$database" = PostgreSQL ] || bytes="replace(hex(zeroblob(960)), '00', 'ab')"
  fresh "CREATE TABLE people (id bigint NOT NULL PRIMARY KEY, body text NOT NULL);
    INSERT INTO people $(numbers "$wide_rows") SELECT i, i || $bytes FROM n;"
}

check_wide() { no_row "SELECT $wide_rows - count(*) FROM people WHERE body LIKE id || 'ABAB%' AND length(body) > 1920"; }
update_wide() { sql "UPDATE people SET body = upper(body)"; }
backfill_wide() { run_moonbird wide upgrade head; }

bench_wide() {
  wide_rows=$((rows / 10))
  project wide '
    table = "people",
    columns = { "body" },
    row = function(person)
      return { body = person.body:upper() }
    end,
  '
  for kind in SQLite PostgreSQL; do
    on "$kind"
    rows=$wide_rows pair fresh_wide check_wide update_wide backfill_wide
    rows=$wide_rows lines_of "wide rows / UPDATE" "wide rows" "one UPDATE of 2 kB a row" "" ""
    line "$kind: most memory, wide rows" "$(megabytes "$peak_kb")" "40 MB" "20 MB"
  done
}

# --- what checkpoints cost: the size that it finds by itself, beside one batch of all rows ---

one_batch() { run_moonbird unbroken upgrade head; }

bench_checkpoint() {
  project one "$split"
  project unbroken "$split    size = $rows,"
  printf '\n[backfill]\nmax_bytes = 100GiB\nstatement_timeout = 1h\n' >>"$work/unbroken/moonbird.ini"
  for kind in SQLite PostgreSQL; do
    on "$kind"
    pair fresh_people check_people one_batch one_worker
    lines_of "with checkpoints / without" "batches as usual" "one batch of all rows" "" ""
  done
}

# --- memory ---

bench_memory() {
  local kind few=$rows count
  project one "$split"
  for kind in SQLite PostgreSQL; do
    for count in "$few" $((few * 10)); do
      rows=$count
      on "$kind"
      fresh_people
      timed one_worker
      check_people
      say "$kind, $rows rows: $(megabytes "$peak_kb") in $(seconds "$elapsed")"
      line "$kind: most memory, $rows rows" "$(megabytes "$peak_kb")" "40 MB" "20 MB"
    done
  done
  rows=$few
}

# --- the same job in Python ---

write_alembic() {
  mkdir -p "$work/alembic/migrations/versions"
  printf '[alembic]\nscript_location = migrations\n' >"$work/alembic/alembic.ini"
  cat >"$work/alembic/migrations/env.py" <<'PYTHON'
import os

import sqlalchemy
from alembic import context

engine = sqlalchemy.create_engine(os.environ["BENCH_URL"])
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
PYTHON
  cat >"$work/alembic/migrations/versions/a1_split.py" <<'PYTHON'
"""The split, row by row: with one executemany, or with one statement for each row."""
import os

import sqlalchemy
from alembic import op

revision, down_revision = "a1", None

people = sqlalchemy.table(
    "people", *(sqlalchemy.column(name) for name in ("id", "full_name", "first_name", "last_name")))


def parts(row):
    first, _, last = row.full_name.partition(" ")
    return {"key": row.id, "first": first, "last": last}


def upgrade():
    connection = op.get_bind()
    rows = [parts(row) for row in connection.execute(sqlalchemy.select(people.c.id, people.c.full_name))]
    if os.environ["BENCH_WAY"] == "executemany":
        update = people.update().where(people.c.id == sqlalchemy.bindparam("key")).values(
            first_name=sqlalchemy.bindparam("first"), last_name=sqlalchemy.bindparam("last"))
        connection.execute(update, rows)
        return
    update = "UPDATE people SET first_name = :first, last_name = :last WHERE id = :key"
    for row in rows:
        connection.execute(sqlalchemy.text(update), row)
PYTHON
}

run_alembic() {
  local address=$url
  [ "$database" = SQLite ] || address=${url/postgresql:/postgresql+psycopg2:}
  (cd "$work/alembic" && BENCH_URL=$address BENCH_WAY=$1 exec /usr/bin/python3 -m alembic.config upgrade head)
}

executemany() { run_alembic executemany; }
single_updates() { run_alembic single; }

# bench_python PEER WORDS MUST AIM
bench_python() {
  local all=$rows kind
  rows=$((rows / 10))
  project one "$split"
  write_alembic
  for kind in SQLite PostgreSQL; do
    on "$kind"
    pair fresh_people check_people one_worker "$1"
    line "$kind: Lua row backfill, $rows rows" "$(seconds "$peer_us")" "" ""
    line "$kind: $2 in an Alembic revision" "$(seconds "$our_us")" "" ""
    line "$kind: $2 / backfill" "$(times "$pair_ratio")" "$3" "$4"
  done
  rows=$all
}

bench_executemany() { bench_python executemany "SQLAlchemy executemany" "10 x" "20 x"; }
bench_single() { bench_python single_updates "one UPDATE for each row" "" ""; }
