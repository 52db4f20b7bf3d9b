-- The operations that scripts call. Each is a row: its arguments, its options and what a person calls it; the call is
-- checked, rendered by the dialect of the connection and handed to statement.perform. A new operation is one more row
-- here and one render method in dialect/. Nothing here writes SQL.
--
-- From moonbird.statement it needs dialect() (of the connection that the script runs on) and perform(kind, summary,
-- statements).

local check = require("moonbird.check")
local sql = require("moonbird.sql")
local statement = require("moonbird.statement")

local op = {}

-- --- what a person calls an operation ---

local function place(operation)
  return operation.schema and operation.schema .. "." .. operation.table or operation.table
end

local function column_place(operation)
  local column = operation.column
  return place(operation) .. "." .. (type(column) == "table" and column.name or column)
end

local function index_place(operation)
  local name = operation.name
  if not operation.table then
    return name
  end
  return (name and name .. " " or "") .. "on " .. place(operation)
end

local function rename_place(operation)
  return place(operation) .. " to " .. operation.new_name
end

local SUMMARY_WIDTH = 60

-- The beginning of the SQL, on one line.
local function text_start(operation)
  local text = sql.text(operation.text):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text <= SUMMARY_WIDTH then
    return text
  end
  local width = SUMMARY_WIDTH
  while width > 0 and (text:byte(width + 1) & 0xc0) == 0x80 do
    width = width - 1
  end
  return text:sub(1, width) .. "..."
end

local function row_count(operation)
  return ("%s (%d %s)"):format(place(operation), #operation.rows, #operation.rows == 1 and "row" or "rows")
end

-- --- the machinery ---

-- Renders for the dialect of the connection; what the dialect refuses comes back as the second value.
local function render(dialect, operation)
  local done, result = pcall(dialect.render, dialect, operation)
  if done then
    return result
  elseif check.is_refusal(result) then
    return nil, ("op.%s: %s"):format(operation.kind, result.message)
  end
  error(result, 0)
end

-- Errors are raised at level 2: the line of the script that calls op.*.
local function define(kind, row)
  local signature = { name = "op." .. kind, kind = kind, arguments = row.arguments, options = row.options }
  op[kind] = function(...)
    local dialect = statement.dialect()
    local operation, problem = check.call(signature, table.pack(...), dialect)
    if not operation then
      error(problem, 2)
    end
    local statements
    statements, problem = render(dialect, operation)
    if not statements then
      error(problem, 2)
    end
    local affected = 0
    if #statements > 0 then
      affected = statement.perform(kind, kind .. " " .. row.summary(operation), statements, operation)
    end
    return row.result and row.result(operation, affected)
  end
end

local TABLE = { "table", "name" }

-- --- tables ---

define("create_table", {
  arguments = { TABLE, { "items", "items" } },
  options = { schema = "name", if_not_exists = "boolean", comment = "text", prefixes = "texts", info = "any" },
  summary = place,
  -- Alembic returns the table, so that it can be handed to bulk_insert; here a table is its name
  result = function(operation)
    return operation.table
  end,
})

define("drop_table", {
  arguments = { TABLE },
  options = { schema = "name", if_exists = "boolean" },
  summary = place,
})

define("rename_table", {
  arguments = { TABLE, { "new_name", "name" } },
  options = { schema = "name" },
  summary = rename_place,
})

-- --- columns ---

define("add_column", {
  arguments = { TABLE, { "column", "column" } },
  -- both inline_ options are what happens in any case
  options = {
    schema = "name",
    if_not_exists = "boolean",
    inline_references = "boolean",
    inline_primary_key = "boolean",
  },
  summary = column_place,
})

define("drop_column", {
  arguments = { TABLE, { "column", "name" } },
  options = { schema = "name", if_exists = "boolean" },
  summary = column_place,
})

-- --- indexes ---

define("create_index", {
  arguments = { { "name", "name", optional = true }, TABLE, { "columns", "elements" } },
  options = {
    schema = "name",
    unique = "boolean",
    if_not_exists = "boolean",
    where = "expression",
    using = "name",
    include = "names",
    concurrently = "boolean",
    ops = "scalars",
    with = "scalars",
    tablespace = "name",
    nulls_not_distinct = "boolean",
  },
  summary = index_place,
})

define("drop_index", {
  arguments = { { "name", "name" }, { "table", "name", optional = true } },
  options = { schema = "name", if_exists = "boolean", concurrently = "boolean" },
  summary = index_place,
})

-- --- data ---

define("execute", {
  arguments = { { "text", "expression" }, { "params", "params", optional = true } },
  summary = text_start,
  result = function(_, affected)
    return affected
  end,
})

define("bulk_insert", {
  arguments = { TABLE, { "rows", "rows" } },
  options = { schema = "name", multiinsert = "boolean" },
  summary = row_count,
  result = function(operation)
    return #operation.rows
  end,
})

return op
