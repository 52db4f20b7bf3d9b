-- Values and pieces of SQL text: literals, expressions, what stands in a statement with parameters. Methods of the base
-- dialect (../dialect.lua takes them in).

local check = require("moonbird.check")
local sql = require("moonbird.sql")

local values = {}

local function float_text(value)
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(value)
    if tonumber(text) == value then
      return text:find("[%.eE]") and text or text .. ".0"
    end
  end
end

function values:float_literal(value)
  if value ~= value or value == math.huge or value == -math.huge then
    check.refuse("%s cannot be written as a number in %s", tostring(value), self.name)
  end
  return float_text(value)
end

function values.boolean_literal(_, value)
  return value and "TRUE" or "FALSE"
end

function values.blob_literal(_, bytes)
  return "X'" .. bytes:gsub(".", function(byte)
    return ("%02X"):format(byte:byte())
  end) .. "'"
end

function values.string_literal(_, text)
  if text:find("\0", 1, true) then
    check.refuse("the string %q holds a NUL byte, which SQL text cannot; use blob(...)", text)
  end
  return "'" .. text:gsub("'", "''") .. "'"
end

-- The text of an expression that the script gave; a dialect may replace what everybody writes and it does not have.
function values.expression(_, value)
  return sql.closed_text(value)
end

function values:literal(value)
  if sql.is_null(value) then
    return "NULL"
  elseif sql.is(value) then
    return self:expression(value)
  elseif sql.is_blob(value) then
    return self:blob_literal(value[1])
  elseif type(value) == "boolean" then
    return self:boolean_literal(value)
  elseif math.type(value) == "integer" then
    return tostring(value)
  elseif type(value) == "number" then
    return self:float_literal(value)
  elseif type(value) == "string" then
    return self:string_literal(value)
  end
  check.refuse("%s is not a value that SQL has", check.describe(value))
end

-- A value in place of a parameter: it must mean the same wherever the parameter stood.
function values:parameter_literal(value)
  local text = self:literal(value)
  return text:find("^-") and "(" .. text .. ")" or text
end

-- A condition in parentheses; one that ends in a comment does not swallow the bracket.
function values.condition(_, text)
  text = sql.text(text)
  return "(" .. text .. (text:find("--", 1, true) and "\n" or "") .. ")"
end

return values
