-- What `backfill plan` asks SQLite about a table: how it would read it, what hangs on its writes. Methods of the
-- dialect (../dialect.lua takes them in); `db` is a connection. Writes nothing.

local plan = {}

-- "SCAN people" goes through all of it, "SCAN people USING INDEX ..." along an index, "SEARCH ..." finds.
local function reads_all(line)
  local is_scan = line:find("^SCAN ") ~= nil and not line:find(" USING ")
  return is_scan or line:find("TEMP B-TREE FOR ORDER BY", 1, true) ~= nil
end

--- For each { sql =, values = }: the lines of its plan, and whether it reads the whole table or sorts it.
function plan.explain(_, db, statements)
  local list = {}
  for index, statement in ipairs(statements) do
    local entry = { lines = {}, reads_all = false }
    for number, row in ipairs(db:query("EXPLAIN QUERY PLAN " .. statement.sql, statement.values)) do
      entry.lines[number] = row.detail
      entry.reads_all = entry.reads_all or reads_all(row.detail)
    end
    list[index] = entry
  end
  return list
end

--- Names of the triggers on the table.
function plan:row_triggers(db, table_name, schema)
  local text = ([[
SELECT name FROM %ssqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY name]]):format(
    schema and self:ident(schema) .. "." or ""
  )
  local names = {}
  for index, row in ipairs(db:query(text, table_name)) do
    names[index] = row.name
  end
  return names
end

--- Indexes with their columns; one over an expression has the name `false` for it: it may depend on any column.
function plan.index_columns(_, db, table_name, schema)
  local text = ([[
SELECT l.name AS name, x.name AS column_name
FROM pragma_index_list(?%s) AS l JOIN pragma_index_xinfo(l.name%s) AS x
WHERE x.key = 1 OR x.cid = -2 ORDER BY l.name, x.seqno]]):format(schema and ", ?" or "", schema and ", ?" or "")
  local list = {}
  local rows = schema and db:query(text, table_name, schema, schema) or db:query(text, table_name)
  for _, row in ipairs(rows) do
    local last = list[#list]
    if not last or last.name ~= row.name then
      last = { name = row.name, columns = {} }
      list[#list + 1] = last
    end
    last.columns[#last.columns + 1] = row.column_name or false
  end
  return list
end

return plan
