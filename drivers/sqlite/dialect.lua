-- The SQLite dialect: what differs from the base dialect (core/lua/lib/dialect.lua), which the host hands in. Type
-- names keep Alembic's spelling where their affinity keeps values as they are.

local base = ...
local check = require("moonbird.check")
local sql = require("moonbird.sql")

local dialect = setmetatable({
  name = "sqlite",
  max_params = 32766,
}, { __index = base })

-- All keywords that sqlite3_keyword_name() knows (3.40): the manual asks to quote every one of them.
dialect.reserved = base.word_set([[
  abort action add after all alter always analyze and as asc attach autoincrement before begin between by cascade case
  cast check collate column commit conflict constraint create cross current current_date current_time current_timestamp
  database default deferrable deferred delete desc detach distinct do drop each else end escape except exclude exclusive
  exists explain fail filter first following for foreign from full generated glob group groups having if ignore
  immediate in index indexed initially inner insert instead intersect into is isnull join key last left like limit match
  materialized natural no not nothing notnull null nulls of offset on or order others outer over partition plan pragma
  preceding primary query raise range recursive references regexp reindex release rename replace restrict returning
  right rollback row rows savepoint select set table temp temporary then ties to transaction trigger unbounded union
  unique update using vacuum values view virtual when where window with within without
  true false
]])

dialect.words = {
  text = "TEXT",
  bigint = "INTEGER",
  integer = "INTEGER",
  double = "REAL",
  timestamp = "TEXT",
  boolean = "BOOLEAN",
  json = "TEXT",
  true_ = "1",
  false_ = "0",
  now = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00:00'", -- as Moonbird itself writes a moment
}

-- Options of operations that only SQLite has.
dialect.options = {
  create_table = { autoincrement = "boolean", with_rowid = "boolean", strict = "boolean" },
}

-- --- values ---

function dialect.boolean_literal(_, value)
  return value and "1" or "0"
end

function dialect:float_literal(value)
  if value == math.huge or value == -math.huge then
    return value > 0 and "9e999" or "-9e999"
  end
  return base.float_literal(self, value)
end

-- now() is what everybody writes; SQLite calls it CURRENT_TIMESTAMP.
function dialect.expression(_, value)
  local text = sql.text(value)
  return text:lower():match("^%s*now%s*%(%s*%)%s*$") and "CURRENT_TIMESTAMP" or text
end

-- DEFAULT takes a literal or a word; any other expression must stand in parentheses.
function dialect:default_text(value)
  local text = self:literal(value)
  if not sql.is(value) then
    return text
  end
  local is_simple = text:find("^[%a_][%w_]*$") or text:find("^[+-]?[%d.]+$") or text:find("^'[^']*'$")
  return (is_simple or text:find("^%b()$")) and text or self:condition(text)
end

-- --- types ---

