-- misspelled.lua: what a script may have meant that calls or looks into a name which is not there: "talbe" -> "table",
-- "integr" -> "types.integer". Called by core/lua/script_error.c for Lua's own message about it.

local check = require("moonbird.check")
local items = require("moonbird.items")
local types = require("moonbird.types")

-- What a script calls, and what it looks into.
local CALLED = { "table", "enum", "sequence", "view", "sql", "blob", "print", "require" }
local INDEXED = { "op", "types", "backfill", "db", "context", "log", "json", "string", "table", "math", "os", "io" }

-- Of the connection, which is not there when models are read.
local METHODS = { exec = true, query = true, rows = true, one = true, scalar = true, transaction = true }

-- The libraries whose functions are fields, or methods: how they are written, and the functions.
local fields = {
  { "types.", types },
  { "op.", require("moonbird.op") },
  { "backfill.", require("moonbird.ready_made") },
  { "log.", { info = true, warn = true, error = true } },
  { "json.", { encode = true, decode = true, array = true } },
  { "string.", string },
  { "table.", table },
  { "math.", math },
  { "os.", os },
}
local methods = { { "db:", METHODS }, { "batch:", { insert = true, quarantine = true, copy = true } } }

local function globals()
  local names = { table.unpack(CALLED) }
  return table.move(check.sorted_keys(items), 1, 99, #names + 1, names)
end

local function names_of(library)
  local names = {}
  for name in pairs(library) do
    names[#names + 1] = type(name) == "string" and name or nil
  end
  table.sort(names)
  return names
end

-- The first name that the word begins, of three letters at least: "bool" for boolean.
local function longer(word, known)
  for _, name in ipairs(known) do
    if #word >= 3 and name:sub(1, #word) == word then
      return name, #name - #word
    end
  end
end

-- The nearest name and its distance. Half of a word must be right: a short one is near to everything.
local function near(word, known)
  local found = check.nearest(word, known)
  local steps = found and check.distance(word, found)
  if found and steps > 0 and steps * 2 <= #word then
    return found, steps
  end
  return longer(word, known)
end

-- The nearest of all libraries: Lua's message does not say in which one the script looked.
local function nearest_in(libraries, word)
  local best, best_steps
  for _, library in ipairs(libraries) do
    local found, steps = near(word, names_of(library[2]))
    if found and (not best or steps < best_steps) then
      best, best_steps = library[1] .. found, steps
    end
  end
  return best
end

local function meant(message)
  local indexed = message:match("attempt to index a nil value %(global '([%w_]+)'%)$")
  if indexed then
    return (near(indexed, INDEXED))
  end
  local kind, word = message:match("attempt to call a nil value %((%l+) '([%w_]+)'%)$")
  if kind == "global" then
    return (near(word, globals()))
  end
  return kind and nearest_in(kind == "method" and methods or fields, word)
end

--- The hint for a message of Lua, or nil.
---@param message string
---@return string|nil
return function(message)
  local found = meant(message)
  if not found then
    return nil
  end
  -- spelled as it should be: a file of models has neither the operations nor a connection
  local is_right = message:find("'" .. found:gsub("^.*[.:]", "") .. "'", 1, true) ~= nil
  return (is_right and "%s is there in revisions only" or "did you mean %s?"):format(found)
end
