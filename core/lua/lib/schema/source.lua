-- Lua source as a person writes it: literals, calls and tables, on one line where they fit, else one entry a line.
-- Knows nothing of schemas. Called by text.lua, render.lua and dump.lua.
--
-- A node is a string (an atom), a table constructor { entries = { node, ... } }, or a call { call = "column", arguments
-- = { node, ... } }; `broken` sets a constructor one entry a line even where it would fit.

local source = {}

local WIDTH = 120

local reserved = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
while]]):gmatch("%a+") do
  reserved[word] = true
end

-- --- literals ---

local escapes = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(text)
  text = text:gsub('[\\"%c]', function(char)
    return escapes[char] or ("\\%03d"):format(char:byte())
  end)
  if utf8.len(text) then
    return text
  end
  return (text:gsub("[\128-\255]", function(char)
    return ("\\%03d"):format(char:byte())
  end))
end

-- A text of several lines stands as it is, where nothing in it forbids that.
local function long_bracket(text)
  local is_plain = utf8.len(text) and not text:find("[%z\1-\9\11-\31\127]") and text:find("\n", 1, true)
  if not is_plain then
    return nil
  end
  local level = 0
  while text:find("]" .. ("="):rep(level) .. "]", 1, true) or text:sub(-level - 1) == "]" .. ("="):rep(level) do
    level = level + 1
  end
  local equals = ("="):rep(level)
  return ("[%s[\n%s]%s]"):format(equals, text, equals)
end

function source.string(text)
  return long_bracket(text) or '"' .. escape(text) .. '"'
end

-- The shortest that is read back as the same number.
local function float_text(value)
  for digits = 15, 17 do
    local text = ("%%.%dg"):format(digits):format(value)
    if tonumber(text) == value then
      return text:find("[%.eEn]") and text or text .. ".0"
    end
  end
end

function source.number(value)
  if math.type(value) == "integer" then
    return value == math.mininteger and "math.mininteger" or tostring(value)
  elseif value ~= value or value == math.huge or value == -math.huge then
    return value ~= value and "0/0" or value > 0 and "math.huge" or "-math.huge"
  end
  return float_text(value)
end

--- `name = node`, or `["a name"] = node`.
function source.field(name, node)
  local is_word = name:find("^[%a_][%w_]*$") and not reserved[name]
  return { field = is_word and name or "[" .. source.string(name) .. "]", value = node }
end

function source.list(entries, broken)
  return { entries = entries, broken = broken }
end

function source.call(name, ...)
  return { call = name, arguments = { ... } }
end

--- A constructor that takes one table: unique { "a", name = "x" }
function source.apply(name, entries)
  return { call = name, arguments = { source.list(entries) }, is_bare = true }
end

-- --- layout ---

local function is_broken(node)
  if type(node) == "string" then
    return node:find("\n", 1, true) ~= nil
  elseif node.field then
    return is_broken(node.value)
  end
  for _, entry in ipairs(node.entries or node.arguments) do
    if is_broken(entry) then
      return true
    end
  end
  return node.broken or false
end

local flat

local function flat_all(nodes)
  local parts = {}
  for index, node in ipairs(nodes) do
    parts[index] = flat(node)
  end
  return table.concat(parts, ", ")
end

function flat(node)
  if type(node) == "string" then
    return node
  elseif node.field then
    return node.field .. " = " .. flat(node.value)
  elseif node.entries then
    return #node.entries == 0 and "{}" or "{ " .. flat_all(node.entries) .. " }"
  elseif node.is_bare then
    return node.call .. " " .. flat(node.arguments[1])
  end
  return node.call .. "(" .. flat_all(node.arguments) .. ")"
end

local lay

local function lay_entries(entries, indent)
  local inner, lines = indent .. "  ", { "{" }
  for _, entry in ipairs(entries) do
    lines[#lines + 1] = inner .. lay(entry, inner, #inner) .. ","
  end
  lines[#lines + 1] = indent .. "}"
  return table.concat(lines, "\n")
end

-- The arguments that could be set one entry a line: one that must be, else tables before calls, the longest first.
local function candidates(arguments)
  local list, weights = {}, {}
  for index, node in ipairs(arguments) do
    if type(node) == "table" then
      list[#list + 1] = index
      weights[index] = #flat(node) + (node.entries and 10000 or 0) + (is_broken(node) and 100000 or 0)
    end
  end
  table.sort(list, function(a, b)
    return weights[a] > weights[b]
  end)
  return list
end

-- Is the text, from this column on, within the width? A text of several lines in it is as it is.
local function fits(text, column)
  local first, last = text:match("^[^\n]*"), text:match("[^\n]*$")
  return column + #first <= WIDTH and #last + 2 <= WIDTH
end

local function call_text(node, broken, indent, column)
  local open, close = node.is_bare and " " or "(", node.is_bare and "" or ")"
  local parts, at = {}, column + #node.call + 1
  for index, argument in ipairs(node.arguments) do
    parts[index] = index == broken and lay(argument, indent, math.max(at, WIDTH)) or flat(argument)
    at = at + #parts[index] + 2
  end
  return node.call .. open .. table.concat(parts, ", ") .. close
end

-- Breaks the argument by which all fits, or else the first that it could be.
local function lay_call(node, indent, column)
  local list = candidates(node.arguments)
  local is_forced = list[1] and is_broken(node.arguments[list[1]])
  local whole = call_text(node, nil, indent, column)
  if not list[1] or not is_forced and fits(whole, column) then
    return whole
  end
  for index = 1, is_forced and 1 or #list do
    local text = call_text(node, list[index], indent, column)
    if fits(text, column) then
      return text
    end
  end
  return call_text(node, list[1], indent, column)
end

-- `column`: where the text begins on its line.
function lay(node, indent, column)
  if type(node) == "string" then
    return node
  elseif not is_broken(node) and column + #flat(node) + 1 <= WIDTH then
    return flat(node)
  elseif node.field then
    return node.field .. " = " .. lay(node.value, indent, column + #node.field + 3)
  elseif node.entries then
    return #node.entries == 0 and "{}" or lay_entries(node.entries, indent)
  end
  return lay_call(node, indent, column)
end

--- The text of a node; `indent` stands in front of all its lines but the first.
function source.text(node, indent)
  indent = indent or ""
  return lay(node, indent, #indent)
end

return source
