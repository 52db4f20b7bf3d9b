-- Comments of constraints and indexes of a table; those of tables and columns are with them. Methods of the base
-- dialect (../dialect.lua takes them in). `comment` is a text, or null for none.

local check = require("moonbird.check")
local sql = require("moonbird.sql")

local comments = {}

function comments:constraint_comment(operation, name, comment)
  local place = self:table_name(operation.table, operation.schema)
  return ("COMMENT ON CONSTRAINT %s ON %s IS %s"):format(self:ident(name), place, self:literal(comment))
end

-- An index is in the schema of its table.
function comments:index_comment(operation, name, comment)
  return ("COMMENT ON INDEX %s IS %s"):format(self:table_name(name, operation.schema), self:literal(comment))
end

--- The statement for an item of the table of `operation`, nil without a comment.
function comments:item_comment(operation, item)
  local comment = self:option(item, "comment")
  if not comment then
    return nil
  elseif item.kind == "index" then
    return self:index_comment(operation, item.name, comment)
  elseif not item.name then
    check.refuse("a constraint with a comment must have a name")
  end
  return self:constraint_comment(operation, item.name, comment)
end

local function for_constraint(self, operation)
  local name = self:settled_name(operation, operation)
  return { self:constraint_comment(operation, name, operation.comment or sql.null) }
end

local function for_index(self, operation)
  local name = self:settled_name(operation, operation)
  return { self:index_comment(operation, name, operation.comment or sql.null) }
end

comments.render_create_constraint_comment = for_constraint
comments.render_drop_constraint_comment = for_constraint
comments.render_create_index_comment = for_index
comments.render_drop_index_comment = for_index

return comments
