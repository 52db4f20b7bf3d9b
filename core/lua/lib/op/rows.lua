-- Rows of op.lua: operations on data.

local words = require("moonbird.op.words")

return {
  execute = {
    arguments = { { "text", "expression" }, { "params", "params", optional = true } },
    summary = words.text_start,
    in_batch = true,
    result = function(_, affected)
      return affected
    end,
  },

  bulk_insert = {
    arguments = { { "table", "name" }, { "rows", "rows" } },
    options = { schema = "name", multiinsert = "boolean" },
    summary = words.row_count,
    result = function(operation)
      return #operation.rows
    end,
  },
}
