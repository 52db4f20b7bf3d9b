-- The PostgreSQL dialect (12 and later): what differs from the base dialect (core/lua/lib/dialect.lua), which the host
-- hands in. Parameters reach the server as its driver sends them: integers, floats, booleans and bytes with their type,
-- texts without one, arrays as bool[], int8[], float8[], text[] or bytea[].

local base = ...
local check = require("moonbird.check")
local sql = require("moonbird.sql")

local dialect = setmetatable({
  name = "postgresql",
  max_params = 65535,
  max_identifier = 63,
  computed_default = " STORED", -- the only kind before 18
}, { __index = base })

-- pg_get_keywords() of 15 without the unreserved ones, which is what quote_ident() quotes; then what later releases
-- added.
dialect.reserved = base.word_set([[
  all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast
  char character check coalesce collate collation column concurrently constraint create cross current_catalog
  current_date current_role current_schema current_time current_timestamp current_user dec decimal default deferrable
  desc distinct do else end except exists extract false fetch float for foreign freeze from full grant greatest group
  grouping having ilike in initially inner inout int integer intersect interval into is isnull join lateral leading
  least left like limit localtime localtimestamp national natural nchar none normalize not notnull null nullif numeric
  offset on only or order out outer overlaps overlay placing position precision primary real references returning
  right row select session_user setof similar smallint some substring symmetric table tablesample then time timestamp
  to trailing treat trim true union unique user using values varchar variadic verbose when where window with
  xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
  json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
  json_table json_value merge_action system_user
]])

dialect.words = {
  text = "text",
  bigint = "bigint",
  integer = "integer",
  double = "double precision",
  timestamp = "timestamptz",
  boolean = "boolean",
  json = "text",
  true_ = "true",
  false_ = "false",
}

-- Options of operations that only PostgreSQL has.
dialect.options = {
  create_table = {
    partition_by = "expression",
    inherits = "name_or_names",
    with = "scalars",
    on_commit = "text",
    tablespace = "name",
  },
}

-- --- names and values ---

-- The server cuts longer names with a mere notice, and two of them may become one.
function dialect:ident(name)
  if #name > self.max_identifier then
    check.refuse("the name %s has %d bytes; PostgreSQL keeps %d", name, #name, self.max_identifier)
  end
  return base.ident(self, name)
end

function dialect.boolean_literal(_, value)
  return value and "true" or "false"
end

function dialect:float_literal(value)
  if value ~= value then
    return "'NaN'::double precision"
  elseif value == math.huge or value == -math.huge then
    return value > 0 and "'Infinity'::double precision" or "'-Infinity'::double precision"
  end
  return base.float_literal(self, value)
end

function dialect.blob_literal(_, bytes)
  return "'\\x" .. bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end) .. "'::bytea"
end

-- A number with a point is numeric, a parameter is not.
function dialect:parameter_literal(value)
  local text = base.parameter_literal(self, value)
  if math.type(value) == "float" and not text:find("::", 1, true) then
    return text .. "::float8"
  end
  return text
end

-- --- types ---

local function moment_name(name)
  return function(_, type_)
    local precision = type_.precision and ("(%d)"):format(type_.precision) or ""
    return name .. precision .. (type_.timezone and " WITH TIME ZONE" or " WITHOUT TIME ZONE")
  end
end

local function float_name(_, type_)
  return type_.precision and ("FLOAT(%d)"):format(type_.precision) or "FLOAT"
end

local function interval_name(_, type_)
  local fields = type_.fields and " " .. type_.fields or ""
  return "INTERVAL" .. fields .. (type_.precision and ("(%d)"):format(type_.precision) or "")
end

local function enum_name(self, type_)
  return self:table_name(type_.name, type_.schema)
end

local function array_name(self, type_)
  return self:type_sql(type_.element) .. ("[]"):rep(type_.dimensions or 1)
end

dialect.type_names = {
  smallint = "SMALLINT",
  integer = "INTEGER",
  bigint = "BIGINT",
  boolean = "BOOLEAN",
  text = "TEXT",
  varchar = base.sized("VARCHAR"),
  char = base.sized("CHAR"),
  float = float_name,
  double = "DOUBLE PRECISION",
  numeric = base.numeric_name,
  date = "DATE",
  time = moment_name("TIME"),
  timestamp = moment_name("TIMESTAMP"),
  interval = interval_name,
  blob = "BYTEA",
  json = "JSON",
  jsonb = "JSONB",
  uuid = "UUID",
  enum = enum_name,
  array = array_name,
  raw = base.raw_name,
}

