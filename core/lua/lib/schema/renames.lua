-- Renames of tables and columns: what could be one, and the database's schema as it is after them. A rename is never
-- guessed: what nobody confirms stays a drop and an add. Pure. Called by command.lua; rename_request.lua has what the
-- command line asks for.

local changes = require("moonbird.schema.changes")
local expression = require("moonbird.schema.expression")
local sql = require("moonbird.sql")

local renames = {}

local function find_table(schema, schema_name, name)
  for _, table_ in ipairs(schema.tables) do
    if table_.name == name and table_.schema == schema_name then
      return table_
    end
  end
end

local function find_column(table_, name)
  for _, column in ipairs(table_.columns) do
    if column.name == name then
      return column
    end
  end
end

-- --- what could be one ---

local function missing(from, to)
  local list, known = {}, changes.by_key(to)
  for _, entry in ipairs(from) do
    list[#list + 1] = not known[changes.key_of(entry)] and entry or nil
  end
  return list
end

local function column_candidates(model, live, dialect, list)
  local gone, new = missing(live.columns, model.columns), missing(model.columns, live.columns)
  for _, old in ipairs(gone) do
    for _, column in ipairs(new) do
      if dialect:same_type(old.type, column.type) then
        local rename = { kind = "column", table = model.name, schema = model.schema, part = old }
        rename.column, rename.new_name = old.name, column.name
        list[#list + 1] = rename
      end
    end
  end
end

-- More than half of the columns are the same.
local function is_alike(a, b)
  local same = 0
  for _, column in ipairs(a.columns) do
    same = same + (find_column(b, column.name) and 1 or 0)
  end
  return same * 2 > math.max(#a.columns, #b.columns)
end

--- Pairs of what goes and what comes that could be one thing under a new name; `part` is what goes.
function renames.candidates(model, live, dialect)
  local list = {}
  for _, old in ipairs(missing(live.tables, model.tables)) do
    for _, new in ipairs(missing(model.tables, live.tables)) do
      if old.schema == new.schema and is_alike(old, new) then
        local rename = { kind = "table", table = old.name, schema = old.schema, part = old }
        rename.new_name = new.name
        list[#list + 1] = rename
      end
    end
  end
  local lives = changes.by_key(live.tables)
  for _, table_ in ipairs(model.tables) do
    local other = lives[changes.key_of(table_)]
    if other then
      column_candidates(table_, other, dialect, list)
    end
  end
  return list
end

-- --- the schema after them ---

local function rename_in(list, old, new)
  for index, name in ipairs(list or {}) do
    if name == old then
      list[index] = new
    end
  end
end

local function rename_text(value, names)
  if sql.is(value) then
    return sql(expression.rename(value[1], names))
  end
  return type(value) == "string" and expression.rename(value, names) or value
end

local function rename_elements(list, names)
  for index, element in ipairs(list or {}) do
    list[index] = sql.is(element) and rename_text(element, names) or names[element] or element
  end
end

local function each_item(table_, call)
  if table_.primary_key then
    call(table_.primary_key)
  end
  for _, list in ipairs({ "uniques", "foreign_keys", "checks", "excludes", "indexes" }) do
    for _, item in ipairs(table_[list]) do
      call(item)
    end
  end
end

local function rename_in_item(item, rename, names)
  rename_elements(item.columns, names)
  for _, element in ipairs(item.elements or {}) do
    element[1] = sql.is(element[1]) and rename_text(element[1], names) or names[element[1]] or element[1]
  end
  rename_in(item.include, rename.column, rename.new_name)
  if item.ops and item.ops[rename.column] then
    item.ops[rename.new_name], item.ops[rename.column] = item.ops[rename.column], nil
  end
  item.condition = rename_text(item.condition, names)
  item.where = rename_text(item.where, names)
end

local function each_reference(schema, rename, name, call)
  for _, table_ in ipairs(schema.tables) do
    for _, key in ipairs(table_.foreign_keys) do
      if key.referent_table == name and key.referent_schema == rename.schema then
        call(key)
      end
    end
  end
end

-- `said` has the words for the way back, where the old names are there again.
local function rename_in_views(schema, names)
  for _, view in ipairs(schema.views) do
    view.said = view.said or { definition = view.definition, columns = view.columns }
    view.definition = expression.rename(view.definition, names)
  end
end

local function each_owned_sequence(schema, rename, call)
  for _, sequence in ipairs(schema.sequences) do
    local owner = sequence.owned_by
    if owner and owner.table == rename.table and owner.schema == rename.schema then
      call(owner)
    end
  end
end

-- The tables and columns that views read: { schema, table, column }.
local function each_use(schema, rename, call)
  for _, view in ipairs(schema.views) do
    for _, use in ipairs(view.uses or {}) do
      local schema_name = type(use[1]) == "string" and use[1] or nil
      if schema_name == rename.schema and use[2] == rename.table then
        call(use)
      end
    end
  end
end

local apply = {}

function apply.table(schema, rename)
  find_table(schema, rename.schema, rename.table).name = rename.new_name
  each_reference(schema, rename, rename.table, function(key)
    key.referent_table = rename.new_name
  end)
  each_owned_sequence(schema, rename, function(owner)
    owner.table = rename.new_name
  end)
  rename_in_views(schema, { [rename.table] = rename.new_name })
  each_use(schema, rename, function(use)
    use[2] = rename.new_name
  end)
end

function apply.column(schema, rename)
  local table_, names = find_table(schema, rename.schema, rename.table), { [rename.column] = rename.new_name }
  for _, column in ipairs(table_.columns) do
    column.name = column.name == rename.column and rename.new_name or column.name
    if column.computed then
      column.computed.sql = expression.rename(column.computed.sql, names)
    end
  end
  each_item(table_, function(item)
    rename_in_item(item, rename, names)
  end)
  each_reference(schema, rename, rename.table, function(key)
    rename_in(key.referent_columns, rename.column, rename.new_name)
  end)
  each_owned_sequence(schema, rename, function(owner)
    owner.column = owner.column == rename.column and rename.new_name or owner.column
  end)
  each_use(schema, rename, function(use)
    use[3] = use[3] == rename.column and rename.new_name or use[3]
  end)
end

--- Changes `live` to what it is after the renames.
function renames.apply(list, live)
  for _, rename in ipairs(list) do
    apply[rename.kind](live, rename)
  end
end

return renames
