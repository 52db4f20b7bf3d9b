-- Operations on indexes. Methods of the base dialect (../dialect.lua takes them in).

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

function indexes:render_create_index(operation)
  return { self:index_text(operation) }
end

function indexes:render_drop_index(operation)
  local guard = operation.if_exists and "IF EXISTS " or ""
  return { "DROP INDEX " .. guard .. self:table_name(self:settled_name(operation, operation), operation.schema) }
end

return indexes
