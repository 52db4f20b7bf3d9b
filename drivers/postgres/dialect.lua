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

for _, part in ipairs({ "postgres.backfill", "postgres.catalog" }) do
  for name, method in pairs(require(part)) do
    dialect[name] = method
  end
end

return dialect
