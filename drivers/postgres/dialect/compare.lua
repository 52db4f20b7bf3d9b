-- What the comparison of schemas asks of PostgreSQL beside its catalogs: a table of the models as the catalog would
-- have it, names that the server would give, and changes that take more than one statement. Methods of the dialect
-- (../dialect.lua takes them in). Asks no database.

local sql = require("moonbird.sql")
local types = require("moonbird.types")

local compare = {}

--- An integer that is the whole key is made as an identity column.
compare.numbers_columns = true

--- A constraint without a name gets one (constraint_name_of).
compare.names_constraints = true

local serial_types = {
  serial = types.integer(),
  serial4 = types.integer(),
  bigserial = types.bigint(),
  serial8 = types.bigint(),
  smallserial = types.smallint(),
  serial2 = types.smallint(),
}

local function copy(from, into)
  local result = into or {}
  for key, value in pairs(from) do
    result[key] = value
  end
  return setmetatable(result, getmetatable(from))
end

-- types.raw("SERIAL") is an integer with a sequence of its own.
local function comparable_column(self, column, primary)
  local result = copy(column)
  local serial = column.type.kind == "raw" and serial_types[column.type.sql:lower():match("^%s*(%w+)%s*$")]
  if serial then
    result.type, result.serial, result.nullable = serial, true, false
  elseif not column.identity and self:is_numbered(column, primary) then
    result.numbered, result.nullable = true, false
  end
  if column.computed and column.computed.persisted == nil then
    result.computed = { sql = column.computed.sql, persisted = true }
  end
  return result
end

--- A table of the models in the catalog's terms.
function compare:comparable(table_)
  local result = copy(table_)
  result.columns = {}
  for index, column in ipairs(table_.columns) do
    result.columns[index] = comparable_column(self, column, table_.primary_key)
  end
  return result
end

-- --- names ---

local suffixes = { primary_key = "pkey", unique = "key", foreign_key = "fkey", check = "check", exclude = "excl" }

--- The name that the server gives a constraint without one; `taken` has those that are in use.
function compare:constraint_name_of(table_, item, taken)
  local words = { table_.name }
  for _, name in ipairs(item.kind ~= "primary_key" and item.columns or {}) do
    words[#words + 1] = not sql.is(name) and name or nil
  end
  words[#words + 1] = suffixes[item.kind]
  local base = table.concat(words, "_")
  local name, number = self:fit_name(base), 0
  while taken[name] do
    number = number + 1
    name = self:fit_name(base .. number)
  end
  return name
end

-- --- changes in several statements ---

local function execute(text)
  return { kind = "execute", text = text }
end

local function alter_column(table_, column)
  return { kind = "alter_column", table = table_.name, schema = table_.schema, column = column.name }
end

-- From nothing to what numbers the column, and back.
local function make_serial(self, table_, column)
  local serial = type(column.serial) == "table" and column.serial or {}
  local name = serial.name or self:fit_name(("%s_%s_seq"):format(table_.name, column.name))
  local schema = serial.schema or table_.schema
  local default = alter_column(table_, column)
  default.server_default = sql(("nextval(%s::regclass)"):format(self:string_literal(self:table_name(name, schema))))
  return {
    {
      kind = "create_sequence",
      name = name,
      schema = schema,
      type_ = column.type.kind ~= "bigint" and column.type or nil,
      owned_by = { table = table_.name, column = column.name, schema = table_.schema },
    },
    default,
  }
end

local function drop_serial(self, table_, column)
  local create = make_serial(self, table_, column)[1]
  local default = alter_column(table_, column)
  default.server_default = sql.null
  return { default, { kind = "drop_sequence", name = create.name, schema = create.schema } }
end

local function make(self, table_, column)
  if column.serial then
    return make_serial(self, table_, column)
  end
  local alter = alter_column(table_, column)
  alter.identity = column.identity or column.numbered
  alter.server_default = not alter.identity and column.server_default or nil
  return (alter.identity or alter.server_default ~= nil) and { alter } or {}
end

local function unmake(self, table_, column)
  if column.serial then
    return drop_serial(self, table_, column)
  end
  local alter = alter_column(table_, column)
  if column.identity or column.numbered then
    alter.identity = sql.null
  elseif column.server_default ~= nil then
    alter.server_default = sql.null
  end
  return (alter.identity or alter.server_default) and { alter } or {}
end

--- A column from one way of being numbered to another, where one of them is serial: both directions.
function compare:serial_change(table_, model, live)
  local up, down = unmake(self, table_, live), unmake(self, table_, model)
  local new, old = make(self, table_, model), make(self, table_, live)
  return table.move(new, 1, #new, #up + 1, up), table.move(old, 1, #old, #down + 1, down)
end

local function storage_change(self, table_, options, from)
  local set, reset = {}, {}
  for name, value in pairs(options or {}) do
    set[#set + 1] = ("%s = %s"):format(name, type(value) == "string" and self:literal(value) or tostring(value))
  end
  for name in pairs(from or {}) do
    reset[#reset + 1] = not (options or {})[name] and name or nil
  end
  table.sort(set)
  table.sort(reset)
  local list, alter = {}, "ALTER TABLE " .. self:table_name(table_.name, table_.schema)
  if #set > 0 then
    list[1] = execute(("%s SET (%s)"):format(alter, table.concat(set, ", ")))
  end
  if #reset > 0 then
    list[#list + 1] = execute(("%s RESET (%s)"):format(alter, table.concat(reset, ", ")))
  end
  return list
end

local function is_unlogged(prefixes)
  for _, word in ipairs(prefixes or {}) do
    if word:upper() == "UNLOGGED" then
      return true
    end
  end
  return false
end

local function option_change(self, table_, to, from)
  local alter, list = "ALTER TABLE " .. self:table_name(table_.name, table_.schema), {}
  if to.with ~= nil then
    list = storage_change(self, table_, to.with or {}, from.with or {})
  end
  if to.tablespace ~= nil then
    list[#list + 1] = execute(alter .. " SET TABLESPACE " .. self:ident(to.tablespace or "pg_default"))
  end
  if to.prefixes ~= nil then
    list[#list + 1] = execute(alter .. (is_unlogged(to.prefixes) and " SET UNLOGGED" or " SET LOGGED"))
  end
  return list
end

--- Options of a table that differ (false: not set): the operations of both directions, and the names of those that no
--- statement changes.
function compare:option_changes(table_, up, down)
  local fixed = {}
  for _, name in ipairs({ "partition_by", "inherits", "on_commit" }) do
    fixed[#fixed + 1] = up[name] ~= nil and name or nil
  end
  return option_change(self, table_, up, down), option_change(self, table_, down, up), fixed
end

return compare
