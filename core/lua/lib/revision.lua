-- revision.lua: runs one revision script in an environment of its own. Called by core/run/step.c as a task.
--
-- What a script sees: the Lua standard library, `require`, and the names below. What it assigns to globals stays its
-- own.

local host = require("moonbird.host")
local items = require("moonbird.items")
local json = require("moonbird.json")
local log = require("moonbird.log")
local op = require("moonbird.op")
local sql = require("moonbird.sql")
local statement = require("moonbird.statement")
local types = require("moonbird.types")

require("moonbird.backfill") -- adds op.backfill

local revision = {}

local SHOWN_WIDTH = 60

local function shorten(text)
  local line = text:gsub("%s+", " "):match("^ ?(.-) ?$")
  if #line <= SHOWN_WIDTH then
    return line
  end
  local last = SHOWN_WIDTH
  while last > 1 and line:find("^[\x80-\xBF]", last + 1) do
    last = last - 1 -- not inside a character
  end
  return line:sub(1, last) .. "..."
end

-- --- db ---

local db = {}
db.__index = db

local function check_text(method, text)
  if type(text) ~= "string" then
    error(("db:%s: argument 1 must be SQL text, got a %s"):format(method, type(text)), 3)
  end
end

--- Runs a statement that changes something; gives the rows affected.
function db:exec(text, ...)
  check_text("exec", text)
  local params = sql.parameters(...)
  return statement.perform("exec", shorten(text), { params and { text, params } or text })
end

function db:query(text, ...)
  check_text("query", text)
  return host.connection:query(text, ...)
end

function db:rows(text, ...)
  check_text("rows", text)
  return host.connection:rows(text, ...)
end

function db:one(text, ...)
  check_text("one", text)
  return host.connection:one(text, ...)
end

function db:scalar(text, ...)
  check_text("scalar", text)
  return host.connection:scalar(text, ...)
end

-- A savepoint around f: an error takes back what f did, and goes on to the caller. For the journal it is one statement.
local function with_savepoint(f)
  local name = "moonbird_" .. host.savepoint_depth() + 1
  host.connection:exec("SAVEPOINT " .. name)
  host.savepoint_depth(1)
  local ok, problem = pcall(f)
  host.savepoint_depth(-1)
  if not ok then
    -- where that fails the transaction is gone, and what f threw says why
    pcall(host.connection.exec, host.connection, "ROLLBACK TO SAVEPOINT " .. name .. "; RELEASE SAVEPOINT " .. name)
    error(problem, 0)
  end
  host.connection:exec("RELEASE SAVEPOINT " .. name)
  return 0
end

--- Runs f so that its changes are kept or taken back as a whole; an error is passed on after they were taken back.
function db:transaction(f)
  if type(f) ~= "function" then
    error(("db:transaction: argument 1 must be a function, got a %s"):format(type(f)), 2)
  end
  local place = statement.function_place(f)
  statement.pass("transaction", "transaction\0" .. statement.function_text(f), place, function()
    return with_savepoint(f)
  end)
end

-- --- the environment of a script ---

local function new_environment(context)
  local environment = {
    op = op,
    types = types,
    sql = sql.new,
    blob = sql.blob,
    null = host.null,
    json = json,
    log = log,
    print = log.info,
    context = context,
    db = setmetatable({ dialect = host.dialect }, db),
  }
  for name, constructor in pairs(items) do
    environment[name] = constructor
  end
  return setmetatable(environment, { __index = _G })
end

--- Runs the chunk of a revision, then the function for the direction, and after an upgrade `verify` if there is one.
function revision.run(chunk, context, name)
  local environment = new_environment(context)
  debug.setupvalue(chunk, 1, environment)
  chunk()
  if type(rawget(environment, context.direction)) ~= "function" then
    error(("%s has no function %s()"):format(name, context.direction), 0)
  end
  -- called by their names, which tracebacks then show
  if context.direction == "downgrade" then
    environment.downgrade()
    return
  end
  environment.upgrade()
  -- a script that is written as SQL has nothing to look at
  if rawget(environment, "verify") and not context.offline then
    environment.verify()
  end
end

return revision
