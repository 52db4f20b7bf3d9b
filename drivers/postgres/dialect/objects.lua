-- Schemas, extensions, views, functions and triggers of PostgreSQL. Methods of the dialect (../dialect.lua takes them
-- in).

local check = require("moonbird.check")
local list = require("moonbird.list")
local sql = require("moonbird.sql")
local suffixes = require("postgres.suffixes")

local objects = {}

-- "COMMENT ON VIEW s.v IS '...'", nil without a comment.
function objects:comment_on(words, operation)
  local place = self:table_name(operation.name, operation.schema)
  return operation.comment and ("COMMENT ON %s %s IS %s"):format(words, place, self:literal(operation.comment))
end

-- --- schemas and extensions ---

function objects:render_create_schema(operation)
  local owner = operation.authorization
  return {
    ("CREATE SCHEMA %s%s%s"):format(
      operation.if_not_exists and "IF NOT EXISTS " or "",
      self:ident(operation.name),
      owner and " AUTHORIZATION " .. self:ident(owner) or ""
    ),
  }
end

function objects:render_drop_schema(operation)
  return { self:drop_object("SCHEMA", operation) }
end

function objects:render_create_extension(operation)
  return {
    ("CREATE EXTENSION %s%s%s%s%s"):format(
      operation.if_not_exists and "IF NOT EXISTS " or "",
      self:ident(operation.name),
      operation.schema and " SCHEMA " .. self:ident(operation.schema) or "",
      operation.version and " VERSION " .. self:string_literal(operation.version) or "",
      operation.cascade and " CASCADE" or ""
    ),
  }
end

function objects:render_drop_extension(operation)
  return { self:drop_object("EXTENSION", operation) }
end

-- --- views ---

local function view_words(self, operation)
  return self:option(operation, "materialized") and "MATERIALIZED VIEW" or "VIEW"
end

local view_suffixes = {
  {
    "using",
    function(self, name)
      return " USING " .. self:ident(name)
    end,
  },
  suffixes.with,
  suffixes.tablespace,
}

local function view_end(self, operation)
  local check_option, with_data = self:option(operation, "check_option"), self:option(operation, "with_data")
  if check_option then
    return (" WITH %s CHECK OPTION"):format(check_option:upper())
  elseif with_data == nil then
    return ""
  end
  return with_data and " WITH DATA" or " WITH NO DATA"
end

-- A materialized view that is replaced is dropped first; there is no OR REPLACE for it.
local function replacement(self, operation, words)
  if not operation.replace then
    return {}, ""
  elseif words == "VIEW" then
    return {}, "OR REPLACE "
  end
  local old = { name = operation.name, schema = operation.schema, if_exists = true }
  return { self:drop_object(words, old) }, ""
end

function objects:render_create_view(operation)
  local words = view_words(self, operation)
  self:refuse_options(operation, words == "VIEW" and { "if_not_exists" } or {})
  local statements, replace = replacement(self, operation, words)
  list.add(
    statements,
    ("CREATE %s%s%s %s%s%s%s AS %s%s"):format(
      replace,
      operation.temporary and "TEMPORARY " or "",
      words,
      self:option(operation, "if_not_exists") and "IF NOT EXISTS " or "",
      self:table_name(operation.name, operation.schema),
      operation.columns and (" (%s)"):format(self:ident_list(operation.columns)) or "",
      suffixes.text(self, operation, view_suffixes),
      self:definition_text(operation.definition),
      view_end(self, operation)
    )
  )
  list.add(statements, self:comment_on(words, operation))
  return statements
end

function objects:render_drop_view(operation)
  return { self:drop_object(view_words(self, operation), operation) }
end

function objects:render_create_view_comment(operation)
  return { self:comment_on(view_words(self, operation), operation) }
end

function objects:render_drop_view_comment(operation)
  local place = { name = operation.name, schema = operation.schema, comment = sql.null }
  return { self:comment_on(view_words(self, operation), place) }
end

function objects:render_refresh_materialized_view(operation)
  return {
    ("REFRESH MATERIALIZED VIEW %s%s%s"):format(
      operation.concurrently and "CONCURRENTLY " or "",
      self:table_name(operation.name, operation.schema),
      view_end(self, operation)
    ),
  }
end

-- --- functions ---

local function function_words(operation)
  return operation.procedure and "PROCEDURE" or "FUNCTION"
end

-- "s.f(integer, text)"
local function function_place(self, operation)
  return ("%s(%s)"):format(self:table_name(operation.name, operation.schema), operation.arguments or "")
end

