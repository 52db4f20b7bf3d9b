-- throttle.lua: what holds a backfill back. Checks the keys of `throttle`, puts the settings of the ini and what the
-- dialect knows beside them, and gives the engine (core/throttle/lookout.c) a list of signals. Knows no database: what
-- a signal asks the server is the dialect's.

local check = require("moonbird.check")
local host = require("moonbird.host")
local sql = require("moonbird.sql")

local throttle = {}

-- Each key with the kind of its value. The limits have a dialect's signal of the same name behind them.
local keys = {
  max_lag = "duration",
  max_lag_bytes = "size",
  max_slot_wal = "size",
  max_archive_backlog = "count",
  max_wal = "size",
  lock_yield = "duration",
  max_blocked = "duration",
  replicas = "urls",
  probe = "probes",
  flag_file = "text",
  window = "windows",
}

local limits = {
  "max_lag",
  "max_lag_bytes",
  "max_slot_wal",
  "max_archive_backlog",
  "max_wal",
  "lock_yield",
  "max_blocked",
}

local function fail(message, ...)
  error("throttle: " .. message:format(...), 0)
end

local function sorted(map)
  local list = {}
  for key in pairs(map) do
    list[#list + 1] = key
  end
  table.sort(list)
  return list
end

-- --- values ---

-- Of a limit: a number, or a text with a unit, in the range that the ini and `backfill set` have for it too.
local function number_of(key, value, parse, example)
  local number, range = value, host.throttle_ranges[key]
  if type(value) == "string" then
    number = parse(value)
  end
  if type(number) ~= "number" or not (number >= range.least and number <= range.most) then
    fail("%s must be %s, %s to %s, or false, not %s", key, example, range.from, range.to, check.shown(value))
  end
  return number + 0.0
end

local function list_of(key, value, what)
  local list = type(value) == "table" and not sql.is(value) and value or { value }
  if list[1] == nil then
    fail("%s must be %s or a list of them, not an empty list; false turns it off", key, what)
  end
  for _, item in ipairs(list) do
    if type(item) ~= "string" or item == "" then
      fail("%s must be %s or a list of them, not %s", key, what, check.shown(item))
    end
  end
  return list
end

local readers = {
  duration = function(key, value)
    return number_of(key, value, host.parse_duration, 'a time such as "5s"')
  end,
  size = function(key, value)
    return number_of(key, value, host.parse_size, 'a size such as "256MiB"')
  end,
  count = function(key, value)
    return number_of(key, math.type(value) == "float" and tostring(value) or value, math.tointeger, "a whole number")
  end,
  urls = function(key, value)
    return list_of(key, value, "a URL")
  end,
  windows = function(key, value)
    local list = list_of(key, value, "a text")
    local problem, hint = host.window_problem(table.concat(list, ";"))
    if problem then
      fail("%s: %s; %s", key, problem, hint)
    end
    return list
  end,
  text = function(key, value)
    if type(value) ~= "string" or value == "" then
      fail("%s must be the path of a file, or false, not %s", key, check.shown(value))
    end
    return value
  end,
  probes = function(key, value)
    local list = type(value) == "table" and not sql.is(value) and value or { value }
    local probes = {}
    if list[1] == nil then
      fail("%s must be SQL text, a function, or a list of them, not an empty list; false turns it off", key)
    end
    for index, item in ipairs(list) do
      local text = sql.is(item) and sql.text(item) or item
      if type(text) ~= "function" and (type(text) ~= "string" or not text:find("%S")) then
        fail("%s must be SQL text, a function, or a list of them, not %s", key, check.shown(item))
      end
      probes[index] = text
    end
    return probes
  end,
}

-- --- checking ---

--- Checks what a script says; false turns all signals off. Errors name the key.
---@param value table|boolean|nil
---@return table|false
function throttle.check(value)
  if value == false then
    return false
  elseif value == nil or value == true then
    return {}
  elseif type(value) ~= "table" then
    fail("it must be a table such as { max_lag = \"5s\" }, or false, not %s", check.shown(value))
  end
  local checked = {}
  for key, item in pairs(value) do
    local kind = keys[key]
    if not kind then
      local near = type(key) == "string" and check.nearest(key, sorted(keys))
      fail(
        "unknown key %q%s are %s",
        tostring(key),
        near and (", did you mean %q? Known"):format(near) or "; known",
        table.concat(sorted(keys), ", ")
      )
    end
    checked[key] = item ~= false and readers[kind](key, item)
  end
  return checked
end

local function words_of(text)
  local words = {}
  for word in text:gmatch("%S+") do
    words[#words + 1] = word
  end
  return words
end

-- What [backfill] of the ini says of a key, for all backfills; false for "off", nil where it says nothing.
local function configured(key)
  local text, kind = host.throttle_defaults[key], keys[key]
  if not text or text == "" or text == "off" then
    return text == "off" and false or nil
  end
  local ok, value = pcall(readers[kind], key, kind == "urls" and words_of(text) or text)
  if not ok then
    error((value:gsub("^throttle: ", "[backfill] of the ini: ")), 0)
  end
  return value
end

local function with_defaults(given)
  local settings = {}
  for key in pairs(keys) do
    local value = given[key]
    if value == nil then
      value = configured(key)
    end
    settings[key] = value
  end
  return settings
end

-- --- signals ---

-- A limit that a script names must have its signal in this database; one of the ini may be for another database.
local function limits_of(settings, given)
  local known, values = host.dialect.throttle_defaults, {}
  for _, key in ipairs(limits) do
    local value = settings[key]
    if value == nil then
      value = known[key]
    elseif known[key] == nil then
      if given[key] then
        fail("%s: this database has no such signal; it has %s", key, table.concat(sorted(known), ", "))
      end
      value = nil
    end
    values[key] = value
  end
  return values
end

local function probe_signal(probe)
  if type(probe) == "function" then
    return { kind = "function", call = probe, what = "probe" }
  end
  local around = host.dialect.throttle_read_only
  return { kind = "probe", sql = probe, before = around.before, after = around.after, what = "probe" }
end

local function add_own(signals, settings)
  for _, probe in ipairs(settings.probe or {}) do
    signals[#signals + 1] = probe_signal(probe)
  end
  if settings.flag_file then
    signals[#signals + 1] = { kind = "file", text = settings.flag_file, what = "flag file" }
  end
  if settings.window then
    signals[#signals + 1] = { kind = "window", text = table.concat(settings.window, ";"), what = "window" }
  end
end

-- --- for people ---

local units = { duration = "seconds", size = "bytes", count = "count" }

-- The value that counts, and who has said it: the last one who has, of the dialect, the ini, the definition, `backfill
-- set`.
local function origin_of(key, given, overrides)
  local value, from = host.dialect.throttle_defaults[key], "default"
  local layers = { { configured(key), "configuration" }, { given and given[key], "definition" } }
  if given == false then
    layers[2][1] = false
  end
  layers[3] = { overrides[key], "set" }
  for index = 1, 3 do
    if layers[index][1] ~= nil then
      value, from = layers[index][1], layers[index][2]
    end
  end
  return value, from
end

--- What may hold a backfill back, in a fixed order: key, value (false: off), unit of a limit, from ("default",
--- "configuration", "definition", "set"), and whether it was off before it was set. `overrides` are what `backfill set`
--- has set.
---@param value table|boolean|nil
---@param overrides table
---@return table
function throttle.origins(value, overrides)
  local given, list = throttle.check(value), {}
  for _, key in ipairs(limits) do
    if host.dialect.throttle_defaults[key] ~= nil then
      local limit, from = origin_of(key, given, overrides)
      local was_off = origin_of(key, given, {}) == false
      list[#list + 1] = { key = key, value = limit, unit = units[keys[key]], from = from, was_off = was_off }
    end
  end
  for _, key in ipairs({ "replicas", "probe", "flag_file", "window" }) do
    local setting, from = origin_of(key, given, {})
    if setting then
      list[#list + 1] = { key = key, value = setting, from = from }
    end
  end
  return list
end

local limits_by_kind = { replicas = { "max_lag", "max_lag_bytes" }, waiters = { "lock_yield", "max_blocked" } }

--- The keys of the limits that a signal has.
---@param signal table
---@return string[]
function throttle.limits_of(signal)
  return limits_by_kind[signal.kind] or { signal.name }
end

--- The signals to look at, with their limits; `connection` is the throttle's own. Called by core/throttle/lookout.c.
--- Each is a table: kind, name (the limit's), what (for people), limit, unit, sql, ...
---@param value table|boolean|nil
---@param connection table
---@return table
function throttle.signals(value, connection)
  local given = throttle.check(value)
  if given == false then
    return {}
  end
  local settings = with_defaults(given)
  local values = limits_of(settings, given)
  values.replicas = settings.replicas or nil
  local explicit = {}
  for key, item in pairs(settings) do
    explicit[key] = item ~= false
  end
  local signals = host.dialect:throttle_signals(connection, values, explicit)
  add_own(signals, settings)
  return signals
end

return throttle
