-- column_parts.lua: what a column says in braces: { always = true } of an identity, { "a || b", persisted = true } of
-- what it is computed from. Checked alike for column() and op.alter_column; knows no dialect.

local check = require("moonbird.check")

local column_parts = {}

local identity_options = {
  always = "boolean",
  start = "integer",
  increment = "integer",
  minvalue = "integer",
  maxvalue = "integer",
  cycle = "boolean",
  cache = "integer",
}

-- Of a column that exists: null takes a limit away.
local changed_identity_options = { restart = "restart" }
for name, kind in pairs(identity_options) do
  changed_identity_options[name] = name:find("value$") and "limit" or kind
end

--- The complaint about an identity, nil for a right one. `option` is how the message begins: "column: identity".
function column_parts.problem_of_identity(option, given)
  return check.is_plain_table(given) and check.fields(option, identity_options, given) or nil
end

--- The same of an identity that a column gets later.
function column_parts.problem_of_changed_identity(option, given)
  return check.is_plain_table(given) and check.fields(option, changed_identity_options, given) or nil
end

--- The complaint about what a column is computed from, nil for what is right.
function column_parts.problem_of_computed(option, given)
  if not check.is_plain_table(given) then
    return nil
  end
  local named = {}
  for key, value in pairs(given) do
    if key ~= 1 then
      named[key] = value
    end
  end
  return check.fields(option, { persisted = "boolean" }, named)
end

return column_parts
