-- op.batch_alter_table where ALTER TABLE can do everything: its changes one after the other. What is said of a rebuild
-- (recreate, copy_from ...) has no meaning there. Methods of the base dialect (../dialect.lua takes them in); a dialect
-- that rebuilds a table overrides render_batch_alter_table.

local check = require("moonbird.check")
local list = require("moonbird.list")

local batch = {}

--- Calls f(...) for a change of a batch: what it refuses is said with the line of the change, because the batch is
--- carried out behind all of them. Of an operation outside of a batch nothing is added.
function batch.at_change(_, change, f, ...)
  local done, result = pcall(f, ...)
  if done then
    return result
  elseif check.is_refusal(result) and change.line then
    check.refuse("batch.%s in line %d: %s", change.kind, change.line, result.message)
  end
  error(result, 0)
end

local function render_change(self, change)
  self:refuse_options(change, { "insert_before", "insert_after" })
  return self:render(change)
end

function batch:render_batch_alter_table(operation)
  local statements = {}
  for _, change in ipairs(operation.operations) do
    list.add_all(statements, self:at_change(change, render_change, self, change))
  end
  return statements
end

return batch
