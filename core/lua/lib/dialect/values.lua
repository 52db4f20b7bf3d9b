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
  return sql.text(value)
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

-- Length of the quoted piece, comment or dollar quote at `at`; 0 where there is none. The same rules as the scanner of
-- placeholders in C.
local function opaque_end(text, at)
  local first = text:sub(at, at)
  if first == "'" or first == '"' or first == "`" then
    return text:find(first, at + 1, true) or #text
  elseif text:find("^%-%-", at) then
    return text:find("\n", at, true) or #text
  elseif text:find("^/%*", at) then
    local _, last = text:find("*/", at + 2, true)
    return last or #text
  end
  local tag = text:match("^%$[%a_]*[%w_]*%$", at)
  if tag then
    local _, last = text:find(tag, at + #tag, true)
    return last or #text
  end
end

-- SQL that stands in a statement with parameters: a question mark of its own (an operator of jsonb) is doubled, so that
-- it is not taken for a placeholder.
function values.verbatim(_, text)
  if not text:find("?", 1, true) then
    return text
  end
  local pieces, at = {}, 1
  while at <= #text do
    local last = opaque_end(text, at) or at
    local piece = text:sub(at, last)
    pieces[#pieces + 1] = piece == "?" and "??" or piece
    at = last + 1
  end
  return table.concat(pieces)
end

-- The first words of a statement in capitals with single blanks, comments in front passed over: enough to see what kind
-- of statement it is.
function values.leading_words(text)
  local at = 1
  while true do
    at = text:find("[^%s;]", at) or #text + 1
    local is_comment = text:find("^%-%-", at) or text:find("^/%*", at)
    if not is_comment then
      break
    end
    at = opaque_end(text, at) + 1
  end
  return (text:sub(at, at + 999):upper():gsub("%s+", " "):gsub(" $", ""))
end

-- A condition in parentheses; one that ends in a comment does not swallow the bracket.
function values.condition(_, text)
  text = sql.text(text)
  return "(" .. text .. (text:find("--", 1, true) and "\n" or "") .. ")"
end

return values
