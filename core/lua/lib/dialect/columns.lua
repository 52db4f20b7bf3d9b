-- The text of a column, and the operations on columns of a table that exists. Methods of the base dialect
-- (../dialect.lua takes them in).

local check = require("moonbird.check")
local list = require("moonbird.list")
local sql = require("moonbird.sql")

local add, add_all = list.add, list.add_all

local columns = {}

local integer_kinds = { smallint = true, integer = true, bigint = true }

-- Does the database number this column by itself? As SQLAlchemy's autoincrement = "auto": the only column of the
-- primary key, an integer, that gets its value from nowhere else.
function columns.is_numbered(_, column, primary)
  if column.autoincrement == false or column.server_default ~= nil or column.computed then
    return false
  elseif column.autoincrement == true then
    if not integer_kinds[column.type.kind] then
      check.refuse("column %s: autoincrement needs an integer type, got %s", column.name, tostring(column.type))
    end
    return true
  end
  local is_alone = primary ~= nil and #primary.columns == 1 and primary.columns[1] == column.name
  return is_alone and integer_kinds[column.type.kind] == true and not column.references
end

function columns:default_text(value)
  return self:literal(value)
end

function columns.identity_text()
  return nil
end

function columns:computed_text(column)
  local words = { [true] = " STORED", [false] = " VIRTUAL" }
  local text = "GENERATED ALWAYS AS " .. self:condition(column.computed.sql)
  return text .. (words[column.computed.persisted] or self.computed_default)
end

function columns:collate_text(type_)
  return type_.collation and "COLLATE " .. self:ident(type_.collation)
end

local function primary_inline(self, column, primary)
  if not primary or not self:is_primary_inline(column, primary) then
    return nil
  end
  return self:constraint_name(primary) .. "PRIMARY KEY" .. self:constraint_suffix(primary)
end

function columns.is_primary_inline()
  return false
end

-- The CHECK that stands for the values of an enum, as an item, where the database has no such types.
function columns.enum_check_item()
  return nil
end

function columns:enum_check(column, operation)
  local item = self:enum_check_item(column)
  return item and self:constraint(self:named(item, operation))
end

-- Columns of the primary key are NOT NULL however it was written.
function columns.not_null(_, column, primary)
  for _, name in ipairs(primary and primary.columns or {}) do
    if name == column.name and column.nullable ~= false then
      return setmetatable({ nullable = false }, { __index = column })
    end
  end
  return column
end

function columns:not_null_text(column)
  self:refuse_options(column, { "on_conflict_not_null" })
  return "NOT NULL"
end

--- What `unique` of a column says, as an item.
function columns:unique_of(column)
  return { kind = "unique", columns = { column.name }, on_conflict = self:option(column, "on_conflict_unique") }
end

--- What `check` of a column says, as an item. Its column is there for a naming convention.
function columns.check_of(column)
  return { kind = "check", columns = { column.name }, condition = sql.text(column.check) }
end

-- name TYPE DEFAULT x NOT NULL CHECK (...). `primary` is the table's primary key item or nil; `operation` names things.
function columns:column_text(column, primary, operation)
  local parts = { self:ident(column.name) }
  add(parts, self:type_sql(column.type))
  add(parts, self:collate_text(column.type))
  add(parts, self:identity_text(column, primary))
  add(parts, column.server_default ~= nil and "DEFAULT " .. self:default_text(column.server_default))
  add(parts, column.computed and self:computed_text(column))
  add(parts, column.nullable == false and self:not_null_text(column))
  add(parts, primary_inline(self, column, primary))
  add(parts, self:enum_check(column, operation))
  add(parts, column.check and self:constraint(self:named(self.check_of(column), operation)))
  return table.concat(parts, " ")
end

-- --- columns of a table that exists ---

-- The key that a column brings along, or nil.
local function added_key(self, column, operation)
  return column.references and self:named(self.foreign_key_of(column), operation)
end

-- REFERENCES and UNIQUE stand at the column itself: one statement, that is done or not done as a whole.
local function added_column_text(self, column, operation)
  local primary = column.primary_key and { kind = "primary_key", columns = { column.name } } or nil
  primary = primary and self:named(primary, operation)
  local parts = { self:column_text(self:not_null(column, primary), primary, operation) }
  if primary and not self:is_primary_inline(column, primary) then
    add(parts, self:constraint_name(primary) .. "PRIMARY KEY")
  end
  if column.unique and not column.index then
    local item = self:named(self:unique_of(column), operation)
    add(parts, self:constraint_name(item) .. "UNIQUE" .. self:constraint_suffix(item))
  end
  local key = added_key(self, column, operation)
  if key and not self:is_added_later(key) then
    add(parts, self:constraint_name(key) .. "REFERENCES " .. self:referent(key) .. self:constraint_end(key))
  end
  return table.concat(parts, " ")
