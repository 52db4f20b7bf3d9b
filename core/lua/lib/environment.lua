-- environment.lua: what scripts see: the Lua standard library, `require`, `op`, `db` and the other names below. What a
-- script assigns to globals stays its own. For revisions (revision.lua) and files of backfills/ (backfill_file.lua).

local check = require("moonbird.check")
local host = require("moonbird.host")
local items = require("moonbird.items")
local json = require("moonbird.json")
local lock_wait = require("moonbird.lock_wait")
local log = require("moonbird.log")
local op = require("moonbird.op")
local ready_made = require("moonbird.ready_made")
local sql = require("moonbird.sql")
local statement = require("moonbird.statement")
local types = require("moonbird.types")

local environment = {}

-- --- db ---

local db = {}
db.__index = db

-- `level` as error() counts it from the caller.
local function check_method(self, method, level)
  if getmetatable(self) ~= db then
    error(("db:%s: it is called with a colon, db:%s(...)"):format(method, method), level + 1)
  end
end

local function check_text(self, method, text, level)
  check_method(self, method, level + 1)
  if type(text) ~= "string" then
    error(("db:%s: argument 1 must be SQL text, got %s"):format(method, check.describe(text)), level + 1)
  end
end

--- Runs a statement that changes something; gives the rows affected.
function db:exec(text, ...)
  check_text(self, "exec", text, 2)
  local params = sql.parameters(...)
  return statement.perform("exec", statement.shorten(text), { params and { text, params } or text })
end

local writing_words = { "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "CREATE", "DROP", "ALTER", "TRUNCATE" }
local is_writing = {}
for _, word in ipairs(writing_words) do
  is_writing[word] = true
end

-- Does the text begin with a word that changes something, or (WITH ... INSERT) hold one?
local function changes_something(text)
  local upper = text:upper()
  local first = upper:match("^%s*(%a+)")
  if first ~= "WITH" then
    return is_writing[first]
  end
  for word in upper:gmatch("%f[%w_]%a+%f[^%w_]") do
    if is_writing[word] then
      return true
    end
  end
end

-- Queries are run again by a run that takes the revision up, so one that changes something must not come before a
-- commit point; without a transaction every statement is one.
local function check_query(self, method, text)
  check_text(self, method, text, 3)
  statement.refuse(text)
  if host.offline or host.savepoint_depth() > 0 or not changes_something(text) then
    return
  elseif not host.in_transaction() then
    local message = "db:%s: without a transaction, a statement that changes something must go through db:exec"
    error(message:format(method), 3)
  end
  host.note_unrecorded(text)
end

function db:query(text, ...)
  check_query(self, "query", text)
  return host.connection:query(text, ...)
end

function db:rows(text, ...)
  check_query(self, "rows", text)
  return host.connection:rows(text, ...)
end

function db:one(text, ...)
  check_query(self, "one", text)
  return host.connection:one(text, ...)
end

function db:scalar(text, ...)
  check_query(self, "scalar", text)
  return host.connection:scalar(text, ...)
end

-- A savepoint around f: an error takes back what f did, and goes on to the caller. For the journal it is one statement.
local function with_savepoint(f)
  local name = "moonbird_" .. host.savepoint_depth() + 1
  host.connection:exec("SAVEPOINT " .. name)
  host.savepoint_depth(1)
  local ok, problem = xpcall(f, host.note_place)
  host.savepoint_depth(-1)
  if not ok then
    -- where that fails the transaction is gone, and what f threw says why
    pcall(host.connection.exec, host.connection, "ROLLBACK TO SAVEPOINT " .. name .. "; RELEASE SAVEPOINT " .. name)
    lock_wait.forget()
    error(problem, 0)
  end
  host.connection:exec("RELEASE SAVEPOINT " .. name)
  return 0
end

--- Runs f so that its changes are kept or taken back as a whole; an error is passed on after they were taken back.
function db:transaction(f)
  check_method(self, "transaction", 2)
  if type(f) ~= "function" then
    error("db:transaction: argument 1 must be a function, got " .. check.describe(f), 2)
  end
  local place = statement.function_place(f)
  statement.pass("transaction", "transaction\0" .. statement.function_text(f), place, function()
    return with_savepoint(f)
  end)
end

-- --- Alembic's other words for what a script has ---

local running -- where no revision runs, the file of a backfill

--- The revision with this environment runs from now on.
function environment.enter(names)
  running = names
end

function op.get_context()
  return running.context
end

function op.get_bind()
  return running.db
end

-- --- the environment of a script ---

-- os with a clock that stands still: a run that is taken up again sees the same time.
local function fixed_os(time)
  return setmetatable({
    time = function(parts)
      return parts and os.time(parts) or time
    end,
    date = function(format, moment)
      return os.date(format, moment or time)
    end,
  }, { __index = os })
end

--- A new environment; `time` is what os.time() gives.
function environment.new(context, time)
  local names = {
    os = fixed_os(time),
    op = op,
    backfill = ready_made,
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
    names[name] = constructor
  end
  running = running or names
  return setmetatable(names, { __index = _G })
end

return environment
