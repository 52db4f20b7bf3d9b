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

local not_printed = { tablespace = true, comment = true, shown = true }

-- A constraint or an index without what has no say in how it is printed.
local function bare_item(item)
  local result = {}
  for key, value in pairs(item) do
    result[key] = not not_printed[key] and value or nil
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
      list[#list + 1] = bare_item(item)
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

local function copy_item(item)
  local copy = {}
  for key, value in pairs(item) do
    copy[key] = value
  end
  return copy
end

local function copy_list(list)
  local result = {}
  for index, item in ipairs(list) do
    result[index] = copy_item(item)
  end
  return result
end

-- The items are written as they were, and compared as the server prints them. Items without a name get one from the
-- server, so the two lists are matched in their order within each kind of them.
local function take_texts(from, to, fields)
  local by_name = {}
  for _, item in ipairs(from) do
    by_name[item.name] = item
  end
  for index, item in ipairs(to) do
    local printed = by_name[item.name or 0] or (not item.name and #from == #to and from[index]) or nil
    if printed then
      item.shown = item.shown or copy_item(item)
    end
    for _, field in ipairs(printed and fields or {}) do
      item[field] = printed[field]
    end
  end
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

-- The tables as the catalog has them, by name. `own_enums`: their enums have values that the database has not yet.
local function print_tables(self, db, tables, own_enums)
  return rolled_back(db, function()
    local names, printed = {}, {}
    for index, table_ in ipairs(tables) do
      if own_enums then
        create_enums(self, db, table_)
      end
      create(self, db, table_)
      names[index] = table_.name
    end
    for _, table_ in ipairs(self:schema(db, { schemas = { temporary_schema(db) }, tables = names }).tables) do
      printed[table_.name] = table_
    end
    return printed
  end)
end

local function print_alone(self, db, table_)
  local printed, problem = print_tables(self, db, { table_ }, false)
  if not printed and (problem.sqlstate == "22P02" or problem.sqlstate == "42704") then
    printed = print_tables(self, db, { table_ }, true)
  end
  return printed and printed[table_.name], problem
end

-- A copy of the table to be printed, with a name for everything; `given` has what had none.
local function question_of(table_, number)
  local asked, given = with(table_, {}), {}
  for _, name in ipairs({ "columns", "checks", "excludes", "indexes" }) do
    asked[name] = copy_list(table_[name])
  end
  for _, name in ipairs({ "checks", "excludes" }) do
    given[#given + 1] = give_names(asked[name], name .. "_" .. number)
  end
  return { asked = asked, given = given }
end

local function answer_of(question, printed)
  local answer = question.asked
  take_columns(printed.columns, answer.columns)
  take_texts(printed.checks, answer.checks, { "condition" })
  take_texts(printed.excludes, answer.excludes, { "elements", "where", "ops" })
  take_texts(printed.indexes, answer.indexes, { "columns", "where", "ops" })
  for _, names in ipairs(question.given) do
    take_names_back(names)
  end
  return answer
end

-- Reading the catalog takes longer than making a table; each table holds locks until the transaction is over.
local TOGETHER = 50

-- Where one of them cannot be made, or two have one name, each is printed alone.
local function print_some(self, db, questions, answers, problems, first, last)
  local asked = {}
  for index = first, last do
    asked[#asked + 1] = questions[index].asked
  end
  local together = #asked > 1 and print_tables(self, db, asked, false) or {}
  for index = first, last do
    local question, problem = questions[index], nil
    local printed = together[question.asked.name]
    if not printed then
      printed, problem = print_alone(self, db, question.asked)
    end
    if printed then
      answers[index] = answer_of(question, printed)
    else
      problems[index] = problem
    end
  end
end

--- The tables with all their expressions as the server prints them. What it does not say is as it was, its error stands
--- under the same number in the second list.
function canonical:canonical(db, tables)
  local questions, answers, problems = {}, {}, {}
  for index, table_ in ipairs(tables) do
    questions[index], answers[index] = question_of(table_, index), table_
  end
  for first = 1, #tables, TOGETHER do
    print_some(self, db, questions, answers, problems, first, math.min(first + TOGETHER - 1, #tables))
  end
  return answers, problems
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
      db:exec(self:index_text(with(bare_item(item), place)))
    end
    return self:schema(db, { schemas = { temporary_schema(db) }, tables = { "moonbird_view" } }).tables[1].indexes
  end)
  if printed then
    take_texts(printed, result, { "columns", "where", "ops" })
  end
  return result, problem
end

return canonical