-- The longest value, counted in characters.
local function enum_name(_, type_)
  local longest = 1
  for _, value in ipairs(type_.values) do
    longest = math.max(longest, utf8.len(value) or #value)
  end
  return ("VARCHAR(%d)"):format(longest)
end

local function array_name()
  check.refuse("SQLite has no arrays; store the list as types.json()")
end

-- INTERVAL would have integer affinity and UUID numeric affinity: "00" would become 0.
dialect.type_names = {
  smallint = "INTEGER",
  integer = "INTEGER",
  bigint = "INTEGER",
  boolean = "BOOLEAN",
  text = "TEXT",
  varchar = base.sized("VARCHAR"),
  char = base.sized("CHAR"),
  float = "FLOAT",
  double = "DOUBLE",
  numeric = base.numeric_name,
  date = "DATE",
  time = "TIME",
  timestamp = "DATETIME",
  interval = "TEXT",
  blob = "BLOB",
  json = "JSON",
  jsonb = "JSON",
  uuid = "CHAR(36)",
  enum = enum_name,
  array = array_name,
  raw = base.raw_name,
}

-- As in SQLAlchemy, only where it is asked for: types.enum("mood", { ... }, { create_constraint = true }).
function dialect:enum_check(column)
  local type_ = column.type
  if type_.kind ~= "enum" or not type_.create_constraint then
    return nil
  end
  local values = {}
  for index, value in ipairs(type_.values) do
    values[index] = self:string_literal(value)
  end
  return ("CONSTRAINT %s CHECK (%s IN (%s))"):format(
    self:ident(type_.name),
    self:ident(column.name),
    table.concat(values, ", ")
  )
end

-- --- tables ---

-- A single integer column is the rowid under another name; that form also takes AUTOINCREMENT.
function dialect.is_primary_inline(_, column, primary)
  local kind = column.type.kind
  local is_integer = kind == "integer" or kind == "bigint" or kind == "smallint"
  return is_integer and #primary.columns == 1 and primary.columns[1] == column.name
end

-- The rowid is numbered by itself; any other column would stay empty.
function dialect:identity_text(column, primary)
  local is_asked = column.autoincrement == true or column.identity
  if is_asked and not (primary and self:is_primary_inline(column, primary)) then
    check.refuse("column %s: SQLite numbers only a primary key of one integer column", column.name)
  end
end

function dialect.constraint_suffix(_, item)
  if item.kind == "primary_key" and item.autoincrement then
    return " AUTOINCREMENT"
  end
  return ""
end

function dialect:primary_of(items, operation)
  local primary = base.primary_of(self, items)
  if not (operation and self:option(operation, "autoincrement")) then
    return primary
  end
  for _, column in ipairs(self.columns_of(items)) do
    if primary and self:is_primary_inline(column, primary) then
      return setmetatable({ autoincrement = true }, { __index = primary })
    end
  end
  check.refuse("sqlite_autoincrement needs a primary key of one integer column")
end

function dialect:unique_words(item)
  self:refuse_options(item, { "nulls_not_distinct", "include" })
  return "UNIQUE"
end

-- SQLite checks keys within one file: a schema in front of the other table is a syntax error.
function dialect:referent(item)
  if item.referent_schema then
    check.refuse("a foreign key cannot name the schema %s of the other table in SQLite", item.referent_schema)
  end
  return base.referent(self, item)
end

function dialect:table_suffix(operation)
  local words = {}
  if self:option(operation, "with_rowid") == false then
    words[#words + 1] = "WITHOUT ROWID"
  end
  if self:option(operation, "strict") then
    words[#words + 1] = "STRICT"
  end
  return #words > 0 and " " .. table.concat(words, ", ") or ""
end

-- --- columns of a table that exists ---

function dialect.check_added_column(_, column)
  if column.primary_key then
    check.refuse("SQLite cannot add a PRIMARY KEY column (%s) to a table that exists", column.name)
  elseif column.unique and not column.index then
    check.refuse(
      'SQLite cannot add a UNIQUE column (%s); add it without, then op.create_index("uq_...", table, { "%s" }, '
        .. "{ unique = true })",
      column.name,
      column.name
    )
  end
end

-- IF [NOT] EXISTS, which SQLite has not for columns: a statement that runs only where the guard is true.
local function guarded(text, operation, column, is_wanted)
  local arguments, params = "?", { operation.table }
  if operation.schema then
    arguments, params = "?, ?", { operation.table, operation.schema }
  end
  params[#params + 1] = column
  local guard = ("SELECT %s (SELECT 1 FROM pragma_table_xinfo(%s) WHERE name = ? COLLATE NOCASE)"):format(
    is_wanted and "EXISTS" or "NOT EXISTS",
    arguments
  )
  return { text, when = { guard, params } }
end

function dialect:add_column_statement(operation, definition)
  local place = self:table_name(operation.table, operation.schema)
  local text = ("ALTER TABLE %s ADD COLUMN %s"):format(place, definition)
  return operation.if_not_exists and guarded(text, operation, operation.column.name, false) or text
end

function dialect:drop_column_statement(operation)
  local place = self:table_name(operation.table, operation.schema)
  local text = ("ALTER TABLE %s DROP COLUMN %s"):format(place, self:ident(operation.column))
  return operation.if_exists and guarded(text, operation, operation.column, true) or text
end

-- --- indexes ---

-- The schema stands at the index. CONCURRENTLY has no meaning where a writer has the whole file to itself.
function dialect:index_text(operation)
  self:refuse_options(operation, { "using", "include", "ops", "with", "tablespace", "nulls_not_distinct" })
  local name = operation.name or self:index_name(operation.table, operation.columns)
  local where = self:option(operation, "where")
  return ("CREATE %sINDEX %s%s ON %s (%s)%s"):format(
    operation.unique and "UNIQUE " or "",
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:table_name(name, operation.schema),
    self:ident(operation.table),
    self:ident_list(operation.columns),
    where and " WHERE " .. sql.text(where) or ""
  )
end

-- --- transactions ---

function dialect.begin_sql(_, mode)
  return mode == "revision" and "BEGIN IMMEDIATE" or "BEGIN"
end

-- These fail in a transaction, or (PRAGMA foreign_keys) silently do nothing.
local outside_pragmas = { foreign_keys = true, journal_mode = true, synchronous = true, page_size = true }

function dialect.outside_transaction(_, text)
  local words = base.leading_words(text)
  if words:find("^VACUUM") or words:find("^DETACH ") then
    return true
  end
  local pragma = words:match("^PRAGMA ([%w_]+) ?[=(]") or words:match("^PRAGMA [%w_]+%.([%w_]+) ?[=(]")
  return pragma ~= nil and outside_pragmas[pragma:lower()] == true
end

-- --- backfills ---

dialect.distinct_words = "IS NOT"
dialect.backfill_target_ms = 100 -- writers wait for the whole batch

function dialect.batch_begin()
  return "BEGIN IMMEDIATE"
end

-- A value keeps the type that it has in Lua; only bytes that came as a string must say so.
function dialect.transport(_, type_text)
  local name = type_text:upper()
  if name:find("BLOB", 1, true) then
    return "bytes"
  end
  return name:find("BOOL", 1, true) and "bool" or "any"
end

local function key_transports(self, t)
  local list = {}
  for index in ipairs(t.key) do
    list[index] = t.key_transports and t.key_transports[index] or self:transport(t.key_types[index])
  end
  return list
end

-- "id = ?1 AND part = ?2"
local function key_condition(self, t)
  local list = {}
  for index, name in ipairs(t.key) do
    list[index] = ("%s = ?%d"):format(self:ident(name), index)
  end
  return table.concat(list, " AND ")
end

function dialect:update_rows(t, columns)
  local transports, assignments = key_transports(self, t), {}
  for index, column in ipairs(columns) do
    assignments[index] = ("%s = ?%d"):format(self:ident(column.name), #t.key + index)
    transports[#transports + 1] = column.transport
  end
  local text = ("UPDATE %s SET %s WHERE %s"):format(
    self:table_name(t.table, t.schema),
    table.concat(assignments, ", "),
    key_condition(self, t)
  )
  return { sql = text, bind = "each", transports = transports }
end

function dialect:delete_rows(t)
  local text = ("DELETE FROM %s WHERE %s"):format(self:table_name(t.table, t.schema), key_condition(self, t))
  return { sql = text, bind = "each", transports = key_transports(self, t) }
end

function dialect:insert_rows(table_name, schema, columns)
  local names, places, transports = {}, {}, {}
  for index, column in ipairs(columns) do
    names[index], places[index], transports[index] = column.name, "?" .. index, column.transport
  end
  local text = ("INSERT INTO %s (%s) VALUES (%s)"):format(
    self:table_name(table_name, schema),
    self:ident_list(names),
    table.concat(places, ", ")
  )
  return { sql = text, bind = "each", transports = transports }
end

-- --- catalog ---

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

function dialect.has_table(_, db, table_name, schema)
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

function dialect:columns(db, table_name, schema)
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

function dialect.unique_keys(_, db, table_name, schema)
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
function dialect:row_estimate(db, table_name, schema)
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

return dialect
