-- alter.lua: how operations on a table that exists are written for SQLite. What its ALTER TABLE always can is a
-- statement; what it cannot, or only sometimes, is an item { rebuild = { table, schema, changes }, text } that
-- rebuild.lua carries out when it knows the table. Methods of the dialect (../dialect.lua takes them in). Asks no
-- database: `text` depends on the operation alone, because the journal knows it again by that.
--
-- A change is what changes.lua applies to a table: { kind, operation, text, native }. `native` is the statement that
-- does it where SQLite can, `is_plain` says that it always can.

local check = require("moonbird.check")
local sql = require("moonbird.sql")

local alter = {}

-- --- texts by which the journal knows a change ---

local show

local function show_table(self, value)
  local parts = {}
  for index, entry in ipairs(value) do
    parts[index] = show(self, entry)
  end
  for _, key in ipairs(check.sorted_keys(#value > 0 and {} or value)) do
    parts[#parts + 1] = key .. " = " .. show(self, value[key])
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

function show(self, value)
  if check.is_type(value) then
    local collation = value.collation and " COLLATE " .. value.collation or ""
    return self:type_sql(value) .. collation
  elseif sql.is(value) or sql.is_null(value) then
    return self:literal(value)
  elseif type(value) == "table" and not sql.is_blob(value) and getmetatable(value) == nil then
    return show_table(self, value)
  elseif type(value) == "string" or sql.is_blob(value) then
    return self:literal(value)
  end
  return tostring(value)
end

local unshown = { kind = true, table = true, schema = true, naming_convention = true, line = true }

-- "alter_column people: column = 'age', nullable = false"
local function text_of(self, operation)
  local parts = {}
  for _, key in ipairs(check.sorted_keys(operation)) do
    if not unshown[key] then
      parts[#parts + 1] = key .. " = " .. show(self, operation[key])
    end
  end
  local place = self:table_name(operation.table, operation.schema)
  return ("%s %s: %s"):format(operation.kind, place, table.concat(parts, ", "))
end

-- --- columns ---

local function is_constant(self, value)
  if sql.is(value) then
    local text = self:default_text(value)
    return text:find("^[+-]?[%d.]+$") ~= nil or text:find("^'[^']*'$") ~= nil or text:upper() == "NULL"
  end
  return true
end

-- What ALTER TABLE ... ADD COLUMN never takes.
local function is_beyond_alter(self, operation)
  local column = operation.column
  local is_constrained = column.primary_key or column.unique and not column.index
  local is_placed = operation.insert_before or operation.insert_after
  local is_stored = column.computed and column.computed.persisted
  local is_varying = column.server_default ~= nil and not is_constant(self, column.server_default)
  return is_constrained or is_placed or is_stored or is_varying
end

-- What it takes whatever is in the table. A default of a column that refers to another table it takes only while
-- foreign keys are not enforced.
local function is_plain_column(column)
  local has_default = column.server_default ~= nil and column.server_default ~= sql.null
  if column.nullable == false then
    return has_default and not column.references
  end
  return not (has_default and column.references)
end

-- Called by the base dialect with the text of the column.
function alter:add_column_statement(operation, definition)
  local place = self:table_name(operation.table, operation.schema)
  local text = ("ALTER TABLE %s ADD COLUMN %s"):format(place, definition)
  local change = { kind = "add_column", operation = operation, definition = definition, text = text }
  if not is_beyond_alter(self, operation) then
    change.native = text
    change.is_plain = is_plain_column(operation.column)
  end
  return change
end

function alter:drop_column_statement(operation)
  local place = self:table_name(operation.table, operation.schema)
  local text = ("ALTER TABLE %s DROP COLUMN %s"):format(place, self:ident(operation.column))
  return { kind = "drop_column", operation = operation, text = text, native = text }
end

local aspects = { "type_", "nullable", "server_default", "computed", "autoincrement", "insert_before", "insert_after" }

local function alters(operation)
  for _, aspect in ipairs(aspects) do
    if operation[aspect] ~= nil then
      return true
    end
  end
  return false
end

-- SQLite numbers the rowid and nothing else; it keeps no comments.
local function alter_changes(self, operation)
  if operation.identity ~= nil then
    check.refuse("SQLite has no identity columns; a primary key of one INTEGER column is numbered by itself")
  end
  local changes = {}
  if alters(operation) then
    changes[1] = { kind = "alter_column", operation = operation, text = text_of(self, operation) }
  end
  local new_name = operation.new_column_name
  if new_name and new_name ~= operation.column then
    local text = ("ALTER TABLE %s RENAME COLUMN %s TO %s"):format(
      self:table_name(operation.table, operation.schema),
      self:ident(operation.column),
      self:ident(new_name)
    )
    changes[#changes + 1] =
      { kind = "rename_column", operation = operation, text = text, native = text, is_plain = true }
  end
  return changes
end

-- --- constraints ---

local function add_constraint(self, operation)
  local item = self:added_constraint(operation)
  self:refuse_options(item, { "using_index", "no_inherit" })
  local definition = self:constraint(item)
  local text = ("ALTER TABLE %s ADD %s"):format(self:table_name(operation.table, operation.schema), definition)
  return { { kind = "add_constraint", operation = operation, item = item, definition = definition, text = text } }
end

local function drop_constraint(self, operation)
  return {
    {
      kind = "drop_constraint",
      operation = operation,
      name = self:settled_name(operation, operation),
      text = text_of(self, operation),
    },
  }
end

-- --- every operation as changes ---

local function native(kind)
  return function(self, operation)
    local changes = {}
    for _, item in ipairs(self:render(operation)) do
      local text = type(item) == "string" and item or item[1] .. (item[2] and " " .. show(self, item[2]) or "")
      changes[#changes + 1] = { kind = kind, operation = operation, text = text, native = item, is_plain = true }
    end
    return changes
  end
end

local makers = {
  alter_column = alter_changes,
  create_unique_constraint = add_constraint,
  create_primary_key = add_constraint,
  create_check_constraint = add_constraint,
  create_foreign_key = add_constraint,
  drop_constraint = drop_constraint,
  create_index = native("create_index"),
  drop_index = native("drop_index"),
  execute = native("execute"),
}

-- The base dialect renders both around the statement; an index of the column comes behind it.
local function column_changes(self, operation)
  local changes = {}
  for index, item in ipairs(self.base["render_" .. operation.kind](self, operation)) do
    changes[index] = type(item) == "table" and item.kind and item
      or { kind = "create_index", operation = operation, text = item, native = item, is_plain = true }
  end
  return changes
end

makers.add_column = column_changes
makers.drop_column = column_changes

local comments = {}
for _, noun in ipairs({ "table", "constraint", "index" }) do
  comments[#comments + 1] = ("create_%s_comment"):format(noun)
  comments[#comments + 1] = ("drop_%s_comment"):format(noun)
end

-- SQLite has none.
local function pass_over_comment()
  return {}
end

for _, kind in ipairs(comments) do
  makers[kind] = pass_over_comment
end

function makers.create_exclude_constraint()
  check.refuse("SQLite has no EXCLUDE constraints")
end

-- IF [NOT] EXISTS, which SQLite has not for columns: the item is carried out only where this query is true.
local function guard_of(operation)
  local is_wanted = operation.kind == "drop_column"
  if not (is_wanted and operation.if_exists or operation.kind == "add_column" and operation.if_not_exists) then
    return nil
  end
  local arguments, params = "?", { operation.table }
  if operation.schema then
    arguments, params = "?, ?", { operation.table, operation.schema }
  end
  params[#params + 1] = is_wanted and operation.column or operation.column.name
  local query = ("SELECT %s (SELECT 1 FROM pragma_table_xinfo(%s) WHERE name = ? COLLATE NOCASE)"):format(
    is_wanted and "EXISTS" or "NOT EXISTS",
    arguments
  )
  return { query, params, table = operation.table, schema = operation.schema }
end

-- One change alone as a statement or an item.
local function item_of(change)
  local operation = change.operation
  local guard = guard_of(operation)
  if change.is_plain then
    return guard and change.kind ~= "create_index" and { change.native, when = guard } or change.native
  end
  local rebuild = { table = operation.table, schema = operation.schema, changes = { change } }
  return { rebuild = rebuild, text = change.text, when = guard }
end

local function render(self, operation)
  local list = {}
  for index, change in ipairs(makers[operation.kind](self, operation)) do
    list[index] = item_of(change)
  end
  return list
end

local own = { "alter_column", "add_column", "drop_column", "drop_constraint", table.unpack(comments) }
local nouns = { "unique_constraint", "primary_key", "check_constraint", "foreign_key", "exclude_constraint" }
for _, noun in ipairs(nouns) do
  own[#own + 1] = "create_" .. noun
end

for _, kind in ipairs(own) do
  alter["render_" .. kind] = render
end

-- --- several changes at once ---

local function all_plain(changes)
  for _, change in ipairs(changes) do
    if not change.is_plain then
      return false
    end
  end
  return true
end

local function batch_text(self, operation, changes)
  local texts = { "batch_alter_table " .. self:table_name(operation.table, operation.schema) }
  for _, key in ipairs({ "recreate", "partial_reordering" }) do
    if operation[key] then
      texts[1] = ("%s, %s = %s"):format(texts[1], key, show(self, operation[key]))
    end
  end
  for _, change in ipairs(changes) do
    texts[#texts + 1] = change.text
  end
  return table.concat(texts, "\n")
end

local function is_rebuild_asked(operation)
  return operation.recreate == "always"
    or operation.partial_reordering ~= nil
    or operation.table_args ~= nil
    or operation.table_kwargs ~= nil
end

local function make(self, change)
  if not makers[change.kind] then
    check.refuse("SQLite cannot do it")
  end
  return makers[change.kind](self, change)
end

function alter:render_batch_alter_table(operation)
  local changes = {}
  for _, change in ipairs(operation.operations) do
    for _, made in ipairs(self:at_change(change, make, self, change)) do
      changes[#changes + 1] = made
    end
  end
  if #changes == 0 and not is_rebuild_asked(operation) then
    return {}
  elseif all_plain(changes) and not is_rebuild_asked(operation) then
    local list = {}
    for index, change in ipairs(changes) do
      list[index] = item_of(change)
    end
    return list
  end
  local rebuild = {
    table = operation.table,
    schema = operation.schema,
    changes = changes,
    recreate = operation.recreate,
    copy_from = operation.copy_from,
    partial_reordering = operation.partial_reordering,
    table_args = operation.table_args,
    table_kwargs = operation.table_kwargs,
    naming_convention = operation.naming_convention,
  }
  return { { rebuild = rebuild, text = batch_text(self, operation, changes) } }
end

return alter
