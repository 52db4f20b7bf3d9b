-- statement.lua: every mutating call of a script comes through here. The journal (core/run/journal.c) gives it a number
-- and says whether an interrupted run has committed it already: then it is passed over and its recorded result is given
-- back. Knows connections and the journal; how SQL is written is the dialect's, what is called is op.lua's and
-- revision.lua's.

local check = require("moonbird.check")
local followed = require("moonbird.followed")
local forbidden = require("moonbird.forbidden")
local host = require("moonbird.host")
local lock_wait = require("moonbird.lock_wait")
local offline = require("moonbird.offline")
local settings = require("moonbird.settings")

local statement = {}

--- The dialect of the connection that the script runs on.
function statement.dialect()
  return host.dialect
end

local function call(method, text, params)
  if params == nil then
    return host.connection[method](host.connection, text)
  end
  return host.connection[method](host.connection, text, params)
end

-- The SQL of an item; of one that is a program, what it is called.
local function text_of(item)
  return type(item) == "string" and item or item.text or item[1]
end

-- An item that the dialect must look at the table for: { rebuild = what it shall be, text = what it is called }.
local function rebuild(item, shown)
  local connection = host.offline and followed.connection(shown) or host.connection
  local ok, result = pcall(host.dialect.rebuild, host.dialect, connection, item.rebuild)
  if ok then
    return result
  end
  error(check.is_refusal(result) and ("%s: %s"):format(shown, result.message) or result, 0)
end

-- `when` is a query: where its first value is not true, there is nothing to do.
local function is_wanted(when)
  if host.offline then
    return followed.wants(when)
  end
  local wanted = call("scalar", when[1], when[2])
  return wanted == true or wanted == 1
end

local function execute(item, shown)
  if type(item) ~= "string" and item.when and not is_wanted(item.when) then
    return 0
  end
  if not host.offline then
    host.tell(text_of(item))
  end
  if type(item) == "string" then
    return call("exec", item)
  end
  if item.rebuild then
    return rebuild(item, shown)
  end
  return call("exec", item[1], item[2])
end

-- `done` is a query: where its first value is true, the item has done its work already.
local function is_done(item)
  local found = type(item) == "table" and item.done and call("scalar", item.done[1], item.done[2])
  return found == true or found == 1
end

-- `is_repeated`: an earlier run may have ended in one of them.
local function execute_all(items, shown, is_repeated)
  local affected = 0
  for _, item in ipairs(items) do
    affected = is_repeated and is_done(item) and 0 or execute(item, shown)
  end
  return affected
end

local function value_text(value)
  if type(value) == "table" then
    return tostring(value[1])
  elseif value == host.null then
    return "null"
  end
  return math.type(value) == "float" and ("%a"):format(value) or tostring(value)
end

local function sorted_names(map)
  local names = {}
  for name in pairs(map) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- Appends the values of a list, or of a table of names in a fixed order.
