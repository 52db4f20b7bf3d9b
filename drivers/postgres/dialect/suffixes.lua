-- What stands behind a CREATE statement of PostgreSQL: WITH (...), TABLESPACE and their like, as rows { option, text }.
-- Used by the modules of the dialect beside it.

local check = require("moonbird.check")
local sql = require("moonbird.sql")

local suffixes = {}

suffixes.with = {
  "with",
  function(self, options)
    local list = {}
    for index, name in ipairs(check.sorted_keys(options)) do
      local value = options[name]
      list[index] = ("%s = %s"):format(name, type(value) == "string" and self:literal(value) or tostring(value))
    end
    return (" WITH (%s)"):format(table.concat(list, ", "))
  end,
}

suffixes.tablespace = {
  "tablespace",
  function(self, name)
    return " TABLESPACE " .. self:ident(name)
  end,
}

suffixes.include = {
  "include",
  function(self, names)
    return (" INCLUDE (%s)"):format(self:ident_list(names))
  end,
}

suffixes.where = {
  "where",
  function(_, condition)
    return " WHERE " .. sql.text(condition)
  end,
}

--- The text of those rows whose option the operation has.
function suffixes.text(self, operation, rows)
  local text = ""
  for _, row in ipairs(rows) do
    local value = self:option(operation, row[1])
    text = text .. (value ~= nil and row[2](self, value) or "")
  end
  return text
end

return suffixes
