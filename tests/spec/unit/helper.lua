-- What all specs of the Lua library share: `moonbird.X` found in core/lua/lib, stand-ins for the modules that C and the
-- runner provide, the dialects of the drivers, an environment like that of a revision, and the reader of text cases.
-- Specs run from the repository's root: busted --lua=lua5.4 tests/spec/unit

local helper = {}

-- --- modules ---

local NULL = setmetatable({}, {
  __tostring = function()
    return "null"
  end,
})

local function md5(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local sum = assert(io.popen("md5sum < " .. path))
  local digits = sum:read("a"):sub(1, 32)
  sum:close()
  os.remove(path)
  return digits
end

local performed = {}
local current

local stand_ins = {
  ["moonbird.host"] = {
    null = NULL,
    md5 = md5,
    parse_duration = tonumber,
    parse_size = tonumber,
    throttle_ranges = { max_lag = { least = 0.001, most = 86400, from = "0.001s", to = "86400s" } },
  },
  ["moonbird.json"] = {}, -- for rows of a server, of which there is none here
  ["moonbird.statement"] = {
    dialect = function()
      return current
    end,
    perform = function(kind, summary, statements)
      performed[#performed + 1] = { kind = kind, summary = summary, statements = statements }
      return 7
    end,
  },
}

local modules = { sqlite = "drivers/sqlite/dialect/", postgres = "drivers/postgres/dialect/" }

local function search(name)
  if stand_ins[name] then
    return function()
      return stand_ins[name]
    end
  end
  local driver, module = name:match("^([%w_]+)%.([%w_.]+)$")
  local folder = driver == "moonbird" and "core/lua/lib/" or modules[driver]
  local path = folder and folder .. module:gsub("%.", "/") .. ".lua"
  local chunk = path and assert(loadfile(path))
  return chunk or ("\n\tno module " .. name)
end

if not package.loaded["moonbird.spec_helper"] then
  table.insert(package.searchers, 2, search)
end

-- --- dialects ---

local folders = { sqlite = "drivers/sqlite", postgresql = "drivers/postgres" }

function helper.dialect(name)
  local chunk = assert(loadfile(folders[name] .. "/dialect.lua"))
  return chunk(require("moonbird.dialect"))
end

-- The dialect that op.* renders for, from now on.
function helper.use(dialect)
  current = type(dialect) == "string" and helper.dialect(dialect) or dialect
  return current
end

-- What op.* has performed since the last call.
function helper.take_performed()
  local list = performed
  performed = {}
  return list
end

-- --- scripts ---

-- The names that a revision sees.
function helper.environment()
  local items, sql = require("moonbird.items"), require("moonbird.sql")
  local env = { op = require("moonbird.op"), types = require("moonbird.types"), sql = sql, null = sql.null }
  env.blob = sql.blob
  for name, constructor in pairs(items) do
    env[name] = constructor
  end
  return setmetatable(env, { __index = _G })
end

-- Runs a script for a dialect. Returns what was performed, or nil and the error.
function helper.run(script, dialect, name)
  helper.use(dialect)
  helper.take_performed()
  local chunk = assert(load(script, "=" .. (name or "script"), "t", helper.environment()))
  local done, problem = pcall(chunk)
  if not done then
    return nil, problem
  end
  return helper.take_performed()
end

-- A right value of each kind that an argument may be.
local right = {
  column = 'column("a", types.text())',
  constraint_type = '"check"',
  elements = '{ "a" }',
  exclusions = '{ { "a", "=" } }',
  expression = '"a > 0"',
  final_name = '"a"',
  items = "{}",
  labels = '{ "a" }',
  name = '"a"',
  names = '{ "a" }',
  params = "{ 1 }",
  rows = "{}",
  text = '"a"',
  texts = '{ "a" }',
}

-- Right values of an operation's arguments, as a script writes them: a list, and as one text.
function helper.right_values(arguments)
  local words = {}
  for index, argument in ipairs(arguments) do
    words[index] = right[argument[2]] or error("no right value for " .. argument[2])
  end
  return words
end

function helper.right_words(arguments)
  return table.concat(helper.right_values(arguments), ", ")
end

-- What a dialect does when it knows the table: its first try where that is a statement, else a comment that names it.
local function program_text(item)
  local first = item.rebuild.changes[1]
  if #item.rebuild.changes == 1 and first.native then
    return first.native
  end
  return "-- rebuild: " .. item.text:gsub("\n", "\n-- ")
end

-- All statements of what was performed, as { text, params, when }.
function helper.statements(list)
  local all = {}
  for _, entry in ipairs(list) do
    for _, text in ipairs(entry.statements) do
      local pair = type(text) == "table" and text or { text }
      all[#all + 1] = { text = pair[1] or program_text(pair), params = pair[2], when = pair.when }
    end
  end
  return all
end

-- --- text cases ---
--
--   === a title
--   op.drop_table("a")              the script
--   --- setup [DIALECT]             SQL that a real database needs before (optional)
--   --- both | postgresql | sqlite  what is rendered: statements ended by ";", or "error: ..."; a database without a
--                                   section is not asked
-- Lines before the first title are comment. `-- params: ...` and `-- when: ...` follow the statement that has them.

local function trim(text)
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

local function sections_of(body)
  local sections, name = {}, "script"
  for line in (body .. "\n"):gmatch("(.-)\n") do
    local header = line:match("^%-%-%- (.+)$")
    name = header or name
    sections[name] = (sections[name] or "") .. (header and "" or line .. "\n")
  end
  for key, text in pairs(sections) do
    sections[key] = trim(text)
  end
  return sections
end

function helper.read_cases(path)
  local cases = {}
  for line in io.lines(path) do
    local title, case = line:match("^=== (.+)$"), cases[#cases]
    if title then
      cases[#cases + 1] = { title = title, lines = {} }
    elseif case then
      case.lines[#case.lines + 1] = line
    end
  end
  for _, case in ipairs(cases) do
    case.sections = sections_of(table.concat(case.lines, "\n"))
  end
  return cases
end

function helper.case_files(folder)
  local list = {}
  local pipe = assert(io.popen("ls " .. folder .. "/*.txt"))
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  pipe:close()
  return list
end

local function value_text(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  elseif require("moonbird.sql").is_blob(value) then
    return ("blob(%q)"):format(value[1])
  end
  return tostring(value)
end

local function params_text(params)
  local list = {}
  for index, value in ipairs(params) do
    list[index] = value_text(value)
  end
  local names = {}
  for name in pairs(params) do
    names[#names + 1] = type(name) == "string" and name or nil
  end
  table.sort(names)
  for _, name in ipairs(names) do
    list[#list + 1] = name .. " = " .. value_text(params[name])
  end
  return table.concat(list, ", ")
end

-- What a case's script renders, in the form that cases are written in.
function helper.render_case(case, dialect)
  local list, problem = helper.run(case.sections.script, dialect, "case")
  if not list then
    return "error: " .. tostring(problem)
  end
  local lines = {}
  for _, entry in ipairs(helper.statements(list)) do
    lines[#lines + 1] = entry.text .. ";"
    lines[#lines + 1] = entry.params and "-- params: " .. params_text(entry.params) or nil
    lines[#lines + 1] = entry.when and "-- when: " .. entry.when[1] .. " [" .. params_text(entry.when[2]) .. "]" or nil
  end
  return table.concat(lines, "\n")
end

function helper.expected(case, dialect)
  return case.sections[dialect] or case.sections.both
end

-- What a real database needs before the case's statements.
function helper.setup(case, dialect)
  return case.sections["setup " .. dialect] or case.sections.setup or ""
end

-- The statement with its parameters written into it, for the databases' own shells.
function helper.inline(entry, dialect)
  local index = 0
  local text = entry.text
  if entry.params then
    text = text:gsub(":(%a+)", function(name)
      return entry.params[name] ~= nil and dialect:literal(entry.params[name]) or nil
    end)
    for _, pattern in ipairs({ "'[^']*'", "%-%-[^\n]*" }) do
      text = text:gsub(pattern, function(opaque)
        return (opaque:gsub("?", "\1"))
      end)
    end
    text = text:gsub("%$(%d+)", function(number)
      return (dialect:literal(entry.params[tonumber(number)]):gsub("?", "\1"))
    end)
    text = text:gsub("%?%??", function(mark)
      if mark == "??" then
        return "?"
      end
      index = index + 1
      return dialect:literal(entry.params[index])
    end)
    text = text:gsub("\1", "?")
    assert(index == #entry.params, "as many placeholders as parameters")
  end
  return text
end

-- --- real databases, through their own shells ---

local psql = os.getenv("MOONBIRD_TEST_PSQL")

local commands = {
  sqlite = function(path)
    return "sqlite3 -bail -json " .. (path or ":memory:")
  end,
  postgresql = function()
    return ("psql -XqAt -v ON_ERROR_STOP=1 '%s'"):format(psql)
  end,
}

function helper.has_database(name)
  if name == "postgresql" then
    return psql ~= nil
  end
  return os.execute("command -v sqlite3 > /dev/null") == true
end

local function read_and_remove(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  os.remove(path)
  return text
end

-- Runs a text; returns what the shell printed and what it complained about. `path` is the SQLite file.
function helper.feed(name, text, path)
  local script, output, problems = os.tmpname(), os.tmpname(), os.tmpname()
  local file = assert(io.open(script, "w"))
  file:write(text, "\n")
  file:close()
  os.execute(("%s < %s > %s 2> %s"):format(commands[name](path), script, output, problems))
  os.remove(script)
  return read_and_remove(output), read_and_remove(problems)
end

-- A connection with query(), for the catalog: each query is a run of the shell, so nothing stays open.
function helper.connection(name, path)
  local json, dialect = require("dkjson"), helper.dialect(name)
  local db = {}
  function db.query(_, text, ...)
    text = helper.inline({ text = text, params = { ... } }, dialect)
    if name == "postgresql" then
      text = "SELECT coalesce(json_agg(row_to_json(q)), '[]') FROM (" .. text .. ") AS q"
    end
    local output, problems = helper.feed(name, text .. ";", path)
    assert(problems == "", problems)
    return output == "" and {} or json.decode(output)
  end
  function db.exec(_, text)
    local _, problems = helper.feed(name, text, path)
    assert(problems == "", problems)
  end
  return db
end

package.loaded["moonbird.spec_helper"] = helper

return helper
