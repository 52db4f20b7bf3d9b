-- revision.lua: runs one revision script in an environment of its own. Called by core/run/step.c as a task.
--
-- What a script sees: the Lua standard library, `require`, and the names below. What it assigns to globals stays its
-- own.

require("moonbird.autocommit") -- adds op.autocommit_block
local backfill = require("moonbird.backfill") -- adds op.backfill
local scripts = require("moonbird.environment")
local settings = require("moonbird.settings")

local revision = {}

-- Called by their names, which tracebacks then show.
local function run_upgrade(environment, offline)
  environment.upgrade()
  -- a script that is written as SQL has nothing to look at
  if rawget(environment, "verify") and not offline then
    environment.verify()
  end
end

--- Runs the chunk of a revision, then the function for the direction, and after an upgrade `verify` if there is one.
---@param time integer what os.time() gives
---@param seed integer of math.random
function revision.run(chunk, context, name, time, seed)
  math.randomseed(seed)
  local environment = scripts.new(context, time)
  scripts.enter(environment)
  debug.setupvalue(chunk, 1, environment)
  chunk()
  if type(rawget(environment, context.direction)) ~= "function" then
    error(("%s has no function %s()"):format(name, context.direction), 0)
  end
  settings.keep(function()
    if context.direction == "downgrade" then
      environment.downgrade()
    else
      run_upgrade(environment, context.offline)
    end
  end)
  if context.direction == "downgrade" then
    backfill.forget_revision(context.revision)
  end
end

return revision
