-- What SQLite's schema tables and pragmas say of a table. Methods of the dialect (../dialect.lua takes them in); `db`
-- is a connection. Writes nothing.

local sql = require("moonbird.sql")

local catalog = {}

-- The arguments of a pragma function: the table, and the schema if there is one.
local function place_of(table_name, schema)
  if schema then
    return "?, ?", { table_name, schema }
  end
  return "?", { table_name }
end

local function table_row(db, table_name, schema)
  local text = [[
SELECT type, wr FROM pragma_table_list(?)
WHERE name = ? COLLATE NOCASE AND (? IS NULL OR schema = ? COLLATE NOCASE)
ORDER BY CASE schema WHEN 'temp' THEN 0 WHEN 'main' THEN 1 ELSE 2 END
LIMIT 1]]
  local place = schema or sql.null
  return db:query(text, table_name, table_name, place, place)[1]
end

function catalog.has_table(_, db, table_name, schema)
  return table_row(db, table_name, schema) ~= nil
end

local function index_columns(db, table_name, schema)
  local arguments, params = place_of(table_name, schema)
  local more = schema and ", ?" or ""
  local text = ([[
SELECT l.name AS name, l.origin AS origin, l.partial AS partial, l."unique" AS is_unique, x.name AS column_name
FROM pragma_index_list(%s) AS l
LEFT JOIN pragma_index_xinfo(l.name%s) AS x
WHERE x.key = 1
ORDER BY l.seq, x.seqno]]):format(arguments, more)
  params[#params + 1] = schema
  return db:query(text, table.unpack(params))
end

local function primary_columns(db, table_name, schema)
  local arguments, params = place_of(table_name, schema)
  local text = ("SELECT name FROM pragma_table_xinfo(%s) WHERE pk > 0 ORDER BY pk"):format(arguments)
  local names = {}
  for index, row in ipairs(db:query(text, table.unpack(params))) do
    names[index] = row.name
  end
  return names
end

-- The name of the column that is the rowid: a primary key of one column for which SQLite keeps no index of its own.
local function rowid_alias(db, table_name, schema)
  local place = table_row(db, table_name, schema)
  local primary = primary_columns(db, table_name, schema)
  if not place or place.type ~= "table" or #primary ~= 1 then
    return nil
  end
  for _, row in ipairs(index_columns(db, table_name, schema)) do
    if row.origin == "pk" then
      return nil
    end
  end
  return primary[1]
end

function catalog:columns(db, table_name, schema)
  local arguments, params = place_of(table_name, schema)
  local text = ([[
SELECT name, type, "notnull" AS is_required, dflt_value AS default_text, pk AS position, hidden
FROM pragma_table_xinfo(%s) WHERE hidden <> 1 ORDER BY cid]]):format(arguments)
  local rowid, list = rowid_alias(db, table_name, schema), {}
  for index, row in ipairs(db:query(text, table.unpack(params))) do
    list[index] = {
      name = row.name,
      type = row.type,
      transport = self:transport(row.type),
      nullable = row.is_required == 0 and row.name ~= rowid,
      default = row.default_text,
      generated = row.hidden == 2 or row.hidden == 3,
      identity = row.name == rowid,
      primary = row.position > 0 and row.position or nil,
    }
  end
  return list
end

-- The rows of index_columns as one entry an index; what is partial, not unique or has an expression is left out.
local function keys_of(rows)
  local keys, by_name, is_unfit = {}, {}, {}
  for _, row in ipairs(rows) do
    is_unfit[row.name] = is_unfit[row.name] or row.is_unique == 0 or row.partial == 1 or row.column_name == nil
    local key = by_name[row.name] or { name = row.name, columns = {}, primary = row.origin == "pk" }
    key.columns[#key.columns + 1] = row.column_name
    if not by_name[row.name] then
      by_name[row.name] = key
      keys[#keys + 1] = key
    end
  end
  local fit = {}
  for _, key in ipairs(keys) do
    fit[#fit + 1] = not is_unfit[key.name] and key or nil
  end
  return fit
end

function catalog.unique_keys(_, db, table_name, schema)
  local keys = keys_of(index_columns(db, table_name, schema))
  local rowid = rowid_alias(db, table_name, schema)
  if rowid then
    keys[#keys + 1] = { name = "PRIMARY KEY", columns = { rowid }, primary = true }
  end
  table.sort(keys, function(a, b)
    if a.primary ~= b.primary then
      return a.primary
    end
    return a.name < b.name
  end)
  return keys
end

local SAMPLE = 10000

-- How many rows, without reading the table: what ANALYZE found, else a count of up to SAMPLE rows, else how densely the
-- first rows stand times the span of the rowids.
function catalog:row_estimate(db, table_name, schema)
  local place = table_row(db, table_name, schema)
  if not place or place.type ~= "table" then
    return nil
  end
  local in_schema = schema and self:ident(schema) .. "." or ""
  if self:has_table(db, "sqlite_stat1", schema) then
    local text = ("SELECT stat FROM %ssqlite_stat1 WHERE tbl = ? COLLATE NOCASE"):format(in_schema)
    local row = db:query(text, table_name)[1]
    local count = row and tostring(row.stat):match("^%d+")
    if count then
      return math.tointeger(tonumber(count))
    end
  end
  local from = self:table_name(table_name, schema)
  local few = ("SELECT count(*) AS rows_seen FROM (SELECT 1 FROM %s LIMIT %d)"):format(from, SAMPLE + 1)
  local seen = db:query(few)[1].rows_seen
  if seen <= SAMPLE then
    return seen
  elseif place.wr == 1 then
    return nil
  end
  local span = db:query(([[
SELECT (SELECT min(rowid) FROM %s) AS low, (SELECT max(rowid) FROM %s) AS high,
  (SELECT rowid FROM %s ORDER BY rowid LIMIT 1 OFFSET %d) AS sample]]):format(from, from, from, SAMPLE))[1]
  return math.floor((span.high - span.low) * (SAMPLE / (span.sample - span.low)) + 1.5)
end

return catalog
