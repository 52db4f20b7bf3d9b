-- Operations on whole tables. Methods of the base dialect (../dialect.lua takes them in).

local check = require("moonbird.check")
local list = require("moonbird.list")
local sql = require("moonbird.sql")

local add, add_all = list.add, list.add_all

local tables = {}

local function columns_of(items)
  local columns = {}
  for _, item in ipairs(items) do
    if item.kind == "column" then
      columns[#columns + 1] = item
    end
  end
  return columns
end

tables.columns_of = columns_of

-- The names of the columns that say primary_key, and the conflict clause that one of them has.
local function flagged_columns(self, columns)
  local names, conflict = {}, nil
  for _, column in ipairs(columns) do
    if column.primary_key then
      names[#names + 1] = column.name
      conflict = conflict or self:option(column, "on_conflict_primary_key")
    end
  end
  return names, conflict
end

-- The primary key of a list of items, however it was written; nil if there is none.
function tables:primary_of(items)
  local flagged, conflict = flagged_columns(self, columns_of(items))
  local primary
  for _, item in ipairs(items) do
    if item.kind == "primary_key" then
      if primary then
        check.refuse("the table has two primary keys (%s and %s)", primary.columns[1], item.columns[1])
      end
      primary = item
    end
  end
  if not primary then
    return #flagged > 0 and { kind = "primary_key", columns = flagged, on_conflict = conflict } or nil
  elseif #flagged > 0 and table.concat(flagged, "\0") ~= table.concat(primary.columns, "\0") then
    check.refuse("the primary key is given twice, by columns (%s) and by primary_key", table.concat(flagged, ", "))
  end
  return primary
end

-- A constraint of new columns or of a new table that must be added when they are there.
function tables.is_added_later()
  return false
end

-- What `references` of a column says, as an item.
function tables.foreign_key_of(column)
  return setmetatable({ kind = "foreign_key", columns = { column.name } }, { __index = column.references })
end

local function add_constraint(self, lines, later, item)
  if self:is_added_later(item) then
    add(later, item)
  else
    add(lines, self:constraint(item) .. self:constraint_end(item))
  end
end

-- The lines of the table, the constraints that come after it, and all constraints with their names.
local function table_lines(self, operation, primary)
  local lines, last, later, made = {}, {}, {}, { primary }
  local is_inline = false
  local function named(item)
    made[#made + 1] = self:named(item, operation)
    return made[#made]
  end
  for _, column in ipairs(columns_of(operation.items)) do
    column = self:not_null(column, primary)
    is_inline = is_inline or primary ~= nil and self:is_primary_inline(column, primary)
    add(lines, self:column_text(column, primary, operation))
    if column.unique and not column.index then
      add(last, self:constraint(named(self:unique_of(column))))
    end
    if column.references then
      add_constraint(self, last, later, named(self.foreign_key_of(column)))
    end
  end
  add(lines, primary and not is_inline and self:constraint(primary))
  add_all(lines, last)
  for _, item in ipairs(operation.items) do
    if item.kind ~= "column" and item.kind ~= "primary_key" and item.kind ~= "index" then
      add_constraint(self, lines, later, named(item))
    end
  end
  return lines, later, made
end

local function placed(item, operation)
  local index = { table = operation.table, schema = operation.schema, if_not_exists = operation.if_not_exists }
  index.naming_convention = operation.naming_convention
  return setmetatable(index, { __index = item })
end

-- A CREATE INDEX for every index item and every column with index = true; the items go into `made` too.
local function table_indexes(self, operation, made)
  local statements = {}
  for _, item in ipairs(operation.items) do
    if item.kind == "index" then
      local index = placed(item, operation)
      add(statements, self:index_text(index))
      add(made, self:added_index(index))
    elseif item.kind == "column" and item.index then
      add(statements, self:column_index(operation, item))
    end
  end
  return statements
end

function tables:column_index(operation, column)
  local item = { kind = "index", columns = { column.name }, unique = column.unique }
  return self:index_text(placed(item, operation))
end

function tables.table_suffix()
  return ""
end

-- Statements that go before and after those that change a table: types, comments of it and of its columns.
function tables.before_table()
  return {}
end

function tables.after_table()
  return {}
end

-- Statements that go after those that make constraints and indexes of a table: comments of them.
function tables.after_items()
  return {}
end

function tables:render_create_table(operation)
  local primary = self:primary_of(operation.items, operation)
  primary = primary and self:named(primary, operation)
  local lines, later, made = table_lines(self, operation, primary)
  local prefixes = operation.prefixes and table.concat(operation.prefixes, " ") .. " " or ""
  local text = ("CREATE %sTABLE %s%s (\n  %s\n)%s"):format(
    prefixes,
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:table_name(operation.table, operation.schema),
    table.concat(lines, ",\n  "),
    self:table_suffix(operation)
  )
  local statements = {}
  add_all(statements, self:before_table(operation, columns_of(operation.items)))
  add(statements, text)
  for _, item in ipairs(later) do
    add(statements, self:later_constraint_text(operation, item))
  end
  add_all(statements, table_indexes(self, operation, made))
  add_all(statements, self:after_table(operation, columns_of(operation.items)))
  add_all(statements, self:after_items(operation, made))
  return statements
end

function tables:render_drop_table(operation)
  local guard = operation.if_exists and "IF EXISTS " or ""
  return { "DROP TABLE " .. guard .. self:table_name(operation.table, operation.schema) }
end

-- `comment` is a text, or null for none.
function tables:comment_statement(operation, comment)
  local place = self:table_name(operation.table, operation.schema)
  return ("COMMENT ON TABLE %s IS %s"):format(place, self:literal(comment))
end

function tables:render_create_table_comment(operation)
  return { self:comment_statement(operation, operation.comment) }
end

function tables:render_drop_table_comment(operation)
  return { self:comment_statement(operation, sql.null) }
end

function tables:render_rename_table(operation)
  local old = self:table_name(operation.table, operation.schema)
  return { ("ALTER TABLE %s RENAME TO %s"):format(old, self:ident(operation.new_name)) }
end

return tables
