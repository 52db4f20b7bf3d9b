-- Views and triggers, which most databases have. Methods of the base dialect (../dialect.lua takes them in); what only
-- one database has (enums, sequences, functions ...) is rendered by its own dialect.

local check = require("moonbird.check")
local list = require("moonbird.list")
local sql = require("moonbird.sql")

local objects = {}

-- A definition without the semicolon that ended it where it was copied from. A comment at its end does not swallow what
-- comes behind.
function objects.definition_text(_, text)
  return sql.closed_text((sql.text(text):gsub("[;%s]+$", "")))
end

-- "DROP VIEW IF EXISTS s.v CASCADE"
function objects:drop_object(words, operation)
  return ("DROP %s %s%s%s"):format(
    words,
    operation.if_exists and "IF EXISTS " or "",
    self:table_name(operation.name, operation.schema),
    operation.cascade and " CASCADE" or ""
  )
end

-- --- views ---

function objects:render_create_view(operation)
  self:refuse_options(operation, { "materialized", "with_data", "check_option", "using", "with", "tablespace" })
  local statements = {}
  if operation.replace then
    local old = { name = operation.name, schema = operation.schema, if_exists = true }
    statements[1] = self:drop_object("VIEW", old)
  end
  list.add(
    statements,
    ("CREATE %sVIEW %s%s%s AS %s"):format(
      operation.temporary and "TEMPORARY " or "",
      self:option(operation, "if_not_exists") and "IF NOT EXISTS " or "",
      self:table_name(operation.name, operation.schema),
      operation.columns and (" (%s)"):format(self:ident_list(operation.columns)) or "",
      self:definition_text(operation.definition)
    )
  )
  return statements
end

function objects:render_drop_view(operation)
  self:refuse_options(operation, { "materialized", "cascade" })
  return { self:drop_object("VIEW", operation) }
end

-- --- triggers ---

-- The event with its first words in capitals: "update of a" is "UPDATE OF a".
function objects.trigger_event(_, text)
  local columns = text:match("^%s*[Uu][Pp][Dd][Aa][Tt][Ee]%s+[Oo][Ff]%s+(.+)$")
  local event = columns and "UPDATE" or text:upper():match("^%s*(%a+)%s*$")
  local is_known = event == "INSERT" or event == "UPDATE" or event == "DELETE" or event == "TRUNCATE"
  if not is_known then
    check.refuse('an event is "INSERT", "UPDATE", "UPDATE OF column, ...", "DELETE" or "TRUNCATE", not "%s"', text)
  end
  return columns and "UPDATE OF " .. columns or event
end

-- A trigger that is replaced is dropped first: CREATE OR REPLACE TRIGGER is younger than the databases in use.
function objects:render_create_trigger(operation)
  local statements = {}
  if operation.replace then
    list.add_all(
      statements,
      self:render_drop_trigger({
        name = operation.name,
        table = operation.table,
        schema = operation.schema,
        if_exists = true,
      })
    )
  end
  list.add(statements, self:trigger_text(operation))
  return statements
end

return objects