local function describe_params(parts, params)
  if #params > 0 then
    for _, value in ipairs(params) do
      parts[#parts + 1] = value_text(value)
    end
    return
  end
  for _, name in ipairs(sorted_names(params)) do
    parts[#parts + 1] = name
    parts[#parts + 1] = value_text(params[name])
  end
end

-- Text and parameters: what the fingerprint is taken of.
local function describe(items)
  local parts = {}
  for _, item in ipairs(items) do
    parts[#parts + 1] = text_of(item)
    if type(item) ~= "string" and item[2] then
      describe_params(parts, item[2])
    end
  end
  return table.concat(parts, "\0")
end

local function any_outside(items)
  for _, item in ipairs(items) do
    if host.dialect:outside_transaction(text_of(item)) then
      return true
    end
  end
  return false
end

local OUTSIDE = "the database refuses this in a transaction: op.autocommit_block(function() ... end) around it runs it "
  .. "without one"

-- Throws what a statement in the revision's transaction has thrown.
local function fail(problem, items)
  local advice = type(problem) == "userdata" and host.dialect:advice(problem.sqlstate, false, problem.statement)
  if items and any_outside(items) then
    host.fail_with_hint(problem, OUTSIDE)
  elseif advice then
    host.fail_with_hint(problem, advice)
  end
  error(problem, 0)
end

-- In the revision's transaction: the journal's entry is written at the next commit point, if there is one.
local function run_inside(entry, items, body)
  lock_wait.prepare(items)
  local ok, result = pcall(body)
  if not ok then
    host.statement_failed(entry, result)
    fail(result, items)
  end
  host.check_transaction()
  host.statement_done(entry, result)
  return result
end

-- `transaction = false`, and the statement could be in a transaction: its effect and its entry commit together.
local function run_alone(entry, items, body)
  host.begin()
  local ok, result = pcall(function()
    lock_wait.prepare(items)
    local affected = body()
    host.statement_done(entry, affected)
    settings.own(host.commit_point)
    return affected
  end)
  if not ok then
    host.rollback()
    host.statement_failed(entry, result)
    error(result, 0)
  end
  return result
end

local REPEATED = "an earlier run ended in this statement, and may have left what is in its way (an index that is not "
  .. "valid, for one): take that away and run the same command again"

-- The statement cannot be in a transaction: the journal holds "started" before it and "done" after it. A run that finds
-- "started" repeats it, but for what the database shows to be done.
local function run_outside(entry, body, is_repeated)
  settings.own(host.commit_point)
  local ok, result = pcall(body, is_repeated)
  if not ok then
    host.statement_failed(entry, result) -- written only if the script goes on, to a further commit point
    if is_repeated then
      host.fail_with_hint(result, REPEATED)
    end
    error(result, 0)
  end
  host.statement_done(entry, result)
  settings.own(host.commit_point)
  return result
end

local function run(entry, items, body, is_repeated)
  if host.in_transaction() then
    return run_inside(entry, items, body)
  elseif items and any_outside(items) then
    return run_outside(entry, body, is_repeated)
  end
  return run_alone(entry, items, body)
end

-- What was done for a session that is over must be done for this one again.
local function all_for_session(items)
  for _, item in ipairs(items) do
    if not host.dialect:for_session(text_of(item)) then
      return false
    end
  end
  return true
end

--- Passes one statement through the journal. `fingerprint` is the text by which a later run knows it again, `shown`
--- what messages call it; `body` does the work and returns the rows affected.
---@return integer affected
function statement.pass(kind, fingerprint, shown, body, items)
  if host.savepoint_depth() > 0 then
    return body()
  elseif host.offline then
    return offline.pass(body, items)
  end
  local verdict, entry, result = host.statement_next(kind, fingerprint, shown)
  if verdict == "skip" then
    if items and all_for_session(items) then
      body()
    end
    return result
  elseif verdict == "fail" then
    error(result, 0)
  end
  return run(entry, items, body, verdict == "resume")
end

local transaction_words = { COMMIT = true, END = true, ROLLBACK = true, ABORT = true, BEGIN = true }

--- The word with which a statement begins or ends a transaction, which would take it from under the journal. Savepoints
--- are the script's own business.
---@return string|nil
function statement.transaction_word(text)
  local first, second = text:sub(1, 200):upper():match("^%s*(%a+)%s*(%a*)")
  local is_pair = second == "TRANSACTION" and (first == "START" or first == "PREPARE")
  return second ~= "TO" and (transaction_words[first] or is_pair) and first or nil
end

local function refuse_transaction_words(text)
  local first = statement.transaction_word(text)
  if not first then
    return
  end
  local message = "%s in a script: transactions are Moonbird's. db:transaction(function() ... end) keeps or takes back "
    .. "a part, `transaction = false` in the header runs a revision without one"
  error(message:format(first), 0)
end

local SHOWN_WIDTH = 60

--- The beginning of a statement on one line, for people.
function statement.shorten(text)
  local line = text:sub(1, 10 * SHOWN_WIDTH):gsub("%s+", " "):match("^ ?(.-) ?$")
  if #line <= SHOWN_WIDTH then
    return line
  end
  local last = SHOWN_WIDTH
  while last > 1 and line:find("^[\x80-\xBF]", last + 1) do
    last = last - 1 -- not inside a character
  end
  return line:sub(1, last) .. "..."
end

local batches = 0

--- The function of a batch begins: its statements are none of the journal's, and not all are allowed.
function statement.enter_batch()
  batches = batches + 1
  host.savepoint_depth(1)
end

function statement.leave_batch()
  batches = batches - 1
  host.savepoint_depth(-1)
end

--- Refuses what would end the transaction, and in a batch what outlives it: also in a query, which the journal does not
--- see.
---@param text string
function statement.refuse(text)
  refuse_transaction_words(text)
  local word, reason
  if batches > 0 then
    word, reason = forbidden.find(text)
  end
  if word then
    error(("%s in a batch of a backfill: %s"):format(word, reason), 0)
  end
end

local collected

--- The SQL that operations called by `body` would execute; nothing is executed, and no run need be there.
function statement.collect(body)
  collected = {}
  local ok, problem = pcall(body)
  local list = collected
  collected = nil
  if not ok then
    error(problem, 0)
  end
  return list
end

local function take(items)
  for _, item in ipairs(items) do
    collected[#collected + 1] = text_of(item)
  end
  return 0
end

--- Executes the SQL of one operation. `items` are strings, pairs of a string and its parameters, or programs of the
--- dialect ({ rebuild, text }); `operation` is what they were rendered from, if anything.
---@return integer affected rows of the last
function statement.perform(kind, shown, items, operation)
  if collected then
    return take(items)
  end
  items = host.offline and offline.written(items) or items
  for _, item in ipairs(items) do
    local text = text_of(item)
    statement.refuse(text)
    if host.offline then
      offline.check(shown, item)
    end
  end
  if host.offline then
    offline.note(operation)
  end
  return statement.pass(kind, kind .. "\0" .. describe(items), shown, function(is_repeated)
    return execute_all(items, shown, is_repeated)
  end, items)
end

local function file_lines(path, first, last)
  local file = io.open(path, "r")
  if not file then
    return nil
  end
  local lines, number = {}, 0
  for line in file:lines() do
    number = number + 1
    if number >= first and number <= last then
      lines[#lines + 1] = line:match("^%s*(.-)%s*$")
    end
  end
  file:close()
  return table.concat(lines, "\n")
end

--- The text of a function, by which a later run knows it again: its lines in the file, or else its code. Where it
--- begins in the file does not matter.
function statement.function_text(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then
    return "a function in C" -- has no text to compare
  end
  local path = info.source:match("^@(.*)")
  local text = path and file_lines(path, info.linedefined, info.lastlinedefined)
  return text or string.dump(f, true)
end

--- "versions/ab12_split.lua:20-28"
function statement.function_place(f)
  local info = debug.getinfo(f, "S")
  return ("%s:%d-%d"):format(info.source:match("^@?(.*)"), info.linedefined, info.lastlinedefined)
end

return statement
