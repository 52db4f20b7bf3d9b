-- How batches of a backfill begin, and how their rows reach PostgreSQL: as arrays, for unnest(). Methods of the dialect
-- (../dialect.lua takes them in); the rest of a backfill's SQL is the base dialect's (core/lua/lib/keyset.lua).

local base = require("moonbird.dialect")
local sql = require("moonbird.sql")

local backfill = {}

-- The type to cast to: without its modifiers, because an explicit cast to varchar(3) cuts silently where an assignment
-- raises an error; and by the names that mean "no modifier" where the plain name means length 1.
function backfill.cast_type(_, type_text)
  local text = type_text:gsub('"[^"]*"', function(quoted)
    return (quoted:gsub("[()]", { ["("] = "\1", [")"] = "\2" }))
  end)
  text = text:gsub("%s*%b()", ""):gsub("\1", "("):gsub("\2", ")")
  local element, brackets = text:match("^(.-)([%[%]]*)$")
  if element == "character" then
    element = "bpchar"
  elseif element == "bit" then
    element = '"bit"'
  elseif element:find("^interval ") then
    element = "interval"
  end
  return element .. brackets
end

local transports = {
  smallint = "int64",
  integer = "int64",
  bigint = "int64",
  oid = "int64",
  real = "float64",
  ["double precision"] = "float64",
  boolean = "bool",
  bytea = "bytes",
}

function backfill:transport(type_text)
  return transports[self:cast_type(type_text)] or "text"
end

local array_types = {
  int64 = "bigint[]",
  float64 = "double precision[]",
  bool = "boolean[]",
  text = "text[]",
  bytes = "bytea[]",
  any = "text[]",
}

local transport_types =
  { int64 = "bigint", float64 = "double precision", bool = "boolean", text = "text", bytes = "bytea", any = "text" }

-- An integer that is sent as int4 or int8, a text without a type: with the cast the index serves whatever comes.
function backfill:key_parameter(t, index)
  if not t.key_types then
    return "?" -- in a script, where a variable stands that has the column's type
  end
  return ("CAST(? AS %s)"):format(self:cast_type(t.key_types[index]))
end

-- Types without an equality operator are compared as text; values are compared as they will be stored.
local without_equality = { json = true, xml = true, point = true, polygon = true, box = true, path = true }
local with_modifier = { numeric = true, time = true, timestamp = true, interval = true }

function backfill:differs(t, name, text)
  local type_text = t.column_types and t.column_types[name]
  if t.column_kinds and t.column_kinds[name] == "json" then
    type_text = "json"
  end
  if not type_text then
    return base.differs(self, t, name, text)
  elseif without_equality[type_text] then
    return ("CAST(%s AS text) IS DISTINCT FROM CAST(%s AS text)"):format(self:ident(name), text)
  end
  local target = with_modifier[type_text:match("^%a+")] and type_text or self:cast_type(type_text)
  return ("%s IS DISTINCT FROM CAST(%s AS %s)"):format(self:ident(name), text, target)
end

function backfill.lock_words()
  return " FOR NO KEY UPDATE"
end

-- The transaction that has written a row: another version of it has another one, while ours is open. Only where each
-- row has it: no foreign table or other storage among the parts, no rule instead of the table; and who may read only
-- some columns may not read this one.
local HAS_VERSIONS = [[
WITH RECURSIVE part AS (
  SELECT to_regclass(%s)::oid AS id
  UNION ALL
  SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i JOIN part AS p ON p.id = i.inhparent)
SELECT bool_and((c.relkind = 'p' OR c.relkind = 'r' AND a.amname = 'heap') AND NOT c.relhasrules
  AND has_table_privilege(c.oid, 'SELECT'))
FROM part AS p JOIN pg_catalog.pg_class AS c ON c.oid = p.id LEFT JOIN pg_catalog.pg_am AS a ON a.oid = c.relam]]

function backfill:row_version(connection, table_name, schema)
  local place = self:literal((schema and self:quote(schema) .. "." or "") .. self:quote(table_name))
  return connection:scalar(HAS_VERSIONS:format(place)) and { "xmin" } or nil
end

-- A partitioned table's index holds over all its parts, that of a table from which others inherit for itself alone.
function backfill:may_have_twins(connection, table_name, schema)
  local place = self:literal((schema and self:quote(schema) .. "." or "") .. self:quote(table_name))
  local text = [[
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.inhparent
  WHERE c.oid = to_regclass(%s) AND c.relkind <> 'p')]]
  return connection:scalar(text:format(place))
