-- The SQLite dialect: what differs from the base dialect (core/lua/lib/dialect.lua), which the host hands in. Type
-- names keep Alembic's spelling where their affinity keeps values as they are.

local base = ...
local check = require("moonbird.check")
local sql = require("moonbird.sql")

local dialect = setmetatable({
  name = "sqlite",
  base = base,
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

dialect.lexical = { backquotes = true, brackets = true, trigger_bodies = true, shell_prefix = "." }

function dialect:for_session(text)
  local words = self:leading_words(text)
  return words:find("^PRAGMA ") ~= nil or words:find("^ATTACH ") ~= nil
end

-- What the database in memory that follows a script is told instead of a statement: no file is opened for it.
function dialect:followed_text(text)
  if self:leading_words(text):find("^ATTACH ") then
    return "ATTACH ':memory:' AS" .. (text:match("^.*%f[%a][Aa][Ss]%f[%A](.*)$") or "")
  end
end

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
  local text = sql.closed_text(value)
  return text:lower():match("^%s*now%s*%(%s*%)%s*$") and "CURRENT_TIMESTAMP" or text
end

-- DEFAULT takes a literal or a word; any other expression must stand in parentheses.
function dialect:default_text(value)
  local text = self:literal(value)
  if not sql.is(value) then
    return text
  end
  local is_simple = text:find("^[%a_][%w_]*$") or text:find("^[+-]?[%d.]+$") or text:find("^'[^']*'$")
  return (is_simple or text:find("^%b()$")) and text or self:condition(value)
end

-- --- types ---

-- There are no enum types to which a name alone would lead.
local function enum_values(type_)
  if not type_.values then
    check.refuse('SQLite has no enum types: write the values, types.enum("%s", { ... })', type_.name)
  end
  return type_.values
end

-- The longest value, counted in characters.
local function enum_name(_, type_)
  local longest = 1
  for _, value in ipairs(enum_values(type_)) do
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
function dialect:enum_check_item(column)
  local type_ = column.type
  if type_.kind ~= "enum" or not type_.create_constraint then
    return nil
  end
  local values = {}
  for index, value in ipairs(enum_values(type_)) do
    values[index] = self:string_literal(value)
  end
  local condition = ("%s IN (%s)"):format(self:ident(column.name), table.concat(values, ", "))
  return { kind = "check", name = type_.name, condition = condition }
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

-- " ON CONFLICT REPLACE"; `name` is the option that says so.
local function conflict_text(self, part, name)
  local conflict = self:option(part, name)
  return conflict and " ON CONFLICT " .. conflict:upper() or ""
end

function dialect:constraint_suffix(item)
  self:refuse_options(item, { "include" })
  if item.deferrable or item.initially then
    check.refuse("only foreign keys can be deferrable in SQLite")
  end
  local text = conflict_text(self, item, "on_conflict")
  return item.kind == "primary_key" and item.autoincrement and text .. " AUTOINCREMENT" or text
end

function dialect:check_suffix(item)
  return conflict_text(self, item, "on_conflict")
end

function dialect:not_null_text(column)
  return "NOT NULL" .. conflict_text(self, column, "on_conflict_not_null")
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
  if #self.columns_of(operation.items) == 0 then
    check.refuse("SQLite has no table without columns")
  end
  local words = {}
  if self:option(operation, "with_rowid") == false then
    words[#words + 1] = "WITHOUT ROWID"
  end
  if self:option(operation, "strict") then
    words[#words + 1] = "STRICT"
  end
  return #words > 0 and " " .. table.concat(words, ", ") or ""
end

-- --- indexes ---

-- The schema stands at the index. CONCURRENTLY has no meaning where a writer has the whole file to itself.
function dialect:index_text(operation)
  self:refuse_options(operation, { "using", "include", "ops", "with", "tablespace", "nulls_not_distinct" })
  local name = self:index_name(operation)
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

function dialect.begin_sql()
  return "BEGIN IMMEDIATE"
end

-- These fail in a transaction, or (PRAGMA foreign_keys) silently do nothing.
local outside_pragmas = { foreign_keys = true, journal_mode = true, synchronous = true, page_size = true }

function dialect:outside_transaction(text)
  local words = self:leading_words(text)
  if words:find("^VACUUM") or words:find("^DETACH ") then
    return true
  end
  local pragma = words:match("^PRAGMA ([%w_]+) ?[=(]") or words:match("^PRAGMA [%w_]+%.([%w_]+) ?[=(]")
  return pragma ~= nil and outside_pragmas[pragma:lower()] == true
end

local parts = {
  "alter",
  "rebuild",
  "objects",
  "backfill",
  "catalog",
  "plan",
  "schema",
  "throttle",
  "type_names",
  "compare",
}

for _, part in ipairs(parts) do
  for name, method in pairs(require("sqlite." .. part)) do
    dialect[name] = method
  end
end

return dialect
