-- PostgreSQL's names of types, and the enum types that columns need. Methods of the dialect (../dialect.lua takes them
-- in).

local base = require("moonbird.dialect")

local types = {}

local function moment_name(name)
  return function(_, type_)
    local precision = type_.precision and ("(%d)"):format(type_.precision) or ""
    return name .. precision .. (type_.timezone and " WITH TIME ZONE" or " WITHOUT TIME ZONE")
  end
end

local function float_name(_, type_)
  return type_.precision and ("FLOAT(%d)"):format(type_.precision) or "FLOAT"
end

local function interval_name(_, type_)
  local fields = type_.fields and " " .. type_.fields or ""
  return "INTERVAL" .. fields .. (type_.precision and ("(%d)"):format(type_.precision) or "")
end

local function enum_name(self, type_)
  return self:table_name(type_.name, type_.schema)
end

local function array_name(self, type_)
  return self:type_sql(type_.element) .. ("[]"):rep(type_.dimensions or 1)
end

types.type_names = {
  smallint = "SMALLINT",
  integer = "INTEGER",
  bigint = "BIGINT",
  boolean = "BOOLEAN",
  text = "TEXT",
  varchar = base.sized("VARCHAR"),
  char = base.sized("CHAR"),
  float = float_name,
  double = "DOUBLE PRECISION",
  numeric = base.numeric_name,
  date = "DATE",
  time = moment_name("TIME"),
  timestamp = moment_name("TIMESTAMP"),
  interval = interval_name,
  blob = "BYTEA",
  json = "JSON",
  jsonb = "JSONB",
  uuid = "UUID",
  enum = enum_name,
  array = array_name,
  raw = base.raw_name,
}

local function create_type_text(self, type_)
  local values = {}
  for index, value in ipairs(type_.values) do
    values[index] = self:string_literal(value)
  end
  return ("CREATE TYPE %s AS ENUM (%s)"):format(enum_name(self, type_), table.concat(values, ", "))
end

-- A dollar quote that does not occur in the text.
local function dollar_quoted(text)
  local tag = "$$"
  while text:find(tag, 1, true) do
    tag = "$moonbird" .. #tag .. "$"
  end
  return tag .. text .. tag
end

-- CREATE TYPE knows no IF NOT EXISTS.
local function create_type_if_missing(text)
  local body = (" BEGIN %s; EXCEPTION WHEN duplicate_object THEN NULL; END "):format(text)
  return "DO " .. dollar_quoted(body)
end

-- The enum types of new columns, each once. create_table makes them as Alembic does; a column that is added uses the
-- type that is there already.
function types:before_table(operation, columns)
  local statements, seen = {}, {}
  for _, column in ipairs(columns) do
    local type_ = column.type.kind == "array" and column.type.element or column.type
    if type_.kind == "enum" and type_.create_type ~= false and not seen[enum_name(self, type_)] then
      seen[enum_name(self, type_)] = true
      local is_plain = operation.kind == "create_table" and not operation.if_not_exists
      local text = create_type_text(self, type_)
      statements[#statements + 1] = is_plain and text or create_type_if_missing(text)
    end
  end
  return statements
end

return types
