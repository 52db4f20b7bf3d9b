-- create_index.lua: what the texts of indexes, views and triggers in sqlite_schema say. Used by schema.lua and the
-- rebuild; asks no database.

local tokens = require("sqlite.tokens")

local create_index = {}

-- CREATE [UNIQUE] INDEX name ...: the cursor stands at the name afterwards.
local function pass_head(cursor, kind)
  cursor:expect("CREATE")
  local is_unique = cursor:accept("UNIQUE")
  if cursor:word() == "TEMP" or cursor:word() == "TEMPORARY" then
    cursor.at = cursor.at + 1
  end
  cursor:expect(kind)
  cursor:accept("IF", "NOT", "EXISTS")
  return is_unique
end

--- { name, table, unique, elements, where } of a CREATE INDEX.
function create_index.parse(text)
  local cursor = tokens.cursor(text, "an index")
  local index = { unique = pass_head(cursor, "INDEX") }
  index.name = cursor:name()
  if cursor:accept_mark(".") then
    index.name = cursor:name()
  end
  cursor:expect("ON")
  index.table = cursor:name()
  index.elements = cursor:elements()
  if cursor:accept("WHERE") then
    index.where = cursor.text:sub(cursor:token().from):gsub("[%s;]+$", "")
  end
  return index
end

--- The columns that a view names, if it does, and its query.
function create_index.view(text)
  local cursor = tokens.cursor(text, "a view")
  pass_head(cursor, "VIEW")
  cursor:name()
  local columns
  if cursor:is_mark("(") then
    columns = {}
    for index, element in ipairs(cursor:elements()) do
      columns[index] = element.name
    end
  end
  cursor:expect("AS")
  return cursor.text:sub(cursor:token().from), columns
end

--- The statement with a schema (quoted) in front of the name: CREATE INDEX main.i ON t (a).
function create_index.in_schema(text, kind, schema)
  if not schema then
    return text
  end
  local cursor = tokens.cursor(text, "an " .. kind:lower())
  pass_head(cursor, kind)
  local from = cursor:token().from
  return text:sub(1, from - 1) .. schema .. "." .. text:sub(from)
end

return create_index
