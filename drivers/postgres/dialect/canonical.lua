-- Expressions as PostgreSQL prints them: it is asked, by making what holds them for a moment in the temporary schema of
-- the session, in a transaction that is rolled back. Where that is refused (a standby, no right to temporary tables, an
-- expression that does not fit what is there yet), the text stays as it is. Methods of the dialect (../dialect.lua
-- takes them in).


local canonical = {}

-- Runs `body` in a transaction that leaves nothing behind; its result, or nil and the error.
local function rolled_back(db, body)
  db:exec("BEGIN")
  local ok, result = pcall(function()
    db:exec("SET LOCAL client_min_messages = error")
    return body()
  end)
  db:exec("ROLLBACK")
  if ok then
    return result
  end
  return nil, result
end

local function with(table_, fields)
  return setmetatable(fields, { __index = table_ })
end

-- --- what is made ---

local function enum_of(column)
  local type_ = column.type.kind == "array" and column.type.element or column.type
  return type_.kind == "enum" and type_ or nil
end

-- The type of an enum must not be made again, and SERIAL would make a sequence.
local function bare_column(column)
  local result = with(column, { identity = false, serial = false, autoincrement = false, comment = false })
  local type_ = enum_of(column)
  if type_ then
    local enum = setmetatable({ create_type = false }, { __index = type_ })
    result.type = column.type.kind == "array" and with(column.type, { element = enum }) or enum
  end
  return result
end

local function without(item, field)
  local result = {}
  for key, value in pairs(item) do
    result[key] = key ~= field and value or nil
  end
  return result
end

-- Tables of the temporary schema cannot have foreign keys to others.
local function items_of(table_)
  local list = {}
  for _, column in ipairs(table_.columns) do
    list[#list + 1] = bare_column(column)
  end
  for _, name in ipairs({ "checks", "excludes", "indexes", "uniques" }) do
    for _, item in ipairs(table_[name]) do
      list[#list + 1] = without(item, "tablespace")
    end
  end
  return list
end

-- Enums as the models have them: in the temporary schema, where they come before those that are there, and are printed
-- like them. Of another schema, they would not be.
local function create_enums(self, db, table_)
  local is_made = {}
  for _, column in ipairs(table_.columns) do
    local enum = enum_of(column)
    if enum and not enum.schema and not is_made[enum.name] then
      is_made[enum.name] = true
      local operation = { kind = "create_enum", name = enum.name, schema = "pg_temp", values = enum.values }
      db:exec(self:render(operation)[1])
    end
  end
end

local function create(self, db, table_)
  local operation = { kind = "create_table", table = table_.name, schema = "pg_temp", items = items_of(table_) }
  for _, text in ipairs(self:render(operation)) do
    -- an index is made in the schema of its table
    db:exec(text)
  end
end

-- --- what is read back ---

-- Items without a name get one from the server, so the two lists are matched in their order within each kind of them.
local function take_texts(from, to, fields)
  local by_name = {}
  for _, item in ipairs(from) do
    by_name[item.name] = item
  end
  for index, item in ipairs(to) do
    local printed = by_name[item.name or 0] or (not item.name and #from == #to and from[index]) or nil
    for _, field in ipairs(printed and fields or {}) do
      item[field] = printed[field]
    end
  end
end

local function copy_list(list)
  local result = {}
  for index, item in ipairs(list) do
    local copy = {}
    for key, value in pairs(item) do
      copy[key] = value
    end
    result[index] = copy
  end
  return result
end

local function take_columns(from, to)
  local by_name = {}
  for _, column in ipairs(from) do
    by_name[column.name] = column
  end
  for _, column in ipairs(to) do
    local printed = by_name[column.name]
    if column.server_default ~= nil and not column.serial then
      column.server_default = printed.server_default
    end
    column.computed = printed.computed
    column.type = printed.type.kind ~= "enum" and printed.type.kind ~= "array" and printed.type or column.type
  end
end

-- A name of our own for what has none, so that it is found again.
local function give_names(list, prefix)
  local given = {}
  for index, item in ipairs(list) do
    if not item.name then
      item.name = ("moonbird_%s_%d"):format(prefix, index)
      given[item] = true
    end
  end
  return given
end

local function take_names_back(given)
  for item in pairs(given) do
    item.name = nil
  end
end

local function temporary_schema(db)
  return db:scalar("SELECT nspname FROM pg_catalog.pg_namespace WHERE oid = pg_my_temp_schema()")
end

-- The table as the catalog has it. `own_enums`: its enums have values that the database has not yet.
local function print_table(self, db, table_, own_enums)
  return rolled_back(db, function()
    if own_enums then
      create_enums(self, db, table_)
    end
    create(self, db, table_)
    return self:schema(db, { schemas = { temporary_schema(db) }, tables = { table_.name } }).tables[1]
  end)
end

--- The table with all its expressions as the server prints them; as it was, and the error, where it does not say.
function canonical:canonical(db, table_)
  local result = with(table_, {})
  local given = {}
  for _, name in ipairs({ "columns", "checks", "excludes", "indexes" }) do
    result[name] = copy_list(table_[name])
  end
  for _, name in ipairs({ "checks", "excludes" }) do
    given[#given + 1] = give_names(result[name], name)
  end
  local printed, problem = print_table(self, db, result, false)
  if not printed and (problem.sqlstate == "22P02" or problem.sqlstate == "42704") then
    printed = print_table(self, db, result, true)
  end
  if printed then
    take_columns(printed.columns, result.columns)
    take_texts(printed.checks, result.checks, { "condition" })
    take_texts(printed.excludes, result.excludes, { "elements", "where" })
    take_texts(printed.indexes, result.indexes, { "columns", "where", "ops" })
  end
  for _, names in ipairs(given) do
    take_names_back(names)
  end
  if not printed then
    return table_, problem
  end
  return result
end

-- "TABLE moonbird_view (a, b) AS SELECT ..."
local function view_text(self, words, view)
  local names = view.columns and (" (%s)"):format(self:ident_list(view.columns)) or ""
  return ("CREATE TEMPORARY %s moonbird_view%s AS %s"):format(words, names, self:definition_text(view.definition))
end

--- A view's query as the server prints it; as it was, and the error, where it does not say.
function canonical:canonical_query(db, view)
  local printed, problem = rolled_back(db, function()
    db:exec(view_text(self, "VIEW", view))
    return db:scalar("SELECT pg_get_viewdef('pg_temp.moonbird_view'::regclass, true)")
  end)
  return printed and printed:gsub("^%s+", ""):gsub("[%s;]+$", "") or view.definition, problem
end

--- The indexes of a materialized view as the server prints them; as they were, and the error, where it does not say.
function canonical:canonical_indexes(db, view)
  local result = copy_list(view.indexes)
  local printed, problem = rolled_back(db, function()
    db:exec(view_text(self, "TABLE", view) .. " WITH NO DATA")
    for _, item in ipairs(result) do
      local place = { table = "moonbird_view", schema = "pg_temp" }
      db:exec(self:index_text(with(without(item, "tablespace"), place)))
    end
    return self:schema(db, { schemas = { temporary_schema(db) }, tables = { "moonbird_view" } }).tables[1].indexes
  end)
  if printed then
    take_texts(printed, result, { "columns", "where", "ops" })
  end
  return result, problem
end

return canonical
