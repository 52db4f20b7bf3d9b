-- What PostgreSQL prints of a condition, as a person writes it: `(status)::text = ANY ((ARRAY['a'::character varying,
-- 'b'::character varying])::text[])` is `status IN ('a', 'b')`. A piece is written anew only where the parser makes
-- the same of the new text (parse_expr.c: transformAExprIn, select_common_type; parse_oper.c: a literal without a type
-- takes that of the other side), but for casts that change no value: the server adds those where it reads its own
-- words, when a type is altered or a dump is restored. This goes by the types of the columns; what is not known for
-- sure stays as it is. Methods of the dialect (../dialect.lua takes them in); pure.

local expression = require("moonbird.schema.expression")
local literals = require("postgres.literals")
local sql = require("moonbird.sql")

local readable = {}

-- --- types ---

local VARCHAR = "character varying"

-- How a cast to the type of a column is printed.
local names = {
  varchar = VARCHAR,
  text = "text",
  char = "bpchar",
  smallint = "smallint",
  integer = "integer",
  bigint = "bigint",
  numeric = "numeric",
  double = "double precision",
  boolean = "boolean",
  date = "date",
  uuid = "uuid",
}

local function type_name(self, type_)
  if type_.kind == "enum" then
    return self:enum_name(type_)
  elseif type_.kind == "time" or type_.kind == "timestamp" then
    return ("%s %s time zone"):format(type_.kind, type_.timezone and "with" or "without")
  end
  return names[type_.kind]
end

local UNKNOWN = "?"

-- What a reader is made of: the types of columns by their tokens, and the names of enums. A column that is called like
-- a keyword is left out, for the tokens of both are the same.
local function types_of(self, table_)
  local types, enums = {}, {}
  for _, column in ipairs(table_.columns) do
    if not self.reserved[column.name] then
      types[expression.tokens(self:quote(column.name))[1]] = type_name(self, column.type) or UNKNOWN
    end
    if column.type.kind == "enum" then
      enums[type_name(self, column.type)] = true
    end
  end
  return { types = types, enums = enums }
end

-- --- operands ---

-- Functions whose result is text where their argument is.
local text_functions = { lower = true, upper = true, btrim = true, ltrim = true, rtrim = true }

local operand

-- `(name)::type` and `name::type`, or nil. The cast of a varchar to text is the server's own, that of a text is none.
local function cast_column(reader, at)
  local is_wrapped = reader:token(at) == "("
  local name = is_wrapped and at + 1 or at
  local colons = is_wrapped and at + 3 or at + 1
  local column_type = reader.types[reader:token(name) or 0]
  if not column_type or is_wrapped and reader:token(at + 2) ~= ")" or reader:token(colons) ~= "::" then
    return nil
  end
  local cast, behind = reader:type_at(colons + 1)
  if cast == "text" and (column_type == VARCHAR or column_type == "text") then
    return { type = "text", text = reader:text(name, name) }, behind
  end
  return { type = cast, text = reader:text(at, behind - 1) }, behind
end

-- `(anything)::type`, or nil.
local function cast_group(reader, at)
  local depth, closing = 0, at
  repeat
    local token = reader:token(closing)
    depth = depth + (token == "(" and 1 or token == ")" and -1 or 0)
    closing = closing + 1
  until depth == 0 or closing > reader.count
  if depth ~= 0 or reader:token(at) ~= "(" or reader:token(closing) ~= "::" then
    return nil
  end
  local cast, behind = reader:type_at(closing + 1)
  return { type = cast, text = reader:text(at, behind - 1) }, behind
end

local function call(reader, at)
  if not text_functions[reader:token(at) or 0] or reader:token(at + 1) ~= "(" then
    return nil
  end
  local argument, behind = operand(reader, at + 2)
  if argument and argument.type == "text" and reader:token(behind) == ")" then
    return { type = "text", text = reader:text(at, behind) }, behind + 1
  end
end

-- The left side at `at`, with its type, and what stands behind it; nil for all that is not known.
function operand(reader, at)
  local found, behind = cast_column(reader, at)
  if not found then
    found, behind = cast_group(reader, at)
  end
  if not found then
    found, behind = call(reader, at)
  end
  local column_type = reader.types[reader:token(at) or 0]
  if not found and column_type then
    return { type = column_type, text = reader:text(at, at) }, at + 1
  end
  return found, behind
end

-- --- pieces ---

local lists = { ["= any ("] = "IN", ["<> all ("] = "NOT IN" }
local comparisons = { ["="] = true, ["<>"] = true, ["<"] = true, ["<="] = true, [">"] = true, [">="] = true }

