-- What several models have.
local common = {}

function common.created_at()
  return column("created_at", types.timestamp({ timezone = true }), { nullable = false, server_default = sql("now()") })
end

--- A column that refers to another table, with an index, because those rows are looked up by it. `ondelete` says what
--- happens to its row when that one goes; one that is set to NULL may be NULL.
function common.belongs_to(name, type, target, ondelete)
  local reference = { target, ondelete = ondelete }
  return column(name, type, { nullable = ondelete == "SET NULL", references = reference, index = true })
end

return common
