-- type_names.lua: SQLite's type names read back as types.*, and whether two types are the same. Methods of the dialect
-- (../dialect.lua takes them in). Asks no database.

local types = require("moonbird.types")

local type_names = {}

-- What the dialect writes without arguments; what it writes for several kinds is read as the first of them.
local plain = {
  INTEGER = types.integer(),
  BOOLEAN = types.boolean(),
  TEXT = types.text(),
  VARCHAR = types.varchar(),
  CHAR = types.char(),
  FLOAT = types.float(),
  DOUBLE = types.double(),
  NUMERIC = types.numeric(),
  DATE = types.date(),
  TIME = types.time(),
  DATETIME = types.timestamp(),
  BLOB = types.blob(),
  JSON = types.json(),
}

-- Names that others write for the same thing. A table that has them equals a model that says the kind; the name stays.
local synonyms = {
  INT = "INTEGER",
  BIGINT = "INTEGER",
  SMALLINT = "INTEGER",
  ["DOUBLE PRECISION"] = "DOUBLE",
  REAL = "FLOAT",
  BOOL = "BOOLEAN",
  TIMESTAMP = "DATETIME",
  DECIMAL = "NUMERIC",
  CHARACTER = "CHAR",
  ["CHARACTER VARYING"] = "VARCHAR",
}

-- "varchar ( 40 )" -> "VARCHAR", "40"
local function split(text)
  local clean = text:upper():gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  local name, arguments = clean:match("^(.-) ?(%b())$")
  if not name then
    return clean
  end
  return name, (arguments:sub(2, -2):gsub(" ", ""))
end

local sized = {
  VARCHAR = types.varchar,
  CHAR = types.char,
  NUMERIC = types.numeric,
}

local function with_numbers(name, arguments)
  local first, second = arguments:match("^(%d+)$"), nil
  if not first and name == "NUMERIC" then
    first, second = arguments:match("^(%d+),(%d+)$")
  end
  return first and sized[name](math.tointeger(tonumber(first)), second and math.tointeger(tonumber(second)))
end

--- The types.* value of a type's name; types.raw where the dialect has no kind that it writes so. A column may have no
--- type at all: then it is types.raw of an empty text.
function type_names.type_of(_, text)
  local name, arguments = split(text)
  local known
  if not arguments then
    known = plain[name]
  elseif sized[name] then
    known = with_numbers(name, arguments)
  end
  if known then
    local copy = {}
    for key, value in pairs(known) do
      copy[key] = value
    end
    return setmetatable(copy, getmetatable(known))
  end
  return setmetatable({ kind = "raw", sql = text }, getmetatable(plain.TEXT))
end

local function collation_of(type_)
  local name = (type_.collation or "BINARY"):upper()
  return name
end

-- The name as it is written, in one spelling.
local function spelled(self, type_)
  local name, arguments = split(self:type_sql(type_))
  return arguments and ("%s(%s)"):format(name, arguments) or name
end

local function meaning(self, type_)
  local name, arguments = split(self:type_sql(type_))
  name = synonyms[name] or name
  return arguments and ("%s(%s)"):format(name, arguments) or name
end

--- Are two types the same to SQLite: written alike, or a name that means the kind of the other?
function type_names:same_type(a, b)
  if collation_of(a) ~= collation_of(b) then
    return false
  end
  return spelled(self, a) == spelled(self, b) or meaning(self, a) == meaning(self, b)
end

--- INTEGER, TEXT, BLOB, REAL or NUMERIC: by SQLite's rules for the name of a type, in their order.
function type_names.affinity(_, text)
  local name = text:upper()
  local function has(word)
    return name:find(word, 1, true) ~= nil
  end
  if has("INT") then
    return "INTEGER"
  elseif has("CHAR") or has("CLOB") or has("TEXT") then
    return "TEXT"
  elseif has("BLOB") or name == "" then
    return "BLOB"
  elseif has("REAL") or has("FLOA") or has("DOUB") then
    return "REAL"
  end
  return "NUMERIC"
end

return type_names
