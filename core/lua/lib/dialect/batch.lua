-- op.batch_alter_table where ALTER TABLE can do everything: its changes one after the other. What is said of a rebuild
-- (recreate, copy_from ...) has no meaning there. Methods of the base dialect (../dialect.lua takes them in); a dialect
-- that rebuilds a table overrides render_batch_alter_table.

local list = require("moonbird.list")

local batch = {}

function batch:render_batch_alter_table(operation)
  local statements = {}
  for _, change in ipairs(operation.operations) do
    self:refuse_options(change, { "insert_before", "insert_after" })
    list.add_all(statements, self:render(change))
  end
  return statements
end

return batch
