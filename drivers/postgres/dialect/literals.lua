-- Literals as PostgreSQL prints them, with their casts, and as a person writes them beside a column of a type. Used by
-- readable.lua, which has the rules of the rest; pure.

local expression = require("moonbird.schema.expression")

local literals = {}

-- --- tokens ---

local Reader = {}
Reader.__index = Reader

--- The tokens of a text; `types` has those of its columns, `enums` the names of enums as a set.
function literals.reader(text, types, enums)
  local spans = expression.spans(text)
  return setmetatable({ source = text, spans = spans, count = #spans, types = types, enums = enums }, Reader)
end

function Reader:token(at)
  local span = self.spans[at]
  return span and span.token
end

--- `count` tokens with blanks between them.
function Reader:tokens(at, count)
  local list = {}
  for index = at, math.min(at + count - 1, self.count) do
    list[#list + 1] = self.spans[index].token
  end
  return table.concat(list, " ")
end

--- The text as it stands from one token to another.
function Reader:text(first, last)
  return self.source:sub(self.spans[first].first, self.spans[last].last)
end

local long_names = {
  "character varying",
  "double precision",
  "time with time zone",
  "time without time zone",
  "timestamp with time zone",
  "timestamp without time zone",
}

--- The name of the type that begins at `at`, and what stands behind it. A length or a bracket is not read.
function Reader:type_at(at)
  for _, name in ipairs(long_names) do
    local count = select(2, name:gsub(" ", "")) + 1
    if self:tokens(at, count) == name then
      return name, at + count
    end
  end
  local last = self:token(at + 1) == "." and at + 2 or at
  return last <= self.count and self:text(at, last) or "", last + 1
end

-- --- reading ---

-- `::type` any number of times, from `at` on.
local function read_casts(reader, at, casts)
  while reader:token(at) == "::" do
    casts[#casts + 1], at = reader:type_at(at + 1)
  end
  return at
end

local function kind_of(token)
  if token:find("^'") then
    return "string"
  elseif token:find("^%d") then
    return "number"
  elseif token == "true" or token == "false" then
    return "boolean"
  end
  return token == "null" and "null" or nil
end

--- The literal at `at`: { kind, text, casts }, and what stands behind it; nil for anything else.
function literals.read(reader, at)
  local token = reader:token(at)
  if token == "(" then
    local inner, behind = literals.read(reader, at + 1)
    if not inner or reader:token(behind) ~= ")" or reader:token(behind + 1) ~= "::" then
      return nil
    end
    return inner, read_casts(reader, behind + 1, inner.casts)
  end
  local kind = token and kind_of(token)
  if not kind then
    return nil
  end
  local literal = { kind = kind, text = reader:text(at, at), casts = {} }
  return literal, read_casts(reader, at + 1, literal.casts)
end

-- --- writing ---

local function set_of(...)
  local set = {}
  for _, name in ipairs({ ... }) do
    set[name] = true
  end
  return set
end

local integers = set_of("smallint", "integer", "bigint")
local numbers = set_of("smallint", "integer", "bigint", "numeric", "double precision")
local texts = set_of("text", "character varying")

-- The casts through which a literal keeps its value, by the type beside which it stands: integers of all sizes are
-- compared by their value, and varchar has the operators of text.
local harmless = {
  smallint = integers,
  integer = integers,
  bigint = integers,
  numeric = numbers,
  ["double precision"] = numbers,
  text = texts,
  ["character varying"] = texts,
}

-- What a number must be cast to at last, for the comparison to be one of the type.
local last_casts = { numeric = "numeric", ["double precision"] = "double precision" }

-- Types that have operators of their own, to which a string beside them belongs.
for _, name in ipairs({
  "bpchar",
  "date",
  "uuid",
  "boolean",
  "time with time zone",
  "time without time zone",
  "timestamp with time zone",
  "timestamp without time zone",
}) do
  harmless[name] = set_of(name)
end

local function has_harmless_casts(literal, known, type_)
  for _, cast in ipairs(literal.casts) do
    if not known[cast] then
      return false
    end
  end
  local last = literal.casts[#literal.casts]
  local is_numeric = type_ == "numeric" and last == nil and literal.text:find(".", 1, true) ~= nil
  return last_casts[type_] == nil or last == last_casts[type_] or is_numeric
end

-- 1, '-1'::integer, '3000000000'::bigint; '-2.5'::numeric where decimals may be.
local function number_text(literal, with_decimals)
  local text = literal.kind == "string" and literal.text:match("^'(%-?[%d.]+)'$") or literal.text
  local is_integer = text:find("^%-?%d+$") ~= nil
  return (is_integer or with_decimals and text:find("^%-?%d+%.%d+$")) and text or nil
end

--- A literal as it is written beside a value of the type; nil where it would be another value, or nobody knows.
function literals.written(reader, literal, type_)
  local known = harmless[type_] or reader.enums[type_] and set_of(type_)
  if not known or not has_harmless_casts(literal, known, type_) then
    return nil
  elseif literal.kind == "null" then
    return "NULL"
  elseif numbers[type_] then
    return literal.kind ~= "boolean" and number_text(literal, not integers[type_]) or nil
  elseif type_ == "boolean" then
    return literal.kind == "boolean" and literal.text or nil
  end
  return literal.kind == "string" and #literal.casts > 0 and literal.text or nil
end

return literals
