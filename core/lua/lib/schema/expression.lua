-- Expressions and queries as lists of words, so that two texts that differ in blanks, in the case of keywords, in
-- quotes that need not be or in brackets around the whole are the same. It knows what all databases share; a dialect
-- asks the server where it can (`canonical`). Pure. Called by the dialects' same_text and by diff.lua.

local expression = {}

-- The end of the token at `at`, and its text in the form to compare.
local function token_at(text, at)
  local first = text:sub(at, at)
  if first == "'" then
    local last = at + 1
    while true do
      last = text:find("'", last, true) or #text
      if text:sub(last + 1, last + 1) ~= "'" then
        return last, text:sub(at, last)
      end
      last = last + 2
    end
  elseif first == '"' or first == "`" or first == "[" and text:find("^%[[%a_][%w_ ]*%]", at) then
    local closing = first == "[" and "]" or first
    local last = text:find(closing, at + 1, true) or #text
    while first ~= "[" and text:sub(last + 1, last + 1) == closing do -- doubled: a part of the name
      last = text:find(closing, last + 2, true) or #text
    end
    local name = text:sub(at + 1, last - 1):gsub(closing .. closing, closing)
    return last, name:find("^[a-z_][a-z0-9_]*$") and name or '"' .. name .. '"'
  elseif text:find("^%-%-", at) then
    return text:find("\n", at, true) or #text, nil
  elseif text:find("^/%*", at) then
    local _, last = text:find("*/", at + 2, true)
    return last or #text, nil
  end
  local _, last = text:find("^[%a_\128-\255][%w_$\128-\255]*", at)
  if last then
    return last, text:sub(at, last):lower()
  end
  _, last = text:find("^%d[%d.]*", at)
  last = last or select(2, text:find("^::", at)) or select(2, text:find("^[<>=!|&]+", at)) or at
  return last, text:sub(at, last)
end

local spelled = { ["!="] = "<>", ["=="] = "=" }

--- The tokens of a text with their places: { token =, first =, last = }.
function expression.spans(text)
  local list, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then
      return list
    end
    local last, token = token_at(text, at)
    list[#list + 1] = token and { token = spelled[token] or token, first = at, last = last }
    at = last + 1
  end
end

--- The tokens of a text.
function expression.tokens(text)
  local list = expression.spans(text)
  for index, span in ipairs(list) do
    list[index] = span.token
  end
  return list
end

-- Is there one pair of brackets around all?
local function is_wrapped(list)
  if list[1] ~= "(" or list[#list] ~= ")" then
    return false
  end
  local depth = 0
  for index, token in ipairs(list) do
    depth = depth + (token == "(" and 1 or token == ")" and -1 or 0)
    if depth == 0 and index < #list then
      return false
    end
  end
  return depth == 0
end

--- The one form of an expression.
function expression.normal(text)
  local list = expression.tokens(text)
  while is_wrapped(list) do
    table.remove(list)
    table.remove(list, 1)
  end
  return table.concat(list, " ")
end

-- The end of the bracket that closes the one at the beginning of the text.
local function closing_bracket(text)
  local depth, at = 0, 1
  while at do
    local last, token = token_at(text, at)
    depth = depth + (token == "(" and 1 or token == ")" and -1 or 0)
    if depth == 0 then
      return last
    end
    at = text:find("%S", last + 1)
  end
end

--- The text without brackets and blanks around the whole, which servers print and nobody writes.
function expression.bare(text)
  text = text:match("^%s*(.-)%s*$")
  while text:sub(1, 1) == "(" and closing_bracket(text) == #text do
    text = text:sub(2, -2):match("^%s*(.-)%s*$")
  end
  return text
end

--- The text with names replaced where they stand as names: `names` is old -> new.
function expression.rename(text, names)
  local parts, at = {}, 1
  while at <= #text do
    local last, token = token_at(text, at)
    local name = token and token:match('^"(.*)"$') or token
    local is_quoted = text:find('^["`%[]', at) ~= nil
    local new = token and (is_quoted or token:find("^[%a_]")) and names[name]
    if new then
      parts[#parts + 1] = (is_quoted or not new:find("^[a-z_][a-z0-9_]*$")) and '"' .. new:gsub('"', '""') .. '"' or new
    else
      parts[#parts + 1] = text:sub(at, last)
    end
    at = last + 1
  end
  return table.concat(parts)
end

return expression
