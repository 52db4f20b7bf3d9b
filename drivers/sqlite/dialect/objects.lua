-- Triggers of SQLite, and what to do instead of what SQLite has not. Methods of the dialect (../dialect.lua takes them
-- in).

local check = require("moonbird.check")
local list = require("moonbird.list")
local sql = require("moonbird.sql")

local objects = {}

-- --- views ---

-- CREATE TEMPORARY VIEW is always in the schema temp.
function objects:render_drop_view(operation)
  self:refuse_options(operation, { "materialized" })
  local place = { name = operation.name, schema = operation.schema, if_exists = operation.if_exists }
  return { self:drop_object("VIEW", place) } -- nothing hangs on a view, so that CASCADE has nothing to do
end

-- --- triggers ---

-- The body between BEGIN and END; its last statement needs a semicolon as well, in front of a comment behind it.
local function body_text(self, operation)
  local body = self:option(operation, "body")
  if not body then
    check.refuse('a trigger of SQLite has a body; give it with sqlite_body = "UPDATE ...;"')
  end
  local text = sql.text(body):gsub("%s+$", "")
  local comment = sql.last_comment(text) or #text + 1
  local bare, rest = text:sub(1, comment - 1):match("^(.-)(%s*)$")
  return (bare:find(";$") and bare or bare .. ";") .. rest .. text:sub(comment)
end

function objects:trigger_text(operation)
  self:refuse_options(operation, { "constraint", "deferrable", "initially", "referencing" })
  if #operation.events > 1 then
    check.refuse("a trigger of SQLite has one event; create one trigger for each of %d", #operation.events)
  elseif (operation.for_each or "ROW"):upper() ~= "ROW" then
    check.refuse("a trigger of SQLite is always FOR EACH ROW")
  end
  local parts = {
    self:option(operation, "if_not_exists") and "CREATE TRIGGER IF NOT EXISTS" or "CREATE TRIGGER",
    self:table_name(operation.name, operation.schema),
    operation.timing:upper(),
    self:trigger_event(operation.events[1]),
    "ON",
    self:ident(operation.table),
    "FOR EACH ROW",
  }
  list.add(parts, operation.when and "WHEN " .. self:condition(operation.when))
  return ("%s BEGIN\n%s\nEND"):format(table.concat(parts, " "), body_text(self, operation))
end

-- The name of a trigger is unique in its schema; the table is for the reader.
function objects:render_drop_trigger(operation)
  local place = { name = operation.name, schema = operation.schema, if_exists = operation.if_exists }
  return { self:drop_object("TRIGGER", place) }
end

-- SQLite has no comments.
local function pass_over()
  return {}
end

objects.render_create_view_comment = pass_over
objects.render_drop_view_comment = pass_over

-- --- what SQLite has not ---

local GUARD = 'what is for another database goes into `if context.dialect == "..." then`'
local ENUM = 'SQLite has no enum types: types.enum("name", { ... }) makes a VARCHAR there, with create_constraint = '
  .. "true also a CHECK, which op.batch_alter_table can drop and create anew; "
  .. GUARD
local SEQUENCE = "SQLite has no sequences: an integer primary key is numbered by itself, with sqlite_autoincrement = "
  .. "true never twice; "
  .. GUARD
local FUNCTION = "SQLite has no functions in the database: a trigger has its own body; " .. GUARD
local SCHEMA = "a schema of SQLite is another file, see ATTACH; " .. GUARD
local VIEW = "SQLite has no materialized views: create a table and fill it; " .. GUARD

objects.instead = {
  create_enum = ENUM,
  alter_enum = ENUM,
  drop_enum = ENUM,
  rename_enum = ENUM,
  create_enum_comment = ENUM,
  drop_enum_comment = ENUM,
  add_enum_value = ENUM,
  rename_enum_value = ENUM,
  create_sequence = SEQUENCE,
  alter_sequence = SEQUENCE,
  rename_sequence = SEQUENCE,
  drop_sequence = SEQUENCE,
  create_function = FUNCTION,
  drop_function = FUNCTION,
  create_schema = SCHEMA,
  drop_schema = SCHEMA,
  create_extension = "extensions are loaded by programs, not by the database; " .. GUARD,
  drop_extension = "extensions are loaded by programs, not by the database; " .. GUARD,
  refresh_materialized_view = VIEW,
}

return objects
