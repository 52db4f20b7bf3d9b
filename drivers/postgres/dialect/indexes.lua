-- Indexes of PostgreSQL. Methods of the dialect (../dialect.lua takes them in).

local base = require("moonbird.dialect")
local check = require("moonbird.check")
local list = require("moonbird.list")
local sql = require("moonbird.sql")
local suffixes = require("postgres.suffixes")

local indexes = {}

-- "created_at", "email text_pattern_ops": a list of names and expressions, each with its operator class, if it has one.
-- `ops` is by the name, or the text of the expression; `format(text, number)` adds what else an element has.
function indexes:elements_with_ops(elements, ops, format)
  local texts, unused = {}, {}
  for name in pairs(ops or {}) do
    unused[name] = true
  end
  for index, element in ipairs(elements) do
    local name = sql.text(element)
    local class = ops and ops[name]
    unused[name] = nil
    texts[index] = format(self:ident_list({ element }) .. (class and " " .. class or ""), index)
  end
  if next(unused) then
    check.refuse("ops names %s, which is not among the elements", check.sorted_keys(unused)[1])
  end
  return table.concat(texts, ", ")
end

local function plain(text)
  return text
end

local index_suffixes = {
  suffixes.include,
  {
    "nulls_not_distinct",
    function(_, value)
      return value and " NULLS NOT DISTINCT" or " NULLS DISTINCT"
    end,
  },
  suffixes.with,
  suffixes.tablespace,
  suffixes.where,
}

function indexes:index_text(operation)
  local using = self:option(operation, "using")
  return ("CREATE %sINDEX %s%s%s ON %s%s (%s)%s"):format(
    operation.unique and "UNIQUE " or "",
    self:option(operation, "concurrently") and "CONCURRENTLY " or "",
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:ident(self:index_name(operation)),
    self:table_name(operation.table, operation.schema),
    using and " USING " .. using or "",
    self:elements_with_ops(operation.columns, self:option(operation, "ops"), plain),
    suffixes.text(self, operation, index_suffixes)
  )
end

-- --- concurrently ---

local BUILT = [[
SELECT EXISTS (
  SELECT 1 FROM pg_catalog.pg_index
  WHERE indexrelid = to_regclass(CAST(? AS text)) AND indrelid = to_regclass(CAST(? AS text)) AND %s
)]]

local function place_text(self, name, schema)
  return (schema and self:quote(schema) .. "." or "") .. self:quote(name)
end

-- A query: is there such an index on the table, and is it valid, or not?
local function built(self, operation, validity)
  local schema = operation.schema
  local index, table_ = self:index_name(operation), operation.table
  return { BUILT:format(validity), { place_text(self, index, schema), place_text(self, table_, schema) } }
end

-- A build that was broken off leaves an index behind that is not valid: nobody can use it, and its name is taken.
local function clear_invalid(self, operation)
  local place = self:table_name(self:index_name(operation), operation.schema)
  return {
    "DROP INDEX CONCURRENTLY IF EXISTS " .. place,
    when = built(self, operation, "NOT indisvalid"),
    clears = true,
  }
end

function indexes:render_create_index(operation)
  if not self:option(operation, "concurrently") then
    return base.render_create_index(self, operation)
  end
  local statement = { self:index_text(operation), done = built(self, operation, "indisvalid") }
  local statements = { clear_invalid(self, operation), statement }
  list.add_all(statements, self:after_items(operation, { self:added_index(operation) }))
  return statements
end

function indexes:render_drop_index(operation)
  local name, schema = self:settled_name(operation, operation), operation.schema
  local is_concurrent = self:option(operation, "concurrently")
  local text = ("DROP INDEX %s%s%s"):format(
    is_concurrent and "CONCURRENTLY " or "",
    operation.if_exists and "IF EXISTS " or "",
    self:table_name(name, schema)
  )
  if not is_concurrent then
    return { text }
  end
  return { { text, done = { "SELECT to_regclass(CAST(? AS text)) IS NULL", { place_text(self, name, schema) } } } }
end

return indexes
