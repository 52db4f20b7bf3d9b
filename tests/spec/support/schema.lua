-- A project's schema as the database's own tools write it, and scripts through the database's own shell. Used by specs
-- that compare a run with a script.

local moonbird = require("support.moonbird")
local quote = moonbird.quote

local schema = {}

--- The whole schema, without Moonbird's tables.
function schema.of(project)
  if project.kind == "postgres" then
    local dump = "pg_dump --schema-only --no-owner -T 'moonbird_*' " .. quote(project.shell_url)
    return (moonbird.shell(dump .. " | grep -vE '^(--|SET |SELECT pg_catalog|\\\\|$)'"))
  end
  return project:sql(
    "SELECT name, sql FROM sqlite_schema WHERE tbl_name NOT LIKE 'moonbird_%' AND name NOT LIKE 'sqlite_%' "
      .. "ORDER BY name"
  )
end

--- Feeds a script to the database's own shell.
function schema.feed(project, script)
  project:write("script.sql", script)
  local shell = project.kind == "postgres" and "psql -X -q -v ON_ERROR_STOP=1 " .. quote(project.shell_url)
    or "sqlite3 -bail " .. quote(project:path("data.db"))
  local output, code = moonbird.shell(shell .. " < " .. quote(project:path("script.sql")))
  assert(code == 0, output .. "\n" .. script)
end

return schema
