-- autocommit.lua: op.autocommit_block. What the revision did before is committed, the statements of the block run
-- without a transaction, and the revision goes on in a new one. For what a database refuses inside a transaction, such
-- as CREATE INDEX CONCURRENTLY. A run that takes the revision up again passes over what was committed.

local check = require("moonbird.check")
local host = require("moonbird.host")
local op = require("moonbird.op")
local settings = require("moonbird.settings")

-- How many blocks are open, one in the other.
local autocommit = { depth = 0 }

local function leave_transaction()
  if not host.in_transaction() then
    return false
  elseif host.offline then
    host.script_commit()
  else
    settings.own(host.commit_point)
  end
  return true
end

--- Runs f outside of the revision's transaction; each statement in it commits by itself.
---@param f fun()
function op.autocommit_block(f)
  if type(f) ~= "function" then
    error("op.autocommit_block: argument 1 must be a function, got " .. check.describe(f), 2)
  elseif host.savepoint_depth() > 0 then
    error("op.autocommit_block commits, so it cannot run inside db:transaction or a backfill", 2)
  end
  local left = leave_transaction()
  autocommit.depth = autocommit.depth + 1
  local ok, problem = xpcall(f, host.note_place)
  autocommit.depth = autocommit.depth - 1
  if ok and left then
    host.begin()
  elseif left then
    pcall(host.begin) -- a script that catches the error goes on in a transaction; what has failed counts, not this
  end
  if not ok then
    error(problem, 0)
  end
end

return autocommit
