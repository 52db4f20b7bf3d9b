-- A schema as SQL that makes it: the statements that a revision would send which makes everything from nothing. A
-- dialect whose database keeps the texts of its objects gives those instead (`schema_script`). Called by command.lua.

local diff = require("moonbird.schema.diff")
local render = require("moonbird.schema.render")
local environment = require("moonbird.environment")
local statement = require("moonbird.statement")

local script = {}

local function statements_of(live, dialect)
  local nothing = { tables = {}, enums = {}, sequences = {}, views = {} }
  local up = render.directions(diff.compare(live, nothing, dialect))
  local body = render.body(up, dialect)
  return statement.collect(function()
    local chunk = assert(load(body, "=dump", "t", environment.new({}, 0)))
    chunk()
  end)
end

--- The text of the script.
function script.text(live, db, dialect)
  local statements = dialect.schema_script and dialect:schema_script(db, live) or statements_of(live, dialect)
  local parts = {}
  for index, text in ipairs(statements) do
    parts[index] = text:gsub("[%s;]+$", "") .. ";\n"
  end
  return table.concat(parts, "\n")
end

return script
