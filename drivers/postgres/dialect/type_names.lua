-- Types as PostgreSQL spells them: from format_type() to types.* and back to one spelling, in which two types can be
-- compared. Methods of the dialect (../dialect.lua takes them in). Pure.

local types = require("moonbird.types")

local type_names = {}

-- Every spelling that SQL text may have, as format_type() prints it.
local aliases = {
  int = "integer",
  int4 = "integer",
  int2 = "smallint",
  int8 = "bigint",
  bool = "boolean",
  float4 = "real",
  float8 = "double precision",
  float = "double precision",
  varchar = "character varying",
  char = "character",
  bpchar = "character",
  decimal = "numeric",
  dec = "numeric",
  timestamptz = "timestamp with time zone",
  timetz = "time with time zone",
  timestamp = "timestamp without time zone",
  time = "time without time zone",
  varbit = "bit varying",
}

-- "TIMESTAMP(3) WITH TIME ZONE" -> "timestamp with time zone", "(3)"
local function split_arguments(text)
  local head, arguments, tail = text:match("^(.-)%s*(%b())(.*)$")
  if not head then
    return text, ""
  end
  return head .. tail, (arguments:gsub("%s+", ""))
end

local function with_arguments(name, arguments)
  local moment, zone = name:match("^(time%a*) (.+)$")
  if moment and arguments ~= "" then
    return ("%s%s %s"):format(moment, arguments, zone)
  end
  return name .. arguments
end

local function float_name(arguments)
  local precision = tonumber(arguments:match("%d+"))
  return precision and precision <= 24 and "real" or "double precision"
end

-- One spelling for all: quoted names stay as they are.
local function canonical(text)
  text = text:gsub("^%s+", ""):gsub("%s+$", "")
  if text:find('"', 1, true) then
    return text
  end
  text = text:lower():gsub("%s+", " ")
  local element = text:match("^(.-)%s*%[%d*%]$")
  if element then
    return canonical((element:gsub("%s*%[%d*%]", ""))) .. "[]"
  end
  local name, arguments = split_arguments(text)
  if name == "float" then
    return float_name(arguments)
  end
  name = aliases[name] or name
  if name == "numeric" and arguments:find("^%(%d+%)$") then
    arguments = arguments:gsub("%)", ",0)")
  elseif name == "character" and arguments == "" then
    arguments = "(1)"
  end
  return with_arguments(name, arguments)
end

-- --- from text ---

-- Each gives a new one: a collation is written into it.
local plain = {
  smallint = types.smallint,
  integer = types.integer,
  bigint = types.bigint,
  boolean = types.boolean,
  text = types.text,
  ["double precision"] = types.double,
  real = function()
    return types.float(24)
  end,
  date = types.date,
  bytea = types.blob,
  json = types.json,
  jsonb = types.jsonb,
  uuid = types.uuid,
  numeric = types.numeric,
  ["character varying"] = types.varchar,
  interval = types.interval,
}

local function moment(text)
  local name, precision, zone = text:match("^(time%a*)%(?(%d*)%)? (with%a*) time zone$")
  if not name then
    return nil
  end
  local options = { timezone = zone == "with" or nil, precision = math.tointeger(tonumber(precision)) }
  return types[name](next(options) and options or nil)
end

local function interval(text)
  local fields, precision = text:match("^interval ?(%a*[%a ]*)%(?(%d*)%)?$")
  if not fields then
    return nil
  end
  local options = { precision = math.tointeger(tonumber(precision)), fields = fields ~= "" and fields:upper() or nil }
  return types.interval(options)
end

local function sized(text)
  local name, first, second = text:match("^(.-)%((%d+),?(%-?%d*)%)$")
  first, second = math.tointeger(tonumber(first)), math.tointeger(tonumber(second))
  if name == "character varying" then
    return types.varchar(first)
  elseif name == "character" then
    return types.char(first)
  elseif name == "numeric" then
    return second ~= 0 and types.numeric(first, second) or types.numeric(first)
  end
end

--- The type of a text as format_type() prints it, or as SQL may have it; types.raw for one that types.* does not name.
function type_names:type_of(text)
  local name = canonical(text)
  local element = name:match("^(.*)%[%]$")
  if element then
    return types.array(self:type_of(element))
  end
  return plain[name] and plain[name]() or moment(name) or sized(name) or interval(name) or types.raw(text)
end

-- --- comparing ---

local function with_collation(text, type_)
  return type_.collation and text .. " collate " .. type_.collation or text
end

--- Are these one type to the database? A length or a collation of another kind makes another type.
function type_names:same_type(a, b)
  return with_collation(canonical(self:type_sql(a)), a) == with_collation(canonical(self:type_sql(b)), b)
end

local families = {
  smallint = "number",
  integer = "number",
  bigint = "number",
  numeric = "number",
  float = "number",
  double = "number",
  text = "text",
  varchar = "text",
  char = "text",
  date = "moment",
  timestamp = "moment",
  json = "json",
  jsonb = "json",
}

local function family(type_)
  if type_.kind == "array" then
    return family(type_.element) .. "[]"
  end
  return families[type_.kind] or type_.kind
end

-- Enums become each other by way of text only.
local function is_enum_array(type_)
  return type_.kind == "array" and type_.element.kind == "enum"
end

--- Options of alter_column for a column whose type changes: what no cast of an assignment does needs USING. The second
--- value says whether the values may not fit.
function type_names:conversion(name, from, to)
  if is_enum_array(from) or is_enum_array(to) then
    return { postgresql_using = ("%s::text[]::%s"):format(self:ident(name), self:type_sql(to)) }
  end
  local old, new = family(from), family(to)
  if old == new and old ~= "enum" and old ~= "raw" or new == "text" then
    return {}
  end
  local through = (old == "enum" or new == "enum") and old ~= "text" and "::text" or ""
  return { postgresql_using = ("%s%s::%s"):format(self:ident(name), through, self:type_sql(to)) }
end

local ranks = { smallint = 1, integer = 2, bigint = 3, numeric = 4 }
local text_kinds = { text = true, varchar = true, char = true }
local moments = { timestamp = true, time = true }

local function is_less(new, old)
  return new ~= nil and (old == nil or new < old)
end

-- Digits before and behind the point, or nil for any number of them.
local function whole_digits(type_)
  return type_.precision and type_.precision - (type_.scale or 0)
end

local function decimal_digits(type_)
  return type_.precision and (type_.scale or 0)
end

--- Is there less room in the new type? A cast says so by itself.
function type_names:narrows(from, to)
  if text_kinds[from.kind] and text_kinds[to.kind] then
    return is_less(to.kind == "char" and (to.length or 1) or to.length, from.length)
  elseif from.kind == "numeric" and to.kind == "numeric" then
    return is_less(whole_digits(to), whole_digits(from)) or is_less(decimal_digits(to), decimal_digits(from))
  elseif moments[from.kind] and from.kind == to.kind then
    return is_less(to.precision, from.precision)
  elseif from.kind == "timestamp" and to.kind == "date" then
    return true
  end
  return ranks[from.kind] ~= nil and ranks[to.kind] ~= nil and ranks[to.kind] < ranks[from.kind]
end

return type_names
