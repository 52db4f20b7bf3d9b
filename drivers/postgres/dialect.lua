-- The PostgreSQL dialect (12 and later): what differs from the base dialect (core/lua/lib/dialect.lua), which the host
-- hands in. Parameters reach the server as its driver sends them: integers, floats, booleans and bytes with their type,
-- texts without one, arrays as bool[], int8[], float8[], text[] or bytea[].

local base = ...
local check = require("moonbird.check")

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

-- Strings as standard_conforming_strings = on has them, which is the default since 9.1.
dialect.lexical = {
  e_strings = true,
  dollar_quotes = true,
  nested_comments = true,
  statement_lists = true,
  atomic_bodies = true,
  copy_data = true,
  shell_prefix = "\\",
}

-- What scripts and dumps set for themselves.
dialect.kept_settings = {
  "search_path",
  "row_security",
  "check_function_bodies",
  "standard_conforming_strings",
  "default_tablespace",
  "default_table_access_method",
  "client_min_messages",
  "xmloption",
}

dialect.path_setting = "search_path"

function dialect.setting(_, connection, name)
  return connection:scalar("SELECT current_setting(?)", name)
end

function dialect.restore_setting(_, connection, name, value)
  connection:query("SELECT set_config(?, ?, false)", name, value)
end

function dialect.reset_setting(_, name)
  return "RESET " .. name
end

function dialect:for_session(text)
  local words = self:leading_words(text)
  if words:find("^SET LOCAL ") or words:find("^SET TRANSACTION ") or words:find("^SET CONSTRAINTS ") then
    return false
  end
  return words:find("^SET ") ~= nil
    or words:find("^RESET ") ~= nil
    or words:find("^LOAD ") ~= nil
    or words:find("^SELECT SET_CONFIG ?%(") ~= nil
    or words:find("^SELECT PG_CATALOG%.SET_CONFIG ?%(") ~= nil
end

-- With standard_conforming_strings = off a backslash escapes in plain strings too.
function dialect.lexical_now(_, connection)
  return { backslash_escapes = connection:scalar("SHOW standard_conforming_strings") == "off" }
end

function dialect.lexical_after(_, text)
  if #text > 200 or not text:find("^[Ss][Ee][Tt]%s") then
    return nil
  end
  local words = " " .. text:lower():gsub("[%s'\"=;]+", " "):gsub(" to ", " ")
  local value = words:match("^ set standard_conforming_strings (%a+)")
    or words:match("^ set %a+ standard_conforming_strings (%a+)") -- SESSION, LOCAL
  return value and { backslash_escapes = value == "off" or value == "false" or value == "no" }
end

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

-- --- transactions ---

-- Where another revision follows in the same run, its commit makes this one lasting too, so this one need not wait for
-- the disk. After a crash of the server the database is as if the run had come less far.
function dialect.begin_sql(_, mode)
  return mode == "interim" and "BEGIN; SET LOCAL synchronous_commit = off" or "BEGIN"
end

dialect.lock_wait_word = "lock_timeout"

-- The limit holds to the end of the transaction. Where the role, the URL or the script has set one, that one stands,
-- and the query gives no row.
function dialect.lock_wait_start(_, timeout_ms)
  local text = "SELECT set_config('lock_timeout', '%d', true) WHERE current_setting('lock_timeout') = '0'"
  return text:format(timeout_ms)
end

function dialect.lock_wait_set(_, timeout_ms)
  return ("SET LOCAL lock_timeout = %d"):format(timeout_ms)
end

function dialect.lock_wait_stop()
  return "SET LOCAL lock_timeout = 0"
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

function dialect:outside_transaction(text)
  local words = self:leading_words(text)
  for _, pattern in ipairs(outside_patterns) do
    if words:find(pattern) then
      return true
    end
  end
  return false
end

local parts = {
  "advice",
  "types",
  "enums",
  "sequences",
  "columns",
  "constraints",
  "tables",
  "indexes",
  "objects",
  "copy",
  "backfill",
  "batch_words",
  "catalog",
  "plan",
  "throttle",
  "type_names",
  "schema",
  "compare",
  "serial",
  "canonical",
  "readable",
}

for _, part in ipairs(parts) do
  for name, method in pairs(require("postgres." .. part)) do
    dialect[name] = method
  end
end

return dialect
