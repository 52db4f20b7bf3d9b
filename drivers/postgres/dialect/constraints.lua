-- Constraints of PostgreSQL. Methods of the dialect (../dialect.lua takes them in).

local base = require("moonbird.dialect")
local check = require("moonbird.check")
local suffixes = require("postgres.suffixes")

local constraints = {}

-- A comment is said of a name: the one that the server would give.
function constraints:with_needed_name(item, operation)
  if item.name or not self:option(item, "comment") then
    return item
  end
  local name = self:constraint_name_of({ name = operation.table }, item, {})
  return setmetatable({ name = name }, { __index = item })
end

function constraints:unique_words(item)
  return self:option(item, "nulls_not_distinct") and "UNIQUE NULLS NOT DISTINCT" or "UNIQUE"
end

function constraints:constraint_suffix(item)
  self:refuse_options(item, { "on_conflict" })
  return suffixes.text(self, item, { suffixes.include })
end

local words_of = { unique = "UNIQUE", primary_key = "PRIMARY KEY" }

-- UNIQUE or PRIMARY KEY may take over an index that is there, built CONCURRENTLY before.
function constraints:constraint(item)
  local index = self:option(item, "using_index")
  if not index then
    return base.constraint(self, item)
  end
  local words = self:constraint_name(item) .. words_of[item.kind]
  return words .. " USING INDEX " .. self:ident(index) .. self:timing(item)
end

-- NOT VALID is passed over within CREATE TABLE, and refused at a column.
function constraints:is_added_later(item)
  return self:option(item, "not_valid") == true
end

function constraints:constraint_end(item)
  local text = self:option(item, "no_inherit") and " NO INHERIT" or ""
  return text .. (self:option(item, "not_valid") and " NOT VALID" or "")
end

-- EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (...)
function constraints:exclude_text(item)
  local elements = {}
  for index, pair in ipairs(item.elements) do
    elements[index] = pair[1]
  end
  local list = self:elements_with_ops(elements, self:option(item, "ops"), function(text, index)
    return text .. " WITH " .. item.elements[index][2]
  end)
  local where = self:option(item, "where")
  return ("EXCLUDE USING %s (%s)%s"):format(
    self:option(item, "using") or "gist",
    list,
    where and " WHERE " .. self:condition(where) or ""
  )
end

function constraints:render_drop_constraint(operation)
  if not self:settled_name(operation, operation) then
    check.refuse("PostgreSQL gives every constraint a name, which \\d TABLE shows; give it as argument 1")
  end
  return base.render_drop_constraint(self, operation)
end

function constraints:render_validate_constraint(operation)
  return {
    ("ALTER TABLE %s VALIDATE CONSTRAINT %s"):format(
      self:table_name(operation.table, operation.schema),
      self:ident(self:settled_name(operation, operation))
    ),
  }
end

return constraints
