-- The text of constraints. Methods of the base dialect (../dialect.lua takes them in).

local check = require("moonbird.check")
local list = require("moonbird.list")

local constraints = {}

-- "CONSTRAINT name ", or nothing.
function constraints:constraint_name(item)
  return item.name and ("CONSTRAINT %s "):format(self:ident(item.name)) or ""
end

-- " DEFERRABLE INITIALLY DEFERRED"
function constraints:timing(item)
  local deferrable, initially = self:option(item, "deferrable"), self:option(item, "initially")
  local text = ""
  if deferrable ~= nil then
    text = deferrable and " DEFERRABLE" or " NOT DEFERRABLE"
  end
  return initially and text .. " INITIALLY " .. initially:upper() or text
end

-- "o (id) ON DELETE CASCADE"
function constraints:referent(item)
  local text = ("%s (%s)"):format(
    self:table_name(item.referent_table, item.referent_schema),
    self:ident_list(item.referent_columns)
  )
  if item.match then
    text = text .. " MATCH " .. item.match:upper()
  end
  if item.onupdate then
    text = text .. " ON UPDATE " .. item.onupdate:upper()
  end
  if item.ondelete then
    -- only the verb in capitals: SET NULL (a) may name columns
    text = text .. " ON DELETE " .. item.ondelete:gsub("^[%a ]+", string.upper)
  end
  return text .. self:timing(item)
end

function constraints.unique_words()
  return "UNIQUE"
end

function constraints:constraint_suffix(item)
  self:refuse_options(item, { "include", "on_conflict" })
  return ""
end

local bodies = {}

function bodies.primary_key(self, item)
  return ("PRIMARY KEY (%s)"):format(self:ident_list(item.columns)) .. self:constraint_suffix(item) .. self:timing(item)
end

function bodies.unique(self, item)
  local words = self:unique_words(item)
  return ("%s (%s)"):format(words, self:ident_list(item.columns)) .. self:constraint_suffix(item) .. self:timing(item)
end

function bodies.foreign_key(self, item)
  return ("FOREIGN KEY (%s) REFERENCES %s"):format(self:ident_list(item.columns), self:referent(item))
end

-- What stands behind the condition of a CHECK of the table.
function constraints:check_suffix(item)
  self:refuse_options(item, { "on_conflict" })
  return ""
end

function bodies.check(self, item)
  return "CHECK " .. self:condition(item.condition) .. self:check_suffix(item)
end

function bodies.exclude(self, item)
  return self:exclude_text(item) .. self:timing(item)
end

function constraints:exclude_text()
  check.refuse("%s has no EXCLUDE constraints", self.name)
end

-- What stands at the very end of a constraint that is added to a table.
function constraints:constraint_end(item)
  self:refuse_options(item, { "not_valid", "using_index", "no_inherit" })
  return ""
end

-- "CONSTRAINT name UNIQUE (a, b)"
function constraints:constraint(item)
  return self:constraint_name(item) .. bodies[item.kind](self, item)
end

-- --- constraints of a table that exists ---

-- Operation -> the kind of item that it adds.
local added = {
  create_unique_constraint = "unique",
  create_primary_key = "primary_key",
  create_check_constraint = "check",
  create_foreign_key = "foreign_key",
  create_exclude_constraint = "exclude",
}

-- The item that an operation adds, as op.create_table would have it; nil for an operation of another kind.
function constraints:added_constraint(operation)
  local kind = added[operation.kind]
  if not kind then
    return nil
  end
  local item = setmetatable({ kind = kind, name = self:settled_name(operation, operation) }, { __index = operation })
  return self:with_needed_name(item, operation)
end

-- `place` has the table and its schema.
function constraints:add_constraint_text(place, item)
  local table_name = self:table_name(place.table, place.schema)
  return ("ALTER TABLE %s ADD %s%s"):format(table_name, self:constraint(item), self:constraint_end(item))
end

--- The same behind the statement of `operation` that makes the table or the column.
function constraints:later_constraint_text(operation, item)
  if operation.if_not_exists then
    check.refuse("a constraint with not_valid cannot go with if_not_exists: add it by an operation of its own")
  end
  return self:add_constraint_text(operation, item)
end

local function add_constraint(self, operation)
  local item = self:added_constraint(operation)
  local statements = { self:add_constraint_text(operation, item) }
  list.add_all(statements, self:after_items(operation, { item }))
  return statements
end

for kind in pairs(added) do
  constraints["render_" .. kind] = add_constraint
end

function constraints:render_drop_constraint(operation)
  local name = self:settled_name(operation, operation)
  if not name then
    check.refuse("a constraint of %s is dropped by its name", self.name)
  end
  return {
    ("ALTER TABLE %s DROP CONSTRAINT %s%s%s"):format(
      self:table_name(operation.table, operation.schema),
      operation.if_exists and "IF EXISTS " or "",
      self:ident(name),
      self:option(operation, "cascade") and " CASCADE" or ""
    ),
  }
end

-- Where no constraint can be added without looking at the rows, there is nothing to make up for.
function constraints.render_validate_constraint()
  return {}
end

return constraints
