-- The target schema: runs the file of models of an environment and gives what it says in the shape that catalogs have
-- (normal.lua). A file returns a list of table(...), enum(...), sequence(...), view(...); lists within it are taken
-- apart, so that a file may return what others return. Beside the list it may set naming_convention and schema.
-- Called by command.lua.

local check = require("moonbird.check")
local checks = require("moonbird.schema.checks")
local kinds = require("moonbird.kinds")
local naming = require("moonbird.naming")
local normal = require("moonbird.schema.normal")
local reference = require("moonbird.reference")
local scope = require("moonbird.schema.scope")
local sql = require("moonbird.sql")
local types = require("moonbird.types")

local model = {}

local settings = { naming_convention = true, schema = true }

-- --- what the file returns ---

-- The number of the last entry. What has a name must be a setting.
local function last_entry(value, source)
  local last = 0
  for key, entry in pairs(value) do
    if math.type(key) == "integer" then
      last = math.max(last, key)
    elseif not settings[key] then
      local hint = type(key) == "string" and scope.is_part(entry) and "; the models are a list, without names" or ""
      error(("%s: the models have no setting %s%s"):format(source, tostring(key), hint), 0)
    end
  end
  return last
end

-- The parts of a list, however deep; what is not one is an error, and so is a hole: what stands behind it would be
-- dropped. `around` has the lists that this one is in.
local function flatten(value, source, parts, found, around)
  if around[value] then
    error(source .. ": a list of the models is an entry of itself", 0)
  end
  around[value] = true
  local last = last_entry(value, source)
  found.naming_convention = found.naming_convention or value.naming_convention
  found.schema = found.schema or value.schema
  for index = 1, last do
    local entry = value[index]
    if scope.is_part(entry) then
      parts[#parts + 1] = entry
    elseif check.is_plain_table(entry) then
      flatten(entry, source, parts, found, around)
    else
      local format = "%s: entry %d of the models must be a table(...), enum(...), sequence(...) or view(...), got %s"
      error(format:format(source, index, check.describe(entry)), 0)
    end
  end
  around[value] = nil
  return parts
end

local function parts_of(value, source)
  if not check.is_plain_table(value) then
    local got = scope.is_library(value) and "Lua's library `table`" or check.describe(value)
    error(("%s must return a list of tables, got %s"):format(source, got), 0)
  end
  local found = {}
  local parts = flatten(value, source, {}, found, {})
  found.naming_convention = found.naming_convention or naming.convention()
  local convention = found.naming_convention
  if convention ~= nil and not kinds.rows.convention.test(convention) then
    error(("%s: naming_convention must be %s"):format(source, kinds.rows.convention.words), 0)
  elseif found.schema ~= nil and type(found.schema) ~= "string" then
    error(source .. ": schema must be a name", 0)
  end
  return parts, found
end

-- --- enums ---

-- The types that columns use are a part of the schema, also where no enum(...) declares them.
local function add_enum(schema, type_, where)
  local key = (type_.schema or "") .. "\0" .. type_.name
  local known = schema.enum_places[key]
  if type_.create_type == false then
    schema.foreign_enums[key] = true
  elseif not known then
    local enum = { name = type_.name, schema = type_.schema, values = type_.values, where = where }
    schema.enum_places[key] = enum
    table.insert(schema.enums, enum)
  elseif table.concat(known.values, "\0") ~= table.concat(type_.values, "\0") then
    error(("%s: the enum %s has other values than in %s"):format(where, type_.name, known.where), 0)
  end
end

local function enum_of(column)
  local type_ = column.type.kind == "array" and column.type.element or column.type
  return type_.kind == "enum" and type_ or nil
end

local function add_enums_of(schema, table_)
  for _, column in ipairs(table_.columns) do
    local type_ = enum_of(column)
    if type_ then
      add_enum(schema, type_, table_.where)
    end
  end
end

-- Calls f(type, table) for each column of the models that has an enum.
local function each_enum_type(parts, f)
  for _, part in ipairs(parts) do
    for _, item in ipairs(part.kind == "table" and part.items or {}) do
      local type_ = item.kind == "column" and enum_of(item)
      if type_ then
        f(type_, part)
      end
    end
  end
end

-- types.enum("mood") is the enum that stands elsewhere in the models with its values.
local function fill_enum_values(parts, default_schema)
  local values = {}
  local function note(enum, schema)
    values[(schema or "") .. "\0" .. enum.name] = enum.values
  end
  each_enum_type(parts, function(type_)
    if type_.values then
      note(type_, type_.schema)
    end
  end)
  for _, part in ipairs(parts) do
    if part.kind == "enum" then
      note(part, part.schema or default_schema)
    end
  end
  each_enum_type(parts, function(type_, part)
    if not type_.values and not type_.schema and not values["\0" .. type_.name] then
      type_.schema = default_schema
    end
    type_.values = type_.values or values[(type_.schema or "") .. "\0" .. type_.name]
    if not type_.values then
      error(("%s: no enum %s with values is in the models"):format(part.where, type_.name), 0)
    end
  end)
end

-- --- the parts ---

local add = {}

function add.table(schema, part, found, dialect)
  table.insert(schema.tables, normal.table(part, found.naming_convention, dialect))
end

function add.enum(schema, part)
  schema.enum_places[(part.schema or "") .. "\0" .. part.name] = part
  table.insert(schema.enums, part)
end

function add.sequence(schema, part)
  part.type = part.type or types.bigint()
  part.owned_by = part.owned_by and reference.parse(part.owned_by)
  table.insert(schema.sequences, part)
end

function add.view(schema, part, found, dialect)
  part.definition = sql.text(part.definition):gsub("^%s+", ""):gsub("[%s;]+$", "")
  part.materialized = part.materialized or false
  part.indexes = normal.view_indexes(part, found.naming_convention, dialect)
  table.insert(schema.views, part)
end

local function copy(part)
  local result = {}
  for key, value in pairs(part) do
    result[key] = value
  end
  return result
end

--- The schema that a list of models describes; `source` is what messages call it.
function model.normalise(value, source, dialect)
  local parts, found = parts_of(value, source)
  local schema = { tables = {}, enums = {}, sequences = {}, views = {}, enum_places = {}, foreign_enums = {} }
  fill_enum_values(parts, found.schema)
  for _, part in ipairs(parts) do
    part = copy(part)
    part.schema = part.schema or found.schema
    part.comment = normal.comment(part.comment)
    add[part.kind](schema, part, found, dialect)
  end
  for _, table_ in ipairs(schema.tables) do
    add_enums_of(schema, table_)
  end
  schema.enum_places = nil
  checks.all(schema, dialect)
  return normal.sort(schema)
end

-- --- loading ---

--- The schema of a file of models that is a text.
function model.parse(text, folder, dialect)
  local chunk = assert(load(text, "=models", "t", scope.new(folder)))
  return model.normalise(chunk(), "the models", dialect)
end

local function is_readable(path)
  local file = io.open(path, "r")
  if file then
    file:close()
  end
  return file ~= nil
end

local function absolute(folder, path)
  return path:sub(1, 1) == "/" and path or folder .. "/" .. path
end

--- The schema of an environment. `given` is what env.lua says of models: a path (from the environment's folder), the
--- list itself, or nil for models.lua in the folder. nil where there are no models; the second value is the path.
function model.load(folder, given, dialect)
  if type(given) == "table" then
    return model.normalise(given, folder .. "/env.lua: models", dialect)
  elseif given ~= nil and type(given) ~= "string" then
    error(("%s/env.lua: models must be a path or a list, got %s"):format(folder, check.describe(given)), 0)
  end
  local path = absolute(folder, given or "models.lua")
  if not is_readable(path) then
    return nil, path
  end
  return model.normalise(scope.run(folder, path), path, dialect), path
end

return model
