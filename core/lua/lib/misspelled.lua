-- misspelled.lua: what a script may have meant that calls a name which is not there: "talbe" -> "table", "integr" ->
-- "types.integer". Called by core/lua/script_error.c for Lua's own message of such a call.

local check = require("moonbird.check")
local items = require("moonbird.items")
local types = require("moonbird.types")

local SCRIPT_NAMES = { "table", "enum", "sequence", "view", "sql", "blob", "print", "require" }

local function globals()
  local names = { table.unpack(SCRIPT_NAMES) }
  return table.move(check.sorted_keys(items), 1, 99, #names + 1, names)
end

-- The libraries whose functions are fields: the prefix, and the names without it.
local libraries = {
  { "types.", types },
  { "op.", require("moonbird.op") },
  { "backfill.", require("moonbird.ready_made") },
}

local function functions_of(library)
  local names = {}
  for name, value in pairs(library) do
    names[#names + 1] = type(name) == "string" and type(value) == "function" and name or nil
  end
  table.sort(names)
  return names
end

-- Half of a word must be right: a short one is near to everything.
local function near(word, known)
  local found = check.nearest(word, known)
  return found and check.distance(word, found) * 2 <= #word and found or nil
end

local function nearest_field(word)
  for _, library in ipairs(libraries) do
    local found = near(word, functions_of(library[2]))
    if found then
      return library[1] .. found
    end
  end
end

--- The hint for a message of Lua, or nil.
---@param message string
---@return string|nil
return function(message)
  local kind, word = message:match("attempt to call a nil value %((%l+) '([%w_]+)'%)$")
  local found = kind == "global" and near(word, globals()) or kind == "field" and nearest_field(word)
  return found and ("did you mean %s?"):format(found) or nil
end
