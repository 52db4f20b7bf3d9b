-- Foreign keys of the models that lead to tables which the models do not have. Such a table may be another's: it is
-- there already and nothing takes it away, or nobody looks at it (another schema, include_name). Otherwise the revision
-- could not run, or would drop the table under its key. Called by command.lua, before renames.

local check = require("moonbird.check")
local filter = require("moonbird.schema.filter")
local host = require("moonbird.host")

local references = {}

local function place(name, schema)
  return (schema and schema .. "." or "") .. name
end

-- The table of a schema that a key leads to, or nil.
local function referent_of(schema, key)
  local name = host.dialect:name_key(key.referent_table)
  for _, table_ in ipairs(schema.tables) do
    if table_.schema == key.referent_schema and host.dialect:name_key(table_.name) == name then
      return table_
    end
  end
end

-- Is the schema one of those that are compared?
local function is_read(schemas, name, default)
  for _, wanted in ipairs(schemas) do
    if wanted == "*" or wanted == (name or default or "main") then
      return true
    end
  end
  return #schemas == 0 and name == nil
end

-- SQLite lets a key lead nowhere, and such a database is compared as it is.
local function has_same_key(live, table_, key)
  for _, other in ipairs(live.tables) do
    if other.name == table_.name and other.schema == table_.schema then
      for _, known in ipairs(other.foreign_keys) do
        if known.referent_table == key.referent_table and known.referent_schema == key.referent_schema then
          return true
        end
      end
    end
  end
  return false
end

local function names_of(schema)
  local names = {}
  for _, table_ in ipairs(schema.tables) do
    names[#names + 1] = place(table_.name, table_.schema)
  end
  return names
end

local function fail(table_, key, referent, hint)
  local format = "%s: table %s: the foreign key of %s leads to %s, and the models have no table %s"
  local columns = table.concat(key.columns, ", ")
  local target = referent .. "." .. table.concat(key.referent_columns, ", ")
  host.fail("usage", format:format(table_.where, place(table_.name, table_.schema), columns, target, referent), hint)
end

local DROPPED = "the database has it, and a revision would drop it: add it to the models (`moonbird dump` prints it), "
  .. "or leave it alone with include_name of env.lua"
local MISSING = "the database has no such table either: add it to the models; what somebody else will make is left out "
  .. "with include_name of env.lua"

local function check_key(schema, live, table_, key, request)
  local referent = place(key.referent_table, key.referent_schema)
  local found = referent_of(live, key)
  if found then
    if filter.objects(request.settings)("table", found, nil, true) then
      fail(table_, key, referent, DROPPED)
    end
    return
  end
  local is_left_out = not is_read(request.schemas, key.referent_schema, live.default_schema)
    or not filter.includes_table(request.settings, key.referent_table, key.referent_schema)
    or has_same_key(live, table_, key)
    or host.dialect:has_table(host.connection, key.referent_table, key.referent_schema)
  if not is_left_out then
    local near = check.nearest(referent, names_of(schema))
    fail(table_, key, referent, near and ("did you mean %s?"):format(near) or MISSING)
  end
end

--- An error for the first key that leads to a table which is missing.
function references.check(schema, live, request)
  local known = {}
  for _, table_ in ipairs(schema.tables) do
    known[place(table_.name, table_.schema)] = true
  end
  for _, table_ in ipairs(schema.tables) do
    for _, key in ipairs(table_.foreign_keys) do
      local is_known = known[place(key.referent_table, key.referent_schema)]
      if not is_known and not referent_of(schema, key) then
        check_key(schema, live, table_, key, request)
      end
    end
  end
end

return references