end

-- What ALTER TABLE ... ADD COLUMN of this database cannot do is refused here.
function columns.check_added_column() end

-- A dialect without IF NOT EXISTS for columns returns a statement with a guard instead.
function columns:add_column_statement(operation, definition)
  return ("ALTER TABLE %s ADD COLUMN %s%s"):format(
    self:table_name(operation.table, operation.schema),
    operation.if_not_exists and "IF NOT EXISTS " or "",
    definition
  )
end

function columns:drop_column_statement(operation)
  return ("ALTER TABLE %s DROP COLUMN %s%s"):format(
    self:table_name(operation.table, operation.schema),
    operation.if_exists and "IF EXISTS " or "",
    self:ident(operation.column)
  )
end

function columns:render_add_column(operation)
  local column = operation.column
  self:check_added_column(column)
  local statements = {}
  add_all(statements, self:before_table(operation, { column }))
  add(statements, self:add_column_statement(operation, added_column_text(self, column, operation)))
  local key = added_key(self, column, operation)
  add(statements, key and self:is_added_later(key) and self:later_constraint_text(operation, key))
  add(statements, column.index and self:column_index(operation, column))
  add_all(statements, self:after_table(operation, { column }))
  add_all(statements, self:after_items(operation, { key }))
  return statements
end

function columns:render_drop_column(operation)
  return { self:drop_column_statement(operation) }
end

-- --- alter_column ---

-- "ALTER TABLE t ALTER COLUMN c "
function columns:alter_column_start(operation)
  local place = self:table_name(operation.table, operation.schema)
  return ("ALTER TABLE %s ALTER COLUMN %s "):format(place, self:ident(operation.column))
end

local function ends_identity(operation)
  return operation.identity == false or operation.identity == sql.null
end

local function has_identity(operation)
  return not ends_identity(operation)
end

-- The aspects of a column that alter_column changes, in Alembic's order; each has a method that gives a statement. A
-- column has a default or is numbered: the one goes before the other comes.
local aspects = {
  { "type_", "alter_type" },
  { "nullable", "alter_nullable" },
  { "identity", "alter_identity", ends_identity },
  { "server_default", "alter_default" },
  { "identity", "alter_identity", has_identity },
  { "computed", "alter_computed" },
  { "autoincrement", "alter_autoincrement" },
  { "comment", "alter_comment" },
  { "new_column_name", "alter_name" },
}

function columns:alter_type(operation)
  return self:alter_column_start(operation) .. "TYPE " .. self:type_sql(operation.type_)
end

function columns:alter_nullable(operation)
  return self:alter_column_start(operation) .. (operation.nullable and "DROP NOT NULL" or "SET NOT NULL")
end

function columns:alter_default(operation)
  local value = operation.server_default
  local change = sql.is_null(value) and "DROP DEFAULT" or "SET DEFAULT " .. self:default_text(value)
  return self:alter_column_start(operation) .. change
end

function columns:alter_identity()
  check.refuse("%s cannot change how a column is numbered", self.name)
end

function columns:alter_computed(operation)
  check.refuse(
    "%s cannot change what %s is computed from; op.drop_column it, and op.add_column it as it should be",
    self.name,
    operation.column
  )
end

function columns:alter_autoincrement()
  check.refuse("%s has no autoincrement of a column that exists; write identity = true, or null", self.name)
end

function columns:alter_comment(operation)
  local place = self:table_name(operation.table, operation.schema)
  local column = self:ident(operation.column)
  return ("COMMENT ON COLUMN %s.%s IS %s"):format(place, column, self:literal(operation.comment))
end

function columns:alter_name(operation)
  return ("ALTER TABLE %s RENAME COLUMN %s TO %s"):format(
    self:table_name(operation.table, operation.schema),
    self:ident(operation.column),
    self:ident(operation.new_column_name)
  )
end

function columns:render_alter_column(operation)
  self:refuse_options(operation, { "on_conflict_not_null" })
  local statements = {}
  if operation.type_ then
    add_all(statements, self:before_table(operation, { { type = operation.type_ } }))
  end
  for _, aspect in ipairs(aspects) do
    local is_wanted = operation[aspect[1]] ~= nil and (not aspect[3] or aspect[3](operation))
    add(statements, is_wanted and self[aspect[2]](self, operation))
  end
  return statements
end

return columns
