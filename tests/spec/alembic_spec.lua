-- The same operations in Alembic's words and in ours (tests/cases/operations) make the same schema on PostgreSQL, for
-- pg_dump to the letter. Alembic writes its SQL, which psql runs.
local moonbird = require("support.moonbird")
local quote = moonbird.quote

local ENV = [[
from alembic import context

context.configure(url="postgresql://", literal_binds=True)
with context.begin_transaction():
    context.run_migrations()
]]

local has_alembic = select(2, moonbird.shell("command -v alembic >/dev/null")) == 0

local function dump(project)
  local command = "pg_dump -s --no-owner -T 'moonbird_*' -T alembic_version " .. quote(project.shell_url)
  return (moonbird.shell(command .. " | grep -vE '^(--|SET |SELECT |\\\\|$)'"))
end

local function upgrade_by_alembic(project)
  project:write("alembic.ini", "[alembic]\nscript_location = alembic\n")
  moonbird.shell(("mkdir -p %s/alembic/versions"):format(quote(project.folder)))
  project:write("alembic/env.py", ENV)
  project:write("alembic/versions/a1.py", moonbird.read_file("tests/cases/operations/a1.py"))
  local output, code = moonbird.shell(
    ("cd %s && alembic upgrade head --sql >a1.sql 2>alembic.log && psql -X -q -v ON_ERROR_STOP=1 %s -f a1.sql"):format(
      quote(project.folder),
      quote(project.shell_url)
    )
  )
  assert.equals(0, code, output .. (project:read("alembic.log") or ""))
end

if not moonbird.postgres_url or not has_alembic then
  pending("operations beside Alembic's: $MOONBIRD_TEST_POSTGRES_URL is not set, or there is no alembic")
  return
end

describe("operations", function()
  it("make what Alembic's make", function()
    local theirs, ours = moonbird.project("postgres"), moonbird.project("postgres")
    upgrade_by_alembic(theirs)
    ours:write("migrations/versions/a1.lua", moonbird.read_file("tests/cases/operations/a1.lua"))
    ours:ok("upgrade head")
    local schema = dump(ours)
    assert.equals(dump(theirs), schema)
    assert.truthy(schema:find("CREATE UNIQUE INDEX i1", 1, true))
    theirs:remove()
    ours:remove()
  end)
end)