end

function backfill:hidden_from(connection, table_name, schema)
  local place = self:literal((schema and self:quote(schema) .. "." or "") .. self:quote(table_name))
  local text = "SELECT current_user WHERE row_security_active(CAST(to_regclass(%s) AS oid))"
  return connection:scalar(text:format(place))
end

-- Types whose values are never wide; so are texts and numbers with a length that is not.
local narrow = {}
for name in ("smallint,integer,bigint,real,double precision,boolean,date,uuid,oid,money,inet,cidr"):gmatch("[^,]+") do
  narrow[name] = true
end
local NARROW_CHARACTERS = 255

local function is_narrow(type_text)
  local length = tonumber(type_text:match("^character[%a ]*%((%d+)%)$") or type_text:match("^numeric%((%d+)"))
  local is_time = type_text:find("^time") or type_text:find("^interval")
  return narrow[type_text] or is_time or length and length <= NARROW_CHARACTERS
end

-- A value may be compressed, in the row or behind it (TOAST), to a hundredth of what is sent. How long a text or a
-- bytea is in full stands in its head; others that are compressed must be made whole for it, on the server.
local function value_bytes(column, type_text, knows_compression)
  if type_text == "text" or type_text == "bytea" or type_text:find("^character") then
    return ("octet_length(%s)"):format(column)
  end
  local whole = ("octet_length(CAST(%s AS text))"):format(column)
  if not knows_compression then
    return whole
  end
  local words = "CASE WHEN pg_column_compression(%s) IS NULL THEN pg_column_size(%s) ELSE %s END"
  return words:format(column, column, whole)
end

