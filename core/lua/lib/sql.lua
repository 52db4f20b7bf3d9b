-- Values that need a word of their own: `sql "now()"` is raw SQL text, `blob "..."` is bytes. Everything in the library
-- that renders or binds a value asks here what it is; C knows both by the __name of their metatable, and their text
-- stands in field 1. Knows no dialect and no operation.

local null = require("moonbird.host").null

local Sql = { __name = "moonbird.sql" }
local Blob = { __name = "moonbird.blob" }

Sql.__tostring = function(value)
  return value[1]
end

Sql.__eq = function(a, b)
  return a[1] == b[1]
end

Blob.__len = function(value)
  return #value[1]
end

Blob.__eq = Sql.__eq

local sql = { null = null }

local function text_of(name, value)
  if type(value) ~= "string" then
    local what = value == nil and "nothing" or "a " .. type(value)
    error(("%s: argument 1 must be a string, got %s"):format(name, what), 3)
  end
  return value
end

function sql.new(text)
  return setmetatable({ text_of("sql", text) }, Sql)
end

function sql.blob(bytes)
  return setmetatable({ text_of("blob", bytes) }, Blob)
end

function sql.is(value)
  return getmetatable(value) == Sql
end

function sql.is_blob(value)
  return getmetatable(value) == Blob
end

function sql.is_null(value)
  return value == nil or value == null
end

-- The text of `sql "..."`, or of a plain string where a string can only mean SQL.
function sql.text(value)
  return sql.is(value) and value[1] or value
end

return setmetatable(sql, {
  __call = function(_, text)
    return setmetatable({ text_of("sql", text) }, Sql)
  end,
})
