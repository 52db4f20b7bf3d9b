-- backfill_file.lua: <environment>/backfills/NAME.lua, a backfill that has a name. Runs the file, checks the table that
-- it returns, and says in errors of the definition where it is. Called by backfill.lua.

local check = require("moonbird.check")
local host = require("moonbird.host")
local spec_of = require("moonbird.backfill_spec")

require("moonbird.autocommit") -- op.autocommit_block, which says that it is for revisions

local backfill_file = {}

local function fail(message, ...)
  error("op.backfill: " .. message:format(...), 0)
end

local function read(name)
  local rule = host.backfill_name_rule(name)
  if rule then
    fail("%q is no name of a backfill: %s", name, rule)
  end
  local path = ("%s/backfills/%s.lua"):format(host.environment_location, name)
  local file, problem = io.open(path, "rb")
  if not file then
    fail("there is no backfill %s: %s", name, problem)
  end
  local text = file:read("a")
  file:close()
  return { path = path, text = (text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")) }
end

-- An error of the file's own code, which names the file even where Lua does not: an error object, a chunk that is none.
local function named(file, problem)
  if type(problem) == "table" then
    problem = getmetatable(problem) and tostring(problem) or "the file threw a table"
  end
  if type(problem) ~= "string" or problem:find(file.path, 1, true) or problem:find("^%.%.%.") then
    return problem
  end
  return ("%s: %s"):format(file.path, problem)
end

-- A definition is a table without places: the line is the first one that gives the key of which the message speaks.
local function line_of(file, problem)
  local word = problem:match('^unknown key "([%a_][%w_]*)"') or problem:match("^([%a_]+)")
  if not word or not spec_of.is_key(word) and not problem:find("^unknown key") then
    return nil
  end
  local number, pattern = 0, "%f[%w_]" .. word .. "%f[^%w_]%s*=[^=]"
  for line in (file.text .. "\n"):gmatch("(.-)\r?\n") do
    number = number + 1
    if (line .. " "):find(pattern) then
      return number
    end
  end
  return nil
end

local function placed(file, problem)
  local text = problem:gsub("^op%.backfill: ", "")
  local line = line_of(file, text)
  return ("%s:%s %s"):format(file.path, line and line .. ":" or "", text)
end

--- Calls f; its errors name the file of the definition, where it has one.
function backfill_file.protect(spec, f, ...)
  if not spec.file then
    return f(...)
  end
  local result = table.pack(pcall(f, ...))
  if not result[1] then
    error(type(result[2]) == "string" and placed(spec.file, result[2]) or result[2], 0)
  end
  return table.unpack(result, 2, result.n)
end

--- Runs the file of this name; gives the definition, checked. os.time() and math.random() are those of the run.
function backfill_file.load(name, time, seed)
  local file = read(name)
  local context = host.run_context()
  context.backfill = name
  local environment = require("moonbird.environment").new(context, time)
  local chunk, syntax = load(file.text, "@" .. file.path, "t", environment)
  if not chunk then
    error(named(file, syntax), 0)
  end
  math.randomseed(seed)
  local ran, returned = xpcall(chunk, host.note_place)
  if not ran then
    -- in `return backfill.copy_column {...}`, a tail call, the file itself is not on the stack any more
    error(named(file, returned), 0)
  end
  if type(returned) ~= "table" then
    error(("%s must return the table of the backfill, not %s"):format(file.path, check.describe(returned)), 0)
  end
  local spec = backfill_file.protect({ file = file }, spec_of.check, returned)
  spec.file = file
  return spec
end

return backfill_file
