-- throttle_outlook.lua: what may hold a backfill back, for people who have not begun it: each limit, who has said it,
-- and whether its signal can be read. Asks each signal once and changes nothing. Called by backfill_plan.lua.

local host = require("moonbird.host")
local throttle = require("moonbird.throttle")

local throttle_outlook = {}

local OFF = "`throttle = false` turns all off, and `backfill set` nothing on"

-- --- facts ---

-- Nothing that a probe says is written, as in the run. What has a look of its own at whether it is worth asking (a
-- checkpoint of SQLite) is not asked: that may write.
local function problem_of(signal)
  if not signal.sql or signal.ready then
    return nil
  end
  local connection = host.connection
  local ok, problem = pcall(function()
    if signal.before then
      connection:exec(signal.before)
    end
    connection:query(signal.sql)
  end)
  if signal.after then
    pcall(connection.exec, connection, signal.after)
  end
  return not ok and tostring(problem) or nil
end

-- Signals by the keys of their limits; those of `replicas`, `probe`, ... by that key.
local function read_signals(spec)
  local keys = { probe = "probe", ["function"] = "probe", file = "flag_file", window = "window" }
  local found = {}
  for _, signal in ipairs(throttle.signals(spec, host.connection)) do
    local entry = { what = signal.what, problem = problem_of(signal) }
    for _, key in ipairs(throttle.limits_of(signal)) do
      found[key] = entry
    end
    local own = keys[signal.kind]
    if own then
      local before = found[own]
      found[own] = { what = entry.what, problem = before and before.problem or entry.problem }
    end
    if signal.urls then
      found.replicas = entry
    end
  end
  return found
end

-- What a script or the ini has given, without a password.
local function shown(key, value)
  if key == "window" then
    return table.concat(value, "; ")
  elseif key == "flag_file" then
    return value
  elseif key == "replicas" then
    return ("%d by URL"):format(#value)
  end
  return #value == 1 and type(value[1]) == "function" and "a function" or #value == 1 and "a query"
    or ("%d of them"):format(#value)
end

--- A list of { key, limit, unit, from, what, readable, problem }, with `value` instead of limit and unit where there is
--- none. A limit of false is off; without `what` the database has no such signal now.
---@param spec table|boolean|nil what the definition says of the throttle
---@param overrides table what `backfill set` has set
---@return table[]
function throttle_outlook.facts(spec, overrides)
  local signals, list = read_signals(spec), {}
  for index, origin in ipairs(throttle.origins(spec, overrides)) do
    local signal = signals[origin.key]
    local fact = { key = origin.key, from = origin.from, what = signal and signal.what }
    fact.readable = signal ~= nil and signal.problem == nil
    fact.problem = signal and signal.problem or not signal and origin.was_off and OFF or nil
    if origin.unit then
      fact.limit, fact.unit = origin.value, origin.unit
    else
      fact.value = shown(origin.key, origin.value)
    end
    list[index] = fact
  end
  return list
end

-- --- lines ---

local function bytes_text(bytes)
  local names, index = { "B", "KiB", "MiB", "GiB", "TiB" }, 1
  while bytes >= 1024 and index < #names do
    bytes, index = bytes / 1024, index + 1
  end
  return ("%.4g %s"):format(bytes, names[index])
end

local function seconds_text(seconds)
  return seconds < 1 and ("%g ms"):format(seconds * 1000) or ("%g s"):format(seconds)
end

local function limit_text(fact)
  if fact.value then
    return fact.value
  elseif not fact.limit then
    return "off"
  elseif fact.unit == "bytes" then
    return bytes_text(fact.limit)
  end
  return fact.unit == "seconds" and seconds_text(fact.limit) or ("%g"):format(fact.limit)
end

-- What is wrong with a limit that counts.
local function note(fact)
  if fact.limit == false then
    return ""
  elseif fact.problem then
    return "CANNOT BE READ: " .. fact.problem:match("[^\n]*")
  end
  return fact.readable and "" or "no signal here"
end

--- One line for each: "max_lag  default  5 s".
---@param facts table[]
---@return string[]
function throttle_outlook.lines(facts)
  local lines = {}
  for index, fact in ipairs(facts) do
    local line = ("%-19s  %-13s  %-8s  %s"):format(fact.key, fact.from, limit_text(fact), note(fact))
    lines[index] = line:match("^(.-)%s*$")
  end
  return lines
end

return throttle_outlook
