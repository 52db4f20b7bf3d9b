-- PostgreSQL's names of types. Methods of the dialect (../dialect.lua takes them in).

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

-- Also of an operation on the type.
function types:enum_name(type_)
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
  enum = types.enum_name,
  array = array_name,
  raw = base.raw_name,
}

return types