function backfill:row_bytes(connection, t)
  local knows = connection:scalar("SELECT to_regproc('pg_catalog.pg_column_compression') IS NOT NULL") -- since 14
  local columns, values, least = {}, {}, 0
  for _, list in ipairs({ t.key, t.columns }) do
    for _, name in ipairs(list) do
      local type_text = t.column_types[name]
      least = least + 8
      if not is_narrow(type_text) then
        values[name] = value_bytes(self:ident(name), type_text, knows)
        columns[#columns + 1] = ("coalesce(%s, 0)"):format(values[name])
      end
    end
  end
  if #columns == 0 then
    return least
  end
  return ("%d + %s"):format(least, table.concat(columns, " + ")), values
end

function backfill:batch_begin(timeouts)
  local list = { "BEGIN ISOLATION LEVEL READ COMMITTED" }
  local function set(name, value)
    list[#list + 1] = value and ("SET LOCAL %s = %d"):format(name, math.ceil(value)) or nil
  end
  set("lock_timeout", timeouts.lock_timeout_ms)
  set("statement_timeout", timeouts.statement_timeout_ms)
  set("idle_in_transaction_session_timeout", timeouts.idle_timeout_ms)
  if timeouts.application_name then
    list[#list + 1] = "SET LOCAL application_name = " .. self:literal(timeouts.application_name)
  end
  list[#list + 1] = "SET LOCAL synchronous_commit = off"
  -- rows are found by one walk along the key's index where the planner knows how many there are, else one by one
  list[#list + 1] = "SET LOCAL plan_cache_mode = force_custom_plan"
  return table.concat(list, "; ")
end

function backfill.batch_sync()
  return "SET LOCAL synchronous_commit = on"
end

backfill.update_needs_key = true

-- "name_1, name_2": a variable for each column of the key
local function variables(t, name)
  local list = {}
  for index in ipairs(t.key) do
    list[index] = ("moonbird_%s_%d"):format(name, index)
  end
  return list
end

local function row_of(list)
  return #list == 1 and list[1] or "(" .. table.concat(list, ", ") .. ")"
end

-- Assignments, a line each.
local function assignment_lines(to, from, blanks)
  local lines = {}
  for index, name in ipairs(to) do
    lines[index] = ("%s%s := %s;\n"):format(blanks, name, from[index])
  end
  return table.concat(lines)
end

-- The lines of a batch: where it ends (`from` as in range_predicate), its update, its commit. Only beginnings of
-- statements are indented: a string in them may hold line ends of its own.
local function batch_lines(self, t, set, size, from, v, blanks)
  local hop, update = {}, {}
  for index in ipairs(t.key) do
    hop[index], update[index] = v.low[index], v.low[index]
  end
  for index in ipairs(t.key) do
    hop[#hop + 1], update[#update + 1] = v.last[index], v.high[index]
  end
  hop[#hop + 1] = tostring(size - 1)
  return table.concat({
    blanks .. sql.fill(self:hop(t, from), hop) .. " INTO " .. table.concat(v.high, ", ") .. ";\n",
    blanks .. "IF NOT FOUND THEN\n",
    assignment_lines(v.high, v.last, blanks .. "  "),
    blanks .. "END IF;\n",
    blanks .. sql.fill(self:update_range(t, set, from), update) .. ";\n",
    blanks .. "COMMIT;\n",
  })
end

-- A quote that the text does not hold.
local function dollar_quote(text)
  local tag = "$moonbird$"
  while text:find(tag, 1, true) do
    tag = tag:gsub("%$$", "_$")
  end
  return tag .. "\n" .. text .. "\n" .. tag
end

local script = [[
DECLARE
%s
BEGIN
  IF EXISTS (SELECT 1 FROM %s WHERE %s) THEN
    RAISE EXCEPTION 'the key of a backfill is NULL in a row';
  END IF;
  %s INTO %s;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  %s INTO %s;
%s  WHILE %s < %s LOOP
%s%s  END LOOP;
END]]

-- A loop that commits, so psql must run it outside of a transaction.
function backfill:update_script(t, set, size)
  local v = { low = variables(t, "low"), high = variables(t, "high"), last = variables(t, "last") }
  local place, declarations, nulls = self:table_name(t.table, t.schema), {}, {}
  for index, name in ipairs(t.key) do
    for _, list in ipairs({ v.low, v.high, v.last }) do
      declarations[#declarations + 1] = ("  %s %s.%s%%TYPE;"):format(list[index], place, self:ident(name))
    end
    nulls[index] = self:ident(name) .. " IS NULL"
  end
  local text = script:format(
    table.concat(declarations, "\n"),
    place,
    table.concat(nulls, " OR "),
    self:first_key(t),
    table.concat(v.low, ", "),
    self:last_key(t),
    table.concat(v.last, ", "),
    batch_lines(self, t, set, size, "first", v, "  "),
    row_of(v.high),
    row_of(v.last),
    assignment_lines(v.low, v.high, "    "),
    batch_lines(self, t, set, size, "after", v, "    ")
  )
  return "DO " .. dollar_quote(text), true
end

-- In a join only the range row may be locked: it is named without its schema.
function backfill.claim(_, range_table, skip)
  local of = range_table and " OF " .. (range_table:match('("[^"]*")$') or range_table:match("[^.]+$")) or ""
  return " FOR UPDATE" .. of .. (skip and " SKIP LOCKED" or "")
end

-- Behind every lock of a writer stands its virtual transaction; ours is this backend's. A prepared one has no process.
local WRITERS = [[
SELECT l.virtualtransaction AS id,
  CASE WHEN l.pid IS NULL
    THEN (SELECT concat('the prepared transaction ', quote_literal(min(p.gid)), ' of ', min(p.owner), ', since ',
        date_trunc('second', min(p.prepared)), ': COMMIT PREPARED or ROLLBACK PREPARED ends it')
      FROM pg_catalog.pg_prepared_xacts AS p JOIN pg_catalog.pg_locks AS x ON x.transactionid = p.transaction
      WHERE x.virtualtransaction = l.virtualtransaction AND x.pid IS NULL)
    ELSE concat('pid ', l.pid, ', ', a.usename, ', ', a.application_name, ', since ',
      date_trunc('second', a.xact_start), ', ', left(a.query, 80)) END AS who
FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'relation' AND l.granted
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  AND (l.relation = to_regclass(%s)
    OR l.relation IN (SELECT relid FROM pg_partition_tree(to_regclass(%s))))
  AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND a.backend_type IS DISTINCT FROM 'autovacuum worker']]

function backfill:writers(table_name, schema)
  local place = self:literal((schema and self:quote(schema) .. "." or "") .. self:quote(table_name))
  return WRITERS:format(place, place)
end

-- now() stands still in a transaction, and a batch may wait in its own for long.
function backfill.clock()
  return "clock_timestamp()"
end

function backfill.later()
  return "clock_timestamp() + CAST(? AS double precision) * interval '1 second'"
end

-- One column of the unnest: the array's placeholder, its name and its value as the table wants it.
local function unnest_columns(self, list)
  local arrays, names, values, sent = {}, {}, {}, {}
  for index, column in ipairs(list) do
    local transport = column.transport or self:transport(column.type)
    local target = column.cast or self:cast_type(column.type)
    arrays[index] = "?::" .. array_types[transport]
    names[index] = column.as
    values[index] = "u." .. column.as .. (target == transport_types[transport] and "" or "::" .. target)
    sent[index] = transport == "any" and "text" or transport
  end
  local source = ("unnest(%s) AS u (%s)"):format(table.concat(arrays, ", "), table.concat(names, ", "))
  return { source = source, values = values, transports = sent }
end

-- By what rows are found: their key, and their version where they are not locked.
local function found_by(t, versioned)
  local list = {}
  for index, name in ipairs(t.key) do
    local transport = t.key_transports and t.key_transports[index]
    list[index] = { name = name, type = t.key_types[index], transport = transport, as = "k" .. index }
  end
  list[#list + 1] = versioned and { type = "bigint", as = "version" } or nil
  return list
end

local function same_key(self, t, values)
  local list = {}
  for index, name in ipairs(t.key) do
    list[index] = ("t.%s = %s"):format(self:ident(name), values[index])
  end
  return table.concat(list, " AND ")
end

-- The rows come in the order of the key: one stretch of its index, from the first to the last of them.
local function key_bounds(self, t, found)
  local names, low, high = {}, {}, {}
  for index, name in ipairs(t.key) do
    local column = found[index]
    local array = ("$%d::%s"):format(index, array_types[column.transport or self:transport(column.type)])
    local cast = self:cast_type(column.type)
    names[index] = "t." .. self:ident(name)
    low[index] = ("(%s)[1]::%s"):format(array, cast)
    high[index] = ("(%s)[cardinality(%s)]::%s"):format(array, array, cast)
  end
  local key = row_of(names)
  return ("%s >= %s AND %s <= %s"):format(key, row_of(low), key, row_of(high))
end

-- xmin is an unsigned number that only an integer can be compared with. It is compared again when PostgreSQL looks at a
-- row for which it had to wait.
local SAME_VERSION = " AND t.xmin = CAST(u.version - ((u.version >> 31) << 32) AS integer)"

local function found_condition(self, t, found, values, versioned)
  local text = same_key(self, t, values) .. " AND " .. key_bounds(self, t, found)
  return text .. (versioned and SAME_VERSION or "")
end

function backfill:update_rows(t, columns, versioned)
  local list = found_by(t, versioned)
  local found = #list
  for index, column in ipairs(columns) do
    list[#list + 1] =
      { name = column.name, type = column.type, cast = column.cast, transport = column.transport, as = "c" .. index }
  end
  local unnest, assignments = unnest_columns(self, list), {}
  for index, column in ipairs(columns) do
    assignments[index] = ("%s = %s"):format(self:ident(column.name), unnest.values[found + index])
  end
  local text = ("UPDATE %s AS t SET %s FROM %s WHERE %s"):format(
    self:table_name(t.table, t.schema),
    table.concat(assignments, ", "),
    unnest.source,
    found_condition(self, t, list, unnest.values, versioned)
  )
  return { sql = text, bind = "arrays", transports = unnest.transports }
end

function backfill:delete_rows(t, versioned)
  local list = found_by(t, versioned)
  local unnest = unnest_columns(self, list)
  local text = ("DELETE FROM %s AS t USING %s WHERE %s"):format(
    self:table_name(t.table, t.schema),
    unnest.source,
    found_condition(self, t, list, unnest.values, versioned)
  )
  return { sql = text, bind = "arrays", transports = unnest.transports }
end

-- Whoever names a column that the database numbers wants it to have this value.
function backfill:insert_rows(table_name, schema, columns)
  local names, list, overriding = {}, {}, ""
  for index, column in ipairs(columns) do
    names[index] = column.name
    overriding = column.identity and " OVERRIDING SYSTEM VALUE" or overriding
    list[index] = { type = column.type, cast = column.cast, transport = column.transport, as = "c" .. index }
  end
  local unnest = unnest_columns(self, list)
  local text = ("INSERT INTO %s (%s)%s SELECT %s FROM %s"):format(
    self:table_name(table_name, schema),
    self:ident_list(names),
    overriding,
    table.concat(unnest.values, ", "),
    unnest.source
  )
  return { sql = text, bind = "arrays", transports = unnest.transports }
end

return backfill
