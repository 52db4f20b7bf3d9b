-- Do the parts of the models fit together, and can the database have them at all? What does not is an error with the
-- place of its table. Called by model.lua, with tables in the shape of normal.lua; pure.

local sql = require("moonbird.sql")

local checks = {}

local lists = { "uniques", "foreign_keys", "checks", "excludes", "indexes" }

local function fail(where, format, ...)
  error(where .. ": " .. format:format(...), 0)
end

-- --- one table ---

-- A database may take two spellings of a name for one.
local function column_set(table_, dialect)
  local set, seen = {}, {}
  for _, column in ipairs(table_.columns) do
    local key = dialect:name_key(column.name)
    if seen[key] then
      fail(table_.where, "table %s has two columns %s", table_.name, column.name)
    end
    set[column.name], seen[key] = true, true
  end
  return set
end

local words = {
  primary_key = "the primary key",
  unique = "a unique constraint",
  foreign_key = "a foreign key",
  index = "an index",
}

local function check_columns(table_, item, known)
  for _, name in ipairs(item.columns or {}) do
    if not sql.is(name) and not known[name] then
      local what = (words[item.kind] or item.kind) .. (item.name and " (" .. item.name .. ")" or "")
      fail(table_.where, "table %s: %s names the column %s, which the table has not", table_.name, what, name)
    end
  end
end

-- All that is told of in a CREATE TABLE.
local function items_of(table_)
  local items = { table.unpack(table_.columns) }
  items[#items + 1] = table_.primary_key
  for _, list in ipairs(lists) do
    table.move(table_[list], 1, #table_[list], #items + 1, items)
  end
  return items
end

-- What the dialect refuses here it would refuse in the revision, or it would be a difference for ever.
local function check_rendering(table_, dialect)
  local operation = { kind = "create_table", table = table_.name, schema = table_.schema, items = items_of(table_) }
  for name, value in pairs(table_.options) do
    operation[name] = value
  end
  local ok, problem = pcall(dialect.render, dialect, operation)
  if not ok then
    fail(table_.where, "table %s: %s", table_.name, tostring(problem))
  end
end

local function check_table(table_, dialect)
  local known, names = column_set(table_, dialect), {}
  if table_.primary_key then
    check_columns(table_, table_.primary_key, known)
  end
  for _, list in ipairs(lists) do
    for _, item in ipairs(table_[list]) do
      check_columns(table_, item, known)
      if item.name and names[item.name] then
        fail(table_.where, "table %s: two constraints or indexes have the name %s", table_.name, item.name)
      end
      names[item.name or 0] = item.name
    end
  end
  check_rendering(table_, dialect)
end

-- --- names ---

local function place_of(part)
  return (part.schema or "") .. "\0" .. part.name
end

local function check_unique(kind, list)
  local seen = {}
  for _, part in ipairs(list) do
    local first = seen[place_of(part)]
    if first then
      fail(part.where, "the %s %s is there twice (first in %s)", kind, part.name, first.where)
    end
    seen[place_of(part)] = part
  end
  return seen
end

-- Indexes, and keys where they have one, of a table or a view: { name, owner }.
local function indexes_of(part, dialect)
  local list = table.move(part.indexes or {}, 1, #(part.indexes or {}), 1, {})
  if dialect.names_constraints then
    list[#list + 1] = part.primary_key
    for _, name in ipairs({ "uniques", "excludes" }) do
      table.move(part[name] or {}, 1, #(part[name] or {}), #list + 1, list)
    end
  end
  return list
end

-- Tables, views, sequences and indexes share their names.
local function check_relations(schema, dialect)
  local seen = {}
  local function note(part, kind, name, owner)
    local key = dialect:name_key(part.schema or "") .. "\0" .. dialect:name_key(name)
    local first = seen[key]
    if first then
      local what = ("the %s %s%s"):format(kind, name, owner and " of " .. owner or "")
      fail(part.where, "%s has the name of another table, view or index (%s)", what, first.where)
    end
    seen[key] = part
  end
  for _, list in ipairs({ "tables", "views", "sequences" }) do
    for _, part in ipairs(schema[list]) do
      note(part, part.kind or "table", part.name)
    end
  end
  for _, list in ipairs({ "tables", "views" }) do
    for _, part in ipairs(schema[list]) do
      for _, item in ipairs(indexes_of(part, dialect)) do
        if item.name then
          note(part, item.kind == "index" and "index" or "constraint", item.name, part.name)
        end
      end
    end
  end
end

-- --- foreign keys ---

local function check_reference(table_, key, tables)
  local referent = tables[(key.referent_schema or "") .. "\0" .. key.referent_table]
  if not referent then
    return -- a table that the models do not have: references.lua looks for it in the database
  end
  local known = {}
  for _, column in ipairs(referent.columns) do
    known[column.name] = true
  end
  for _, name in ipairs(key.referent_columns) do
    if not known[name] then
      local format = "table %s: a foreign key refers to %s.%s, and that table has no such column"
      fail(table_.where, format, table_.name, key.referent_table, name)
    end
  end
end

--- Checks a whole schema of models.
function checks.all(schema, dialect)
  local tables = check_unique("table", schema.tables)
  check_unique("enum", schema.enums)
  check_unique("sequence", schema.sequences)
  check_unique("view", schema.views)
  check_relations(schema, dialect)
  for _, table_ in ipairs(schema.tables) do
    check_table(table_, dialect)
    for _, key in ipairs(table_.foreign_keys) do
      check_reference(table_, key, tables)
    end
  end
end

return checks