local function create_type_text(self, type_)
  local values = {}
  for index, value in ipairs(type_.values) do
    values[index] = self:string_literal(value)
  end
  return ("CREATE TYPE %s AS ENUM (%s)"):format(enum_name(self, type_), table.concat(values, ", "))
end

-- A dollar quote that does not occur in the text.
local function dollar_quoted(text)
  local tag = "$$"
  while text:find(tag, 1, true) do
    tag = "$moonbird" .. #tag .. "$"
  end
  return tag .. text .. tag
end

-- CREATE TYPE knows no IF NOT EXISTS.
local function create_type_if_missing(text)
  local body = (" BEGIN %s; EXCEPTION WHEN duplicate_object THEN NULL; END "):format(text)
  return "DO " .. dollar_quoted(body)
end

-- The enum types of new columns, each once. create_table makes them as Alembic does; a column that is added uses the
-- type that is there already.
function dialect:before_table(operation, columns)
  local statements, seen = {}, {}
  for _, column in ipairs(columns) do
    local type_ = column.type.kind == "array" and column.type.element or column.type
    if type_.kind == "enum" and type_.create_type ~= false and not seen[enum_name(self, type_)] then
      seen[enum_name(self, type_)] = true
      local is_plain = operation.kind == "create_table" and not operation.if_not_exists
      local text = create_type_text(self, type_)
      statements[#statements + 1] = is_plain and text or create_type_if_missing(text)
    end
  end
  return statements
end

-- --- tables and columns ---

local function identity_options(identity)
  local words = {}
  local function add(format, value)
    words[#words + 1] = value ~= nil and format:format(value) or nil
  end
  add("START WITH %d", identity.start)
  add("INCREMENT BY %d", identity.increment)
  add("MINVALUE %d", identity.minvalue)
  add("MAXVALUE %d", identity.maxvalue)
  add("CACHE %d", identity.cache)
  if identity.cycle ~= nil then
    words[#words + 1] = identity.cycle and "CYCLE" or "NO CYCLE"
  end
  return #words > 0 and (" (%s)"):format(table.concat(words, " ")) or ""
end

function dialect:identity_text(column, primary)
  local identity = column.identity
  if not identity and not self:is_numbered(column, primary) then
    return nil
  end
  identity = identity or {}
  return ("GENERATED %s AS IDENTITY"):format(identity.always and "ALWAYS" or "BY DEFAULT") .. identity_options(identity)
end

function dialect:collate_text(type_)
  return type_.collation and "COLLATE " .. self:quote(type_.collation)
end

function dialect:unique_words(item)
  return self:option(item, "nulls_not_distinct") and "UNIQUE NULLS NOT DISTINCT" or "UNIQUE"
end

function dialect:constraint_suffix(item)
  local include = self:option(item, "include")
  return include and (" INCLUDE (%s)"):format(self:ident_list(include)) or ""
end

local function storage_text(self, options)
  local list = {}
  for index, name in ipairs(check.sorted_keys(options)) do
    local value = options[name]
    list[index] = ("%s = %s"):format(name, type(value) == "string" and self:literal(value) or tostring(value))
  end
  return (" WITH (%s)"):format(table.concat(list, ", "))
end

local table_suffixes = {
  {
    "inherits",
    function(self, value)
      return (" INHERITS (%s)"):format(self:ident_list(type(value) == "string" and { value } or value))
    end,
  },
  {
    "partition_by",
    function(_, value)
      return " PARTITION BY " .. sql.text(value)
    end,
  },
  { "with", storage_text },
  {
    "on_commit",
    function(_, value)
      return " ON COMMIT " .. value
    end,
  },
  {
    "tablespace",
    function(self, value)
      return " TABLESPACE " .. self:ident(value)
    end,
  },
}

function dialect:table_suffix(operation)
  local text = ""
  for _, row in ipairs(table_suffixes) do
    local value = self:option(operation, row[1])
    text = text .. (value ~= nil and row[2](self, value) or "")
  end
  return text
end

function dialect:after_table(operation, columns)
  local place, statements = self:table_name(operation.table, operation.schema), {}
  if operation.comment then
    statements[1] = ("COMMENT ON TABLE %s IS %s"):format(place, self:literal(operation.comment))
  end
  for _, column in ipairs(columns) do
    if column.comment then
      statements[#statements + 1] =
        ("COMMENT ON COLUMN %s.%s IS %s"):format(place, self:ident(column.name), self:literal(column.comment))
    end
  end
  return statements
end

-- --- indexes ---

-- "created_at", "email text_pattern_ops"
local function index_elements(self, operation)
  local ops, list = self:option(operation, "ops") or {}, {}
  for index, element in ipairs(operation.columns) do
    local class = not sql.is(element) and ops[element]
    list[index] = self:ident_list({ element }) .. (class and " " .. class or "")
  end
  return table.concat(list, ", ")
end

local index_suffixes = {
  {
    "include",
    function(self, value)
      return (" INCLUDE (%s)"):format(self:ident_list(value))
    end,
  },
  {
    "nulls_not_distinct",
    function(_, value)
      return value and " NULLS NOT DISTINCT" or " NULLS DISTINCT"
    end,
  },
  { "with", storage_text },
  table_suffixes[5],
  {
    "where",
    function(_, value)
      return " WHERE " .. sql.text(value)
    end,
  },
}

function dialect:index_text(operation)
  local name = operation.name or self:index_name(operation.table, operation.columns)
  local using = self:option(operation, "using")
  local suffix = ""
  for _, row in ipairs(index_suffixes) do
    local value = self:option(operation, row[1])
    suffix = suffix .. (value ~= nil and row[2](self, value) or "")
  end
  return ("CREATE %sINDEX %s%s%s ON %s%s (%s)%s"):format(
    operation.unique and "UNIQUE " or "",
    self:option(operation, "concurrently") and "CONCURRENTLY " or "",
    operation.if_not_exists and "IF NOT EXISTS " or "",
    self:ident(name),
    self:table_name(operation.table, operation.schema),
    using and " USING " .. using or "",
    index_elements(self, operation),
    suffix
  )
end

function dialect:render_drop_index(operation)
  return {
    ("DROP INDEX %s%s%s"):format(
      self:option(operation, "concurrently") and "CONCURRENTLY " or "",
      operation.if_exists and "IF EXISTS " or "",
      self:table_name(operation.name, operation.schema)
    ),
  }
end

-- --- transactions ---

function dialect.begin_sql()
  return "BEGIN"
end

local outside_patterns = {
  "^VACUUM",
  "^CREATE INDEX CONCURRENTLY ",
  "^CREATE UNIQUE INDEX CONCURRENTLY ",
  "^DROP INDEX CONCURRENTLY ",
  "^REINDEX .*CONCURRENTLY ",
  "^REINDEX DATABASE",
  "^REINDEX ?%b() ?DATABASE",
  "^REINDEX SYSTEM",
  "^REINDEX ?%b() ?SYSTEM",
  "^CREATE DATABASE ",
  "^DROP DATABASE ",
  "^ALTER DATABASE .* SET TABLESPACE ",
  "^CREATE TABLESPACE ",
  "^DROP TABLESPACE ",
  "^ALTER SYSTEM ",
  "^CREATE SUBSCRIPTION ",
  "^DROP SUBSCRIPTION ",
  "^ALTER SUBSCRIPTION .* REFRESH PUBLICATION",
  "^ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY",
  "^CLUSTER ?;?$",
}

function dialect.outside_transaction(_, text)
  local words = base.leading_words(text)
  for _, pattern in ipairs(outside_patterns) do
    if words:find(pattern) then
      return true
    end
  end
  return false
end

-- --- backfills ---

-- The type to cast to: without its modifiers, because an explicit cast to varchar(3) cuts silently where an assignment
-- raises an error; and by the names that mean "no modifier" where the plain name means length 1.
function dialect.cast_type(_, type_text)
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

function dialect:transport(type_text)
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
function dialect:key_parameter(t, index)
  if not t.key_types then
    return "?" -- in a script, where a variable stands that has the column's type
  end
  return ("CAST(? AS %s)"):format(self:cast_type(t.key_types[index]))
end

-- Types without an equality operator are compared as text; values are compared as they will be stored.
local without_equality = { json = true, xml = true, point = true, polygon = true, box = true, path = true }
local with_modifier = { numeric = true, time = true, timestamp = true, interval = true }

function dialect:differs(t, name, text)
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

function dialect.lock_words()
  return " FOR NO KEY UPDATE"
end

function dialect.batch_begin(_, timeouts)
  local list = { "BEGIN" }
  local function set(name, value)
    list[#list + 1] = value and ("SET LOCAL %s = %d"):format(name, math.ceil(value)) or nil
  end
  set("lock_timeout", timeouts.lock_timeout_ms)
  set("statement_timeout", timeouts.statement_timeout_ms)
  set("idle_in_transaction_session_timeout", timeouts.idle_timeout_ms)
  list[#list + 1] = "SET LOCAL synchronous_commit = off"
  -- planned for the values of one batch, the join becomes a merge join that reads the key's index from its start
  list[#list + 1] = "SET LOCAL plan_cache_mode = force_generic_plan"
  return table.concat(list, "; ")
end

function dialect.batch_sync()
  return "SET LOCAL synchronous_commit = on"
end

dialect.update_needs_key = true

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
function dialect:update_script(t, set, size)
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
function dialect.claim(_, range_table)
  if not range_table then
    return " FOR UPDATE"
  end
  return " FOR UPDATE OF " .. (range_table:match('("[^"]*")$') or range_table:match("[^.]+$"))
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

local function key_columns(t)
  local list = {}
  for index, name in ipairs(t.key) do
    local transport = t.key_transports and t.key_transports[index]
    list[index] = { name = name, type = t.key_types[index], transport = transport, as = "k" .. index }
  end
  return list
end

local function join_condition(self, t, values)
  local list = {}
  for index, name in ipairs(t.key) do
    list[index] = ("t.%s = %s"):format(self:ident(name), values[index])
  end
  return table.concat(list, " AND ")
end

function dialect:update_rows(t, columns)
  local list = key_columns(t)
  for index, column in ipairs(columns) do
    list[#list + 1] =
      { name = column.name, type = column.type, cast = column.cast, transport = column.transport, as = "c" .. index }
  end
  local unnest, assignments = unnest_columns(self, list), {}
  for index, column in ipairs(columns) do
    assignments[index] = ("%s = %s"):format(self:ident(column.name), unnest.values[#t.key + index])
  end
  local text = ("UPDATE %s AS t SET %s FROM %s WHERE %s"):format(
    self:table_name(t.table, t.schema),
    table.concat(assignments, ", "),
    unnest.source,
    join_condition(self, t, unnest.values)
  )
  return { sql = text, bind = "arrays", transports = unnest.transports }
end

function dialect:delete_rows(t)
  local unnest = unnest_columns(self, key_columns(t))
  local text = ("DELETE FROM %s AS t USING %s WHERE %s"):format(
    self:table_name(t.table, t.schema),
    unnest.source,
    join_condition(self, t, unnest.values)
  )
  return { sql = text, bind = "arrays", transports = unnest.transports }
end

function dialect:insert_rows(table_name, schema, columns)
  local names, list = {}, {}
  for index, column in ipairs(columns) do
    names[index] = column.name
    list[index] = { type = column.type, cast = column.cast, transport = column.transport, as = "c" .. index }
  end
  local unnest = unnest_columns(self, list)
  local text = ("INSERT INTO %s (%s) SELECT %s FROM %s"):format(
    self:table_name(table_name, schema),
    self:ident_list(names),
    table.concat(unnest.values, ", "),
    unnest.source
  )
  return { sql = text, bind = "arrays", transports = unnest.transports }
end

-- --- catalog ---

-- For to_regclass(), which looks along the search path where there is no schema.
local function quoted_place(self, table_name, schema)
  return (schema and self:quote(schema) .. "." or "") .. self:quote(table_name)
end

function dialect:has_table(db, table_name, schema)
  local text = [[
SELECT EXISTS (
  SELECT 1 FROM pg_catalog.pg_class
  WHERE oid = to_regclass(CAST(? AS text)) AND relkind IN ('r', 'p', 'v', 'm', 'f')
) AS found]]
  return db:query(text, quoted_place(self, table_name, schema))[1].found
end

-- `cast` is the column's type, or what its domain stands on, without modifiers.
local COLUMNS = [[
WITH RECURSIVE base (attnum, type, modifier) AS (
  SELECT attnum, atttypid, -1
  FROM pg_catalog.pg_attribute
  WHERE attrelid = to_regclass(CAST(? AS text)) AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT base.attnum, t.typbasetype, -1
  FROM base JOIN pg_catalog.pg_type AS t ON t.oid = base.type
  WHERE t.typtype = 'd'
)
SELECT a.attname AS name,
  format_type(a.atttypid, a.atttypmod) AS type,
  format_type(base.type, -1) AS cast_type,
  NOT (a.attnotnull OR t.typtype = 'd' AND t.typnotnull) AS is_nullable,
  CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default_text,
  a.attgenerated <> '' AS is_generated,
  a.attidentity <> '' AS is_identity,
  (SELECT k.position
   FROM pg_catalog.pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
   WHERE i.indrelid = a.attrelid AND i.indisprimary AND k.attnum = a.attnum AND k.position <= i.indnkeyatts
  ) AS position
FROM base
JOIN pg_catalog.pg_type AS b ON b.oid = base.type AND b.typtype <> 'd'
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = to_regclass(CAST(? AS text)) AND a.attnum = base.attnum
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY a.attnum]]

function dialect:columns(db, table_name, schema)
  local place, list = quoted_place(self, table_name, schema), {}
  for index, row in ipairs(db:query(COLUMNS, place, place)) do
    list[index] = {
      name = row.name,
      type = row.type,
      cast = row.cast_type,
      transport = self:transport(row.cast_type),
      nullable = row.is_nullable,
      default = row.default_text,
      generated = row.is_generated,
      identity = row.is_identity,
      primary = row.position,
    }
  end
  return list
end

-- An index whose order is not the column's own (another collation or operator class) cannot serve ORDER BY the key.
local UNIQUE_KEYS = [[
SELECT c.relname AS name, i.indisprimary AS is_primary, a.attname AS column_name
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = to_regclass(CAST(? AS text))
  AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND k.position <= i.indnkeyatts
  AND NOT EXISTS (
    SELECT 1
    FROM unnest(i.indkey, i.indclass, i.indcollation) WITH ORDINALITY AS o (attnum, class, collation_id, position)
    JOIN pg_catalog.pg_opclass AS class ON class.oid = o.class
    JOIN pg_catalog.pg_attribute AS at ON at.attrelid = i.indrelid AND at.attnum = o.attnum
    WHERE o.position <= i.indnkeyatts AND (NOT class.opcdefault OR o.collation_id <> at.attcollation)
  )
ORDER BY i.indisprimary DESC, c.relname, k.position]]

function dialect:unique_keys(db, table_name, schema)
  local keys = {}
  for _, row in ipairs(db:query(UNIQUE_KEYS, quoted_place(self, table_name, schema))) do
    local key = keys[#keys]
    if not key or key.name ~= row.name then
      key = { name = row.name, columns = {}, primary = row.is_primary }
      keys[#keys + 1] = key
    end
    key.columns[#key.columns + 1] = row.column_name
  end
  return keys
end

-- As the planner counts: the rows per page that ANALYZE or VACUUM found, times the pages of today; for a partitioned
-- table over its leaves.
local ROW_ESTIMATE = [[
SELECT CAST(CASE WHEN bool_and(part.rows IS NOT NULL) THEN sum(part.rows) END AS bigint) AS estimate
FROM (
  SELECT CASE
    WHEN pg_relation_size(c.oid) = 0 THEN 0
    WHEN c.relpages > 0 AND c.reltuples >= 0
      THEN c.reltuples / c.relpages * (pg_relation_size(c.oid) / CAST(current_setting('block_size') AS bigint))
    END AS rows
  FROM (SELECT to_regclass(CAST(? AS text)) AS oid) AS root
  JOIN pg_catalog.pg_class AS c
    ON c.oid = root.oid OR c.oid IN (SELECT relid FROM pg_partition_tree(root.oid) WHERE isleaf)
  WHERE c.relkind IN ('r', 'm')
) AS part]]

function dialect:row_estimate(db, table_name, schema)
  local row = db:query(ROW_ESTIMATE, quoted_place(self, table_name, schema))[1]
  return row and row.estimate
end

return dialect
