-- What the comparison of schemas asks of SQLite beside its schema: a table of the models as it would be kept, and names
-- for constraints that have none. Methods of the dialect (../dialect.lua takes them in). Asks no database.

local sql = require("moonbird.sql")

local compare = {}

compare.schema_parts = { views = true, view_columns = true }

compare.option_defaults = { with_rowid = true }

--- ALTER TABLE can do little: most changes copy the table.
compare.alters_by_copy = true

local function copy(from)
  local result = {}
  for key, value in pairs(from) do
    result[key] = value
  end
  return setmetatable(result, getmetatable(from))
end

-- The rowid numbers its column whatever the model says, and there is no comment to keep. The CHECK of an enum is one of
-- the table's.
local function comparable_column(column)
  local result = copy(column)
  result.identity, result.comment, result.autoincrement = nil, nil, nil
  if column.computed and column.computed.persisted == nil then
    result.computed = { sql = column.computed.sql, persisted = false }
  end
  if column.type.kind == "enum" and column.type.create_constraint then
    result.type = copy(column.type)
    result.type.create_constraint = nil
  end
  return result
end

local function without_comment(item)
  local result = copy(item)
  result.comment = nil
  return result
end

-- now() is written as CURRENT_TIMESTAMP, in every expression that the dialect writes.
function compare.comparable(_, table_)
  local result = copy(table_)
  result.comment, result.columns = nil, {}
  for index, column in ipairs(table_.columns) do
    result.columns[index] = comparable_column(column)
  end
  result.primary_key = table_.primary_key and without_comment(table_.primary_key)
  for _, list in ipairs({ "uniques", "foreign_keys", "checks", "excludes", "indexes" }) do
    result[list] = {}
    for index, item in ipairs(table_[list]) do
      result[list][index] = without_comment(item)
    end
  end
  return result
end

--- Small and capital letters are one in names.
function compare.name_key(_, name)
  return name:lower()
end

--- The types that can say a collation; alter_column takes it away with any other.
compare.collated_kinds = { text = true, varchar = true, char = true, raw = true }

--- alter_column leaves the collation of a column alone where the new type could say one and says none.
function compare.full_type(_, from, to)
  if not from.collation or to.collation or not compare.collated_kinds[to.kind] then
    return to
  end
  local result = copy(to)
  result.collation = "BINARY"
  return result
end

local prefixes = { primary_key = "pk", unique = "uq", foreign_key = "fk", check = "ck" }

--- uq_table_column, fk_table_column, ck_table; `taken` has the names that are in use.
function compare:constraint_name_of(table_, item, taken)
  local words = { prefixes[item.kind], table_.name }
  for _, name in ipairs(item.kind ~= "primary_key" and item.columns or {}) do
    words[#words + 1] = not sql.is(name) and name or nil
  end
  local base = table.concat(words, "_")
  local name, number = self:fit_name(base), 1
  while taken[name] do
    number = number + 1
    name = ("%s_%d"):format(base, number)
  end
  return name
end

--- Options of a table that differ (false: not set): by a copy of the table, both directions.
function compare.option_changes(_, table_, up, down)
  local function change(options)
    return { { kind = "table_options", table = table_.name, schema = table_.schema, options = options } }
  end
  return change(up), change(down), {}
end

return compare
