-- Operations on indexes. Methods of the base dialect (../dialect.lua takes them in).

local list = require("moonbird.list")

local indexes = {}

function indexes:index_text(operation)
  return ("CREATE %sINDEX %s%s ON %s (%s)"):format(
    operation.unique and "UNIQUE " or "",
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:ident(self:index_name(operation)),
    self:table_name(operation.table, operation.schema),
    self:ident_list(operation.columns)
  )
end

--- The item that op.create_index makes, with its name.
function indexes:added_index(operation)
  return setmetatable({ kind = "index", name = self:index_name(operation) }, { __index = operation })
end

function indexes:render_create_index(operation)
  local statements = { self:index_text(operation) }
  list.add_all(statements, self:after_items(operation, { self:added_index(operation) }))
  return statements
end

function indexes:render_drop_index(operation)
  local guard = operation.if_exists and "IF EXISTS " or ""
  return { "DROP INDEX " .. guard .. self:table_name(self:settled_name(operation, operation), operation.schema) }
end

return indexes
