-- reference.lua: columns of another table as scripts write them: "table.column", "schema.table.column", or by name
-- where a name has a dot: { table = "a.b", column = "c", schema = "s" }. Used by items.lua, by models and by
-- dialects; pure.

local reference = {}

local function has_dot(name)
  return name ~= nil and name:find(".", 1, true) ~= nil
end

--- { table =, column =, schema = }; nil for a text that names no column.
function reference.parse(value)
  if type(value) == "table" then
    return { table = value.table, column = value.column, schema = value.schema }
  end
  local place, column = value:match("^(.+)%.([^.]+)$")
  if not place then
    return nil
  end
  local schema, name = place:match("^(.+)%.([^.]+)$")
  return { table = name or place, column = column, schema = schema }
end

--- The text that parse() takes apart to the same; nil where a name has a dot, so that no text does.
function reference.text(place)
  if has_dot(place.table) or has_dot(place.column) or has_dot(place.schema) then
    return nil
  end
  return (place.schema and place.schema .. "." or "") .. place.table .. "." .. place.column
end

--- Is it the same column? Either may be nil.
function reference.same(a, b)
  if a == nil or b == nil then
    return a == b
  end
  return a.table == b.table and a.column == b.column and a.schema == b.schema
end

return reference
