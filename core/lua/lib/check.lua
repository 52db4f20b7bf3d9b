-- Checks the arguments of everything that scripts call. A signature is data: the arguments by position, then the
-- options; check.call returns them as one flat table, or nil and a sentence that the caller raises at the line of the
-- script. Called by op.lua, items.lua and types.lua. Knows no dialect but the one it is handed.

local kinds = require("moonbird.kinds")
local sql = require("moonbird.sql")

local check = {}

-- Names that Alembic's options carry as a prefix (`postgresql_where`): such an option is for that database alone and is
-- passed over on the others.
local databases = { "postgresql", "sqlite", "mysql", "mariadb", "mssql", "oracle" }

-- What a person calls a value.
function check.describe(value)
  if value == nil then
    return "nothing"
  elseif kinds.is_item(value) then
    return value.kind == "column" and "a column" or "an item (" .. value.kind .. ")"
  elseif kinds.is_type(value) then
    return "a type"
  elseif sql.is(value) then
    local is_cut = value[1]:find("\0", 1, true) ~= nil
    return is_cut and "sql with a NUL byte" or value[1]:find("%S") and 'sql "..."' or 'sql ""'
  elseif sql.is_blob(value) then
    return "a blob"
  elseif sql.is_null(value) then
    return "null"
  elseif type(value) == "string" then
    local is_cut = value:find("\0", 1, true) ~= nil
    return value == "" and "an empty string" or is_cut and "a string with a NUL byte" or "a string"
  end
  local name = math.type(value) or type(value)
  return (name:find("^[aeiou]") and "an " or "a ") .. name
end

-- What people call a value, or the value itself where it is short.
function check.shown(value)
  local is_short = type(value) == "string" and #value <= 20 and value:find("^[%g ]+$")
  if is_short then
    return '"' .. value .. '"'
  end
  return type(value) == "number" and tostring(value) or check.describe(value)
end

