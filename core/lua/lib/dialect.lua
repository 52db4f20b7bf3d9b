-- The base dialect: standard SQL for names, literals and operations. A driver's dialect.lua is called with this table,
-- sets it as its own __index and overrides what differs; op.lua and the backfill engine call the result. Rendering is
-- pure: nothing here touches a database.

local check = require("moonbird.check")

local dialect = {
  name = "standard",
  reserved = {}, -- lower-case words that must be quoted, as a set
  max_params = 65535, -- parameters that one statement may have
  max_rows = 1000, -- rows of one multi-row INSERT
  lexical = {}, -- what differs in strings, names, comments: core/sql/rules.h has the words
  kept_settings = {}, -- names of settings of the session that are put back after each revision
  path_setting = nil, -- the one of them by which tables without a schema are found
  type_names = {}, -- kind -> name, or function(dialect, type)
  words = {}, -- type names for Moonbird's own tables
  computed_default = "", -- STORED or VIRTUAL, where a computed column does not say it
  instead = {}, -- operation kind -> what to do where the database cannot do it
  options = {}, -- operation kind -> { option = kind of value }: what only this database has
}

local parts = {
  "names",
  "values",
  "text",
  "types",
  "constraints",
  "columns",
  "tables",
  "indexes",
  "comments",
  "rows",
  "objects",
  "batch",
}

for _, part in ipairs(parts) do
  for name, method in pairs(require("moonbird.dialect." .. part)) do
    dialect[name] = method
  end
end

for _, module in ipairs({ "keyset", "schema.defaults" }) do
  for name, method in pairs(require("moonbird." .. module)) do
    dialect[name] = method
  end
end

-- "a b c" -> { a = true, b = true, c = true }
function dialect.word_set(text)
  local set = {}
  for word in text:gmatch("%S+") do
    set[word] = true
  end
  return set
end

-- --- scripts ---

-- The lexical rules that the connection's settings change, and those that a statement changes for what follows it.
function dialect.lexical_now() end
function dialect.lexical_after() end

-- Does a statement change the session only, and nothing that stays in the database?
function dialect.for_session()
  return false
end

-- advice(sqlstate, is_file, statement): what to do about the error of a statement, in a revision in Lua or (is_file) in
-- SQL; nil where the error says enough.
function dialect.advice() end

-- --- operations ---

-- An option as this database sees it: `sqlite_where` comes before `where`.
function dialect:option(operation, name)
  local own = operation[self.name .. "_" .. name]
  if own ~= nil then
    return own
  end
  return operation[name]
end

-- Options that this database cannot honour are an error, unless they were marked as meant for another one.
function dialect:refuse_options(operation, names)
  for _, name in ipairs(names) do
    if self:option(operation, name) then
      check.refuse(
        '%s has no option "%s"; if it is meant for another database, put the name in front (DATABASE_%s)',
        self.name,
        name,
        name
      )
    end
  end
end

-- What may hold a backfill back in this database: the limits that it knows, with their defaults, and the signals to
-- look at (throttle.lua describes them). Standard SQL has none.
dialect.throttle_defaults = {}

-- Statements around the SQL of a script's probe, `before` and `after`, so that it cannot write by mistake. They must do
-- behind a transaction pooler too.
dialect.throttle_read_only = {}

function dialect.throttle_signals()
  return {}
end

-- The statements of an operation: a list of texts, or of { text, params, when = { query, params } }. A statement with
-- `when` is run only where the first value of that query is true; one with `done` = { query, params } is not repeated
-- after a crash where that query says so; one that `clears` away what a broken run has left is no part of a script.
function dialect:render(operation)
  local method = self["render_" .. operation.kind]
  if not method then
    local instead = self.instead[operation.kind]
    check.refuse("%s cannot do it%s", self.name, instead and ": " .. instead or "")
  end
  return method(self, operation)
end

return dialect
