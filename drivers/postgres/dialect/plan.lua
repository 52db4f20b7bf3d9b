-- What `backfill plan` asks PostgreSQL about a table: how the planner would read it, what hangs on its writes. Methods
-- of the dialect (../dialect.lua takes them in); `db` is a connection. Writes nothing.

local sql = require("moonbird.sql")

local plan = {}

local function lines_of(rows)
  local lines = {}
  for index, row in ipairs(rows) do
    lines[index] = row["QUERY PLAN"]
  end
  return lines
end

-- A small table is read as a whole, and sorted, however good its index is: with that forbidden, only what no index
-- serves is left.
local function explain_all(self, db, statements, list)
  for _, way in ipairs({ "seqscan", "bitmapscan", "sort" }) do
    db:exec(("SET LOCAL enable_%s = off"):format(way))
  end
  for index, statement in ipairs(statements) do
    local lines = lines_of(db:query("EXPLAIN " .. statement.sql, statement.values))
    local text = table.concat(lines, "\n")
    local scans = text:find("Seq Scan on " .. self:ident(statement.table), 1, true) ~= nil
    list[index] = { lines = lines, reads_all = scans or text:find("%f[%a]Sort Key:") ~= nil }
  end
end

--- For each { sql =, values =, table = }: the lines of its plan, and whether it reads the whole table or sorts it.
function plan:explain(db, statements)
  local list = {}
  db:exec("BEGIN READ ONLY")
  local ok, problem = pcall(explain_all, self, db, statements, list)
  db:exec("ROLLBACK")
  if not ok then
    error(problem, 0)
  end
  return list
end

local function quoted_place(self, table_name, schema)
  return (schema and self:quote(schema) .. "." or "") .. self:quote(table_name)
end

--- Names of the triggers that a write of a row fires.
function plan:row_triggers(db, table_name, schema)
  local text = [[
SELECT tgname AS name FROM pg_catalog.pg_trigger
WHERE tgrelid = to_regclass(CAST(? AS text)) AND NOT tgisinternal AND tgenabled <> 'D' AND (tgtype & 28) <> 0
ORDER BY tgname]]
  local names = {}
  for index, row in ipairs(db:query(text, quoted_place(self, table_name, schema))) do
    names[index] = row.name
  end
  return names
end

--- Indexes with the columns that they depend on, in keys, expressions and predicates.
function plan:index_columns(db, table_name, schema)
  local text = [[
SELECT i.relname AS name, a.attname AS column_name
FROM pg_catalog.pg_index AS x
JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum > 0
WHERE x.indrelid = to_regclass(CAST(? AS text))
  AND (a.attnum = ANY (x.indkey) OR EXISTS (
    SELECT 1 FROM pg_catalog.pg_depend AS d
    WHERE d.classid = CAST('pg_class' AS regclass) AND d.objid = x.indexrelid
      AND d.refclassid = CAST('pg_class' AS regclass) AND d.refobjid = x.indrelid AND d.refobjsubid = a.attnum))
ORDER BY i.relname, a.attnum]]
  local list = {}
  for _, row in ipairs(db:query(text, quoted_place(self, table_name, schema))) do
    local last = list[#list]
    if not last or last.name ~= row.name then
      last = { name = row.name, columns = {} }
      list[#list + 1] = last
    end
    last.columns[#last.columns + 1] = row.column_name
  end
  return list
end

local function element(value, transport)
  if sql.is_null(value) then
    return "NULL"
  elseif type(value) == "boolean" then
    return value and "t" or "f"
  elseif type(value) == "number" then
    return tostring(value)
  end
  local text = type(value) == "table" and value[1] or value
  if transport == "bytes" then
    text = "\\x" .. text:gsub(".", function(byte)
      return ("%02x"):format(byte:byte())
    end)
  end
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

--- A list of values as the text of an array, for update_rows and its like.
function plan.array_text(_, values, transport)
  local list = {}
  for index, value in ipairs(values) do
    list[index] = element(value, transport)
  end
  return "{" .. table.concat(list, ",") .. "}"
end

return plan
