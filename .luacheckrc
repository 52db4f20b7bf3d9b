std = "lua54"
max_line_length = 120
self = false -- a method need not use its object
-- only declarations for editors: every global is meant, no argument is used
files["core/lua/annotations"] = { ignore = { "111", "112", "113", "121", "211", "212", "241", "631" } }
files["tests/spec"] = { std = "+busted" }

-- cases of files that are wrong on purpose
exclude_files = { "tests/cases", "tests/fuzz" }

-- Revisions: what their header and functions set, and what core/lua/lib/revision.lua gives them.
stds.revision = {
  globals = {
    "revision",
    "down_revision",
    "branch_labels",
    "depends_on",
    "requires_backfill",
    "transaction",
    "upgrade",
    "downgrade",
    "verify",
  },
  read_globals = {
    "op",
    "db",
    "types",
    "sql",
    "blob",
    "null",
    "json",
    "log",
    "context",
    "column",
    "primary_key",
    "unique",
    "foreign_key",
    "check",
    "index",
    "exclude",
  },
}
files["**/versions/**/*.lua"] = { std = "lua54+revision" }

-- Models: what core/lua/lib/schema gives them; `table` can be called.
stds.models = {
  read_globals = {
    "types",
    "sql",
    "blob",
    "null",
    "column",
    "primary_key",
    "unique",
    "foreign_key",
    "check",
    "index",
    "exclude",
    "enum",
    "sequence",
    "view",
  },
}
files["**/models.lua"] = { std = "lua54+models" }
files["**/models/**/*.lua"] = { std = "lua54+models" }
