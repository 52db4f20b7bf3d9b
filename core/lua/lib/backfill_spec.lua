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
  workers = "workers",
  throttle = "throttle",
  on_error = "choice",
  max_bad = "bad",
  done = "expression",
  effects = "choice",
  -- of a ready-made one: what it was asked for, and what `done` is where the script does not say
  recipe = "string",
  made_done = "string",
}

local own_keys = { recipe = true, made_done = true }

local choices = { on_error = { "stop", "quarantine" }, effects = { "database", "external" } }

local size_keys = { target_ms = true, start = true, min = true, max = true }

local function fail(message, ...)
  error("op.backfill: " .. message:format(...), 0)
end

local function sorted(known)
  local list = {}
  for key in pairs(known) do
    list[#list + 1] = not own_keys[key] and key or nil
  end
  table.sort(list)
  return list
end

local function unknown(name, known)
  local list = sorted(known)
  local near = type(name) == "string" and check.nearest(name, list)
  return ("unknown key %q%s are %s"):format(
    tostring(name),
    near and (", did you mean %q? Known"):format(near) or "; known",
    table.concat(list, ", ")
  )
end

local function names_of(key, value)
  if type(value) == "string" and value ~= "" then
    return { value }
  end
  local is_list = type(value) == "table" and not sql.is(value) and (value[1] ~= nil or next(value) == nil)
  if not is_list or value[1] == nil and key ~= "columns" then
    fail("%s must be a column or a list of columns, not %s", key, check.describe(value))
  end
  for _, name in ipairs(value) do
    if type(name) ~= "string" or name == "" then
      fail("%s must hold column names, not %s", key, check.describe(name))
    end
  end
  return value
end

-- The same limits as `backfill set` has.
local function whole(name, value, least, most)
  if math.type(value) ~= "integer" or value < least or value > most then
    fail("%s must be a whole number from %d to %d, not %s", name, least, most, check.shown(value))
  end
  return value
end

local MOST_ROWS, MOST_MS = 1000000000, 3600000

local function size_of(value)
  if type(value) ~= "table" then
    return { fixed = whole("size", value, 1, MOST_ROWS) }
  end
  for key, part in pairs(value) do
    if not size_keys[key] then
      fail("size: %s", unknown(key, size_keys))
    end
    whole("size." .. key, part, 1, key == "target_ms" and MOST_MS or MOST_ROWS)
  end
  if value.start and (value.start < (value.min or 1) or value.start > (value.max or MOST_ROWS)) then
    fail("size.start, %d, is not between size.min and size.max", value.start)
  end
  return value
end

local function choice_of(key, value)
  for _, choice in ipairs(choices[key]) do
    if value == choice then
      return value
    end
  end
  fail('%s must be "%s", not %s', key, table.concat(choices[key], '" or "'), check.shown(value))
end

local checks = {
  throttle = function(_, value)
    return throttle.check(value)
  end,
  names = names_of,
  choice = choice_of,
  workers = function(key, value)
    return whole(key, value, 1, 64)
  end,
  bad = function(key, value)
    return whole(key, value, 0, 1000000000000)
  end,
  share = function(key, value)
    if type(value) ~= "number" or not (value >= 0 and value <= 1000) then
      fail("%s must be a number from 0 to 1000, not %s", key, check.shown(value))
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
    elseif not sql.text(value):find("%S") then
      fail("%s must be SQL text, not an empty one", key)
    end
    return sql.text(value)
  end,
}

local function check_key(key, value)
  local wanted = keys[key]
  if not wanted then
    fail("%s", unknown(key, keys))
  elseif checks[wanted] then
    return checks[wanted](key, value)
  elseif type(value) ~= wanted or value == "" then
    fail("%s must be a %s, not %s", key, wanted, check.describe(value))
  end
  return value
end

function spec.is_key(name)
  return keys[name] ~= nil
end

--- The keys that a script may give, in order.
function spec.key_names()
  return sorted(keys)
end

--- "shop.people" -> { table = "people", schema = "shop" }; a name that holds a dot needs its schema beside it.
function spec.place(name, schema)
  local in_front, behind = name:match("^([^.]+)%.([^.]+)$")
  if schema or not in_front then
    return { table = name, schema = schema }
  end
  return { table = behind, schema = in_front }
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
  local place = spec.place(checked.table, checked.schema)
  checked.table, checked.schema, checked.form = place.table, place.schema, form
  return checked
end

return spec
