-- The names that a file of models sees: the constructors of a revision (column, index, types, ...), those that only a
-- schema has (table, enum, sequence, view), and a `require` by which the files of the environment find each other with
-- the same names. A constructor notes where it was called. Used by model.lua and env.lua; knows no database.

local check = require("moonbird.check")
local host = require("moonbird.host")
local items = require("moonbird.items")
local naming = require("moonbird.naming")
local sql = require("moonbird.sql")
local types = require("moonbird.types")

local scope = {}

-- What the constructors return: { kind = "table", name, items, ..., where = "models.lua:12" }.
local Part = { __name = "moonbird.schema_part" }

function scope.is_part(value)
  return getmetatable(value) == Part
end

-- --- constructors ---

local signatures = {
  table = {
    arguments = { { "name", "name" }, { "items", "items" } },
    options = { schema = "name", comment = "text", prefixes = "texts", info = "any" },
  },
  enum = {
    arguments = { { "name", "name" }, { "values", "labels" } },
    options = { schema = "name", comment = "text" },
  },
  sequence = {
    arguments = { { "name", "name" } },
    options = {
      schema = "name",
      type = "type",
      start = "integer",
      increment = "integer",
      minvalue = "integer",
      maxvalue = "integer",
      cycle = "boolean",
      cache = "integer",
      owned_by = "column_place",
      comment = "text",
    },
  },
  view = {
    arguments = { { "name", "name" }, { "definition", "expression" } },
    options = { schema = "name", columns = "names", materialized = "boolean", indexes = "items", comment = "text" },
  },
}

-- A file that ends in `return table(...)` makes a tail call, of which Lua keeps no line.
local loading_file

-- "models.lua:12": where the constructor was called; `level` counts from the caller of this function.
local function place(level)
  local own, caller = debug.getinfo(level, "t"), debug.getinfo(level + 1, "Sl")
  if own.istailcall or not caller or caller.currentline < 0 then
    return loading_file or "models"
  end
  return ("%s:%d"):format(caller.short_src, caller.currentline)
end

-- The options of a table are those of op.create_table, so those of this database are checked under that name.
local function construct(kind, where, ...)
  local part, problem = check.call(signatures[kind], table.pack(...), host.dialect)
  if not part then
    error(where .. ": " .. problem, 0)
  end
  part.kind, part.where = kind, where
  return setmetatable(part, Part)
end

local constructors = {}
for kind, signature in pairs(signatures) do
  signature.name, signature.kind = kind, kind == "table" and "create_table" or kind
  constructors[kind] = function(...)
    return construct(kind, place(2), ...)
  end
end

-- `table` is Lua's own library that can be called.
local callable_table = setmetatable({}, {
  __index = table,
  __call = function(_, ...)
    return construct("table", place(2), ...)
  end,
})

--- Is it `table` itself, and not what it makes?
function scope.is_library(value)
  return value == callable_table
end

-- --- the environment of a file ---

local function readable(path)
  local file = io.open(path, "r")
  if file then
    file:close()
    return path
  end
end

-- The module's file below the environment's folder, or nil.
local function find_module(folder, name)
  local base = folder .. "/" .. name:gsub("%.", "/")
  return readable(base .. ".lua") or readable(base .. "/init.lua")
end

local LOADING = {}

-- Runs a file with these globals.
local function run_file(path, environment, ...)
  local chunk, problem = loadfile(path, "t", environment)
  if not chunk then -- a complaint about precompiled Lua has no place
    error(problem:find(path, 1, true) and problem or path .. ": " .. problem, 0)
  end
  local before = loading_file
  loading_file = path
  local result = chunk(...)
  loading_file = before
  return result
end

-- Lua's own require, whose complaint about a missing module names the places where this program looks.
local function require_other(folder, name, where)
  local results = table.pack(pcall(require, name))
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  local problem = results[2]
  local places = type(problem) == "string" and problem:match("^[^\n]*module '.-' not found:\n(.*)$")
  if not places then
    error(problem, 0)
  end
  host.fail(
    "failed",
    ("%s: require %q: there is no such module"):format(where, name),
    ("%s.lua in %s is what models find first; Lua's own places have none either:\n%s"):format(
      name:gsub("%.", "/"),
      folder,
      places
    )
  )
end

-- Modules of the environment are loaded once, with the names of models; all others come from Lua's own require.
local function new_require(folder, environment)
  local loaded = {}
  return function(name)
    if type(name) ~= "string" then
      error(("%s: require: the name of a module must be a string, got %s"):format(place(2), check.describe(name)), 0)
    end
    local path = find_module(folder, name)
    if not path then
      return require_other(folder, name, place(2))
    elseif loaded[path] == LOADING then
      error(('require "%s": the file is being loaded, it requires itself'):format(name), 2)
    elseif loaded[path] == nil then
      loaded[path] = LOADING
      local result = run_file(path, environment, name, path)
      loaded[path] = result == nil and true or result
    end
    return loaded[path]
  end
end

--- The global names of a file of models in this folder.
function scope.new(folder)
  local environment = {
    table = callable_table,
    enum = constructors.enum,
    sequence = constructors.sequence,
    view = constructors.view,
    types = types,
    sql = sql.new,
    blob = sql.blob,
    null = sql.null,
    op = { f = naming.final },
  }
  for name, make in pairs(items) do
    environment[name] = make
  end
  environment.require = new_require(folder, environment)
  return setmetatable(environment, { __index = _G })
end

--- Runs the file of models `path` of the environment in `folder`; gives what it returns.
function scope.run(folder, path)
  return run_file(path, scope.new(folder))
end

return scope