-- ARRAY[...] of literals, and what stands behind it.
local function array_at(reader, at)
  if reader:token(at) ~= "array" or reader:token(at + 1) ~= "[" then
    return nil
  end
  local list, behind = {}, at + 1
  repeat
    list[#list + 1], behind = literals.read(reader, behind + 1)
  until not behind or reader:token(behind) ~= ","
  return behind and reader:token(behind) == "]" and list, behind and behind + 1
end

-- The same with a cast of the whole, which is one of each literal.
local function cast_array_at(reader, at)
  local is_wrapped = reader:token(at) == "("
  local list, behind = array_at(reader, is_wrapped and at + 1 or at)
  if not list or is_wrapped and reader:token(behind) ~= ")" then
    return nil
  end
  behind = is_wrapped and behind + 1 or behind
  if reader:token(behind) ~= "::" then
    return list, behind
  end
  local cast
  cast, behind = reader:type_at(behind + 1)
  if reader:tokens(behind, 2) ~= "[ ]" then
    return nil
  end
  for _, literal in ipairs(list) do
    table.insert(literal.casts, cast)
  end
  return list, behind + 2
end

local function list_at(reader, left, at)
  local word = lists[reader:tokens(at, 3)]
  local list, behind = nil, nil
  if word then
    list, behind = cast_array_at(reader, at + 3)
  end
  -- a list of one is no list to the server
  if not list or #list < 2 or reader:token(behind) ~= ")" then
    return nil
  end
  for index, literal in ipairs(list) do
    list[index] = literals.written(reader, literal, left.type)
    if not list[index] then
      return nil
    end
  end
  return ("%s %s (%s)"):format(left.text, word, table.concat(list, ", ")), behind + 1
end

local function comparison_at(reader, left, at)
  if not comparisons[reader:token(at) or 0] then
    return nil
  end
  local literal, behind = literals.read(reader, at + 1)
  local is_other = literal and (literal.kind == "null" or literal.kind == "boolean")
  local written = literal and not is_other and literals.written(reader, literal, left.type)
  if written then
    return ("%s %s %s"):format(left.text, reader:token(at), written), behind
  end
end

-- What may stand around a piece that is written anew: it must be a whole one.
local before = { ["("] = true, [","] = true }
local after = { [")"] = true, [","] = true }
for _, word in ipairs({ "and", "or", "not", "when", "then", "else" }) do
  before[word] = true
end
for _, word in ipairs({ "and", "or", "when", "then", "else", "end" }) do
  after[word] = true
end

-- The new text of the piece that begins at `at`, and what stands behind it.
local function piece_at(reader, at)
  if at > 1 and not before[reader:token(at - 1)] then
    return nil
  end
  local left, operator = operand(reader, at)
  if not left then
    return nil
  end
  local written, behind = list_at(reader, left, operator)
  if not written then
    written, behind = comparison_at(reader, left, operator)
  end
  if written and (behind > reader.count or after[reader:token(behind)]) then
    return written, behind
  end
end

local function rewrite(text, known)
  local reader = literals.reader(text, known.types, known.enums)
  local parts, at, done = {}, 1, 0
  while at <= reader.count do
    local written, behind = piece_at(reader, at)
    if written then
      parts[#parts + 1] = text:sub(done + 1, reader.spans[at].first - 1) .. written
      done = reader.spans[behind - 1].last
    end
    at = behind or at + 1
  end
  return table.concat(parts) .. text:sub(done + 1)
end

-- --- items ---

local function rewrite_value(value, known)
  if sql.is(value) then
    return sql(rewrite(value[1], known))
  end
  return rewrite(value, known)
end

-- Columns of an index: names are no expressions.
local function rewrite_elements(list, known)
  local result, is_new = {}, false
  for index, element in ipairs(list) do
    result[index] = sql.is(element) and rewrite_value(element, known) or element
    is_new = is_new or sql.is(element) and result[index][1] ~= element[1]
  end
  return result, is_new
end

--- A constraint or an index of the table as a person writes it, in words that mean the same to the server; nil where
--- that is how it stands.
function readable:readable(item, table_)
  local known, copy, is_new = types_of(self, table_), {}, false
  for key, value in pairs(item) do
    copy[key] = value
  end
  for _, field in ipairs({ "condition", "where" }) do
    if item[field] then
      copy[field] = rewrite_value(item[field], known)
      is_new = is_new or sql.text(copy[field]) ~= sql.text(item[field])
    end
  end
  if item.kind == "index" then
    local is_other
    copy.columns, is_other = rewrite_elements(item.columns, known)
    is_new = is_new or is_other
  end
  return is_new and copy or nil
end

return readable
