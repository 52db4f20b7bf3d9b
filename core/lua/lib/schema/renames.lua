-- Renames of tables and columns: what the command line asks for, what could be one, and the database's schema as it is
-- after them. A rename is never guessed: what nobody confirms stays a drop and an add. Pure. Called by diff.lua and
-- command.lua.

local expression = require("moonbird.schema.expression")

local renames = {}

-- --- what is asked for ---

-- "schema.table", "table" -> the table of a schema
local function find_table(schema, text)
  for _, table_ in ipairs(schema.tables) do
    local place = (table_.schema and table_.schema .. "." or "") .. table_.name
    if place == text then
      return table_
    end
  end
end

local function find_column(table_, name)
  for _, column in ipairs(table_ and table_.columns or {}) do
    if column.name == name then
      return column
    end
  end
end

local function table_rename(text, old, new, model, live)
  local from = find_table(live, old)
  if not from then
    return nil, ("--rename %s: the database has no table %s"):format(text, old)
  end
  local new_place = from.schema and not new:find(".", 1, true) and from.schema .. "." .. new or new
  if find_table(live, new_place) then
    return nil, ("--rename %s: the database has a table %s already"):format(text, new)
  elseif not find_table(model, new_place) then
    return nil, ("--rename %s: the models have no table %s"):format(text, new)
  end
  return { kind = "table", table = from.name, schema = from.schema, new_name = find_table(model, new_place).name }
end

-- `place`: the table by the name that it has in the database or in the models.
local function column_rename(text, place, old, new, model, live, done)
  local name = done[place] or place
  local from = find_table(live, place) or find_table(live, renames.old_place(done, place) or "")
  local to = find_table(model, name)
  if not from or not to then
    return nil, ("--rename %s: no table %s is both in the database and in the models"):format(text, place)
  elseif not find_column(from, old) then
    return nil, ("--rename %s: the table %s of the database has no column %s"):format(text, place, old)
  elseif find_column(from, new) then
    return nil, ("--rename %s: the table %s of the database has a column %s already"):format(text, place, new)
  elseif not find_column(to, new) then
    return nil, ("--rename %s: the table %s of the models has no column %s"):format(text, place, new)
  end
  return { kind = "column", table = to.name, schema = to.schema, column = old, new_name = new }
end

function renames.old_place(done, new_place)
  for old, new in pairs(done) do
    if new == new_place then
      return old
    end
  end
end

--- The renames that the texts ask for ("table.old:new", "old_table:new_table"), tables first; or nil and a complaint.
function renames.parse(texts, model, live)
  local list, done, columns = {}, {}, {}
  for _, text in ipairs(texts) do
    local old, new = text:match("^([^:]+):([^:]+)$")
    if not old then
      return nil, ("--rename %s: must be TABLE.OLD:NEW for a column or OLD:NEW for a table"):format(text)
    end
    local place, column = old:match("^(.+)%.([^.]+)$")
    if not place or find_table(live, old) and find_table(model, new) then
      local rename, problem = table_rename(text, old, new, model, live)
      if not rename then
        return nil, problem
      end
      list[#list + 1] = rename
      done[old] = (rename.schema and rename.schema .. "." or "") .. rename.new_name
    else
      columns[#columns + 1] = { text, place, column, new }
    end
  end
  for _, entry in ipairs(columns) do
    local rename, problem = column_rename(entry[1], entry[2], entry[3], entry[4], model, live, done)
    if not rename then
      return nil, problem
    end
    list[#list + 1] = rename
  end
  return list
end

-- --- what could be one ---

local function missing(from, to)
  local list = {}
  for _, entry in ipairs(from) do
    local is_there = false
    for _, other in ipairs(to) do
      is_there = is_there or other.name == entry.name and other.schema == entry.schema
    end
    list[#list + 1] = not is_there and entry or nil
  end
  return list
end

local function column_candidates(model, live, dialect, list)
  local gone, new = missing(live.columns, model.columns), missing(model.columns, live.columns)
  for _, old in ipairs(gone) do
    for _, column in ipairs(new) do
      if dialect:same_type(old.type, column.type) then
        list[#list + 1] =
          { kind = "column", table = model.name, schema = model.schema, column = old.name, new_name = column.name }
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

--- Pairs of what goes and what comes that could be one thing under a new name.
function renames.candidates(model, live, dialect)
  local list = {}
  for _, old in ipairs(missing(live.tables, model.tables)) do
    for _, new in ipairs(missing(model.tables, live.tables)) do
      if old.schema == new.schema and is_alike(old, new) then
        list[#list + 1] = { kind = "table", table = old.name, schema = old.schema, new_name = new.name }
      end
    end
  end
  for _, table_ in ipairs(model.tables) do
    local place = (table_.schema and table_.schema .. "." or "") .. table_.name
    local other = find_table(live, place)
    if other then
      column_candidates(table_, other, dialect, list)
    end
  end
  return list
end

--- "people.fullname:full_name", as --rename takes it.
function renames.text(rename)
  local place = (rename.schema and rename.schema .. "." or "") .. rename.table
  if rename.kind == "table" then
    return place .. ":" .. rename.new_name
  end
  return ("%s.%s:%s"):format(place, rename.column, rename.new_name)
end

-- --- the schema after them ---

local function rename_in(list, old, new)
  for index, name in ipairs(list or {}) do
    if name == old then
      list[index] = new
    end
  end
end

local sql = require("moonbird.sql")

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

local function rename_in_views(schema, names)
  for _, view in ipairs(schema.views) do
    view.definition = expression.rename(view.definition, names)
  end
end

local apply = {}

function apply.table(schema, rename)
  local place = (rename.schema and rename.schema .. "." or "") .. rename.table
  find_table(schema, place).name = rename.new_name
  each_reference(schema, rename, rename.table, function(key)
    key.referent_table = rename.new_name
  end)
  rename_in_views(schema, { [rename.table] = rename.new_name })
  for _, view in ipairs(schema.views) do
    for _, use in ipairs(view.uses or {}) do
      use[2] = use[2] == rename.table and rename.new_name or use[2]
    end
  end
end

function apply.column(schema, rename)
  local place = (rename.schema and rename.schema .. "." or "") .. rename.table
  local table_, names = find_table(schema, place), { [rename.column] = rename.new_name }
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
  for _, view in ipairs(schema.views) do
    for _, use in ipairs(view.uses or {}) do
      use[3] = use[2] == rename.table and use[3] == rename.column and rename.new_name or use[3]
    end
  end
end

--- Changes `live` to what it is after the renames.
function renames.apply(list, live)
  for _, rename in ipairs(list) do
    apply[rename.kind](live, rename)
  end
end

return renames