-- "work_mem", "app.user"
local function setting_name(self, name)
  local parts = {}
  for part in (name .. "."):gmatch("(.-)%.") do
    if not part:find("^[%a_][%w_]*$") then
      check.refuse('option set: "%s" is no name of a setting', name)
    end
    parts[#parts + 1] = self:ident(part)
  end
  return table.concat(parts, ".")
end

-- A list of words, numbers and quoted texts is written as it is ("pg_catalog, public"), all else as a text ("4MB").
local function setting_value(self, value)
  local text = tostring(value)
  local rest = text:gsub('"[^"]*"', "x"):gsub("'[^']*'", "x")
  for item in (rest .. ","):gmatch("(.-),") do
    if not item:find("^%s*[%a_][%w_]*%s*$") and not tonumber(item) then
      return self:string_literal(text)
    end
  end
  return text
end

-- Option -> its words, in the order in which pg_get_functiondef() writes them.
local function_options = {
  {
    "volatility",
    function(_, value)
      return value:upper()
    end,
  },
  {
    "leakproof",
    function(_, value)
      return value and "LEAKPROOF" or "NOT LEAKPROOF"
    end,
  },
  {
    "strict",
    function(_, value)
      return value and "STRICT" or "CALLED ON NULL INPUT"
    end,
  },
  {
    "security_definer",
    function(_, value)
      return value and "SECURITY DEFINER" or "SECURITY INVOKER"
    end,
  },
  {
    "parallel",
    function(_, value)
      return "PARALLEL " .. value:upper()
    end,
  },
  {
    "cost",
    function(_, value)
      return ("COST %d"):format(value)
    end,
  },
  {
    "rows",
    function(_, value)
      return ("ROWS %d"):format(value)
    end,
  },
  {
    "set",
    function(self, settings)
      local texts = {}
      for index, name in ipairs(check.sorted_keys(settings)) do
        texts[index] = ("SET %s TO %s"):format(setting_name(self, name), setting_value(self, settings[name]))
      end
      return table.concat(texts, " ")
    end,
  },
}

function objects:render_create_function(operation)
  local options = {}
  for _, row in ipairs(function_options) do
    local value = operation[row[1]]
    list.add(options, value ~= nil and row[2](self, value))
  end
  local words = function_words(operation)
  local text = ("CREATE %s%s %s%s LANGUAGE %s%s AS %s"):format(
    operation.replace and "OR REPLACE " or "",
    words,
    function_place(self, operation),
    operation.returns and " RETURNS " .. operation.returns or "",
    self:ident(operation.language or "plpgsql"),
    #options > 0 and " " .. table.concat(options, " ") or "",
    self:dollar_quoted(sql.text(operation.body))
  )
  return { text }
end

function objects:render_drop_function(operation)
  local place = self:table_name(operation.name, operation.schema)
  return {
    ("DROP %s %s%s%s%s"):format(
      function_words(operation),
      operation.if_exists and "IF EXISTS " or "",
      place,
      operation.arguments and ("(%s)"):format(operation.arguments) or "",
      operation.cascade and " CASCADE" or ""
    ),
  }
end

-- --- triggers ---

function objects:trigger_text(operation)
  self:refuse_options(operation, { "if_not_exists" })
  local execute = self:option(operation, "execute")
  if not execute then
    check.refuse('a trigger of PostgreSQL calls a function; name it with postgresql_execute = "function()"')
  end
  local events = {}
  for index, event in ipairs(operation.events) do
    events[index] = self:trigger_event(event)
  end
  local parts = {
    operation.constraint and "CREATE CONSTRAINT TRIGGER" or "CREATE TRIGGER",
    self:ident(operation.name),
    operation.timing:upper(),
    table.concat(events, " OR "),
    "ON",
    self:table_name(operation.table, operation.schema) .. self:timing(operation),
  }
  list.add(parts, operation.referencing and "REFERENCING " .. operation.referencing)
  list.add(parts, "FOR EACH " .. (operation.for_each or "ROW"):upper())
  list.add(parts, operation.when and "WHEN " .. self:condition(operation.when))
  list.add(parts, "EXECUTE FUNCTION " .. sql.text(execute))
  return table.concat(parts, " ")
end

function objects:render_drop_trigger(operation)
  return {
    ("DROP TRIGGER %s%s ON %s%s"):format(
      operation.if_exists and "IF EXISTS " or "",
      self:ident(operation.name),
      self:table_name(operation.table, operation.schema),
      operation.cascade and " CASCADE" or ""
    ),
  }
end

return objects
