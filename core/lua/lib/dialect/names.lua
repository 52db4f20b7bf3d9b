-- Names in SQL: how they are quoted, put together and cut. Methods of the base dialect (../dialect.lua takes them in).

local check = require("moonbird.check")
local host = require("moonbird.host")
local naming = require("moonbird.naming")
local sql = require("moonbird.sql")

local names = {}

-- Always quoted.
function names.quote(_, name)
  if type(name) ~= "string" or name == "" then
    check.refuse("a name must be a string that is not empty, got %s", check.describe(name))
  elseif name:find("\0", 1, true) then
    check.refuse("the name %q holds a NUL byte, which no identifier may", name)
  end
  return '"' .. name:gsub('"', '""') .. '"'
end

-- Quoted where it must be: what a person would write.
function names:ident(name)
  local quoted = self:quote(name)
  if name:find("^[a-z_][a-z0-9_]*$") and not self.reserved[name] then
    return name
  end
  return quoted
end

function names:table_name(name, schema)
  if schema == nil then
    return self:ident(name)
  end
  return self:ident(schema) .. "." .. self:ident(name)
end

-- "a, b" from names; `sql "..."` stays as it is.
function names:ident_list(given)
  local list = {}
  for index, name in ipairs(given) do
    list[index] = sql.is(name) and sql.closed_text(name) or self:ident(name)
  end
  return table.concat(list, ", ")
end

-- Cuts a name that we made up to what the database keeps, as SQLAlchemy does; never inside a UTF-8 character.
function names:fit_name(name)
  local limit = self.max_identifier
  if not limit or #name <= limit then
    return name
  end
  local length = limit - 8
  while length > 0 and (name:byte(length + 1) & 0xc0) == 0x80 do
    length = length - 1
  end
  return name:sub(1, length) .. "_" .. host.md5(name):sub(-4)
end

-- The name of a constraint or an index on the table of `operation`: as given, or by the naming convention that the
-- operation carries; nil if it has none.
function names:settled_name(item, operation)
  local name, is_made = naming.name_of(item, operation, operation.naming_convention)
  return is_made and self:fit_name(name) or name
end

-- The item with a name that it needs and has not, where the database's own is known beforehand.
function names.with_needed_name(_, item)
  return item
end

-- The item with its settled name.
function names:named(item, operation)
  local name = self:settled_name(item, operation)
  local named = name == item.name and item or setmetatable({ name = name }, { __index = item })
  return self:with_needed_name(named, operation)
end

-- An index without a name gets Alembic's: ix_table_column, ix_schema_table_column.
function names:index_name(index)
  local name = self:settled_name(index, index)
  if name then
    return name
  end
  local words = { "ix", naming.label_of(index) }
  for _, element in ipairs(index.columns) do
    if sql.is(element) then
      check.refuse("an index on an expression must have a name")
    end
    words[#words + 1] = element
  end
  return self:fit_name(table.concat(words, "_"))
end

return names
