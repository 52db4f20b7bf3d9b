-- How a column type is written; the names themselves are a dialect's type_names. Methods of the base dialect
-- (../dialect.lua takes them in).

local check = require("moonbird.check")

local types = {}

function types:type_sql(type_)
  local name = self.type_names[type_.kind]
  if name == nil then
    check.refuse("%s has no type %s", self.name, type_.kind)
  end
  return type(name) == "function" and name(self, type_) or name
end

-- "VARCHAR(40)", or "VARCHAR" without a length; for tables of type_names.
function types.sized(name)
  return function(_, type_)
    return type_.length and ("%s(%d)"):format(name, type_.length) or name
  end
end

function types.numeric_name(_, type_)
  if not type_.precision then
    return "NUMERIC"
  elseif not type_.scale then
    return ("NUMERIC(%d)"):format(type_.precision)
  end
  return ("NUMERIC(%d, %d)"):format(type_.precision, type_.scale)
end

function types.raw_name(_, type_)
  return type_.sql
end

return types
