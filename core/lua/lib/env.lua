-- env.lua: the environment's own env.lua: runs it, checks what it returns, calls its hooks. Called by core/run/env.c.

local host = require("moonbird.host")
local json = require("moonbird.json")
local log = require("moonbird.log")
local naming = require("moonbird.naming")
local words = require("moonbird.check")

local env = {}

-- What env.lua may return: name -> type.
local known = {
  url = "string",
  models = "any",
  include_object = "function",
  naming_convention = "table",
  include_name = "function",
  before_run = "function",
  after_run = "function",
  before_each = "function",
  after_each = "function",
  on_error = "function",
}

-- Two letters at most are wrong.
local function nearest(name, names)
  local found = words.nearest(name, words.sorted_keys(names))
  return found and words.distance(name, found) <= 2 and found or nil
end

local function check(path, settings)
  if type(settings) ~= "table" then
    error(("%s must return a table, not a %s"):format(path, type(settings)), 0)
  end
  for name, value in pairs(settings) do
    local wanted = known[name]
    if not wanted then
      local near = type(name) == "string" and nearest(name, known)
      local hint = near and ("; did you mean %s?"):format(near) or ""
      log.warn(("%s: the name %s means nothing to Moonbird%s"):format(path, tostring(name), hint))
    elseif wanted ~= "any" and type(value) ~= wanted then
      error(("%s: %s must be a %s, not a %s"):format(path, name, wanted, type(value)), 0)
    end
  end
  local problem = settings.naming_convention and naming.problem_of(settings.naming_convention)
  if problem then
    error(("%s: %s"):format(path, problem), 0)
  end
  return settings
end

-- The names by which models are written, so that env.lua may hold them or require them; made only when one is used,
-- because most commands never look at models.
local function names_of_models(folder)
  local names
  return function(_, name)
    if not names and (_G[name] == nil or name == "table" or name == "require") then
      names = require("moonbird.schema.scope").new(folder)
    end
    return names and names[name] or _G[name]
  end
end

--- Runs the chunk of an env.lua; gives the table that it returns. `context` has what the command line says.
function env.load(chunk, path, context)
  local globals = { log = log, json = json, print = log.info, null = host.null, context = context }
  local folder = path:match("^(.*)/[^/]*$") or "."
  debug.setupvalue(chunk, 1, setmetatable(globals, { __index = names_of_models(folder) }))
  local settings = check(path, chunk())
  naming.use(settings.naming_convention)
  return settings
end

-- The connection for hooks: what they do is no statement of a revision.
local db = {}
for _, method in ipairs({ "exec", "query", "rows", "one", "scalar" }) do
  db[method] = function(_, ...)
    return host.connection[method](host.connection, ...)
  end
end

--- Calls a hook if there is one: hook(context, db), on_error(context, message).
function env.hook(settings, name, context, message)
  local hook = settings[name]
  if hook then
    hook(context, message or db)
  end
end

return env
