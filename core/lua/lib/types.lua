-- Column types as data: types.varchar(40) is { kind = "varchar", length = 40 }. A dialect gives each its name in SQL.
-- Used by scripts and models; knows no dialect.

local check = require("moonbird.check")

local Type = { __name = "moonbird.type" }

-- "varchar(40)", as the script wrote it, for messages.
Type.__tostring = function(value)
  local numbers = {}
  for _, field in ipairs({ "length", "precision", "scale" }) do
    numbers[#numbers + 1] = value[field] and tostring(value[field])
  end
  local name = value.kind == "raw" and value.sql or value.name or value.kind
  return #numbers > 0 and ("%s(%s)"):format(name, table.concat(numbers, ", ")) or name
end

local types = {}

local function is_same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not is_same(value, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

Type.__eq = is_same

-- One row a type: its arguments and its options.
local collation = { collation = "name" }
local moment = { timezone = "boolean", precision = "size" }
local signatures = {
  smallint = {},
  integer = {},
  bigint = {},
  boolean = {},
  text = { options = collation },
  varchar = { arguments = { { "length", "size", optional = true } }, options = collation },
  char = { arguments = { { "length", "size", optional = true } }, options = collation },
  float = { arguments = { { "precision", "size", optional = true } } },
  double = {},
  numeric = { arguments = { { "precision", "size", optional = true }, { "scale", "integer", optional = true } } },
  date = {},
  time = { options = moment },
  timestamp = { options = moment },
  interval = { options = { fields = "text", precision = "size" } },
  blob = { arguments = { { "length", "size", optional = true } } },
  json = {},
  jsonb = {},
  uuid = {},
  enum = {
    arguments = { { "name", "name" }, { "values", "labels", optional = true } },
    options = { schema = "name", create_type = "boolean", create_constraint = "boolean" },
  },
  array = { arguments = { { "element", "type" } }, options = { dimensions = "size" } },
  raw = { arguments = { { "sql", "type_text" } }, options = collation },
}

-- A list without values would pass for options that are not given.
local function is_empty(value)
  return type(value) == "table" and next(value) == nil
end

local function problem_of(kind, value, given)
  if kind == "enum" and is_empty(given[2]) then
    return 'types.enum: argument 2 must be a list of strings ({ "a", "b" }), got an empty list'
  elseif kind == "numeric" and value.scale and not value.precision then
    return "types.numeric: a scale needs a precision (types.numeric(10, 2))"
  elseif kind == "array" and value.element.kind == "array" then
    return "types.array: an array of arrays is types.array(element, { dimensions = 2 })"
  end
end

for kind, signature in pairs(signatures) do
  signature.name = "types." .. kind
  signature.kind = kind
  signature.arguments = signature.arguments or {}
  types[kind] = function(...)
    local given = table.pack(...)
    local value, problem = check.call(signature, given)
    problem = problem or problem_of(kind, value, given)
    if problem then
      error(problem, 2)
    end
    if kind == "raw" then
      value.sql = tostring(value.sql)
    end
    return setmetatable(value, Type)
  end
end

return types
