-- From what a file of models says to the one shape of a table that catalogs have too: nothing stands at a column but
-- what is the column's own, keys and indexes are in lists, every name that the conventions give is given. Called by
-- model.lua; pure.

local sql = require("moonbird.sql")

local normal = {}

local function fail(where, format, ...)
  error(where .. ": " .. format:format(...), 0)
end

-- --- options ---

-- An option as this database sees it: what is written for it by name, else the plain one.
local function own_option(item, name, dialect)
  local own = item[dialect.name .. "_" .. name]
  if own ~= nil then
    return own
  end
  return item[name]
end

-- Options that may be written for one database alone, and fields that only look like one.
local item_options = {
  "where",
  "using",
  "include",
  "ops",
  "with",
  "tablespace",
  "nulls_not_distinct",
  "deferrable",
  "initially",
  "not_valid",
  "no_inherit",
  "on_conflict",
  "referent_schema",
  "referent_table",
  "referent_columns",
}

-- "sqlite_where" becomes "where" on SQLite and nothing elsewhere.
local function settle_item(item, dialect)
  local settled = { kind = item.kind }
  for key, value in pairs(item) do
    settled[key] = not key:find("^%l+_%l") and value or nil
  end
  for _, key in ipairs(item_options) do
    settled[key] = own_option(item, key, dialect)
  end
  settled.comment = normal.comment(own_option(item, "comment", dialect))
  return settled
end

--- A comment as databases keep it: an empty one is none.
function normal.comment(text)
  return text ~= "" and text or nil
end

local function settle_options(part, dialect)
  local options = {}
  for name in pairs(dialect.options.create_table or {}) do
    options[name] = own_option(part, name, dialect)
  end
  options.prefixes = part.prefixes
  return options
end

-- --- columns ---

local function bare_column(given, dialect)
  local column = {
    kind = "column",
    name = given.name,
    type = given.type,
    nullable = given.nullable,
    computed = given.computed,
    identity = given.identity,
    autoincrement = given.autoincrement,
    comment = normal.comment(own_option(given, "comment", dialect)),
    on_conflict_not_null = own_option(given, "on_conflict_not_null", dialect),
  }
  if given.server_default ~= sql.null then
    column.server_default = given.server_default
  end
  -- a column that refers to another is not numbered (dialect:is_numbered)
  column.is_reference = given.references ~= nil
  return column
end

-- What stands at a column and belongs to the table's lists.
local function take_column_items(lists, given, dialect)
  local names = { given.name }
  if given.index then
    table.insert(lists.indexes, { kind = "index", columns = names, unique = given.unique })
  elseif given.unique then
    table.insert(lists.uniques, dialect:unique_of(given))
  end
  if given.references then
    local key = settle_item(given.references, dialect)
    key.kind, key.columns = "foreign_key", names
    table.insert(lists.foreign_keys, key)
  end
  if given.check then
    table.insert(lists.checks, dialect.check_of(given))
  end
  lists.checks[#lists.checks + 1] = dialect:enum_check_item(given)
end

local list_of = {
  unique = "uniques",
  foreign_key = "foreign_keys",
  check = "checks",
  exclude = "excludes",
  index = "indexes",
}

local function sort_items(part, dialect)
  local lists = { columns = {}, uniques = {}, foreign_keys = {}, checks = {}, excludes = {}, indexes = {} }
  for _, item in ipairs(part.items) do
    local list = list_of[item.kind]
    if item.kind == "column" then
      table.insert(lists.columns, bare_column(item, dialect))
      take_column_items(lists, item, dialect)
    elseif list then
      table.insert(lists[list], settle_item(item, dialect))
    elseif item.kind ~= "primary_key" then
      fail(part.where, "table %s: %s is no part of a table", part.table, item.kind)
    end
  end
  return lists
end

local lists = { "uniques", "foreign_keys", "checks", "excludes", "indexes" }

-- --- one table ---

-- Columns of the primary key are NOT NULL however it was written.
local function settle_primary(table_, part, dialect)
  local primary = dialect:primary_of(part.items)
  if not primary then
    return
  end
  table_.primary_key = settle_item(primary, dialect)
  local is_key = {}
  for _, name in ipairs(primary.columns) do
    is_key[name] = true
  end
  for _, column in ipairs(table_.columns) do
    column.nullable = column.nullable and not is_key[column.name]
    if column.is_reference and is_key[column.name] and column.autoincrement == nil then
      column.autoincrement = false
    end
  end
end

-- An index without a name has one all the same.
local function name_item(item, part, convention, dialect)
  local place = { table = part.name, schema = part.schema, naming_convention = convention }
  local name = dialect:settled_name(item, place)
  item.has_made_name = item.name == nil and name ~= nil and item.kind ~= "index" or nil
  if item.kind == "index" and not name then
    name = dialect:index_name({ table = part.name, columns = item.columns })
  end
  item.name = name and tostring(name)
end

local function name_items(table_, convention, dialect)
  if table_.primary_key then
    name_item(table_.primary_key, table_, convention, dialect)
  end
  for _, list in ipairs(lists) do
    for _, item in ipairs(table_[list]) do
      name_item(item, table_, convention, dialect)
    end
  end
  for _, item in ipairs(table_.checks) do
    item.columns = nil -- of a column's own check: its name is made of them
  end
end

--- A table of the model in the shape of a catalog's.
function normal.table(part, convention, dialect)
  local table_ = sort_items(part, dialect)
  table_.name, table_.schema, table_.where = part.name, part.schema, part.where
  table_.comment = normal.comment(part.comment)
  table_.options = settle_options(part, dialect)
  local ok, problem = pcall(function()
    settle_primary(table_, part, dialect)
    name_items(table_, convention, dialect)
  end)
  if not ok then -- what a dialect refuses
    fail(part.where, "table %s: %s", table_.name, tostring(problem))
  end
  return table_
end

--- The indexes of a view in the shape of a catalog's.
function normal.view_indexes(part, convention, dialect)
  local list = {}
  for index, item in ipairs(part.indexes or {}) do
    if item.kind ~= "index" or not part.materialized then
      fail(part.where, "view %s: only a materialized view has indexes, and it has nothing else", part.name)
    end
    list[index] = settle_item(item, dialect)
    local ok, problem = pcall(name_item, list[index], part, convention, dialect)
    if not ok then
      fail(part.where, "view %s: %s", part.name, tostring(problem))
    end
  end
  return list
end

-- --- the whole ---

local function before(a, b)
  if a.schema ~= b.schema then
    return a.schema == nil or b.schema ~= nil and a.schema < b.schema
  end
  return a.name < b.name
end

--- By schema (the default one first) and name.
function normal.sort(schema)
  for _, list in ipairs({ "tables", "enums", "sequences", "views" }) do
    table.sort(schema[list], before)
  end
  return schema
end

return normal
