-- What --rename says, as text and as names: "table.old:new" for a column, "old:new" for a table, a schema in front of
-- the table. A name that has a dot or a colon, or begins with a quote, stands in double quotes, as in SQL. Called by
-- rename_request.lua and command.lua; pure, knows no schema.

local rename_text = {}

--- What to do about a text that cannot be read or names nothing.
rename_text.HINT = "a name with a dot, a colon or a quote stands in double quotes, doubled inside: "
  .. [[--rename '"a.b".c:"x:y"']]

-- A name that begins at `at`: { name =, is_quoted = } and what stands behind it; nil where there is none.
local function name_at(text, at)
  if text:sub(at, at) ~= '"' then
    local name = text:match("^[^.:]+", at)
    return name and { name = name, is_quoted = false }, at + #(name or "")
  end
  local from, last = at + 1, at
  repeat
    last = text:find('"', last + 1, true)
    local is_doubled = last and text:sub(last + 1, last + 1) == '"'
    last = is_doubled and last + 1 or last
  until not is_doubled
  if not last or last == from then
    return nil
  end
  return { name = text:sub(from, last - 1):gsub('""', '"'), is_quoted = true }, last + 1
end

-- The names up to a colon or the end, and where that is.
local function names_at(text, at)
  local names = {}
  while true do
    local name, behind = name_at(text, at)
    if not name then
      return nil
    end
    names[#names + 1] = name
    if text:sub(behind, behind) ~= "." then
      return names, behind
    end
    at = behind + 1
  end
end

--- The names on both sides of the colon, { name =, is_quoted = } each; nil for a text that is no rename.
function rename_text.parse(text)
  local old, colon = names_at(text, 1)
  if not old or text:sub(colon, colon) ~= ":" then
    return nil
  end
  local new, stop = names_at(text, colon + 1)
  if not new or stop <= #text then
    return nil
  end
  return old, new
end

local function quoted(name)
  return name:find('[.:"]') and '"' .. name:gsub('"', '""') .. '"' or name
end

--- Both sides of a rename, as parse() reads them.
function rename_text.sides(rename)
  local names = {}
  for _, name in ipairs({ rename.schema or false, rename.table, rename.column or false }) do
    names[#names + 1] = name and quoted(name) or nil
  end
  return table.concat(names, "."), quoted(rename.new_name)
end

--- The option for a shell.
function rename_text.option(rename)
  local text = table.concat({ rename_text.sides(rename) }, ":")
  if text:find("[^%w_.:\128-\255-]") then
    text = "'" .. text:gsub("'", [['\'']]) .. "'"
  end
  return "--rename " .. text
end

return rename_text
