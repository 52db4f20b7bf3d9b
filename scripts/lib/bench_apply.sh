# Sourced by scripts/bench: a thousand small revisions on an empty database, beside the same statements fed to sqlite3 or
# psql with a transaction each, Alembic (Debian's packages) and dbmate (on the PATH, or it is named as not measured).

apply_revisions=1000

# The same tables for all four: a revision makes one, with an index.
write_apply() {
  mkdir -p "$work/apply/"{moonbird,alembic}/migrations/versions "$work/apply/dbmate"
  printf '[moonbird]\nscript_location = %%(here)s/migrations\n' >"$work/apply/moonbird/moonbird.ini"
  printf '[alembic]\nscript_location = %%(here)s/migrations\n' >"$work/apply/alembic/alembic.ini"
  cat >"$work/apply/alembic/migrations/env.py" <<'PYTHON'
import os
import sqlalchemy
from alembic import context

engine = sqlalchemy.create_engine(os.environ["BENCH_URL"], poolclass=sqlalchemy.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
PYTHON
  awk -v count="$apply_revisions" -v folder="$work/apply" 'BEGIN {
    for (i = 1; i <= count; i++) {
      id = sprintf("r%04d", i)
      table = sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL)", i)
      index_ = sprintf("CREATE INDEX ix_t%d_name ON t%d (name)", i, i)
      file = folder "/moonbird/migrations/versions/" id "_step.lua"
      printf "--- Step %d\nrevision = \"%s\"\ndown_revision = %s\n\nfunction upgrade()\n  op.execute(\"%s\")\n" \
        "  op.execute(\"%s\")\nend\n\nfunction downgrade()\n  op.drop_table(\"t%d\")\nend\n", \
        i, id, i == 1 ? "nil" : sprintf("\"r%04d\"", i - 1), table, index_, i > file
      close(file)
      file = folder "/alembic/migrations/versions/" id "_step.py"
      printf "\"\"\"Step %d\"\"\"\nfrom alembic import op\nrevision = \"%s\"\ndown_revision = %s\n\ndef upgrade():\n" \
        "    op.execute(\"%s\")\n    op.execute(\"%s\")\n\ndef downgrade():\n    op.drop_table(\"t%d\")\n", \
        i, id, i == 1 ? "None" : sprintf("\"r%04d\"", i - 1), table, index_, i > file
      close(file)
      file = sprintf("%s/dbmate/2026%010d_step.sql", folder, i)
      printf "-- migrate:up\n%s;\n%s;\n\n-- migrate:down\nDROP TABLE t%d;\n", table, index_, i > file
      close(file)
      printf "BEGIN;\n%s;\n%s;\nINSERT INTO versions VALUES (%d);\nCOMMIT;\n", table, index_, i > (folder "/all.sql")
    }
  }'
}

prepare_apply() {
  rm -f "$work/apply/bench.db"*
  [ "$database" = SQLite ] || psql -Xq "$postgres_url" -c "DROP DATABASE IF EXISTS bench_apply WITH (FORCE)" \
    -c "CREATE DATABASE bench_apply"
}

apply_url() {
  if [ "$database" = SQLite ]; then
    echo "sqlite:///$work/apply/bench.db"
  else
    echo "${postgres_url%/*}/bench_apply"
  fi
}

moonbird_apply() { (cd "$work/apply/moonbird" && MOONBIRD_DATABASE_URL=$(apply_url) exec "$program" upgrade head); }
alembic_apply() { (cd "$work/apply/alembic" && BENCH_URL=$(apply_url) exec /usr/bin/python3 -m alembic.config upgrade head); }

dbmate_apply() {
  local url="sqlite:$work/apply/bench.db"
  [ "$database" = SQLite ] || url="$(apply_url)?sslmode=disable"
  dbmate --url "$url" --migrations-dir "$work/apply/dbmate" --no-dump-schema up
}

sql_by_hand() {
  if [ "$database" = SQLite ]; then
    (echo "CREATE TABLE versions (v INTEGER);"; cat "$work/apply/all.sql") | sqlite3 -bail "$work/apply/bench.db"
  else
    (echo "CREATE TABLE versions (v INTEGER);"; cat "$work/apply/all.sql") |
      psql -Xq -v ON_ERROR_STOP=1 "$(apply_url)"
  fi
}

bench_apply() {
  write_apply
  for database in SQLite PostgreSQL; do
    pair prepare_apply true sql_by_hand moonbird_apply
    line "$database: the statements of $apply_revisions revisions by hand" "$(seconds "$peer_us")" "" ""
    line "$database: upgrade head, $apply_revisions small revisions" "$(seconds "$our_us")" "" ""
    line "$database: upgrade / by hand" "$(times "$pair_ratio")" "" "1.2 x"
    bench_apply_peer dbmate "1 x"
    bench_apply_peer alembic "5 x"
  done
}

# bench_apply_peer NAME MUST: once, beside the median of ours.
bench_apply_peer() {
  if ! { [ "$1" = alembic ] && /usr/bin/python3 -c 'import alembic' 2>/dev/null || command -v "$1" >/dev/null; }; then
    say "not measured: $1 is missing"
    return
  fi
  prepare_apply
  timed "$1_apply"
  line "$database: $1 / upgrade" "$(times "$(quotient "$elapsed" "$our_us")")" "$2" ""
}
