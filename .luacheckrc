std = "lua54"
max_line_length = 120
files["tests/spec"] = { std = "+busted" }

-- Revisions: what the header and the functions set, and what core/lua/lib/revision.lua gives them.
stds.revision = {
  globals = {
    "revision", "down_revision", "branch_labels", "depends_on", "requires_backfill", "transaction",
    "upgrade", "downgrade", "verify",
  },
  read_globals = {
    "op", "db", "types", "sql", "blob", "null", "json", "log", "context",
    "column", "primary_key", "unique", "foreign_key", "check", "index",
  },
}
files["**/versions/**/*.lua"] = { std = "lua54+revision" }
