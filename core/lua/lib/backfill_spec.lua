-- backfill_spec.lua: checks what a script or a file of backfills/ says of a backfill: keys, types, what goes together.
-- Pure: knows no database. Called by backfill.lua.

local check = require("moonbird.check")
local sql = require("moonbird.sql")
local throttle = require("moonbird.throttle")

local spec = {}

-- What a definition may hold: name -> type of the value.
local keys = {
  table = "string",
  schema = "string",
  key = "names",
  columns = "names",
  where = "expression",
  set = "values",
  row = "function",
  batch = "function",
  size = "size",
  nice = "share",
  workers = "count",
  throttle = "throttle",
  on_error = "choice",
  max_bad = "count",
  done = "expression",
  effects = "choice",
  recipe = "string", -- of a ready-made one: what it was asked for
}

local choices = { on_error = { "stop", "quarantine" }, effects = { "database", "external" } }

local size_keys = { target_ms = true, start = true, min = true, max = true }

local function fail(message, ...)
  error("op.backfill: " .. message:format(...), 0)
end

local function nearest(name, known)
  local list = {}
  for key in pairs(known) do
    list[#list + 1] = key
  end
  table.sort(list)
  return ("unknown key %q; known are %s"):format(tostring(name), table.concat(list, ", "))
end

local function names_of(key, value)
  if type(value) == "string" then
    return { value }
  elseif type(value) ~= "table" or #value == 0 and key ~= "columns" then
    fail("%s must be a column or a list of columns, not %s", key, check.describe(value))
  end
  for _, name in ipairs(value) do
    if type(name) ~= "string" then
      fail("%s must hold column names, not %s", key, check.describe(name))
    end
  end
  return value
end

local function positive(name, value)
  if math.type(value) ~= "integer" or value < 1 then
    fail("%s must be a whole number above 0, not %s", name, check.describe(value))
  end
  return value
end

local function size_of(value)
  if type(value) ~= "table" then
    return { fixed = positive("size", value) }
  end
  for key, part in pairs(value) do
    if not size_keys[key] then
      fail("size: %s", nearest(key, size_keys))
    end
    positive("size." .. key, part)
  end
  return value
end

local function choice_of(key, value)
  for _, choice in ipairs(choices[key]) do
    if value == choice then
      return value
    end
  end
  fail('%s must be "%s", not %s', key, table.concat(choices[key], '" or "'), check.describe(value))
end

local checks = {
  throttle = function(_, value)
    return throttle.check(value)
  end,
  names = names_of,
  choice = choice_of,
  count = positive,
  share = function(key, value)
    if type(value) ~= "number" or value < 0 or value ~= value then
      fail("%s must be a number from 0 up, not %s", key, check.describe(value))
    end
    return value
  end,
  size = function(_, value)
    return size_of(value)
  end,
  values = function(key, value)
    if type(value) ~= "table" or sql.is(value) then
      fail("%s must be a table of columns and values, not %s", key, check.describe(value))
    end
    for name, part in pairs(value) do
      local is_value = type(part) ~= "table" and type(part) ~= "function" or sql.is(part) or sql.is_blob(part)
      if type(name) ~= "string" then
        fail("%s must name the column of each value: { column = value }", key)
      elseif not is_value then
        fail("%s: column %s takes a value or sql \"...\", not %s", key, name, check.describe(part))
      end
    end
    return value
  end,
  expression = function(key, value)
    if type(value) ~= "string" and not sql.is(value) then
      fail("%s must be SQL text, not %s", key, check.describe(value))
    end
    return sql.text(value)
  end,
}

local function check_key(key, value)
  local wanted = keys[key]
  if not wanted then
    fail("%s", nearest(key, keys))
  elseif checks[wanted] then
    return checks[wanted](key, value)
  elseif type(value) ~= wanted then
    fail("%s must be a %s, not %s", key, wanted, check.describe(value))
  end
  return value
end

--- Checks what a script wrote; gives a copy with its form. Errors name the key.
function spec.check(given)
  if type(given) ~= "table" then
    fail("argument 1 must be a table { table = ..., row = function(row) ... end }, not %s", check.describe(given))
  end
  local checked, form = {}, nil
  for key, value in pairs(given) do
    checked[key] = check_key(key, value)
  end
  for _, name in ipairs({ "set", "row", "batch" }) do
    if checked[name] and form then
      fail("only one of set, row and batch may be given, not %s and %s", form, name)
    end
    form = checked[name] and name or form
  end
  if not checked.table then
    fail("table is missing")
  elseif not form then
    fail("one of set, row and batch must say what is done")
  elseif form == "set" and next(checked.set) == nil then
    fail("set names no column")
  end
  if checked.effects == "external" and form == "set" then
    fail('effects = "external" is for row and batch: set is one UPDATE')
  end
  checked.form = form
  return checked
end

return spec