-- How many letters are missing, too many, wrong, or have changed places with the next ("optimal string alignment").
local function distance(a, b)
  local row, last = {}, nil
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local above = last
    last, row = row, { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost)
      if above and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], above[j - 2] + 1)
      end
    end
  end
  return row[#b]
end

check.distance = distance

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

check.sorted_keys = sorted_keys

-- The one of `known` that may have been meant, or nil. The same word in other letters is the nearest.
local function nearest(word, known)
  local best, best_distance = nil, math.max(2, #word // 3) + 1
  for _, candidate in ipairs(known) do
    local steps = word:lower() == candidate:lower() and 0 or distance(word, candidate)
    if steps < best_distance then
      best, best_distance = candidate, steps
    end
  end
  return best
end

check.nearest = nearest

local function nameless_option(signature, key, value)
  return ("%s: the options must have names, got %s (%s) at number %s"):format(
    signature.name,
    check.describe(value),
    tostring(value),
    tostring(key)
  )
end

local function unknown_option(signature, key, extra)
  local known = sorted_keys(signature.options or {})
  for _, name in ipairs(extra or {}) do
    known[#known + 1] = name
  end
  if #known == 0 then
    return ('%s: unknown option "%s"; it takes no options'):format(signature.name, key)
  end
  local near = nearest(key, known)
  return ('%s: unknown option "%s"%s (known: %s)'):format(
    signature.name,
    key,
    near and ('; did you mean "%s"?'):format(near) or "",
    table.concat(known, ", ")
  )
end

-- Of a list that may have nothing twice.
local function describe_twice(value)
  local seen = {}
  for _, entry in ipairs(value) do
    if seen[entry] then
      return ("a list with %q in it twice"):format(entry)
    end
    seen[entry] = true
  end
end

-- What is wrong in a table that is no list of its kind: the first thing that does not belong there.
local function describe_list(value, is_entry)
  for index = 1, #value do
    if not is_entry(value[index]) then
      return ("a list whose entry %d is %s"):format(index, check.describe(value[index]))
    end
  end
  for key in pairs(value) do
    if math.type(key) ~= "integer" then
      return ("a table with the name %s in it"):format(tostring(key))
    elseif key < 1 or key > #value then
      return ("a list without an entry %d"):format(#value + 1)
    end
  end
  return #value == 0 and "an empty list" or describe_twice(value)
end

local function wrong_value(signature, what, kind, value)
  local row = kinds.rows[kind]
  local is_list = row.entry_test and kinds.is_plain_table(value)
  local is_word = row.is_word and type(value) == "string" and value:find("^[%g ]+$") ~= nil
  local got = is_word and '"' .. value .. '"'
    or is_list and describe_list(value, row.entry_test)
    or check.describe(value)
  return ("%s: %s must be %s, got %s"):format(signature.name, what, row.words, got)
end

local function fits(kind, value)
  return kinds.rows[kind].test(value)
end

local function database_of(key)
  for _, name in ipairs(databases) do
    if key:sub(1, #name + 1) == name .. "_" then
      return name, key:sub(#name + 2)
    end
  end
end

-- The kind of an option's value; "skip" for one that is meant for another database; nil for an unknown one.
local function option_kind(signature, key, dialect)
  local options = signature.options or {}
  if options[key] then
    return options[key]
  end
  local database, bare = database_of(key)
  if not database then
    return nil
  elseif not dialect or database ~= dialect.name then
    return options[bare] or "skip"
  end
  local own = dialect.options and dialect.options[signature.kind] or {}
  return options[bare] or own[bare]
end

local function own_option_names(signature, dialect)
  local names = {}
  for _, key in ipairs(sorted_keys(dialect and dialect.options and dialect.options[signature.kind] or {})) do
    names[#names + 1] = dialect.name .. "_" .. key
  end
  return names
end

-- What is said for this database comes before what is said for all.
local function take_own(given, dialect, result)
  for key, value in pairs(given) do
    local database, bare = database_of(key)
    if database and dialect and database == dialect.name then
      result[bare] = value
    end
  end
end

local function take_options(signature, given, dialect, result)
  for _, key in ipairs(sorted_keys(given)) do
    local kind = option_kind(signature, key, dialect)
    if not kind then
      return unknown_option(signature, key, own_option_names(signature, dialect))
    elseif kind ~= "skip" and not fits(kind, given[key]) then
      return wrong_value(signature, ("option %s"):format(key), kind, given[key])
    end
    result[key] = given[key]
  end
  take_own(given, dialect, result)
end

local function odd_key(given)
  for key in pairs(given) do
    if type(key) ~= "string" then
      return key
    end
  end
end

local function problem_of_options(signature, options, dialect, result)
  if options == nil then
    return nil
  elseif not kinds.is_plain_table(options) then
    return ("%s: argument %d must be a table of options, got %s"):format(
      signature.name,
      #signature.arguments + 1,
      check.describe(options)
    )
  end
  local key = odd_key(options)
  if key ~= nil then
    return nameless_option(signature, key, options[key])
  end
  return take_options(signature, options, dialect, result)
end

local function too_many(signature, count)
  local most = #signature.arguments + (signature.options and 1 or 0)
  if count > most then
    return ("%s: takes %d arguments, got %d"):format(signature.name, most, count)
  end
end

-- An options table given in the place of an argument that may be left out stands for all that follow. A list is none.
local function is_early_options(argument, value, args, index)
  local is_options = kinds.is_plain_table(value) and value[1] == nil
  return is_options and argument.optional and args.n == index and not fits(argument[2], value)
end

-- `args` comes from table.pack; a signature looks like
--   { name = "op.drop_index", kind = "drop_index", options = { if_exists = "boolean" },
--     arguments = { { "name", "name" }, { "table", "name", optional = true } } }
-- Returns a flat table with `kind` set, or nil and the complaint.
function check.call(signature, args, dialect)
  local result = { kind = signature.kind }
  local options = args[#signature.arguments + 1]
  for index, argument in ipairs(signature.arguments) do
    local value = args[index]
    if is_early_options(argument, value, args, index) and signature.options then
      options = value
      break
    end
    local is_missing = value == nil and argument.optional
    if not is_missing and not fits(argument[2], value) then
      return nil, wrong_value(signature, "argument " .. index, argument[2], value)
    end
    result[argument[1]] = value
  end
  local problem = too_many(signature, args.n)
    or signature.options and problem_of_options(signature, options, dialect, result)
  if problem then
    return nil, problem
  end
  return result
end

local function fields_of(signature)
  local fields = {}
  for _, argument in ipairs(signature.arguments) do
    fields[argument[1]] = argument[2]
  end
  for name, kind in pairs(signature.options or {}) do
    fields[name] = kind
  end
  return { name = signature.name, kind = signature.kind, arguments = {}, options = fields }
end

-- An operation as data, { kind =, table =, ... }: a flat table as check.call makes it, or nil and the complaint.
function check.operation(signature, given, dialect)
  local named, result = {}, { kind = signature.kind }
  for key, value in pairs(given) do
    named[key] = key ~= "kind" and value or nil
  end
  local problem = problem_of_options(fields_of(signature), named, dialect, result)
  for _, argument in ipairs(signature.arguments) do
    local is_missing = result[argument[1]] == nil and not argument.optional
    problem = problem or is_missing and ("%s: the field %s is missing"):format(signature.name, argument[1])
  end
  return not problem and result or nil, problem or nil
end

-- Checks a table of named values against { name = kind }; returns the complaint or nil.
function check.fields(name, options, given)
  return problem_of_options({ name = name, arguments = {}, options = options }, given, nil, {})
end

-- What dialects raise for "this cannot be rendered": op.lua adds the name of the operation and the line of the script.
local Refusal = { __name = "moonbird.refusal" }

Refusal.__tostring = function(value)
  return value.message
end

function check.refuse(format, ...)
  error(setmetatable({ message = format:format(...) }, Refusal), 0)
end

function check.is_refusal(value)
  return getmetatable(value) == Refusal
end

check.is_item = kinds.is_item
check.is_type = kinds.is_type
check.is_plain_table = kinds.is_plain_table

return check
